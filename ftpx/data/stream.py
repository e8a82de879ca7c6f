"""A stream of bytes to and from one peer, and the plain TCP one."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import sys
import termios
from contextlib import suppress
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface, implementer

from ftpx.data.reset import disconnect, reset_on_close
from ftpx.errors import DataConnectionLost
from ftpx.interfaces import Block

__all__ = ["IFileStream", "IPipeStream", "IStream", "Reactor", "SocketStream", "Time"]

# How much the peer's system has not acknowledged yet. The request has the number of another one that
# Python knows by name; a system without it gets no answer, and then a stream counts as acknowledged.
_SIOCOUTQ: int | None = getattr(termios, "TIOCOUTQ", None)
_INTEGER = struct.Struct("i")
# SO_MEMINFO of Linux: of nine numbers, the fourth and the sixth.
_MEMORY_INFORMATION: int | None = 55 if sys.platform == "linux" else None
_MEMORY = struct.Struct("12xI4xI")
_BOUNDLESS = 1 << 62
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_MORE: int = getattr(socket, "MSG_MORE", 0)
_FIRST_LOOK = 0.005
_LONGEST_LOOK = 0.25
# What os.sendfile says about the peer; everything else it says is about the file.
_PEER_ERRORS = frozenset(
    {
        errno.ECONNABORTED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ENOTCONN,
        errno.EPIPE,
        errno.ESHUTDOWN,
        errno.ETIMEDOUT,
    }
)


class Time(Protocol):
    """The part of a reactor that knows the time; a `twisted.internet.task.Clock` is enough."""

    def callLater(self, delay: float, function: Any, /, *arguments: Any) -> IDelayedCall: ...
    def seconds(self) -> float: ...


class Reactor(Time, Protocol):
    """What data connections need of a reactor: time, and descriptors."""

    def addReader(self, reader: Any, /) -> object: ...
    def removeReader(self, reader: Any, /) -> object: ...
    def addWriter(self, writer: Any, /) -> object: ...
    def removeWriter(self, writer: Any, /) -> object: ...


class IStream(Interface):
    """
    Bytes to and from one peer, without blocking.

    Every call may raise `DataConnectionLost`. One wait at a time: the next begins when the last has fired.
    A call that was started in a thread may still run when the stream is aborted, but not when it is closed.
    """

    def established() -> Deferred[None] | None:
        """``None`` if octets can flow; else what fires when they can, or with the error why they never will."""

    def receive_into(buffer: memoryview) -> int:
        """
        Put into a buffer what has come; 0 is the clean end.

        :raises BlockingIOError: nothing has come; wait with `readable`.
        """

    def send(block: Block, more: bool) -> int:
        """
        Send the beginning of a block and return how much.

        :param more: more bytes or the end follow at once.
        :raises BlockingIOError: nothing can be sent now; wait with `writable`.
        """

    def readable() -> Deferred[None]:
        """Fires when `receive_into` is worth a try. May be cancelled."""

    def writable() -> Deferred[None]:
        """Fires when `send` is worth a try, after everything else has had its turn. May be cancelled."""

    def end() -> None:
        """
        Nothing more will be sent.

        :raises BlockingIOError: even that cannot be said now; wait with `writable` and say it again.
        """

    def progress(moved: int) -> int:
        """
        A number that grows as long as the peer takes or gives octets, by as many as it takes or gives.

        :param moved: octets that were sent or received by the calls above.
        """

    def unacknowledged() -> int:
        """How many octets, on the wire, are not known to have reached the peer's system; also of a lost connection."""

    def acknowledged() -> Deferred[None]:
        """After `end`: fires when everything has reached the peer's system. May be cancelled."""

    def abort(error: Exception, in_use: bool) -> None:
        """
        Stop: waits fail with ``error``, and the peer does not see a clean end.

        :param in_use: a call in a thread may be running, so the descriptor must live until `close`.
        """

    def close() -> None:
        """Release the stream. May be repeated."""


class IFileStream(IStream):
    """A stream that takes the octets of a file from its descriptor."""

    computes: bool = Attribute("Whether `send_file` takes the processor's time, so that it belongs in a thread.")

    def send_file(descriptor: int, offset: int, size: int) -> int:
        """
        Send octets of a file and return how many; 0 if the file ends at ``offset``.

        :raises BlockingIOError: nothing can be sent now.
        :raises OSError: the file could not be read; the stream is as it was.
        """


class IPipeStream(IStream):
    """A stream whose octets can go to a file within the kernel, by way of a pipe."""

    def splice(pipe: int, size: int) -> int:
        """
        Put into a pipe what has come, at most ``size`` octets; 0 is the clean end.

        :raises BlockingIOError: nothing has come; wait with `readable`.
        :raises OSError: the system cannot do that, and the stream is as it was.
        """


def _lost(error: OSError) -> DataConnectionLost:
    return DataConnectionLost(f"the data connection broke: {error.strerror or error}")


@implementer(IFileStream, IPipeStream, IReadWriteDescriptor)
class SocketStream:
    """
    A connected socket. The reactor watches it only while somebody waits.

    :param connected: a connected stream socket; the stream owns it from now on.
    """

    computes = False

    def __init__(self, reactor: Reactor, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._reactor = reactor
        self._socket = connected
        self._reader: Deferred[None] | None = None
        self._writer: Deferred[None] | None = None
        self._reading = False
        self._writing = False
        self._stopped: Exception | None = None

    def demand_open(self) -> None:
        """:raises Exception: what the stream was aborted with."""
        if self._stopped is not None:
            raise self._stopped

    def established(self) -> Deferred[None] | None:
        return None

    def receive_into(self, buffer: memoryview) -> int:
        if self._stopped is not None:
            raise self._stopped
        try:
            return self._socket.recv_into(buffer)
        except BlockingIOError:
            raise
        except OSError as error:
            raise _lost(error) from error

    def splice(self, pipe: int, size: int) -> int:
        if self._stopped is not None:
            raise self._stopped
        try:
            return os.splice(self._socket.fileno(), pipe, size, flags=os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK)
        except OSError as error:
            if error.errno in _PEER_ERRORS:
                raise _lost(error) from error
            raise

    def send(self, block: Block, more: bool) -> int:
        if self._stopped is not None:
            raise self._stopped
        try:
            return self._socket.send(block, _MORE if more else 0)
        except BlockingIOError:
            raise
        except OSError as error:
            raise _lost(error) from error

    def send_file(self, descriptor: int, offset: int, size: int) -> int:
        if self._stopped is not None:
            raise self._stopped
        try:
            return os.sendfile(self._socket.fileno(), descriptor, offset, size)
        except OSError as error:
            if error.errno in _PEER_ERRORS:
                raise _lost(error) from error
            raise

    def readable(self) -> Deferred[None]:
        if self._stopped is not None:
            return fail(self._stopped)
        waiting: Deferred[None] = Deferred(self._forget)
        self._reader = waiting
        if not self._reading:
            self._reading = True
            self._reactor.addReader(self)
        return waiting

    def writable(self) -> Deferred[None]:
        if self._stopped is not None:
            return fail(self._stopped)
        waiting: Deferred[None] = Deferred(self._forget)
        self._writer = waiting
        if not self._writing:
            self._writing = True
            self._reactor.addWriter(self)
        return waiting

    def end(self) -> None:
        if self._stopped is not None:
            raise self._stopped
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise _lost(error) from error

    def progress(self, moved: int) -> int:
        self.demand_unbroken()
        return moved - self.unacknowledged()

    def demand_unbroken(self) -> None:
        """:raises DataConnectionLost: the peer has reset the connection."""
        reset = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if reset:
            raise DataConnectionLost(f"the data connection broke: {os.strerror(reset)}")

    def unacknowledged(self) -> int:
        if _SIOCOUTQ is None:
            return 0
        try:
            answer = fcntl.ioctl(self._socket, _SIOCOUTQ, bytes(_INTEGER.size))
        except OSError:
            return 0
        left: int = _INTEGER.unpack(answer)[0]
        return left

    def room(self) -> int:
        """How many octets the system takes now, about; more than anybody has where it does not tell."""
        if _MEMORY_INFORMATION is None:
            return _BOUNDLESS
        try:
            answer = self._socket.getsockopt(socket.SOL_SOCKET, _MEMORY_INFORMATION, _MEMORY.size)
            limit, queued = _MEMORY.unpack(answer)
        except (OSError, struct.error):
            return _BOUNDLESS
        room: int = max(0, limit - queued)
        return room

    def send_at_once(self) -> None:
        """Do not hold small packets back until those before are acknowledged."""
        with suppress(OSError):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def acknowledge_at_once(self) -> None:
        """Do not hold back the next acknowledgement: the peer may wait for it with the rest."""
        if _QUICKACK is not None:
            with suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def acknowledged(self) -> Deferred[None]:
        if self._is_acknowledged():
            return succeed(None)
        return Deferred.fromCoroutine(self._acknowledgement())

    async def _acknowledgement(self) -> None:
        # A peer that has all of it closes, and that wakes us at once. One that had closed its side before, or
        # says something, would wake us for ever: then only the timer does.
        delay = _FIRST_LOOK
        silent = True
        while True:
            waiting = self.readable() if silent else self._unwatched()
            timer = self._reactor.callLater(delay, self._wake_reader)
            try:
                await waiting
            finally:
                if timer.active():
                    silent = False
                    timer.cancel()
            if self._is_acknowledged():
                return
            delay = min(delay * 2, _LONGEST_LOOK)

    def _is_acknowledged(self) -> bool:
        self.demand_unbroken()
        # The end itself counts as one octet; whether the peer has seen it does not matter.
        return self.unacknowledged() <= 1

    def _unwatched(self) -> Deferred[None]:
        self._unwatch()
        waiting: Deferred[None] = Deferred(self._forget)
        self._reader = waiting
        return waiting

    def abort(self, error: Exception, in_use: bool) -> None:
        if self._stopped is not None:
            return
        self._stopped = error
        self._unwatch()
        reset_on_close(self._socket)
        if in_use:
            disconnect(self._socket)
        waits = (self._reader, self._writer)
        self._reader = self._writer = None
        for waiting in waits:
            if waiting is not None:
                waiting.errback(error)

    def close(self) -> None:
        self._unwatch()
        self._socket.close()

    def close_in(self, seconds: float) -> None:
        """Say that nothing more comes, and release the socket a little later. May be repeated."""
        if self._stopped is None:
            self._stopped = DataConnectionLost("the data connection was ended")
            self._unwatch()
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
            self._reactor.callLater(seconds, self._socket.close)

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "data"

    def doRead(self) -> None:
        self._wake_reader()

    def doWrite(self) -> None:
        self._wake_writer()

    def connectionLost(self, reason: Failure) -> None:
        # The reactor has dropped the socket: both sides are done, or it broke. Who waits will learn which by trying.
        self._reading = self._writing = False
        self._wake_reader()
        self._wake_writer()

    def _wake_reader(self) -> None:
        waiting, self._reader = self._reader, None
        if waiting is not None:
            waiting.callback(None)
        # Only now: a transfer that waits again has made the system calls needless.
        self._settle()

    def _wake_writer(self) -> None:
        waiting, self._writer = self._writer, None
        if waiting is not None:
            waiting.callback(None)
        self._settle()

    def _forget(self, waiting: Deferred[None]) -> None:
        if waiting is self._reader:
            self._reader = None
        if waiting is self._writer:
            self._writer = None
        self._settle()

    def _settle(self) -> None:
        """Let the reactor stop watching for what nobody waits for."""
        if self._reading and self._reader is None:
            self._reading = False
            self._reactor.removeReader(self)
        if self._writing and self._writer is None:
            self._writing = False
            self._reactor.removeWriter(self)

    def _unwatch(self) -> None:
        if self._reading:
            self._reading = False
            self._reactor.removeReader(self)
        if self._writing:
            self._writing = False
            self._reactor.removeWriter(self)
