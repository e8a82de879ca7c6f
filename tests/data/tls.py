"""Data connections by TLS over socket pairs."""

from __future__ import annotations

import socket
from contextlib import suppress

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.data.connection import DataConnection
from ftpx.data.stream import SocketStream
from ftpx.data.tls_stream import TlsStream
from ftpx.interfaces import IDataSecurity
from ftpx.testing.tls import TlsClient, make_tls_server
from ftpx.tls.session import TlsSession
from tests.data.contract import TIMEOUT
from tests.data.doubles import DescriptorReactor, FaultySocket, connected_pair
from tests.tls.ends import client_context, meet_channel

__all__ = ["TLS_1_2", "TLS_1_3", "Security", "TlsCase", "TlsPeer"]

TLS_1_2 = client_context(SSL.TLS1_2_VERSION)
TLS_1_3 = client_context(SSL.TLS1_3_VERSION)
_SERVER = make_tls_server()
_MANY_TURNS = 2000


@implementer(IDataSecurity)
class Security:
    """The TLS of a session: notes how it judges, and refuses with ``error`` if there is one."""

    def __init__(self) -> None:
        self.session: TlsSession = _SERVER.session()
        self.judged: list[bool] = []
        self.error: Exception | None = None

    def connection(self) -> SSL.Connection:
        """See `IDataSecurity`."""
        return self.session.data()

    def resumed_by(self, connection: SSL.Connection) -> bool:
        """See `IDataSecurity`."""
        return self.session.resumed_by(connection)

    def judge(self, resumed: bool) -> None:
        """See `IDataSecurity`."""
        self.judged.append(resumed)
        if self.error is not None:
            raise self.error


class TlsPeer:
    """
    The other end of a socket pair, by TLS.

    :param takes: whether it reads what comes behind the handshake.
    """

    def __init__(self, ours: FaultySocket, socket_: socket.socket, tls: TlsClient, takes: bool = True) -> None:
        self.ours = ours
        self.socket = socket_
        self.tls = tls
        self.takes = takes
        self.raw = b""
        self.gone = False
        self._sent = b""

    @property
    def sent(self) -> bytes:
        """All that has come so far, without TLS."""
        self.take()
        return self._sent

    @property
    def complete(self) -> bool:
        """Whether close_notify has come."""
        return self.tls.ended

    @property
    def closed(self) -> bool:
        """Whether our end is closed."""
        return self.ours.closed

    def take(self) -> None:
        """Take what has come, shake hands, and close when everything has come, as clients do."""
        if self.gone or (self.tls.established and not self.takes):
            return
        self.hear(self._received())
        self._push(self.tls.outgoing())
        if self.tls.ended:
            self.end()

    def hear(self, octets: bytes) -> None:
        """Take octets that came."""
        self.raw += octets
        self._sent += self.tls.receive(octets)

    def send(self, data: bytes) -> None:
        """Send, all at once."""
        self._push(self.tls.protect(data))

    def end(self) -> None:
        """No more is sent, and that is said."""
        if not self.gone:
            with suppress(BrokenPipeError):
                self._push(self.tls.end())
            self.cut()

    def cut(self) -> None:
        """No more is sent, and that is not said by TLS."""
        self.gone = True
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break the connection."""
        self.gone = True
        self.socket.close()

    def _received(self) -> bytes:
        blocks: list[bytes] = []
        try:
            while block := self.socket.recv(1 << 20):
                blocks.append(block)
        except OSError:
            pass
        return b"".join(blocks)

    def _push(self, octets: bytes) -> None:
        if octets:
            assert self.socket.send(octets) == len(octets)


class TlsCase(SynchronousTestCase):
    """Connections over socket pairs, driven by hand."""

    context = TLS_1_3

    def setUp(self) -> None:
        self.clock = DescriptorReactor()
        self.peers: list[TlsPeer] = []
        self.security = Security()

    def tearDown(self) -> None:
        for peer in self.peers:
            peer.socket.close()
            peer.ours.close()
        self.assertEqual((self.clock.readers, self.clock.writers), (set(), set()))

    def peer(self, takes: bool = True, session: SSL.Session | None = None) -> TlsPeer:
        """A peer, whose stream is `stream`."""
        ours, theirs = connected_pair()
        peer = TlsPeer(ours, theirs, TlsClient(self.context, session=session), takes)
        self.peers.append(peer)
        self.stream = TlsStream(SocketStream(self.clock, ours), self.security)
        return peer

    def opened(self, takes: bool = True, session: SSL.Session | None = None) -> tuple[DataConnection, TlsPeer]:
        """A connection whose handshake has not begun."""
        peer = self.peer(takes, session)
        return DataConnection(self.clock, self.stream, TIMEOUT), peer

    def connected(self, takes: bool = True) -> tuple[DataConnection, TlsPeer]:
        """A connection whose handshake is over."""
        connection, peer = self.opened(takes)
        self.settle()
        self.assertTrue(peer.tls.established)
        return connection, peer

    def settle(self) -> None:
        """Turn until nothing new can come."""
        for _ in range(8):
            self.clock.turn()
            for peer in self.peers:
                peer.take()

    def finish(self, transfer: Deferred[int]) -> None:
        """Turn until a transfer is over."""
        for _ in range(_MANY_TURNS):
            if transfer.called:
                return
            self.settle()

    def ticket(self, context: SSL.Context) -> SSL.Session:
        """What resumes the session of the control connection."""
        # A connection that goes away without an end spoils its session.
        self.control = channel, client = self.security.session.control(), TlsClient(context)
        meet_channel(channel, client)
        client.receive(channel.protect(b"220 Ready.\r\n"))
        session = client.connection.get_session()
        assert session is not None
        return session
