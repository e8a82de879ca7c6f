"""
The contracts of ftpx.

A storage provides `IStorage`, which is small. Whatever more it can do, it says by
providing one of the optional interfaces below; ftpx asks ``ISomething(storage, None)``
and FEAT tells each user what their own storage can do.

Paths are tuples of names, relative to the root of the storage: ``()`` is the root,
``("pub", "a.txt")`` a file in a directory of it. Names are ``str``; bytes that are not
UTF-8 are kept by ``surrogateescape``. ftpx has normalised a path before a storage sees
it: no name is empty, ``.`` or ``..``, or holds ``/``, NUL, CR or LF.

Every operation raises an error of `ftpx.errors` and nothing else. Whatever may block
runs off the reactor thread: a storage uses the pool that it is given.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TypeVar

import attrs
from OpenSSL import SSL
from zope.interface import Attribute, Interface

from ftpx.errors import StorageError

__all__ = [
    "Block",
    "Direction",
    "Entry",
    "Event",
    "FileTransfer",
    "IAccessRules",
    "IAccount",
    "IAllowance",
    "IBans",
    "IBoundedFile",
    "IClient",
    "ICreationTimes",
    "IDataConnection",
    "IDataConnections",
    "IDataPort",
    "IDataSecurity",
    "IDurable",
    "IDurableFile",
    "IEventSink",
    "IFileDescriptor",
    "IFreeSpace",
    "IModes",
    "IPace",
    "IPartialFile",
    "IPartialUploads",
    "IQuotaLeft",
    "IQuotas",
    "IReadableFile",
    "IReservation",
    "IRights",
    "IServerSideCopy",
    "IStagedContent",
    "IStagedDescriptor",
    "IStorage",
    "IStoragePlugin",
    "ISubtrees",
    "ISymbolicLinks",
    "ITimes",
    "ITransferAllowance",
    "IWithoutLinks",
    "IWorkerPool",
    "IWritableFile",
    "Kind",
    "Path",
    "Right",
    "TransferFailed",
    "TransferFinished",
    "TransferProgress",
    "TransferStarted",
]

Path = tuple[str, ...]
Block = bytes | bytearray | memoryview

_T = TypeVar("_T")


class Kind(enum.Enum):
    """What an entry of a directory is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"


class Direction(enum.Enum):
    """Which way the octets of a transfer go, as the client sees it."""

    DOWNLOAD = "download"
    UPLOAD = "upload"


class Right(enum.Flag):
    """What an account may do in a storage. ``WRITE`` is to store a new file, ``OVERWRITE`` one over another."""

    LIST = enum.auto()
    READ = enum.auto()
    WRITE = enum.auto()
    APPEND = enum.auto()
    DELETE = enum.auto()
    RENAME = enum.auto()
    MAKE_DIRECTORY = enum.auto()
    SET_ATTRIBUTES = enum.auto()
    OVERWRITE = enum.auto()

    LOOK = LIST | READ
    ALL = LOOK | WRITE | APPEND | OVERWRITE | DELETE | RENAME | MAKE_DIRECTORY | SET_ATTRIBUTES


@attrs.frozen(slots=True)
class Entry:
    """
    One file, directory or other thing in a storage.

    ``size`` is in octets, ``modified`` and ``created`` are seconds since the epoch
    (UTC), ``mode`` holds the permission bits. What a storage does not know is ``None``.
    ``identity`` is the same for two names of one file and differs between two files.
    ``version`` changes whenever the content may have changed.
    ``target`` is the text of a symbolic link.
    """

    name: str
    kind: Kind
    size: int = 0
    modified: float | None = None
    created: float | None = None
    mode: int | None = None
    links: int = 1
    owner: str | None = None
    group: str | None = None
    identity: bytes | None = None
    version: bytes | None = None
    target: str | None = None


class IReadableFile(Interface):
    """An open file to read from. A file that is replaced meanwhile is read as it was."""

    entry: Entry = Attribute("What the file was when it was opened; its size is the end.")

    def read(offset: int, size: int) -> Awaitable[bytes]:
        """Up to ``size`` octets from ``offset``; fewer only where the file ends."""

    def close() -> None:
        """Let go of the file. Does not block and does not raise."""


class IWritableFile(Interface):
    """
    A file being written. It becomes visible under its name by `commit`, in one step;
    until then, and after `abort`, whatever had the name before is whole.
    """

    offset: int = Attribute("How many octets of the present file are kept before the first write.")

    def write(block: Block) -> Awaitable[None]:
        """Add a block. The caller may reuse the block's memory when this has fired."""

    def commit() -> Awaitable[Entry]:
        """Publish what was written and return the entry that it has become."""

    def abort() -> Awaitable[None]:
        """Throw away what was written. After `commit`, or a second time, nothing happens."""


class IFileDescriptor(Interface):
    """
    Optional, for readable and writable files: the content is behind a descriptor of the
    operating system, so the kernel can move the bytes.

    Reading: octets from 0 to ``entry.size``. Writing: by position, from ``offset`` on, behind what
    `IWritableFile.write` was given: the beginning of a file may go either way.
    """

    def fileno() -> int:
        """The descriptor. It is valid until the file is closed, committed or aborted."""

    def translate(error: OSError) -> StorageError:
        """What an error of a call on the descriptor means. Called in any thread, does not block."""

    pool: IWorkerPool = Attribute("Where calls on the descriptor that may block are made.")


class IDurableFile(IWritableFile):
    """Optional, for writable files of a storage that provides `IDurable`."""

    def commit_durably() -> Awaitable[Entry]:
        """As `IWritableFile.commit`, and fired only when content and name would survive a loss of power."""


class IPartialFile(IWritableFile):
    """A writable file of `IPartialUploads`."""

    def suspend() -> Awaitable[None]:
        """
        Keep what was written, so that `IPartialUploads.continue_upload` can go on with it; instead of `abort`.
        After `commit` or `abort`, nothing happens.
        """


class IStagedContent(Interface):
    """Optional, for writable files without `IFileDescriptor`: what will be published can be read before it is."""

    def read_back(offset: int, size: int) -> Awaitable[bytes]:
        """Up to ``size`` octets from ``offset`` of the next content; fewer only where what was written ends."""


class IStagedDescriptor(IFileDescriptor):
    """Optional, for writable files behind a descriptor."""

    def prepare() -> None:
        """
        Called once, in a thread of the pool, before the first write on the descriptor; may block. Nothing is given to
        `IWritableFile.write` before it.

        :raises OSError: see `IFileDescriptor.translate`.
        """


class IStorage(Interface):
    """What every storage does."""

    def stat(path: Path) -> Awaitable[Entry]:
        """
        The entry at a path. The name of the root's entry is empty. A symbolic link is followed
        where it leads to something inside the storage, and is an entry of kind ``LINK`` otherwise.

        :raises NotFound: nothing is there.
        """

    def list_directory(path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """
        The entries of a directory in pages of bounded size; links are not followed.

        Each page is sorted by name. Closing the generator early releases what it holds.

        :raises NotFound, NotADirectory: at the first page.
        """

    def open_read(path: Path) -> Awaitable[IReadableFile]:
        """
        Open a file.

        :raises NotFound, IsADirectory, NotARegularFile, PermissionDenied:
        """

    def open_write(path: Path, *, offset: int | None = 0, exclusive: bool = False) -> Awaitable[IWritableFile]:
        """
        Begin to write a file: a new one, or the next content of a present one.

        :param offset: how many octets of the present file to keep and continue behind;
            ``None``: all of them. 0 starts afresh.
        :param exclusive: fail with `AlreadyExists`, at the latest on commit, if the name is taken.
        :raises OffsetBeyondEnd: the present file is shorter than ``offset``.
        :raises NotFound, NotADirectory: the directory is not there.
        :raises IsADirectory, NotARegularFile, NameRefused, PermissionDenied, NoSpace:
        """

    def make_directory(path: Path) -> Awaitable[None]:
        """:raises AlreadyExists, NotFound, NotADirectory, NameRefused, PermissionDenied:"""

    def remove_directory(path: Path) -> Awaitable[None]:
        """:raises NotFound, NotADirectory, DirectoryNotEmpty, PermissionDenied:"""

    def remove_file(path: Path) -> Awaitable[None]:
        """
        Remove anything but a directory; of a symbolic link, the link.

        :raises NotFound, IsADirectory, PermissionDenied:
        """

    def rename(source: Path, destination: Path) -> Awaitable[None]:
        """
        Give an entry another name, in one step. A file replaces a file and a directory an empty
        directory; anything else in the way is an error.

        :raises NotFound, AlreadyExists, IsADirectory, NotADirectory, DirectoryNotEmpty, NameRefused, PermissionDenied:
        """


class IRights(Interface):
    """Optional: not everything is allowed everywhere."""

    def rights(path: Path) -> Right:
        """What may be done with the thing at a path, or in it."""


class IAccessRules(Interface):
    """
    What one account may do where. Nothing here waits.

    What is said may change between two calls: an operator changes the rights of who is logged in.
    """

    def rights(path: Path) -> Right:
        """What may be done with the thing at a path, or in it."""

    def is_hidden(path: Path) -> bool:
        """Whether a name of the path is one that the account neither sees nor uses."""

    def is_boundary(path: Path) -> bool:
        """Whether rules of their own begin at the path or below it, so that moving it would move things out of them."""


class IWithoutLinks(Interface):
    """Optional: symbolic links can be left unfollowed."""

    def without_links() -> IStorage:
        """
        The same storage, in which no path leads over a symbolic link.

        What is behind a link is `NotFound`; the link itself is an entry of kind ``LINK``, for ``stat`` too.
        """


class ISubtrees(Interface):
    """Optional: a directory can be made a storage of its own that nothing leads out of."""

    def subtree(path: Path) -> Awaitable[IStorage]:
        """:raises NotFound, NotADirectory, PermissionDenied:"""


class ITimes(Interface):
    """Optional: the time of the last modification can be set."""

    def set_modified(path: Path, seconds: float) -> Awaitable[None]:
        """Seconds since the epoch, UTC."""


class ICreationTimes(Interface):
    """Optional: the time of creation can be set."""

    def set_created(path: Path, seconds: float) -> Awaitable[None]:
        """Seconds since the epoch, UTC."""


class IModes(Interface):
    """Optional: entries have UNIX permission bits."""

    def set_mode(path: Path, mode: int) -> Awaitable[None]:
        """``mode`` is between 0 and 0o777."""


class ISymbolicLinks(Interface):
    """Optional: symbolic links can be made."""

    def make_link(path: Path, target: str) -> Awaitable[None]:
        """:raises AlreadyExists, NotFound, PermissionDenied:"""


class IServerSideCopy(Interface):
    """Optional: a file can be copied without its bytes passing through ftpx."""

    def copy(source: Path, destination: Path) -> Awaitable[None]:
        """Copy one file; a file of the new name is replaced in one step."""


class IFreeSpace(Interface):
    """Optional: the storage knows how much it can still take."""

    def free_space(path: Path) -> Awaitable[int]:
        """Octets that could still be stored in the directory at a path."""


class IQuotaLeft(Interface):
    """Optional: less may be stored than there is room for."""

    def quota_left(path: Path) -> Awaitable[int | None]:
        """Octets that the account may still store in the directory at a path; ``None``: as many as it likes."""


class IPartialUploads(Interface):
    """
    Optional: what has come of an upload that broke off is kept for its owner, who can continue it.

    A partial upload belongs to a path and an owner, the login name of an account. It remembers which file, if any, it
    was to replace. Nobody sees it but its owner, and only by this interface.
    """

    def begin_upload(path: Path, owner: str, *, exclusive: bool = False) -> Awaitable[IPartialFile]:
        """
        Begin to write a file from its start, as ``open_write(path, exclusive=exclusive)``.

        The partial upload that the owner may have for this path stays until the new one is suspended or committed.
        """

    def continue_upload(
        path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> Awaitable[IPartialFile | None]:
        """
        Go on with the owner's partial upload behind its first ``offset`` octets, ``None``: behind all of them.

        :param exclusive: fail with `AlreadyExists`, at the latest on commit, if the name is taken.

        :return: ``None`` if there is no partial upload; then what stands under the name may be continued. So it is
            if ``offset`` is ``None`` and the owner has published a file of the name from its start since.
        :raises OffsetBeyondEnd: less has come.
        :raises FileReplaced: since the upload began, another file got the name; or ``offset`` is ``None`` and the one
            that it was to replace still stands; or another session of the owner is writing there.
        """

    def partial_size(path: Path, owner: str) -> Awaitable[int | None]:
        """How many octets are kept for an owner, where no file has the name; ``None`` if none are, or one has."""

    def discard_partial(path: Path, owner: str) -> Awaitable[bool]:
        """Throw away what is kept for an owner; whether there was something."""

    def kept_octets(owner: str, path: Path | None = None) -> Awaitable[int]:
        """
        How many octets are kept for an owner: of uploads to one path, also if a file has that name; or of all in the
        storage. What is being written at this moment does not count.
        """

    def tidy_partials(lifetime: float) -> Awaitable[None]:
        """Throw away what was kept for longer than so many seconds, and what a crash has left that is of no use."""


class IDurable(Interface):
    """Optional, without operations: writable files of this storage provide `IDurableFile`."""


class IWorkerPool(Interface):
    """A bounded set of threads for calls that may block."""

    def run(
        function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Awaitable[_T]:
        """
        Call a function in a thread of the pool.

        :param discard: called in the thread with the result if nobody waits for it any more
            because the wait was cancelled; here what the function opened is closed again.
        :raises StorageUnavailable: too many calls are waiting already.
        """


class IStoragePlugin(Interface):
    """A kind of storage, found by `twisted.plugin` and named on the command line by its prefix."""

    prefix: str = Attribute("The kind: what stands before the first colon of ``--storage``.")
    argument_format: str = Attribute("The form of what stands behind it, such as ``DIR``.")
    help: str = Attribute("What it is, in a sentence or two, for ``--help-storage``.")

    def open_storage(arguments: str, pool: IWorkerPool) -> IStorage:
        """
        Make the storage. Called once, at start-up, before anything listens.

        :raises ConfigurationError: the arguments cannot be used.
        """


class IAccount(Interface):
    """Who is logged in: the avatar that the realm gives to a session."""

    name: str = Attribute("The login name, for logs and replies.")
    anonymous: bool = Attribute("Whether nobody proved who they are.")
    storage: IStorage = Attribute("What the account sees, with its rights already in force.")
    requires_tls: bool = Attribute("Whether its data connections must be protected; may change.")
    allowance: IAllowance | None = Attribute("What it may use; ``None``: as much as it likes, for ever.")


class IClient(Interface):
    """The client of a session: the ``mind`` that a login gives to the realm."""

    address: str = Attribute("The client's address, or what stands for it.")
    secured: bool = Attribute("Whether the control connection speaks TLS.")

    def end(text: str) -> None:
        """End the session now, whatever is under way, with a reply 421 of this text."""


class IAllowance(Interface):
    """What an account may use besides room: transfers at once, octets a day and a month, octets a second."""

    def begin_transfer(direction: Direction) -> Awaitable[ITransferAllowance]:
        """
        Count a transfer of a file in.

        :raises TooManyTransfers, QuotaExceeded, StorageUnavailable: it cannot begin now.
        """

    def rates(direction: Direction) -> Sequence[tuple[str, int | None]]:
        """
        The rates that the account's transfers share: what each is for, such as ``user:alice`` or ``group:staff``, and
        octets a second, ``None``: no limit. May say other rates later, for the same things.
        """

    def quota_lines() -> Awaitable[Sequence[str]]:
        """What of its quotas is used, in lines for people."""


class ITransferAllowance(Interface):
    """What one transfer may use."""

    pace: IPace | None = Attribute("How many octets it may move by now; ``None``: as many as it likes.")

    def end(moved: int) -> None:
        """The transfer is over, and has moved so many octets over the data connection. May be repeated."""


class IQuotas(Interface):
    """How much an account may store in one part of its tree."""

    limited: bool = Attribute("Whether there is any quota or largest file; if not, nothing else here need be asked.")
    largest_file: int | None = Attribute("Octets that a file may have.")

    def reserve(octets: int, files: int, places: Sequence[str] = ()) -> Awaitable[IReservation]:
        """
        Set room aside for one change, and lock places as `IReservation.lock` does.

        :raises QuotaExceeded: there is not enough.
        :raises StorageUnavailable: the accounts cannot be asked now, or a place stays locked.
        """

    def available() -> Awaitable[int | None]:
        """Octets that can still be stored; ``None``: there is no limit."""


class IReservation(Interface):
    """
    Room that is set aside for one change in a storage, and the account of what has come of it.

    It ends with `settle` or `release`, of which the first counts.
    """

    octets: int = Attribute("Octets that are set aside.")

    def extend(needed: int, wanted: int, files: int = 0) -> Awaitable[None]:
        """
        Set aside ``needed`` octets in all, and as many more, up to ``wanted``, as there is room for; and so many files.

        :raises QuotaExceeded: ``needed`` or ``files`` is too much; then nothing has changed.
        :raises StorageUnavailable: the accounts cannot be asked now.
        """

    def lock(places: Sequence[str]) -> Awaitable[None]:
        """
        Keep everybody else, on all servers, from changing what is at these places until this ends.

        :raises StorageUnavailable: somebody else has held one of them for too long.
        """

    def try_lock(place: str) -> Awaitable[bool]:
        """Lock one place if nobody has it."""

    def take_over(octets: int, files: int) -> Awaitable[None]:
        """Turn what is accounted for already into what is set aside here, and unlock all places."""

    def settle(octets: int, files: int, *, certain: bool = True) -> Awaitable[None]:
        """
        Account for what the change came to, below 0: for what went away; give back what was set aside, and unlock.

        Does not raise: what cannot be written now is written when it can be.

        :param certain: that is what has changed; if not, all is to be counted again.
        """

    def release() -> Awaitable[None]:
        """Nothing has changed: give back what was set aside, and unlock. Does not raise."""


class IBoundedFile(Interface):
    """Optional, for writable files: how much may be written is found out while it is."""

    def announce(size: int) -> Awaitable[None]:
        """
        The whole file will have so many octets.

        :raises QuotaExceeded: there is no room for it.
        """

    def pace() -> IPace:
        """
        How many octets may be written on the descriptor, from ``offset`` on; more as room is found. It raises
        `QuotaExceeded` when there is none.
        """


class IBans(Interface):
    """Who may not even try to log in."""

    def refuses(address: str) -> bool:
        """Whether nobody is served at an address."""

    def refuses_login(address: str, name: str) -> bool:
        """Whether a login by this name is refused to this address."""

    def failed(address: str, name: str) -> None:
        """
        Count a failed login.

        A right password makes nothing good: who guesses may have an account of his own.
        """


class IPace(Interface):
    """How fast one transfer may go. Called in the reactor thread only."""

    def allowed(moved: int) -> int:
        """
        How many octets may have moved by now, from the beginning of the transfer on; fewer than ``moved`` if a rate
        was lowered meanwhile.

        :param moved: how many have.
        :raises FtpxError: no more ever may; the transfer ends with this error.
        """

    def wait() -> float:
        """Seconds after which to ask `allowed` again, if it allowed no more than had moved; above 0."""

    def end(moved: int) -> None:
        """The transfer is over: what it was allowed and did not move is there for others. May be repeated."""


class IDataConnection(Interface):
    """
    An established data connection. It serves one transfer and has one outcome.

    ``moved`` counts the octets so far. All three ways to move bytes return how many went over
    the wire, and raise `DataConnectionLost`, `DataConnectionStalled` or `DataConnectionAborted`,
    or whatever the source or sink raised. Whichever way they end, the connection is closed; behind a `StorageError` a
    moment later, so that the peer can read the reply before it finds out.
    """

    moved: int = Attribute("Octets sent or received so far.")

    def keep_pace(pace: IPace) -> None:
        """Move octets no faster than a pace allows, and end it with the transfer; called before that begins."""

    def send_file(source: IReadableFile, offset: int, end: int) -> Awaitable[int]:
        """Send the octets from ``offset`` up to, not including, ``end``, then end the connection cleanly."""

    def send_blocks(blocks: AsyncGenerator[Block, None], delimited: bool = False) -> Awaitable[int]:
        """
        Send every block, asking for more only as the peer takes them, then end cleanly. Closes ``blocks``.

        :param delimited: the octets tell by themselves where they end, so a peer may close as soon as it has them.
        """

    def receive(sink: IWritableFile) -> Awaitable[int]:
        """Write all that comes to the sink until the peer ends cleanly. Does not commit."""

    def abort() -> None:
        """Close at once. A transfer under way raises `DataConnectionAborted`."""


class IDataSecurity(Interface):
    """The TLS of one session's data connections, in which the server is the server whoever connects (RFC 4217)."""

    def connection() -> SSL.Connection:
        """A connection in memory that waits for a handshake."""

    def resumed_by(connection: SSL.Connection) -> bool:
        """Whether a connection whose handshake is over resumed a TLS session of this FTP session."""

    def judge(resumed: bool) -> None:
        """
        Decide on a connection whose handshake is over.

        :param resumed: whether it resumed a TLS session of this FTP session.
        :raises DataConnectionNotResumed: it must and did not.
        """


class IDataPort(Interface):
    """Where the next data connection will come about: a passive or an active one."""

    host: str = Attribute("The address: ours for a passive port, the peer's for an active one.")
    port: int = Attribute("The TCP port.")

    def connect() -> Awaitable[IDataConnection]:
        """
        Wait for the connection, or make it. Once only.

        :raises DataConnectionNotOpened: refused, or not in time.
        """

    def close() -> None:
        """Stop listening or connecting, and close a connection nobody took. May be repeated."""


class IDataConnections(Interface):
    """Makes data ports for sessions."""

    def listen(host: str, peers: frozenset[str] | None, security: IDataSecurity | None = None) -> IDataPort:
        """
        Listen on a fresh port of a local address (no name) for a connection from one of ``peers``.

        :param peers: addresses; ``None``: from anybody, and the first one gets it.
        :param security: the TLS of the connection; ``None``: it goes in clear.
        :raises NoFreePort: no port or descriptor is free.
        """

    def dial(host: str, port: int, source: str | None, security: IDataSecurity | None = None) -> IDataPort:
        """A port that connects to the peer when it is wanted, from the local address ``source``."""


@attrs.frozen(slots=True, kw_only=True)
class FileTransfer:
    """
    A transfer of a file's content, as the operators are told of it: what is the same from its start to its end.

    ``id`` tells it from all others since the server's start. ``user`` is the login name, ``client`` the address,
    ``verb`` the command. ``protected``: the data connection speaks TLS. ``started`` is in seconds since the epoch.
    ``size`` is how many octets will go over the data connection, ``None`` if nobody knows.
    """

    id: int
    user: str
    client: str
    verb: str
    direction: Direction
    path: Path
    protected: bool
    started: float
    size: int | None


@attrs.frozen(slots=True, kw_only=True)
class TransferStarted:
    """A command waits for its data connection. ``time`` is in seconds since the epoch, as it is in all events."""

    time: float
    transfer: FileTransfer


@attrs.frozen(slots=True, kw_only=True)
class TransferProgress:
    """
    How far a transfer is: at most once a second, and first when it is a second old.

    ``octets`` went over the data connection so far. ``rate`` is in octets a second over the last seconds, ``average``
    over all. ``expected_end`` is in seconds since the epoch, ``None`` if the size is not known or nothing moves.
    """

    time: float
    transfer: FileTransfer
    octets: int
    rate: float
    average: float
    expected_end: float | None


@attrs.frozen(slots=True, kw_only=True)
class TransferFinished:
    """
    A download was sent, or an upload is published.

    ``octets`` went over the data connection, in ``seconds`` since it opened. ``size`` is that of the file that an
    upload has become. ``digest`` is in hexadecimal, and ``algorithm`` says of which kind, if one was taken.
    """

    time: float
    transfer: FileTransfer
    octets: int
    seconds: float
    size: int | None
    algorithm: str | None
    digest: str | None


@attrs.frozen(slots=True, kw_only=True)
class TransferFailed:
    """
    A transfer broke off, or its upload was not published.

    ``reason`` is one of a few fixed texts (``ftpx.ops.reasons``), ``text`` says more to people.
    """

    time: float
    transfer: FileTransfer
    octets: int
    seconds: float
    reason: str
    text: str


Event = TransferStarted | TransferProgress | TransferFinished | TransferFailed


class IEventSink(Interface):
    """Who is told what happens in the server."""

    wants: frozenset[type[Event]] = Attribute("The classes of the events that are emitted to it; never changes.")

    def emit(event: Event) -> None:
        """
        Take an event. Called in the reactor thread: must not block.

        An error that this raises is logged, the first of each sink only, and nobody else is hurt.
        """
