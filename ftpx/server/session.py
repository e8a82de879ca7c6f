"""What the verbs see of a control connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import Final, Protocol, cast

import attrs
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ftpx.accounts.delay import LoginDelay
from ftpx.data.deflate import DeflatedConnection
from ftpx.digests.digests import Digests
from ftpx.interfaces import (
    Direction,
    Entry,
    IAccount,
    IBans,
    IDataConnection,
    IDataConnections,
    IDataSecurity,
    IRights,
    IStorage,
    IWorkerPool,
    Path,
    Right,
)
from ftpx.ops.transfers import Transfers
from ftpx.server.addresses import Addresses
from ftpx.server.data_security import DataSecurity
from ftpx.server.data_transfer import ContentTransfer, DataTransfer, OpenData
from ftpx.server.journal import Journal
from ftpx.server.policy import Policy
from ftpx.server.rate_limits import RateLimits
from ftpx.server.reservations import Reservations
from ftpx.server.seen import SeenFiles
from ftpx.server.state import SessionState, TransferMode
from ftpx.server.verb import Verb
from ftpx.tls.channel import Channel
from ftpx.tls.server import TlsServer
from ftpx.tls.session import TlsSession
from ftpx.wire.replies import Reply

__all__ = ["Control", "Services", "Session"]

# For what part of a transfer's time, and how many seconds, the end of the control connection is still waited for.
_DOUBT: Final = 1 / 64
_SHORTEST_DOUBT: Final = 0.001
_LONGEST_DOUBT: Final = 0.1


@attrs.frozen(kw_only=True)
class Services:
    """
    What all sessions of a server share. ``tls`` is ``None`` if there is no certificate; ``computing`` is where what
    keeps a processor busy is done.
    """

    policy: Policy
    clock: IReactorTime
    wall_clock: Callable[[], float]
    portal: Portal
    data: IDataConnections
    delay: LoginDelay
    bans: IBans
    journal: Journal
    transfers: Transfers
    computing: IWorkerPool
    digests: Digests
    reservations: Reservations
    rates: RateLimits
    tls: TlsServer | None
    token: Callable[[], str]


class Control(Protocol):
    """The control connection, as far as a session may touch it."""

    def send(self, reply: Reply) -> None:
        """Write a reply now."""

    def write(self, octets: bytes) -> None:
        """Write a part of a long reply."""

    def drained(self) -> Deferred[None]:
        """Fires when the peer has taken enough of what was written."""

    def finish(self, last_word: Reply | None = None) -> None:
        """Close when the command under way is done, with a last word; later commands are dropped."""

    def close(self, reply: Reply) -> None:
        """Say a last word and close, whatever is under way."""

    def begin_tls(self, channel: Channel) -> None:
        """Speak TLS behind the reply to the command under way; what came in clear behind the command is dropped."""

    def end_tls(self) -> None:
        """Speak in clear behind the reply to the command under way."""

    def send_ticket(self) -> None:
        """Give the client a ticket of TLS for another data connection, with the next reply."""

    @property
    def secured(self) -> bool:
        """Whether the control connection speaks TLS."""

    @property
    def implicit(self) -> bool:
        """Whether it has done so from the first octet on, and always does."""

    def certified_name(self) -> str | None:
        """The name in the certificate that the client has shown by TLS."""

    @property
    def client(self) -> str:
        """`Addresses.client`."""

    def addresses(self) -> Addresses:
        """The two ends."""


class Session:
    """
    One client: its services, its state and the ways to answer it.

    ``software`` is what the client calls itself. ``tls`` is the TLS that AUTH or an implicit port has begun; it stays
    when CCC ends that of the control connection.
    """

    def __init__(self, services: Services, control: Control, commands: Mapping[str, Verb]) -> None:
        self.services = services
        self.commands = commands
        self.policy = services.policy
        self.control = control
        self.state = SessionState()
        self.transfer: DataTransfer | None = None
        self.refused: IDataConnection | None = None
        self.committing = False
        self.aborted = False
        self.software = ""
        self.seen = SeenFiles()
        self.tls: TlsSession | None = None
        self.reported = False
        self.pacing = object()

    @property
    def account(self) -> IAccount:
        """The account that is logged in; the gate lets nobody else get here."""
        return cast(IAccount, self.state.account)

    @property
    def storage(self) -> IStorage:
        """What the account sees."""
        return self.account.storage

    def end_refused(self) -> None:
        """Close the data connection of the last upload, if the storage refused it; at most one is left for a moment."""
        refused, self.refused = self.refused, None
        if refused is not None:
            refused.abort()

    def end(self) -> None:
        """End the login; there is nobody to be answered any more."""
        self.state.end()
        self.end_refused()
        del self.control

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.services.wall_clock()

    def rights(self, path: Path) -> Right:
        """What the account may do at a path."""
        limited = IRights(self.storage, None)
        return Right.ALL if limited is None else limited.rights(path)

    def unique(self, entry: Entry) -> str | None:
        """The ``unique`` fact: tells two files apart and says nothing about the disk."""
        if entry.identity is None:
            return None
        return blake2b(entry.identity, key=self.policy.unique_key, digest_size=8).hexdigest()

    def data_security(self) -> IDataSecurity | None:
        """The TLS of data connections, if the client has asked for it."""
        return DataSecurity(self) if self.state.protected else None

    def in_mode(self, connection: IDataConnection) -> IDataConnection:
        """A data connection as the transfer mode has it."""
        if self.state.mode is TransferMode.STREAM:
            return connection
        level = self.state.deflate_level or self.policy.deflate_level
        return DeflatedConnection(connection, self.services.computing, level, self.policy.deflate_ratio)

    def keep_pace(self, connection: IDataConnection, direction: Direction) -> None:
        """Have a data connection go no faster than the rates allow."""
        account = self.account
        pace = self.services.rates.pace(direction, self.pacing, account.name, self.control.client, account.allowance)
        if pace is not None:
            connection.keep_pace(pace)

    def open_data(self, opening: str) -> OpenData:
        """The data connection that was set up, for a listing; see `DataTransfer.open_data`."""
        return DataTransfer(self, Direction.DOWNLOAD).open_data(opening)

    def file_transfer(self, verb: str, direction: Direction, path: Path, size: int | None = None) -> ContentTransfer:
        """
        A context for all of a file's transfer, from the asking for the data connection (`ContentTransfer.open_data`)
        to the publishing; how it is left is the outcome that the operators are told.

        :param size: how many octets of the file go over the data connection, if that is known.
        """
        return ContentTransfer(self, verb, direction, path, size)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        passed: Deferred[None] = Deferred()
        call = self.services.clock.callLater(seconds, passed.callback, None)
        try:
            await passed
        finally:
            if call.active():
                call.cancel()

    async def outlive(self, seconds: float) -> None:
        """
        Look whether the control connection outlives a data connection that was open for so many seconds.

        A client that dies closes both: its data connection then looks like a complete upload, and only the end of the
        control connection tells. On a busy machine that takes the client some time; what waiting for it may cost
        depends on what there is to lose.
        """
        # Calls that are due run before the descriptors are looked at, so one turn of the reactor is not enough.
        for _ in range(2):
            await self.sleep(0)
        doubt = seconds * _DOUBT
        if doubt > _SHORTEST_DOUBT:
            await self.sleep(min(doubt, _LONGEST_DOUBT))

    @contextmanager
    def commitment(self) -> Iterator[None]:
        """A step that neither ABOR nor the loss of the control connection interrupts."""
        self.committing = True
        try:
            yield
        finally:
            self.committing = False
