"""Running coroutines of which most never wait."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.running import begin


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
