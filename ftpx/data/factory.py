"""Where sessions get their data ports from."""

from __future__ import annotations

import socket
from random import Random

from zope.interface import implementer

from ftpx.data.active import ActivePort
from ftpx.data.listening import DYNAMIC_PORTS, SocketMaker, open_listener
from ftpx.data.passive import PassivePort
from ftpx.data.spare import SpareListener
from ftpx.data.stream import Reactor
from ftpx.interfaces import IDataConnections, IDataSecurity

__all__ = ["DataConnections"]


@implementer(IDataConnections)
class DataConnections:
    """
    Data connections over TCP.

    :param timeout: seconds a transfer may stall, and at most which a connection may take to come about.
    :param ports: the ports to listen on; ``None``: `ftpx.data.listening.DYNAMIC_PORTS`.
    :param random: draws the ports; outside of tests `random.SystemRandom`, as a port that can be guessed can be stolen.
    """

    def __init__(
        self,
        reactor: Reactor,
        timeout: float,
        ports: range | None,
        random: Random,
        make_socket: SocketMaker = socket.socket,
    ) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._ports = DYNAMIC_PORTS if ports is None else ports
        self._random = random
        self._make_socket = make_socket
        self._listeners = SpareListener(reactor, self._open_listener)

    def listen(self, host: str, peers: frozenset[str] | None, security: IDataSecurity | None = None) -> PassivePort:
        """See `IDataConnections`."""
        listener, port = self._listeners.take(host)
        return PassivePort(
            self._reactor,
            listener,
            host,
            port,
            peers=peers,
            timeout=self._timeout,
            used=self._listeners.used,
            security=security,
        )

    def _open_listener(self, host: str) -> tuple[socket.socket, int]:
        return open_listener(host, self._ports, self._random, self._make_socket)

    def dial(self, host: str, port: int, source: str | None, security: IDataSecurity | None = None) -> ActivePort:
        """See `IDataConnections`."""
        return ActivePort(
            self._reactor,
            host,
            port,
            source=source,
            timeout=self._timeout,
            make_socket=self._make_socket,
            security=security,
        )
