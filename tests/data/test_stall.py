"""The stall rule."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.data.stall import MINIMUM_RATE, StallWatch
from ftpx.errors import DataConnectionError, DataConnectionLost


class StallWatchTests(SynchronousTestCase):
    """A watch over ten seconds."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.moved = 0
        self.error: DataConnectionError | None = None
        self.stalls: list[DataConnectionError | None] = []
        self.watch = StallWatch(self.clock, 10, self.progress, self.stalls.append)

    def progress(self) -> int:
        """What the transfer has moved."""
        if self.error is not None:
            raise self.error
        return self.moved

    def test_not_started(self) -> None:
        """A transfer that never waits costs no delayed call."""
        self.watch.pause()
        self.watch.resume()
        self.watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_least(self) -> None:
        """DC13: the minimum over the window is enough, one octet less is not."""
        self.watch.start()
        self.moved = 10 * MINIMUM_RATE
        self.clock.advance(10)
        self.assertEqual(self.stalls, [])
        self.moved += 10 * MINIMUM_RATE - 1
        self.clock.advance(10)
        self.assertEqual(self.stalls, [None])

    def test_one_call_a_window(self) -> None:
        """However much moves, there is one delayed call."""
        for _ in range(5):
            self.watch.start()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.watch.stop()
        self.watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_pauses_do_not_count(self) -> None:
        """Time spent on the storage makes the window longer by as much."""
        self.watch.start()
        self.clock.advance(3)
        self.watch.pause()
        self.clock.advance(4)
        self.watch.resume()
        self.clock.advance(3)
        self.clock.advance(3.5)
        self.assertEqual(self.stalls, [])
        self.clock.advance(0.5)
        self.assertEqual(self.stalls, [None])

    def test_pause_that_does_not_end(self) -> None:
        """While the storage hangs, the peer has not stalled."""
        self.watch.start()
        self.clock.advance(1)
        self.watch.pause()
        self.clock.pump([7] * 10)
        self.assertEqual(self.stalls, [])

    def test_broken(self) -> None:
        """An error found when looking is told."""
        self.error = DataConnectionLost("reset")
        self.watch.start()
        self.clock.advance(10)
        self.assertEqual(self.stalls, [self.error])
