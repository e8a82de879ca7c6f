"""Tests of ftpx.storage.deadline: calls that do not come back in time."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.errors import NotFound, StorageUnavailable
from ftpx.interfaces import IStoragePool, IWorkerPool
from ftpx.storage.deadline import LONGER, DeadlinePool, with_deadline
from ftpx.storage.pool import WorkerPool
from ftpx.testing.pool import InlinePool

_DEADLINE = 8.0
_THREADS = 3


class HangingPool(InlinePool):
    """Calls that come back when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Deferred[Any]] = []
        self.cancelled: list[Deferred[Any]] = []
        self.came_back: Callable[[], object] = lambda: None
        self.full = False
        self.life: list[str] = []

    def run(
        self, function: Callable[..., Any], *arguments: object, discard: Callable[[Any], object] | None = None
    ) -> Deferred[Any]:
        """Keep the call."""
        if self.full:
            return fail(StorageUnavailable("too many calls are waiting"))
        waiting: Deferred[Any] = Deferred(self.cancelled.append)
        self.waiting.append(waiting)
        return waiting

    def answer(self, result: object = None) -> None:
        """The oldest call comes back."""
        self.came_back()
        waiting = self.waiting.pop(0)
        if waiting not in self.cancelled:
            waiting.callback(result)

    def another(self) -> HangingPool:
        """A pool of its own."""
        return HangingPool()

    def start(self) -> None:
        """Note it."""
        self.life.append("start")

    def stop(self) -> Deferred[None]:
        """Note it."""
        self.life.append("stop")
        return super().stop()


class DeadlineCase(SynchronousTestCase):
    """A pool of three threads, none of which answers unless it is told to."""

    def setUp(self) -> None:
        """Make it."""
        self.clock = Clock()
        self.inner = HangingPool()
        self.pool = self.make_pool(self.inner)

    def make_pool(self, inner: HangingPool) -> DeadlinePool:
        """A pool with a deadline around another."""
        return DeadlinePool(
            cast("WorkerPool", inner), self.clock, _DEADLINE, lambda: 0.5, threads=_THREADS, name="the storage"
        )

    def pass_time(self, seconds: float) -> None:
        """Let time pass, as a reactor does: timers that are due are called one by one."""
        self.clock.pump([0.25] * int(seconds * 4))

    def assert_late(self, waiting: Deferred[Any], text: str = "no answer in time") -> None:
        """A call has failed for the deadline."""
        self.assertEqual(str(self.failureResultOf(waiting, StorageUnavailable).value), text)

    def open_circuit(self) -> None:
        """As many calls in a row as there are threads hang."""
        calls = [self.pool.run(int) for _ in range(_THREADS)]
        self.pass_time(_DEADLINE * 1.25)
        for waiting in calls:
            self.assert_late(waiting)


class DeadlineTests(DeadlineCase):
    """The deadline of a call."""

    def test_interface(self) -> None:
        """It is a pool of a storage."""
        verifyObject(IStoragePool, self.pool)
        verifyObject(IWorkerPool, self.pool.patient)
        verifyObject(IWorkerPool, self.pool.allowing(longer=2, ongoing=True))

    def test_in_time(self) -> None:
        """What comes back in time is handed on, an error too, and no timer is left."""
        one, two = self.pool.run(int), self.pool.run(int)
        self.pass_time(_DEADLINE - 1)
        self.inner.answer(1)
        self.inner.answer(NotFound("nothing"))
        self.assertEqual(self.successResultOf(one), 1)
        self.assertIsInstance(self.successResultOf(two), NotFound)
        self.pass_time(_DEADLINE)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """A call fails when its time is over, by a quarter late at most, and what it returns is for nobody."""
        waiting = self.pool.run(int)
        self.pass_time(_DEADLINE)
        self.assertNoResult(waiting)
        self.pass_time(_DEADLINE / 4)
        self.assert_late(waiting)
        self.assertEqual(self.inner.cancelled, [waiting])
        self.inner.answer("late")

    def test_each_its_own(self) -> None:
        """Calls that begin at different times end at different times, none before its deadline."""
        calls: list[tuple[float, Deferred[Any]]] = []
        # What goes on is not refused, however many hang.
        pool = self.pool.allowing(ongoing=True)
        for _ in range(16):
            calls.append((self.clock.seconds(), cast("Deferred[Any]", pool.run(int))))
            self.pass_time(1)
            for begun, waiting in calls:
                age = self.clock.seconds() - begun
                if age < _DEADLINE:
                    self.assertFalse(waiting.called, age)
                elif age >= _DEADLINE * 1.25:
                    self.assertTrue(waiting.called, age)
        for _, waiting in calls:
            waiting.addErrback(lambda _: None)
        self.pool.stop()

    def test_cancelled_by_who_waits(self) -> None:
        """Who gives a call up before is told so, and the inner call is given up as well."""
        waiting = self.pool.run(int)
        self.pass_time(1)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(self.inner.cancelled, [waiting])
        self.pass_time(2 * _DEADLINE)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_end_is_anothers(self) -> None:
        """Where the end of one call is the reason to give up another, that one was given up and not late."""
        one, two = self.pool.run(int), self.pool.run(int)
        ends: list[object] = []
        one.addErrback(lambda _: two.cancel())
        two.addErrback(lambda failure: ends.append(failure.type))
        self.pass_time(_DEADLINE * 1.25)
        self.assertEqual(ends, [CancelledError])

    def test_refused_by_the_pool(self) -> None:
        """What the pool refuses is refused at once."""
        self.inner.full = True
        self.assert_late(self.pool.run(int), "too many calls are waiting")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_longer(self) -> None:
        """Some calls may take longer, and others of the pool for ever."""
        long, ever = self.pool.allowing(longer=LONGER).run(int), Deferred.fromCoroutine(_wait(self.pool.patient))
        self.pass_time(LONGER * _DEADLINE)
        self.assertNoResult(long)
        self.pass_time(LONGER * _DEADLINE / 4)
        self.failureResultOf(long, StorageUnavailable)
        self.assertNoResult(ever)
        self.inner.answer()
        self.inner.answer("at last")
        self.assertEqual(self.successResultOf(ever), "at last")

    def test_without_deadline(self) -> None:
        """A deadline of 0 is none."""
        pool = cast("WorkerPool", self.inner)
        self.assertIs(with_deadline(pool, self.clock, 0, lambda: 0.5, threads=1, name="x"), pool)
        self.assertIsInstance(with_deadline(pool, self.clock, 1, lambda: 0.5, threads=1, name="x"), DeadlinePool)

    def test_life(self) -> None:
        """It starts and stops with its pool, and leaves no timer, nor do those that came of it."""
        self.pool.start()
        other = self.pool.another()
        for pool in (self.pool, self.pool.allowing(ongoing=True), other):
            Deferred.fromCoroutine(_wait(pool))
        self.assertEqual(len(self.clock.getDelayedCalls()), 3)
        self.successResultOf(self.pool.stop())
        self.assertEqual(self.inner.life, ["start", "stop"])
        self.assertEqual(self.clock.getDelayedCalls(), [])


class CircuitTests(DeadlineCase):
    """A storage that does not answer."""

    def test_open(self) -> None:
        """When as many calls hang as there are threads, new ones are refused, and it is logged once."""
        with capturedLogs() as events:
            self.open_circuit()
        told = [formatEvent(event) for event in events]
        self.assertEqual(told, ["the storage does not answer, and is not asked until it does"])
        for _ in range(3):
            self.assert_late(self.pool.run(int), "the storage does not answer; try again later")
            longer = self.pool.allowing(longer=LONGER).run(int)
            self.assert_late(cast("Deferred[Any]", longer), "the storage does not answer; try again later")
        self.assertEqual(len(self.inner.waiting), _THREADS)

    def test_what_is_under_way(self) -> None:
        """What goes on with something that was begun is made all the same."""
        self.open_circuit()
        for pool in (self.pool.patient, self.pool.allowing(ongoing=True)):
            waiting = Deferred.fromCoroutine(_wait(pool))
            self.assertNoResult(waiting)
            waiting.addErrback(lambda _: None)
        self.assertEqual(len(self.inner.waiting), _THREADS + 2)

    def test_recovery_by_a_probe(self) -> None:
        """After a pause one call is made; when it comes back all are made again, and that is logged."""
        self.open_circuit()
        self.pass_time(5)
        with capturedLogs() as events:
            probe = self.pool.run(int)
            self.assert_late(self.pool.run(int), "the storage does not answer; try again later")
            self.inner.waiting = self.inner.waiting[-1:]
            self.inner.answer(7)
        self.assertEqual(self.successResultOf(probe), 7)
        self.assertEqual([formatEvent(event) for event in events], ["the storage answers again"])
        waiting = self.pool.run(int)
        self.assertNoResult(waiting)
        self.inner.answer()

    def test_recovery_by_a_late_call(self) -> None:
        """When a call that hung comes back, the next one is made without waiting for the end of the pause."""
        self.open_circuit()
        self.inner.answer()
        probe = self.pool.run(int)
        self.inner.waiting = self.inner.waiting[-1:]
        self.inner.answer(1)
        self.assertEqual(self.successResultOf(probe), 1)

    def test_error_is_an_answer(self) -> None:
        """A probe that comes back with an error has come back."""
        self.open_circuit()
        self.pass_time(5)
        probe = self.pool.run(int)
        self.inner.waiting.pop().errback(StorageUnavailable("busy"))
        self.assert_late(probe, "busy")
        waiting = self.pool.run(int)
        self.assertNoResult(waiting)
        waiting.addErrback(lambda _: None)
        self.pool.stop()

    def test_late_probe(self) -> None:
        """A probe that hangs too is ended like any other call, and the next pause is longer."""
        self.open_circuit()
        self.pass_time(5)
        probe = self.pool.run(int)
        self.pass_time(_DEADLINE * 1.25)
        self.assert_late(probe)
        self.pass_time(9)
        self.assert_late(self.pool.run(int), "the storage does not answer; try again later")
        self.pass_time(2)
        waiting = self.pool.run(int)
        self.assertNoResult(waiting)
        waiting.addErrback(lambda _: None)
        self.pool.stop()

    def test_probe_given_up_or_refused(self) -> None:
        """A probe that its user gives up, or that the pool does not take, says nothing: the next call is the probe."""
        self.open_circuit()
        self.pass_time(5)
        probe = self.pool.run(int)
        probe.cancel()
        self.failureResultOf(probe, CancelledError)
        self.inner.full = True
        self.assert_late(self.pool.run(int), "too many calls are waiting")
        self.inner.full = False
        probe = self.pool.run(int)
        self.inner.waiting = self.inner.waiting[-1:]
        self.inner.answer(1)
        self.assertEqual(self.successResultOf(probe), 1)

    def test_some_are_answered(self) -> None:
        """However many calls hang, as long as others come back the storage is asked."""
        calls = []
        for _ in range(4 * _THREADS):
            calls.append(self.pool.run(int))
            self.inner.waiting.insert(0, Deferred())
            self.inner.answer()
            self.pass_time(1)
        for waiting in calls:
            waiting.addErrback(lambda _: None)
        answered = self.pool.run(int)
        self.assertNoResult(answered)
        self.inner.waiting = self.inner.waiting[-1:]
        self.inner.answer(3)
        self.assertEqual(self.successResultOf(answered), 3)
        self.pool.stop()

    def test_another(self) -> None:
        """Another pool has a circuit of its own."""
        other = self.pool.another()
        self.open_circuit()
        waiting = other.run(int)
        self.assertNoResult(waiting)
        waiting.addErrback(lambda _: None)
        self.pool.stop()


async def _wait(pool: IWorkerPool) -> object:
    return await pool.run(int)
