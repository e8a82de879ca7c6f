"""Running coroutines of which most never wait."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.running import begin, to_the_end


class BeginTests(SynchronousTestCase):
    """What becomes of a coroutine."""

    def setUp(self) -> None:
        """Note what the coroutine does."""
        self.seen: list[object] = []

    async def wait(self, *waits: Deferred[object]) -> None:
        """Wait for each, and note what comes."""
        for waiting in waits:
            try:
                self.seen.append(await waiting)
            except (ZeroDivisionError, CancelledError) as error:
                self.seen.append(type(error))

    def test_no_wait(self) -> None:
        """A coroutine that never waits has ended, whether it awaited anything or not."""
        fired: Deferred[object] = Deferred()
        fired.callback(1)
        self.assertIsNone(begin(self.wait()))
        self.assertIsNone(begin(self.wait(fired)))
        self.assertEqual(self.seen, [1])

    def test_waits(self) -> None:
        """A coroutine that waits goes on with each result and each error."""
        first, second, third = (Deferred[object]() for _ in range(3))
        done = begin(self.wait(first, second, third))
        assert done is not None
        first.callback(1)
        second.errback(ZeroDivisionError())
        self.assertNoResult(done)
        third.callback(3)
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual(self.seen, [1, ZeroDivisionError, 3])

    def test_cancel(self) -> None:
        """To cancel ends the wait, and the coroutine goes on."""
        first, second = Deferred[object](), Deferred[object]()
        done = begin(self.wait(first, second))
        assert done is not None
        done.cancel()
        second.callback(2)
        self.successResultOf(done)
        self.assertEqual(self.seen, [CancelledError, 2])

    def test_error(self) -> None:
        """An error of the coroutine is raised at once, or fails what fires at its end."""

        async def fail(*waits: Deferred[object]) -> None:
            await self.wait(*waits)
            raise KeyError

        self.assertRaises(KeyError, begin, fail())
        waiting: Deferred[object] = Deferred()
        done = begin(fail(waiting))
        assert done is not None
        waiting.callback(None)
        self.failureResultOf(done, KeyError)


class ToTheEndTests(SynchronousTestCase):
    """What nobody can cancel."""

    def setUp(self) -> None:
        """A coroutine that waits for something."""
        self.waiting: Deferred[int] = Deferred()
        self.done: list[int] = []

    async def work(self) -> int:
        """Wait, and note what came."""
        self.done.append(await self.waiting)
        return self.done[0]

    def test_waited_for(self) -> None:
        """Who waits gets the result, or the error."""
        running = to_the_end(self.work())
        self.assertNoResult(running)
        self.waiting.callback(5)
        self.assertEqual(self.successResultOf(running), 5)
        self.waiting = Deferred()
        running = to_the_end(self.work())
        self.waiting.errback(ZeroDivisionError())
        self.failureResultOf(running, ZeroDivisionError)

    def test_cancelled(self) -> None:
        """Who waits no more does not stop it; the result is thrown away."""
        thrown: list[int] = []
        running = to_the_end(self.work(), discard=thrown.append)
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertEqual(self.done, [])
        self.waiting.callback(5)
        self.assertEqual((self.done, thrown), ([5], [5]))

    def test_cancelled_and_failed(self) -> None:
        """An error that nobody waits for is no error any more."""
        running = to_the_end(self.work())
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.waiting.errback(ZeroDivisionError())
        self.assertEqual(self.flushLoggedErrors(), [])
