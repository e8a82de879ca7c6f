"""A port that makes the data connection to the peer."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpx.data.addresses import family_of, normalised, socket_address
from ftpx.data.connection import DataConnection
from ftpx.data.listening import SocketMaker
from ftpx.data.opening import OPENING_LIMIT, within
from ftpx.data.stream import Reactor
from ftpx.data.tls_stream import make_stream
from ftpx.errors import DataConnectionNotOpened
from ftpx.interfaces import IDataPort, IDataSecurity

__all__ = ["ActivePort"]

# Linux: choose our port when connecting. Otherwise each of our ports in TIME_WAIT, which every
# download leaves behind, is unusable for a minute; Python names the option from 3.12 on.
_BIND_ADDRESS_NO_PORT = 24


@implementer(IDataPort, IWriteDescriptor)
class ActivePort:
    """
    Connects when it is wanted, not before.

    :param host: the peer's address; never a name.
    :param source: our address, or ``None`` for the one that the route has.
    :param timeout: for the connection, see `DataConnection`; also the time limit of `connect`, if it is short.
    :param security: the TLS of the connection, if it is to have any.
    """

    def __init__(
        self,
        reactor: Reactor,
        host: str,
        port: int,
        *,
        source: str | None,
        timeout: float,
        make_socket: SocketMaker = socket.socket,
        security: IDataSecurity | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._reactor = reactor
        self._source = source
        self._timeout = timeout
        self._make_socket = make_socket
        self._security = security
        self._socket: socket.socket | None = None
        self._closed = False
        self._watched = False
        self._opened: Deferred[None] | None = None

    async def connect(self) -> DataConnection:
        """See `IDataPort`."""
        try:
            if self._closed:
                raise DataConnectionNotOpened("the data port is closed")
            await self._open()
            connected, self._socket = self._socket, None
            if connected is None:
                raise DataConnectionNotOpened("the data port is closed")
            stream = make_stream(self._reactor, connected, self._security)
            return DataConnection(self._reactor, stream, self._timeout)
        except OSError as error:
            raise _not_opened(error) from error
        finally:
            self.close()

    def close(self) -> None:
        """See `IDataPort`."""
        self._closed = True
        self._unwatch()
        connecting, self._socket = self._socket, None
        if connecting is not None:
            connecting.close()
        self._tell(None)

    def fileno(self) -> int:
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        return "data"

    def doWrite(self) -> None:
        self._look()

    def connectionLost(self, reason: Failure) -> None:
        self._watched = False
        self._look()
        # Late news of the socket that had this descriptor before must not end the wait.
        if self._opened is not None:
            self._watch()

    async def _open(self) -> None:
        self._socket = connecting = self._make_socket(family_of(normalised(self.host)), socket.SOCK_STREAM)
        connecting.setblocking(False)
        if self._source is not None:
            self._bind(connecting, self._source)
        result = connecting.connect_ex(socket_address(self.host, self.port))
        if result == errno.EINPROGRESS:
            self._opened = Deferred()
            self._watch()
            try:
                await within(self._reactor, min(self._timeout, OPENING_LIMIT), self._opened)
            finally:
                self._unwatch()
        elif result:
            raise OSError(result, os.strerror(result))

    def _bind(self, connecting: socket.socket, source: str) -> None:
        with suppress(OSError):
            connecting.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        # An address that is not ours, as behind a proxy that tells us its own: the route has one.
        with suppress(OSError):
            connecting.bind(socket_address(source, 0))

    def _look(self) -> None:
        """Ask the socket whether it is connected."""
        if self._socket is None:
            return
        failed = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            self._tell(_not_opened(OSError(failed, os.strerror(failed))))
            return
        try:
            self._socket.getpeername()
        except OSError:
            return
        self._tell(None)

    def _tell(self, error: DataConnectionNotOpened | None) -> None:
        opened, self._opened = self._opened, None
        if opened is None or opened.called:
            return
        if error is None:
            opened.callback(None)
        else:
            opened.errback(error)

    def _watch(self) -> None:
        self._watched = True
        self._reactor.addWriter(self)

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            self._reactor.removeWriter(self)


def _not_opened(error: OSError) -> DataConnectionNotOpened:
    return DataConnectionNotOpened(f"no data connection: {error.strerror or error}")
