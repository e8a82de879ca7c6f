"""What every transfer has: a stream, a count, and waits that can be broken off at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from ftpx.data.opening import HANDSHAKE_LIMIT, within
from ftpx.data.paced_stream import paced
from ftpx.data.stall import StallWatch
from ftpx.data.stream import IStream, Time
from ftpx.errors import DataConnectionError, DataConnectionLost, DataConnectionNotSecured, DataConnectionStalled
from ftpx.interfaces import IPace, IWorkerPool

__all__ = ["REFUSAL_TIME", "Transfer"]

REFUSAL_TIME: Final = 0.5
"""Seconds that a peer has to read why it was refused, before the connection is reset."""

_T = TypeVar("_T")


async def _settled(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


async def _called(pool: IWorkerPool, function: Callable[..., _T], arguments: tuple[object, ...]) -> _T:
    return await pool.run(function, *arguments)


class Transfer:
    """
    One transfer over one stream.

    ``moved`` is also written by the thread that receives, never by two threads at once.
    """

    def __init__(self, clock: Time, stream: IStream, timeout: float) -> None:
        self._clock = clock
        self.stream = stream
        self.moved = 0
        self.error: Exception | None = None
        self._watch = StallWatch(clock, timeout, self._progress, self._stalled)
        self._wait: Deferred[object] | None = None
        self._abandon: Callable[[], object] | None = None
        self._calls = 0
        self._releases: list[Callable[[], object]] = []
        self._closed = False
        self._refused: IDelayedCall | None = None

    def keep_pace(self, pace: IPace) -> None:
        """Let the stream go no faster than a pace allows; before anything has moved."""
        if self._closed:
            pace.end(0)
        else:
            self.stream = paced(self.stream, pace, self._clock)

    def established(self) -> Awaitable[None] | None:
        """
        ``None`` if octets can flow; else what to wait for, which raises `DataConnectionNotSecured` if the peer's part
        does not come, or not in time.
        """
        waiting = self.stream.established()
        if waiting is None:
            return None
        late = DataConnectionNotSecured("no TLS handshake on the data connection in time")
        return within(self._clock, HANDSHAKE_LIMIT, waiting, late)

    def readable(self) -> Deferred[None]:
        """Wait for the peer to say something; the peer's time runs."""
        self._watch.start()
        return self.stream.readable()

    def writable(self) -> Deferred[None]:
        """Wait for the peer to take something; the peer's time runs."""
        self._watch.start()
        return self.stream.writable()

    def acknowledged(self) -> Deferred[None]:
        """Wait until the peer has everything; the peer's time runs."""
        waiting = self.stream.acknowledged()
        if not waiting.called:
            self._watch.start()
        return waiting

    async def storage(self, awaitable: Awaitable[_T]) -> _T:
        """Wait for a source or sink. The peer is not blamed for it. It is cancelled if the transfer is broken off."""
        inner = Deferred.fromCoroutine(_settled(awaitable))
        return await self._until(inner, inner.cancel)

    async def in_pool(self, pool: IWorkerPool, function: Callable[..., _T], *arguments: object) -> _T:
        """
        Make a call on descriptors in a thread. The transfer may be broken off before the call returns; the
        descriptors stay valid until it has.
        """
        self._calls += 1
        inner = Deferred.fromCoroutine(_called(pool, function, arguments))
        inner.addBoth(self._returned)
        return await self._until(inner, None)

    async def _until(self, inner: Deferred[_T], abandon: Callable[[], object] | None) -> _T:
        def cancel(_: Deferred[object]) -> None:
            if abandon is not None:
                abandon()

        outer: Deferred[object] = Deferred(cancel)

        def deliver(result: _T | Failure) -> None:
            # What comes after the transfer was broken off interests nobody.
            if not outer.called:
                outer.callback(result)

        inner.addBoth(deliver)
        if outer.called:
            return cast(_T, await outer)
        self._wait, self._abandon = outer, abandon
        self._watch.pause()
        try:
            return cast(_T, await outer)
        finally:
            self._wait = self._abandon = None
            self._watch.resume()

    def interrupt(self, error: Exception) -> None:
        """Break the transfer off: it raises ``error`` at once, whatever it waits for."""
        if self._closed or self.error is not None:
            return
        self.error = error
        wait, abandon = self._wait, self._abandon
        self.stream.abort(error, self._calls > 0)
        if wait is not None and not wait.called:
            wait.errback(error)
        if abandon is not None:
            abandon()

    def finish(self, clean: bool) -> None:
        """The transfer is over: stop the clock and close the stream as soon as no call uses it."""
        self._watch.stop()
        if self._closed:
            return
        self._closed = True
        if self._refused is not None and self._refused.active():
            self._refused.cancel()
        if not clean:
            self.stream.abort(self.error or DataConnectionLost("the transfer was given up"), self._calls > 0)
        self.release(self.stream.close)

    def refuse(self) -> None:
        """
        The transfer is over as the storage goes no further: move nothing more, and reset the connection a little later.

        A peer would take a reset for a fault of the network, and try again, before it has read the reply that says why.
        """
        if self._closed or self.error is not None:
            self.finish(clean=False)
        else:
            self._watch.stop()
            self._refused = self._clock.callLater(REFUSAL_TIME, self.finish, False)

    def release(self, function: Callable[[], object]) -> None:
        """Call a function that closes a descriptor as soon as no call in a thread can use it."""
        if self._calls:
            self._releases.append(function)
        else:
            function()

    def _returned(self, result: _T) -> _T:
        self._calls -= 1
        releases, self._releases = self._releases, []
        for function in releases:
            self.release(function)
        return result

    def _progress(self) -> int:
        return self.stream.progress(self.moved)

    def _stalled(self, error: DataConnectionError | None) -> None:
        self.interrupt(error or DataConnectionStalled("the data connection moved too little for too long"))
