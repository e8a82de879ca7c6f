"""A client of a server in memory."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpx.testing.data import MemoryDataConnections, MemoryPeer
from ftpx.testing.tls import TlsClient
from ftpx.wire.commands import decode, encode
from ftpx.wire.replies import Reply

__all__ = ["MemoryClient", "MemoryTransport", "parse_replies"]

_READ = 65536
_PROCEED = 234


def parse_replies(octets: bytes) -> list[Reply]:
    """
    The replies in what a server sent.

    :raises ValueError: that is not a sequence of whole, well-formed replies.
    """
    replies: list[Reply] = []
    code, lines = "", [""]
    *whole, rest = decode(octets).split("\r\n")
    for line in whole:
        if any(character in line for character in "\r\n\0"):
            raise ValueError(f"a control character in {line!r}")
        if code:
            ended = line.startswith(f"{code} ")
            lines.append(line[4:] if ended else line)
        else:
            code, ended, lines = line[:3], line[3:4] == " ", [line[4:]]
            if not (code.isascii() and code.isdigit() and line[3:4] in {" ", "-"}):
                raise ValueError(f"no reply begins with {line!r}")
        if ended:
            replies.append(Reply(int(code), *lines))
            code = ""
    if rest or code:
        raise ValueError(f"a reply without end: {code}{lines} {rest!r}")
    return replies


@implementer(ITCPTransport)
class MemoryTransport(StringTransport):
    """
    The server's end of a control connection.

    Like a socket's, its `loseConnection` waits until the peer has read everything.
    """

    def __init__(self, host: IAddress, peer: IAddress) -> None:
        super().__init__(hostAddress=host, peerAddress=peer)
        self.aborted = False

    def abortConnection(self) -> None:
        """Close without waiting for the peer."""
        self.disconnecting = self.aborted = True

    def loseWriteConnection(self) -> None:
        """Nothing in the server half-closes a control connection."""
        raise NotImplementedError

    def getTcpNoDelay(self) -> bool:
        """Whether small writes go out at once."""
        return True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no delay."""

    def getTcpKeepAlive(self) -> bool:
        """Whether a dead peer is noticed."""
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """There is no network."""


class MemoryClient:
    """A client's end of a control connection."""

    def __init__(
        self, factory: IProtocolFactory, clock: Clock, data: MemoryDataConnections, transport: MemoryTransport
    ) -> None:
        self.transport = transport
        self.closed = False
        self._clock = clock
        self._data = data
        self._reads = True
        self._tls: TlsClient | None = None
        self._heard = b""
        self._outgoing = bytearray()
        self._protocol = cast(IProtocol, factory.buildProtocol(transport.getPeer()))
        self._protocol.makeConnection(transport)
        self.settle()

    @property
    def unread(self) -> int:
        """Octets that were sent and that the server does not want to read yet."""
        return len(self._outgoing)

    @property
    def last_port(self) -> Any:
        """The data port that was made last, of any client."""
        return self._data.ports[-1]

    def send(self, octets: bytes) -> None:
        """Send octets; the server gets those it wants to read, and does what it does at once."""
        self.send_raw(octets if self._tls is None else self._tls.protect(octets))

    def send_raw(self, octets: bytes) -> None:
        """Send octets as they are, past TLS."""
        self._outgoing += octets
        while self._outgoing and not self.closed and self.transport.producerState == "producing":
            block = bytes(self._outgoing[:_READ])
            del self._outgoing[:_READ]
            self._protocol.dataReceived(block)

    def settle(self) -> None:
        """Let everything happen that takes no time."""
        unread = -1
        while unread != self.unread:
            unread = self.unread
            self._clock.advance(0)
            self.send_raw(b"")
        if self.transport.disconnecting and not self.closed and (self._reads or self.transport.aborted):
            self.lose()

    def replies(self) -> list[Reply]:
        """
        What the server has said since this was last asked.

        :raises ValueError: it is not made of whole replies.
        """
        octets = self._received()
        heard, self._heard = self._heard, b""
        return parse_replies(heard + (octets if self._tls is None else self._tls.receive(octets)))

    def _received(self) -> bytes:
        octets: bytes = self.transport.value()
        self.transport.clear()
        return octets

    def command(self, *lines: str) -> list[Reply]:
        """Send command lines in one go; what the server says to them now."""
        self.send(b"".join(encode(line) + b"\r\n" for line in lines))
        self.settle()
        return self.replies()

    def login(self, name: str = "alice", password: str = "secret") -> list[Reply]:  # noqa: S107 - of the harness
        """Log in, and choose binary transfers as every client does."""
        return [*self.command(f"USER {name}"), *self.command(f"PASS {password}"), *self.command("TYPE I")]

    def shake_hands(self, tls: TlsClient | None = None) -> TlsClient:
        """
        Speak TLS from here on.

        :param tls: the client's end; by default one that trusts everybody.
        :return: that end. If the server breaks off, it is not ``established``.
        :raises SSL.Error: the handshake failed.
        """
        self._tls = tls = tls or TlsClient()
        while not tls.established:
            received = self._received()
            self._heard += tls.receive(received)
            octets = tls.outgoing()
            if not received and not octets:
                return tls
            self.send_raw(octets)
            self.settle()
        return tls

    def secure(self, tls: TlsClient | None = None, mechanism: str = "TLS") -> list[Reply]:
        """Say AUTH, and go on by TLS if the server agrees; what was said to it. See `shake_hands`."""
        replies = self.command(f"AUTH {mechanism}")
        if replies and replies[-1].code == _PROCEED:
            self.shake_hands(tls)
        return replies

    def protect(self) -> list[Reply]:
        """Ask for TLS on data connections; what was said."""
        return [*self.command("PBSZ 0"), *self.command("PROT P")]

    def leave_tls(self, *, end: bool = True) -> None:
        """
        Go on in clear, behind CCC or REIN.

        :param end: whether to say so by TLS first (close_notify).
        """
        if self._tls is not None:
            tls, self._tls = self._tls, None
            self._heard += tls.receive(self._received())
            self.send_raw(tls.end() if end else b"")

    def begin(self, command: str) -> tuple[list[Reply], MemoryPeer]:
        """Begin a transfer over a passive port: what was said from the command on, and the peer of the connection."""
        self.command("EPSV")
        port = self.last_port
        replies = self.command(command)
        peer: MemoryPeer = port.accept()
        self.settle()
        return [*replies, *self.replies()], peer

    def fetch(self, command: str) -> tuple[list[Reply], bytes]:
        """Make a transfer from the server: what was said, and what came."""
        replies, peer = self.begin(command)
        return replies, peer.sent

    def store(self, command: str, content: bytes) -> list[Reply]:
        """Make a transfer to the server: what was said."""
        replies, peer = self.begin(command)
        peer.send(content)
        peer.end()
        self.settle()
        return [*replies, *self.replies()]

    def stop_reading(self) -> None:
        """Read no more replies, so that the server's buffer is full."""
        self._reads = False
        if self.transport.producer is not None:
            self.transport.producer.pauseProducing()

    def resume_reading(self) -> None:
        """Read replies again."""
        self._reads = True
        if self.transport.producer is not None:
            self.transport.producer.resumeProducing()
        self.settle()

    def lose(self, reason: Failure = connectionDone) -> None:
        """The connection ends."""
        self.closed = True
        self._protocol.connectionLost(reason)
