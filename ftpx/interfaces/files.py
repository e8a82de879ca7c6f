"""Open files of a storage."""

from __future__ import annotations

from collections.abc import Awaitable

from zope.interface import Attribute, Interface

from ftpx.errors import StorageError
from ftpx.interfaces.data import IPace
from ftpx.interfaces.threads import IWorkerPool
from ftpx.interfaces.values import Block, Entry

__all__ = [
    "IBoundedFile",
    "IDurableFile",
    "IFileDescriptor",
    "IPartialFile",
    "IReadableFile",
    "IStagedContent",
    "IStagedDescriptor",
    "IStoredDigests",
    "IWritableFile",
]


class IReadableFile(Interface):
    """
    An open file to read from. A file that is replaced or removed meanwhile is read as it was; where a storage cannot do
    that, reading fails with `FileChanged` or `NotFound`, and other octets never come.
    """

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


class IStoredDigests(Interface):
    """Optional, for readable files: the storage knows digests of the content without reading it."""

    def stored_digest(algorithm: str) -> str | None:
        """
        The digest of all of the content in hexadecimal, if it is known. Does not block.

        :param algorithm: by its name in the registry of hash functions (RFC 3230), such as ``MD5`` or ``SHA-256``.
        """


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
