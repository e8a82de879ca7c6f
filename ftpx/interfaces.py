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
    "Entry",
    "IAccount",
    "ICreationTimes",
    "IDataConnection",
    "IDataConnections",
    "IDataPort",
    "IDataSecurity",
    "IFileDescriptor",
    "IFreeSpace",
    "IModes",
    "IReadableFile",
    "IRights",
    "IServerSideCopy",
    "IStorage",
    "IStoragePlugin",
    "ISubtrees",
    "ISymbolicLinks",
    "ITimes",
    "IWorkerPool",
    "IWritableFile",
    "Kind",
    "Path",
    "Right",
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


class Right(enum.Flag):
    """What an account may do in a storage."""

    LIST = enum.auto()
    READ = enum.auto()
    WRITE = enum.auto()
    APPEND = enum.auto()
    DELETE = enum.auto()
    RENAME = enum.auto()
    MAKE_DIRECTORY = enum.auto()
    SET_ATTRIBUTES = enum.auto()

    LOOK = LIST | READ
    ALL = LOOK | WRITE | APPEND | DELETE | RENAME | MAKE_DIRECTORY | SET_ATTRIBUTES


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


class IDataConnection(Interface):
    """
    An established data connection. It serves one transfer and has one outcome.

    ``moved`` counts the octets so far. All three ways to move bytes return how many went over
    the wire, and raise `DataConnectionLost`, `DataConnectionStalled` or `DataConnectionAborted`,
    or whatever the source or sink raised. Whichever way they end, the connection is closed.
    """

    moved: int = Attribute("Octets sent or received so far.")

    def send_file(source: IReadableFile, offset: int, end: int) -> Awaitable[int]:
        """Send the octets from ``offset`` up to, not including, ``end``, then end the connection cleanly."""

    def send_blocks(blocks: AsyncGenerator[Block, None]) -> Awaitable[int]:
        """Send every block, asking for more only as the peer takes them, then end cleanly. Closes ``blocks``."""

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

    def listen(host: str, peers: frozenset[str], security: IDataSecurity | None = None) -> IDataPort:
        """
        Listen on a fresh port of a local address (no name) for a connection from one of ``peers``.

        :param security: the TLS of the connection; ``None``: it goes in clear.
        :raises NoFreePort: no port or descriptor is free.
        """

    def dial(host: str, port: int, source: str | None, security: IDataSecurity | None = None) -> IDataPort:
        """A port that connects to the peer when it is wanted, from the local address ``source``."""
