"""The transfers of files that are under way, and what the operators are told of them."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ftpx.interfaces import (
    Direction,
    FileTransfer,
    Path,
    TransferFailed,
    TransferFinished,
    TransferProgress,
    TransferStarted,
)
from ftpx.ops.events import Events
from ftpx.ops.meter import Meter

__all__ = ["MOST_AT_ONCE", "PERIOD", "Moving", "RunningTransfer", "Transfers"]

PERIOD = 1.0
"""Seconds between two looks at a transfer."""

MOST_AT_ONCE = 200
"""How many transfers are looked at before the reactor goes on with other things."""


class Moving(Protocol):
    """What counts the octets of a transfer."""

    @property
    def moved(self) -> int:
        """Octets so far."""


class RunningTransfer:
    """
    A transfer that is under way.

    Its time counts from when the data connection has opened; before that there is neither rate nor octets.
    """

    __slots__ = ("_began", "_counter", "_meter", "due", "facts")

    def __init__(self, facts: FileTransfer, due: float) -> None:
        self.facts = facts
        self.due = due
        self._began: float | None = None
        self._counter: Moving | None = None
        # Most transfers end before anybody looks.
        self._meter: Meter | None = None

    def open(self, now: float, counter: Moving) -> None:
        """The data connection has opened."""
        self._began = now
        self._counter = counter

    @property
    def octets(self) -> int:
        """How many went over the data connection."""
        return 0 if self._counter is None else self._counter.moved

    def seconds(self, now: float) -> float:
        """How long the data connection has been open."""
        return 0.0 if self._began is None else now - self._began

    def look(self, now: float) -> None:
        """Remember how far it is, for the rate."""
        if self._meter is None and self._began is not None:
            self._meter = Meter(self._began)
        if self._meter is not None:
            self._meter.look(now, self.octets)

    def rate(self, now: float) -> float:
        """Octets a second over the last seconds."""
        return self.average(now) if self._meter is None else self._meter.rate(now, self.octets)

    def average(self, now: float) -> float:
        """Octets a second since the data connection has opened."""
        seconds = self.seconds(now)
        return self.octets / seconds if seconds > 0 else 0.0

    def seconds_left(self, now: float) -> float | None:
        """When all octets will have moved at the present rate; ``None``: their number is not known, or none move."""
        rate, size = self.rate(now), self.facts.size
        if size is None or not rate:
            return None
        return max(0, size - self.octets) / rate


class Transfers:
    """
    All transfers of a server that are under way.

    One timer looks at all of them; a transfer that ends within a `PERIOD` is never looked at.

    :param wall_clock: tells the seconds since the epoch.
    """

    def __init__(self, clock: IReactorTime, wall_clock: Callable[[], float], events: Events) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._events = events
        self._ids = itertools.count(1)
        # Those whose turn comes first stand in front, as all have the same period.
        self._running: OrderedDict[int, RunningTransfer] = OrderedDict()
        self._timer: IDelayedCall | None = None
        self._tells_start = TransferStarted in events.wanted
        self._tells_progress = TransferProgress in events.wanted
        self._tells_finish = TransferFinished in events.wanted
        self._tells_failure = TransferFailed in events.wanted

    def start(self) -> None:
        """Begin to look at transfers."""
        if self._timer is None:
            self._timer = self._clock.callLater(PERIOD, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def count(self) -> int:
        """How many are under way."""
        return len(self._running)

    def begin(
        self,
        *,
        user: str,
        client: str,
        verb: str,
        direction: Direction,
        path: Path,
        protected: bool,
        size: int | None,
    ) -> RunningTransfer:
        """A command waits for its data connection; see `FileTransfer`."""
        facts = FileTransfer(
            id=next(self._ids),
            user=user,
            client=client,
            verb=verb,
            direction=direction,
            path=path,
            protected=protected,
            started=self._wall_clock(),
            size=size,
        )
        running = self._running[facts.id] = RunningTransfer(facts, self._clock.seconds() + PERIOD)
        if self._tells_start:
            self._events.emit(TransferStarted(time=facts.started, transfer=facts))
        return running

    def finish(
        self, running: RunningTransfer, size: int | None = None, algorithm: str | None = None, digest: str | None = None
    ) -> None:
        """A transfer is complete, and an upload is published; see `TransferFinished`."""
        del self._running[running.facts.id]
        if self._tells_finish:
            self._events.emit(
                TransferFinished(
                    time=self._wall_clock(),
                    transfer=running.facts,
                    octets=running.octets,
                    seconds=running.seconds(self._clock.seconds()),
                    size=size,
                    algorithm=algorithm,
                    digest=digest,
                )
            )

    def fail(self, running: RunningTransfer, reason: str, text: str) -> None:
        """A transfer has broken off; see `TransferFailed`."""
        del self._running[running.facts.id]
        if self._tells_failure:
            self._events.emit(
                TransferFailed(
                    time=self._wall_clock(),
                    transfer=running.facts,
                    octets=running.octets,
                    seconds=running.seconds(self._clock.seconds()),
                    reason=reason,
                    text=text,
                )
            )

    def _look(self) -> None:
        now, wait = self._clock.seconds(), PERIOD
        for _ in range(min(MOST_AT_ONCE, len(self._running))):
            running = next(iter(self._running.values()))
            if running.due > now:
                break
            self._running.move_to_end(running.facts.id)
            running.due = now + PERIOD
            running.look(now)
            if self._tells_progress:
                self._tell_progress(running, now)
        if self._running:
            wait = max(0.0, next(iter(self._running.values())).due - now)
        self._timer = self._clock.callLater(wait, self._look)

    def _tell_progress(self, running: RunningTransfer, now: float) -> None:
        time, left = self._wall_clock(), running.seconds_left(now)
        self._events.emit(
            TransferProgress(
                time=time,
                transfer=running.facts,
                octets=running.octets,
                rate=running.rate(now),
                average=running.average(now),
                expected_end=None if left is None else time + left,
            )
        )
