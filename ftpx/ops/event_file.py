"""Events in a file, written by a thread, so that a slow or full disk harms nobody."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from ftpx.errors import ConfigurationError, StorageUnavailable
from ftpx.interfaces import (
    Event,
    IEventSink,
    IWorkerPool,
    TransferFailed,
    TransferFinished,
    TransferProgress,
    TransferStarted,
)
from ftpx.ops.event_lines import EventsDropped, line_of
from ftpx.ops.line_file import Appended, LineFile

__all__ = ["BATCH", "DELAY", "MAXIMUM_EVENTS", "RETRY", "EventFile"]

DELAY = 0.1
"""Seconds that an event waits for others at most."""

RETRY = 2.0
"""Seconds until it is tried again to write to a file that could not be written."""

MAXIMUM_EVENTS = 10_000
"""How many events wait to be written; more are dropped."""

BATCH = 500
"""How many events are written at once."""


def _write(file: LineFile, events: Sequence[Event | EventsDropped]) -> Appended:
    """In a thread."""
    return file.append([line_of(event) for event in events])


@implementer(IEventSink)
class EventFile:
    """
    Appends all events to a file, as lines of JSON.

    To make one is blocking.

    :param pool: of one thread, so that nothing else waits for a file system that hangs.
    :param wall_clock: tells the seconds since the epoch.
    :raises ConfigurationError: the file cannot be opened.
    """

    log = Logger()
    wants = frozenset({TransferStarted, TransferProgress, TransferFinished, TransferFailed})

    def __init__(self, path: str, pool: IWorkerPool, clock: IReactorTime, wall_clock: Callable[[], float]) -> None:
        self._file = LineFile(os.path.abspath(path))
        try:
            self._file.open()
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"--events {path}: cannot be written: {getattr(error, 'strerror', None) or error}."
            ) from error
        self._pool = pool
        self._clock = clock
        self._wall_clock = wall_clock
        # What is being written stays in front until it is written.
        self._queue: deque[Event | EventsDropped] = deque()
        self._dropped = 0
        self._timer: IDelayedCall | None = None
        self._turn = DeferredLock()
        self._failing = False
        self._stopped = False

    def emit(self, event: Event) -> None:
        """See `IEventSink`."""
        if len(self._queue) >= MAXIMUM_EVENTS:
            self._dropped += 1
            return
        self._queue.append(event)
        if self._timer is None and not self._turn.locked and not self._stopped:
            self._timer = self._clock.callLater(DELAY, self._begin)

    def reopen(self) -> None:
        """Open the file of that name anew: somebody has moved it away."""
        if not self._stopped:
            Deferred.fromCoroutine(self._reopen())

    async def stop(self) -> None:
        """Write what there is, if it can be written, and close the file."""
        self._stopped = True
        self._end_wait()
        await self._turn.run(self._drain)
        if self._queue or self._dropped:
            lost = self._dropped + sum(event.count if isinstance(event, EventsDropped) else 1 for event in self._queue)
            self.log.error("{count} events could not be written to {file}", count=lost, file=self._file.path)
        with suppress(StorageUnavailable):
            await self._pool.run(self._file.close)

    def _begin(self) -> None:
        self._timer = None
        self._turn.run(self._drain)

    def _end_wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drain(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._write_all())

    async def _write_all(self) -> None:
        while self._queue:
            events = list(islice(self._queue, BATCH))
            try:
                appended = await self._pool.run(_write, self._file, events)
            except StorageUnavailable as error:
                self._fails(error)
                break
            self._written(appended.lines)
            if appended.error is not None:
                self._fails(appended.error)
                break
            self._works()

    def _written(self, lines: int) -> None:
        for _ in range(lines):
            self._queue.popleft()
        if self._dropped and len(self._queue) < MAXIMUM_EVENTS:
            # All that waits is older than what was dropped, and all that comes is younger.
            self._queue.append(EventsDropped(self._wall_clock(), self._dropped))
            self._dropped = 0

    def _fails(self, error: OSError | StorageUnavailable) -> None:
        if not self._failing:
            self._failing = True
            self.log.error(
                "events cannot be written to {file}: {reason}; up to {bound} wait, more are dropped",
                file=self._file.path,
                reason=getattr(error, "strerror", None) or str(error),
                bound=MAXIMUM_EVENTS,
            )
        if not self._stopped:
            self._timer = self._clock.callLater(RETRY, self._begin)

    def _works(self) -> None:
        if self._failing:
            self._failing = False
            self.log.info("events are written to {file} again", file=self._file.path)

    async def _reopen(self) -> None:
        await self._turn.acquire()
        self._end_wait()
        try:
            await self._pool.run(self._file.open)
            await self._write_all()
        except (OSError, StorageUnavailable) as error:
            self._fails(error)
        finally:
            self._turn.release()
