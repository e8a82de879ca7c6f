"""Tests of ftpx.storage.tidying."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IPartialUploads
from ftpx.storage.tidying import PartialTidying, Tidying


class _Partials:
    """Notes when it is tidied; fails with an error that is set, waits if it is told to."""

    def __init__(self, clock: Clock) -> None:
        self.times: list[float] = []
        self.error: Exception | None = None
        self.wait: Deferred[None] | None = None
        self._clock = clock

    async def tidy_partials(self, lifetime: float) -> None:
        self.times.append(self._clock.seconds())
        if self.wait is not None:
            await self.wait
        if self.error is not None:
            raise self.error


class PartialTidyingTests(SynchronousTestCase):
    """When partial uploads are tidied."""

    def _start(self, lifetime: float) -> tuple[Clock, _Partials, PartialTidying]:
        clock = Clock()
        partials = _Partials(clock)
        tidying = PartialTidying(cast(IPartialUploads, partials), lifetime, clock)
        tidying.start()
        return clock, partials, tidying

    def test_periods(self) -> None:
        """At once, and then ten times in a lifetime, but not all the time and not too seldom."""
        for lifetime, period in ((100, 10), (0, 1), (5, 1), (86400, 600)):
            clock, partials, tidying = self._start(lifetime)
            clock.pump([period] * 2)
            tidying.stop()
            self.assertEqual(partials.times, [0, period, 2 * period])

    def test_stop(self) -> None:
        """Nothing happens any more."""
        clock, partials, tidying = self._start(10)
        tidying.stop()
        clock.advance(100)
        self.assertEqual((partials.times, clock.getDelayedCalls()), ([0], []))

    def test_stop_meanwhile(self) -> None:
        """A call under way ends by itself and is followed by no other."""
        clock = Clock()
        partials = _Partials(clock)
        partials.wait = Deferred()
        tidying = PartialTidying(cast(IPartialUploads, partials), 10, clock)
        tidying.start()
        tidying.stop()
        partials.wait.callback(None)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_failure(self) -> None:
        """An error is told, and the next time comes."""
        clock, partials, tidying = self._start(10)
        for error in (StorageUnavailable("busy"), ZeroDivisionError()):
            partials.error = error
            clock.advance(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        clock.advance(1)
        self.flushLoggedErrors(ZeroDivisionError)
        tidying.stop()
        self.assertEqual(partials.times, [0, 1, 2, 3])


class TidyingTests(SynchronousTestCase):
    """When other things are tidied."""

    def test_periods(self) -> None:
        """At once, and then every ten minutes after the last time came to its end."""
        clock, times = Clock(), list[float]()
        waiting: list[Deferred[None]] = []

        async def tidy() -> None:
            times.append(clock.seconds())
            waiting.append(Deferred())
            await waiting[-1]

        tidying = Tidying(tidy, "the storage", clock)
        tidying.start()
        clock.advance(1000)
        waiting[0].callback(None)
        clock.pump([599, 1, 1000])
        self.assertEqual(times, [0, 1600])
        tidying.stop()
        waiting[1].callback(None)
        self.assertEqual(clock.getDelayedCalls(), [])
