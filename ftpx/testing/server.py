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
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.portal import IRealm
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.internet.task import Clock

from ftpx.accounts.authentication import make_portal
from ftpx.accounts.banning import NoBans
from ftpx.accounts.certificate import CertificateChecker
from ftpx.accounts.checkers import ClearPasswords, PasswordChecker
from ftpx.accounts.delay import LoginDelay
from ftpx.accounts.realm import Realm
from ftpx.digests.computing import Computations
from ftpx.digests.digests import Digests
from ftpx.digests.store import DigestStore
from ftpx.interfaces import IBans, IEventSink, IStorage
from ftpx.ops.event_log import EventLog
from ftpx.ops.events import Events
from ftpx.ops.transfers import Transfers
from ftpx.server.factory import ControlFactory, ImplicitTlsFactory
from ftpx.server.journal import Journal
from ftpx.server.policy import Policy
from ftpx.server.rate_limits import RateLimits
from ftpx.server.rates import RateTable, parse_rule
from ftpx.server.reservations import Reservations
from ftpx.server.session import Services
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.testing.client import MemoryClient, MemoryTransport, parse_replies
from ftpx.testing.data import MemoryDataConnections
from ftpx.testing.pool import InlinePool
from ftpx.tls.policy import ClientCertificates
from ftpx.tls.server import TlsServer
from ftpx.wire.commands import encode
from ftpx.wire.replies import Reply

__all__ = ["EPOCH", "MemoryClient", "MemoryTransport", "ServerHarness", "parse_replies"]

EPOCH = 1_577_836_800.0
"""When every harness begins: the first second of 2020 (UTC)."""

_CONTROL_PORT = 21
_CLIENT_PORT = 40000


class ServerHarness:
    """
    A server whose clients, data connections and time are in memory.

    Named users have the whole storage, anonymous ones may look at it.

    :param storage: what is served; an empty `MemoryStorage` by default.
    :param users: names and passwords; by default alice has the password ``secret``.
    :param tls: to offer TLS; data connections stay in clear in memory, see `MemoryDataPort.accept`.
    :param sinks: are told of transfers; of their progress if ``services.transfers`` is started.
    :param rates: as behind ``--rate``; ``services.rates`` may be given others later, if there are any.
    :param realm: who those are that are logged in, in the place of the above.
    :param bans: who may not even try; nobody is banned by default.
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
        tls: TlsServer | None = None,
        sinks: Sequence[IEventSink] = (),
        rates: Sequence[str] = (),
        realm: IRealm | None = None,
        bans: IBans | None = None,
        **policy: Any,
    ) -> None:
        self.clock = Clock()
        self.data = MemoryDataConnections(self.clock)
        self.storage: IStorage = MemoryStorage(clock=self.now) if storage is None else storage
        passwords = {encode(name): encode(word) for name, word in (users or {"alice": "secret"}).items()}
        checkers: list[ICredentialsChecker] = [PasswordChecker(ClearPasswords(passwords), InlinePool())]
        if anonymous:
            checkers.append(AllowAnonymousAccess())
        if tls is not None and tls.rules.client_certificates is ClientCertificates.LOGIN:
            checkers.append(CertificateChecker())
        tokens = itertools.count(1)
        journal = Journal(Clock())
        self.services = Services(
            policy=attrs.evolve(_POLICY, **policy),
            clock=self.clock,
            wall_clock=self.now,
            portal=make_portal(Realm(self._home) if realm is None else realm, checkers),
            data=self.data,
            delay=LoginDelay(self.clock),
            bans=NoBans() if bans is None else bans,
            computing=InlinePool(),
            digests=Digests(DigestStore(), Computations(InlinePool()), self.now),
            reservations=Reservations(),
            rates=RateLimits(self.clock, RateTable(map(parse_rule, rates)), changing=bool(rates)),
            journal=journal,
            transfers=Transfers(self.clock, self.now, Events([EventLog(journal.later), *sinks])),
            tls=tls,
            token=lambda: f"{next(tokens):04x}",
        )
        self.factory = ControlFactory(self.services, max_sessions, max_sessions_per_ip, sys.maxsize)
        self.implicit_tls = ImplicitTlsFactory(self.factory)
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
        :param factory: in the place of `factory`, such as one that wraps it, or `implicit_tls`.
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
