"""
A whole server in memory: no port, no thread, no wall clock.

Plugin authors see with it what FTP clients see of their storage::

    server = ServerHarness(MyStorage(...))
    server.login()
    server.command("MKD pub")  # [Reply(257, '"/pub" created.')]
    server.store("STOR pub/a", b"content")
    server.fetch("RETR pub/a")  # ([Reply(150, ...), Reply(226, ...)], b"content")

The storage must answer without threads, so it is given an `ftpx.testing.pool.InlinePool`.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping
from typing import Any, cast

import attrs
from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpx.accounts.authentication import make_portal
from ftpx.accounts.checkers import ClearPasswords, PasswordChecker
from ftpx.accounts.delay import LoginDelay
from ftpx.accounts.realm import Realm
from ftpx.interfaces import IStorage
from ftpx.server.factory import ControlFactory
from ftpx.server.journal import Journal
from ftpx.server.policy import Policy
from ftpx.server.session import Services
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.testing.data import MemoryDataConnections, MemoryPeer
from ftpx.testing.pool import InlinePool
from ftpx.wire.commands import decode, encode
from ftpx.wire.replies import Reply

__all__ = ["EPOCH", "MemoryClient", "MemoryTransport", "ServerHarness", "parse_replies"]

EPOCH = 1_577_836_800.0
"""When every harness begins: the first second of 2020 (UTC)."""

_CONTROL_PORT = 21
_CLIENT_PORT = 40000
_READ = 65536


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
            self.send(b"")
        if self.transport.disconnecting and not self.closed and (self._reads or self.transport.aborted):
            self.lose()

    def replies(self) -> list[Reply]:
        """
        What the server has said since this was last asked.

        :raises ValueError: it is not made of whole replies.
        """
        octets = self.transport.value()
        self.transport.clear()
        return parse_replies(octets)

    def command(self, *lines: str) -> list[Reply]:
        """Send command lines in one go; what the server says to them now."""
        self.send(b"".join(encode(line) + b"\r\n" for line in lines))
        self.settle()
        return self.replies()

    def login(self, name: str = "alice", password: str = "secret") -> list[Reply]:  # noqa: S107 - of the harness
        """Log in, and choose binary transfers as every client does."""
        return [*self.command(f"USER {name}"), *self.command(f"PASS {password}"), *self.command("TYPE I")]

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


class ServerHarness:
    """
    A server whose clients, data connections and time are in memory.

    Named users have the whole storage, anonymous ones may look at it.

    :param storage: what is served; an empty `MemoryStorage` by default.
    :param users: names and passwords; by default alice has the password ``secret``.
    :param policy: fields of `ftpx.server.policy.Policy` to set otherwise.
    """

    def __init__(
        self,
        storage: IStorage | None = None,
        *,
        users: Mapping[str, str] | None = None,
        anonymous: bool = True,
        max_sessions: int = 0,
        max_sessions_per_ip: int = 0,
        **policy: Any,
    ) -> None:
        self.clock = Clock()
        self.data = MemoryDataConnections(self.clock)
        self.storage: IStorage = MemoryStorage(clock=self.now) if storage is None else storage
        passwords = {encode(name): encode(word) for name, word in (users or {"alice": "secret"}).items()}
        checkers: list[ICredentialsChecker] = [PasswordChecker(ClearPasswords(passwords), InlinePool())]
        if anonymous:
            checkers.append(AllowAnonymousAccess())
        tokens = itertools.count(1)
        self.services = Services(
            policy=attrs.evolve(_POLICY, **policy),
            clock=self.clock,
            wall_clock=self.now,
            portal=make_portal(Realm(self._home), checkers),
            data=self.data,
            delay=LoginDelay(self.clock),
            journal=Journal(Clock()),
            token=lambda: f"{next(tokens):04x}",
        )
        self.factory = ControlFactory(self.services, max_sessions, max_sessions_per_ip, sys.maxsize)
        self._client: MemoryClient | None = None

    def now(self) -> float:
        """Seconds since the epoch, as far as the clock was advanced."""
        return EPOCH + self.clock.seconds()

    def connect(
        self,
        client: str | None = "127.0.0.1",
        server: str | tuple[str, int] | None = None,
        factory: IProtocolFactory | None = None,
    ) -> MemoryClient:
        """
        Connect from an address to one of the server.

        :param client: ``None``: over a UNIX socket.
        :param server: an address, or an address and a port; the client's address and port 21 by default.
        :param factory: in the place of `factory`, such as one that wraps it.
        """
        host, port = server if isinstance(server, tuple) else (client if server is None else server, _CONTROL_PORT)
        transport = MemoryTransport(_address(host, port), _address(client, _CLIENT_PORT))
        return MemoryClient(factory or self.factory, self.clock, self.data, transport)

    @property
    def client(self) -> MemoryClient:
        """The client of the methods below; it connects when it is first used."""
        if self._client is None:
            self._client = self.connect()
            self._client.replies()
        return self._client

    def login(self, name: str = "alice", password: str = "secret") -> list[Reply]:  # noqa: S107 - of the harness
        """See `MemoryClient.login`."""
        return self.client.login(name, password)

    def command(self, *lines: str) -> list[Reply]:
        """See `MemoryClient.command`."""
        return self.client.command(*lines)

    def fetch(self, command: str) -> tuple[list[Reply], bytes]:
        """See `MemoryClient.fetch`."""
        return self.client.fetch(command)

    def store(self, command: str, content: bytes) -> list[Reply]:
        """See `MemoryClient.store`."""
        return self.client.store(command, content)

    async def _home(self, name: str, anonymous: bool) -> IStorage:
        return ReadOnlyStorage(self.storage) if anonymous else self.storage


def _address(host: str | None, port: int) -> IAddress:
    if host is None:
        return UNIXAddress(None)
    return IPv6Address("TCP", host, port) if ":" in host else IPv4Address("TCP", host, port)


async def _as_is(local: str) -> str:
    return local


_POLICY = Policy(
    banner="Ready.",
    idle_timeout=300.0,
    login_timeout=30.0,
    active=True,
    symbolic_links=True,
    hide_owners=False,
    passive_address=_as_is,
    unique_key=b"harness",
)
