"""Streams that go no faster than they may."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from ftpx.data.stall import MINIMUM_RATE
from ftpx.data.stream import IFileStream, IStream, Time
from ftpx.errors import FtpxError
from ftpx.interfaces import Block, IPace

__all__ = ["PacedStream", "paced"]

# A little more than all of the time, as a window of it can be one that is held from its beginning to its end.
_WORTH = MINIMUM_RATE * 1.05


@implementer(IStream)
class PacedStream:
    """
    Another stream, at a pace.

    A wait first waits for the pace and then for the stream. How much may move then is a mere number, so octets can be
    moved in a thread; the pace itself is asked in the reactor's only. If it allows no
    more for ever, waits fail with its error.

    :param stream: what moves the octets; this stream owns it from now on.
    :param pace: how fast; it ends with the stream.
    """

    def __init__(self, stream: IStream, pace: IPace, clock: Time) -> None:
        self._stream = stream
        self._pace = pace
        self._clock = clock
        self._moved = 0
        self._allowed = 0
        # What the pace refuses at once is said by the first wait.
        with suppress(FtpxError):
            self._allowed = pace.allowed(0)
        self._sleeping: Deferred[None] | None = None
        self._stopped: Exception | None = None
        self._held = 0.0
        self._held_since: float | None = None
        self._excused = 0.0
        self._seen = 0

    # Octets, in any thread

    def receive_into(self, buffer: memoryview) -> int:
        received = self._stream.receive_into(buffer[: self._credit()])
        self._moved += received
        return received

    def send(self, block: Block, more: bool) -> int:
        size = min(len(block), self._credit())
        sent = self._stream.send(memoryview(block)[:size], more and size == len(block))
        self._moved += sent
        return sent

    def _credit(self) -> int:
        credit = self._allowed - self._moved
        if credit <= 0:
            raise BlockingIOError
        return credit

    # Waits

    def established(self) -> Deferred[None] | None:
        return self._stream.established()

    def readable(self) -> Deferred[None]:
        return self._wait(self._stream.readable)

    def writable(self) -> Deferred[None]:
        return self._wait(self._stream.writable)

    def _wait(self, wait: Callable[[], Deferred[None]]) -> Deferred[None]:
        if self._stopped is not None:
            return fail(self._stopped)
        try:
            if self._may_move():
                return wait()
        except FtpxError as error:
            return fail(error)
        return Deferred.fromCoroutine(self._hold(wait))

    def _may_move(self) -> bool:
        self._allowed = self._pace.allowed(self._moved)
        return self._allowed > self._moved

    async def _hold(self, wait: Callable[[], Deferred[None]]) -> None:
        self._held_since = self._clock.seconds()
        try:
            while True:
                await self._sleep(self._pace.wait())
                if self._may_move():
                    break
        finally:
            self._held, self._held_since = self._held_so_far(), None
        await wait()

    async def _sleep(self, seconds: float) -> None:
        self._sleeping = Deferred()
        call = self._clock.callLater(seconds, self._sleeping.callback, None)
        try:
            await self._sleeping
        finally:
            self._sleeping = None
            if call.active():
                call.cancel()

    # Everything else

    def end(self) -> None:
        self._stream.end()

    def progress(self, moved: int) -> int:
        progress = self._stream.progress(moved)
        # The time for which the transfer was held is not the peer's; unless it has not even taken what it was sent.
        if progress > self._seen or progress >= moved:
            self._excused = self._held_so_far()
        self._seen = max(self._seen, progress)
        return progress + int(self._excused * _WORTH)

    def _held_so_far(self) -> float:
        return self._held if self._held_since is None else self._held + self._clock.seconds() - self._held_since

    def unacknowledged(self) -> int:
        return self._stream.unacknowledged()

    def acknowledged(self) -> Deferred[None]:
        return self._stream.acknowledged()

    def abort(self, error: Exception, in_use: bool) -> None:
        if self._stopped is None:
            self._stopped = error
            self._stream.abort(error, in_use)
            if self._sleeping is not None:
                self._sleeping.errback(error)

    def close(self) -> None:
        self._stream.close()
        self._pace.end(self._moved)


@implementer(IFileStream)
class _PacedFileStream(PacedStream):
    """Another stream that takes octets from a file, at a pace."""

    def __init__(self, stream: IFileStream, pace: IPace, clock: Time) -> None:
        super().__init__(stream, pace, clock)
        self._file_stream = stream
        self.computes = stream.computes

    def send_file(self, descriptor: int, offset: int, size: int) -> int:
        sent = self._file_stream.send_file(descriptor, offset, min(size, self._credit()))
        self._moved += sent
        return sent


def paced(stream: IStream, pace: IPace, clock: Time) -> PacedStream:
    """A stream at a pace; it takes octets from a file if the stream does."""
    if IFileStream.providedBy(stream):
        return _PacedFileStream(IFileStream(stream), pace, clock)
    return PacedStream(stream, pace, clock)
