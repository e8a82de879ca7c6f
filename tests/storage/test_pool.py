"""Tests of ftpx.storage.pool, with threads but with no reactor of Twisted."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, current_thread
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IWorkerPool
from ftpx.storage.pool import WorkerPool
from ftpx.testing.pool import FaultyPool, InlinePool

PATIENCE = 30.0


@implementer(IReactorFromThreads)
class TurningReactor:
    """Keeps what threads ask for until the test turns it."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.turns = 0

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        """Keep a call."""
        self.calls.put(lambda: callable(*args, **kwargs))

    def turn_until(self, waiting: Deferred[Any]) -> None:
        """Make the calls that threads ask for until something has fired."""
        while not waiting.called:
            self.turn()

    def turn(self) -> None:
        """Wait for a call that a thread asks for, and make it."""
        self.calls.get(timeout=PATIENCE)()
        self.turns += 1


class WorkerPoolTests(SynchronousTestCase):
    """Calls in threads."""

    def setUp(self) -> None:
        """A pool of one thread that lets one call wait."""
        self.reactor = TurningReactor()
        self.pool = self.make_pool(1, 1)

    def make_pool(self, size: int, waiting: int) -> WorkerPool:
        """A pool that is stopped after the test."""
        pool = WorkerPool(cast("IReactorFromThreads", self.reactor), size, waiting, "test")
        pool.start()
        self.addCleanup(lambda: self.reactor.turn_until(pool.stop()))
        return pool

    def begun(self) -> tuple[Event, Deferred[str], list[object]]:
        """A call that is under way in the thread, and what is discarded of it."""
        began, go_on = Event(), Event()
        self.addCleanup(go_on.set)
        discarded: list[object] = []

        def call() -> str:
            began.set()
            go_on.wait(PATIENCE)
            return "late"

        waiting = self.pool.run(call, discard=lambda result: discarded.append((result, current_thread().name)))
        self.assertTrue(began.wait(PATIENCE))
        return go_on, waiting, discarded

    def test_interface(self) -> None:
        """The pool and its stand-ins provide the interface."""
        for pool in (self.pool, InlinePool(), FaultyPool()):
            self.assertTrue(verifyObject(IWorkerPool, pool))

    def test_result(self) -> None:
        """A result comes back, from another thread."""
        waiting = self.pool.run(lambda *values: (values, current_thread()), 1, 2)
        self.assertNoResult(waiting)
        self.reactor.turn_until(waiting)
        values, thread = self.successResultOf(waiting)
        self.assertEqual(values, (1, 2))
        self.assertIsNot(thread, current_thread())

    def test_error(self) -> None:
        """An error comes back, and the thread goes on."""
        waiting = self.pool.run(int, "x")
        self.reactor.turn_until(waiting)
        self.failureResultOf(waiting, ValueError)
        waiting = self.pool.run(int, "1")
        self.reactor.turn_until(waiting)
        self.assertEqual(self.successResultOf(waiting), 1)

    def test_bound(self) -> None:
        """More calls than may wait are refused, and taken again when there is room."""
        go_on, first, _ = self.begun()
        second = self.pool.run(int, "2")
        self.failureResultOf(self.pool.run(int, "3"), StorageUnavailable)
        go_on.set()
        self.reactor.turn_until(second)
        self.assertEqual((self.successResultOf(first), self.successResultOf(second)), ("late", 2))
        third = self.pool.run(int, "3")
        self.reactor.turn_until(third)
        self.assertEqual(self.successResultOf(third), 3)

    def test_several_threads(self) -> None:
        """As many calls as there are threads are under way at once."""
        pool = self.make_pool(3, 0)
        together = [Event() for _ in range(3)]

        def meet(number: int) -> bool:
            together[number].set()
            return all(event.wait(PATIENCE) for event in together)

        calls = [pool.run(meet, number) for number in range(3)]
        for waiting in calls:
            self.reactor.turn_until(waiting)
            self.assertTrue(self.successResultOf(waiting))

    def test_cancel_before_it_begins(self) -> None:
        """A call that waits for a thread is never made once it is cancelled."""
        go_on, first, _ = self.begun()
        made: list[int] = []
        second = self.pool.run(made.append, 1)
        second.cancel()
        self.failureResultOf(second, CancelledError)
        go_on.set()
        self.reactor.turn_until(first)
        third: Deferred[list[int]] = self.pool.run(list, made)
        self.reactor.turn_until(third)
        self.assertEqual(self.successResultOf(third), [])

    def test_cancel_under_way(self) -> None:
        """Who cancels does not wait; the late result is discarded in the thread."""
        go_on, waiting, discarded = self.begun()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(discarded, [])
        go_on.set()
        self.reactor.turn_until(self.pool.stop())
        ((result, thread),) = cast("list[tuple[str, str]]", discarded)
        self.assertEqual(result, "late")
        self.assertNotEqual(thread, current_thread().name)

    def test_cancel_between(self) -> None:
        """A result that is ready but not handed over yet is discarded in a thread too."""
        go_on, waiting, discarded = self.begun()
        go_on.set()
        hand_over = self.reactor.calls.get(timeout=PATIENCE)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(discarded, [])
        hand_over()
        self.reactor.turn_until(self.pool.stop())
        ((result, thread),) = cast("list[tuple[str, str]]", discarded)
        self.assertEqual(result, "late")
        self.assertNotEqual(thread, current_thread().name)

    def test_discard_fails(self) -> None:
        """A discard that fails is logged, and the thread goes on."""
        began, go_on = Event(), Event()

        def call() -> str:
            began.set()
            go_on.wait(PATIENCE)
            return "x"

        waiting = self.pool.run(call, discard=int)
        self.assertTrue(began.wait(PATIENCE))
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        go_on.set()
        again = self.pool.run(int, "1")
        self.reactor.turn_until(again)
        self.assertEqual(self.successResultOf(again), 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_one_turn(self) -> None:
        """Results that are ready together are handed over in one turn of the reactor."""
        pool = self.make_pool(1, 10)
        last = Event()
        calls = [pool.run(int, str(number)) for number in range(5)]
        calls.append(cast("Deferred[int]", pool.run(last.set)))
        self.assertTrue(last.wait(PATIENCE))
        self.reactor.turn_until(calls[-1])
        self.assertLessEqual(self.reactor.turns, 2)
        self.assertEqual([self.successResultOf(waiting) for waiting in calls[:-1]], [0, 1, 2, 3, 4])

    def test_stop(self) -> None:
        """A pool that stops makes the calls that it has taken, and takes no more."""
        go_on, first, _ = self.begun()
        second = self.pool.run(int, "2")
        stopped = self.pool.stop()
        self.failureResultOf(self.pool.run(int, "3"), StorageUnavailable)
        self.assertNoResult(stopped)
        go_on.set()
        self.reactor.turn_until(stopped)
        self.assertEqual((self.successResultOf(first), self.successResultOf(second)), ("late", 2))

    def test_not_started(self) -> None:
        """A pool that was not started takes no calls, and can be stopped."""
        pool = WorkerPool(cast("IReactorFromThreads", self.reactor), 1, 1, "test")
        self.failureResultOf(pool.run(int, "3"), StorageUnavailable)
        self.successResultOf(pool.stop())


class StandInTests(SynchronousTestCase):
    """The pools for tests."""

    def test_inline(self) -> None:
        """An inline pool has made the call when it returns."""
        pool = InlinePool()
        self.assertEqual(self.successResultOf(pool.run(int, "1")), 1)
        self.failureResultOf(pool.run(int, "x"), ValueError)
        self.assertEqual(pool.calls, 2)
        pool.start()
        self.successResultOf(pool.stop())

    def test_faulty(self) -> None:
        """A faulty pool fails the calls that it is told to, and notes them all."""
        pool = FaultyPool()
        pool.faults["len"] = OSError(5, "broken")
        self.failureResultOf(pool.run(len, "x"), OSError)
        self.assertEqual(self.successResultOf(pool.run(int, "1")), 1)
        self.assertEqual(pool.seen, ["len", "int"])
