"""
Data connections in memory, with a scripted peer.

The connections are the real `ftpx.data.connection.DataConnection` over a stream in memory, so
stalls, aborts and back-pressure are as on the wire::

    data = MemoryDataConnections()
    ...  # the server calls listen() or dial()
    peer = data.ports[-1].accept()
    peer.send(b"content")
    peer.end()
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from ftpx.data.connection import DataConnection
from ftpx.data.opening import OPENING_LIMIT, within
from ftpx.data.stream import IStream
from ftpx.errors import DataConnectionLost, DataConnectionNotOpened, DataConnectionNotResumed, NoFreePort
from ftpx.interfaces import Block, IDataConnections, IDataPort, IDataSecurity

__all__ = ["MemoryDataConnections", "MemoryDataPort", "MemoryPeer"]

_FIRST_PORT = 50000


@implementer(IStream)
class _MemoryStream:
    """Our end of a connection in memory; waits fire at once if there is nothing to wait for."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.sent = bytearray()
        self.room: int | None = None
        self.peer_ended = False
        self.peer_reset = False
        self.ended = False
        self.refused: Exception | None = None
        self.aborted: Exception | None = None
        self.closed = False
        self._reader: Deferred[None] | None = None
        self._writer: Deferred[None] | None = None

    def established(self) -> Deferred[None] | None:
        return None if self.refused is None else fail(self.refused)

    def receive_into(self, buffer: memoryview) -> int:
        self._check()
        size = min(len(buffer), len(self.received))
        if size:
            buffer[:size] = self.received[:size]
            del self.received[:size]
        elif not self.peer_ended:
            raise BlockingIOError
        return size

    def send(self, block: Block, more: bool) -> int:
        self._check()
        size = len(block) if self.room is None else min(len(block), self.room)
        if not size:
            raise BlockingIOError
        self.sent += block[:size]
        if self.room is not None:
            self.room -= size
        return size

    def readable(self) -> Deferred[None]:
        if self.aborted is not None:
            return fail(self.aborted)
        if self.received or self.peer_ended or self.peer_reset:
            return succeed(None)
        self._reader = Deferred(self._forget)
        return self._reader

    def writable(self) -> Deferred[None]:
        if self.aborted is not None:
            return fail(self.aborted)
        if self.room != 0 or self.peer_reset:
            return succeed(None)
        self._writer = Deferred(self._forget)
        return self._writer

    def end(self) -> None:
        self._check()
        self.ended = True

    def progress(self, moved: int) -> int:
        self._check()
        return moved

    def unacknowledged(self) -> int:
        return 0

    def acknowledged(self) -> Deferred[None]:
        self._check()
        return succeed(None)

    def abort(self, error: Exception, in_use: bool) -> None:
        if self.aborted is None:
            self.aborted = error
            waits = (self._reader, self._writer)
            self._reader = self._writer = None
            for waiting in waits:
                if waiting is not None:
                    waiting.errback(error)

    def close(self) -> None:
        self.closed = True

    def wake(self) -> None:
        """Something has changed."""
        waits = (self._reader, self._writer)
        self._reader = self._writer = None
        for waiting in waits:
            if waiting is not None:
                waiting.callback(None)

    def _forget(self, waiting: Deferred[None]) -> None:
        self._reader = self._writer = None

    def _check(self) -> None:
        if self.aborted is not None:
            raise self.aborted
        if self.peer_reset:
            raise DataConnectionLost("the peer reset the data connection")


class MemoryPeer:
    """The other end of a data connection."""

    def __init__(self) -> None:
        self._stream = _MemoryStream()

    @property
    def stream(self) -> IStream:
        """Our end."""
        return self._stream

    @property
    def sent(self) -> bytes:
        """All that the peer was sent."""
        return bytes(self._stream.sent)

    @property
    def waiting(self) -> int:
        """Octets that the peer sent and nobody has read."""
        return len(self._stream.received)

    @property
    def complete(self) -> bool:
        """Whether the peer has seen the clean end of what it is sent."""
        return self._stream.ended and self._stream.aborted is None

    @property
    def closed(self) -> bool:
        """Whether our end is closed."""
        return self._stream.closed

    def send(self, data: bytes) -> None:
        """The peer sends something."""
        self._stream.received += data
        self._stream.wake()

    def end(self) -> None:
        """The peer ends its side cleanly."""
        self._stream.peer_ended = True
        self._stream.wake()

    def refuse(self, error: Exception) -> None:
        """No octet flows, as after a TLS handshake that failed."""
        self._stream.refused = error

    def reset(self) -> None:
        """The peer resets the connection."""
        self._stream.peer_reset = True
        self._stream.wake()

    def take(self, octets: int | None) -> None:
        """How much more the peer takes from now on; ``None``: everything, which is so at first."""
        self._stream.room = octets
        self._stream.wake()


@implementer(IDataPort)
class MemoryDataPort:
    """
    A data port whose peer does what a test says.

    ``peers`` is what `IDataConnections.listen` was given, ``source`` what `IDataConnections.dial` was;
    ``security`` is the TLS that the connection is to have. Its octets go in clear here, its judgement counts.
    """

    def __init__(
        self,
        clock: Clock,
        timeout: float,
        host: str,
        port: int,
        *,
        peers: frozenset[str] | None = None,
        source: str | None = None,
        security: IDataSecurity | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.peers = peers
        self.source = source
        self.security = security
        self.connecting = False
        self.closed = False
        self._clock = clock
        self._timeout = timeout
        self._connection: DataConnection | None = None
        self._error = DataConnectionNotOpened("the data port is closed")
        self._refused = False
        self._opened: Deferred[None] | None = None

    async def connect(self) -> DataConnection:
        """See `IDataPort`."""
        self.connecting = True
        try:
            if self._connection is None and not self.closed and not self._refused:
                self._opened = Deferred()
                await within(self._clock, min(self._timeout, OPENING_LIMIT), self._opened)
            connection, self._connection = self._connection, None
            if connection is None:
                raise self._error
            return connection
        finally:
            self.close()

    def close(self) -> None:
        """See `IDataPort`."""
        self.closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        self._tell()

    def accept(self, *, resumes: bool = True) -> MemoryPeer:
        """
        The peer connects, or accepts our connection.

        :param resumes: whether the TLS that the port demands resumes a session of the control connection.
        """
        if self.closed:
            raise DataConnectionNotOpened("the data port is closed")
        peer = MemoryPeer()
        if self.security is not None:
            try:
                self.security.judge(resumes)
            except DataConnectionNotResumed as error:
                peer.refuse(error)
        self._connection = DataConnection(self._clock, peer.stream, self._timeout)
        self._tell()
        return peer

    def refuse(self) -> None:
        """The connection cannot be made."""
        self._refused = True
        self._error = DataConnectionNotOpened("the peer refuses the data connection")
        self._tell()

    def _tell(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None and not opened.called:
            opened.callback(None)


@implementer(IDataConnections)
class MemoryDataConnections:
    """
    Data connections in memory.

    ``ports`` are all that were made, the last one last; ``full`` makes `listen` fail.
    """

    def __init__(self, clock: Clock | None = None, timeout: float = 60.0) -> None:
        self.clock = Clock() if clock is None else clock
        self.timeout = timeout
        self.ports: list[MemoryDataPort] = []
        self.full = False

    def listen(self, host: str, peers: frozenset[str] | None, security: IDataSecurity | None = None) -> MemoryDataPort:
        """See `IDataConnections`."""
        if self.full:
            raise NoFreePort("every port for data connections is taken")
        number = _FIRST_PORT + len(self.ports)
        port = MemoryDataPort(self.clock, self.timeout, host, number, peers=peers, security=security)
        self.ports.append(port)
        return port

    def dial(self, host: str, port: int, source: str | None, security: IDataSecurity | None = None) -> MemoryDataPort:
        """See `IDataConnections`."""
        active = MemoryDataPort(self.clock, self.timeout, host, port, source=source, security=security)
        self.ports.append(active)
        return active
