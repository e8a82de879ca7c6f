"""A port that waits for the peer's data connection."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpx.data.addresses import normalised
from ftpx.data.connection import DataConnection
from ftpx.data.opening import OPENING_LIMIT, within
from ftpx.data.reset import close_by_reset
from ftpx.data.stream import Reactor
from ftpx.data.tls_stream import make_stream
from ftpx.errors import DataConnectionNotOpened
from ftpx.interfaces import IDataPort, IDataSecurity

__all__ = ["PassivePort"]

_ACCEPTS_A_TURN = 16

_PATIENCE = 0.05
"""
Seconds after which connections are taken though no transfer has asked for one. Most clients are quicker, and then
the reactor need not watch the port at all; strangers are kept waiting no longer than this.
"""

# Errors of the connection that would have been the next, see accept(2); any other is ours and would come again.
_NEXT_PLEASE = frozenset(
    {
        errno.ECONNABORTED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOPROTOOPT,
        errno.EPERM,
        errno.EPROTO,
        errno.ETIMEDOUT,
    }
)


@implementer(IDataPort, IReadDescriptor)
class PassivePort:
    """
    Takes the first connection from the right peer and then listens no more.

    Nothing is read from it before a transfer does. Strangers are closed, and the peer still gets through.

    :param listener: a listening socket that does not block; the port owns it from now on.
    :param peers: the addresses that may connect; ``None``: all.
    :param timeout: for the connection, see `DataConnection`; also the time limit of `connect`, if it is short.
    :param used: called when the connection has come.
    :param security: the TLS of the connection, if it is to have any.
    """

    def __init__(
        self,
        reactor: Reactor,
        listener: socket.socket,
        host: str,
        port: int,
        *,
        peers: frozenset[str] | None,
        timeout: float,
        used: Callable[[], None] = lambda: None,
        security: IDataSecurity | None = None,
    ) -> None:
        self.host = normalised(host)
        self.port = port
        self._reactor = reactor
        self._listener: socket.socket | None = listener
        self._peers = None if peers is None else frozenset(normalised(peer) for peer in peers)
        self._timeout = timeout
        self._used = used
        self._connection: DataConnection | None = None
        self._error = DataConnectionNotOpened("the data port is closed")
        self._opened: Deferred[None] | None = None
        self._watching = False
        self._security = security
        # A TLS handshake may have to be over before the client says what it wants.
        self._watch_later = reactor.callLater(_PATIENCE if security is None else 0, self._watch)

    async def connect(self) -> DataConnection:
        """See `IDataPort`."""
        if self._connection is None and self._listener is not None:
            self._accept()
        try:
            if self._listener is not None:
                self._watch()
                self._opened = Deferred()
                await within(self._reactor, min(self._timeout, OPENING_LIMIT), self._opened)
            connection, self._connection = self._connection, None
            if connection is None:
                raise self._error
            return connection
        finally:
            self.close()

    def close(self) -> None:
        """See `IDataPort`."""
        self._stop_listening()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        self._tell()

    def fileno(self) -> int:
        return -1 if self._listener is None else self._listener.fileno()

    def logPrefix(self) -> str:
        return "data"

    def doRead(self) -> None:
        self._accept()

    def connectionLost(self, reason: Failure) -> None:
        # A listening socket is never lost: this is late news of the socket that had this descriptor before.
        self._watching = False
        if self._listener is not None:
            self._watch()

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            self._reactor.addReader(self)

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_A_TURN):
            if self._listener is None:
                return
            try:
                connected, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _NEXT_PLEASE:
                    continue
                self._error = DataConnectionNotOpened(f"no data connection: {error.strerror or error}")
                self.close()
                return
            if self._peers is None or normalised(address[0]) in self._peers:
                self._used()
                self._stop_listening()
                stream = make_stream(self._reactor, connected, self._security)
                self._connection = DataConnection(self._reactor, stream, self._timeout)
                self._tell()
            else:
                close_by_reset(connected)

    def _stop_listening(self) -> None:
        listener = self._listener
        if listener is not None:
            if self._watching:
                self._reactor.removeReader(self)
            if self._watch_later.active():
                self._watch_later.cancel()
            self._listener = None
            listener.close()

    def _tell(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None and not opened.called:
            opened.callback(None)
