"""Storages whose calls block: what is easiest to write. `ftpx.storage.threaded` makes storages of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zope.interface import Attribute, Interface
from zope.interface.interface import InterfaceClass

from ftpx.interfaces.values import Block, Entry, Path

__all__ = ["IBlockingReadableFile", "IBlockingStorage", "IBlockingWritableFile"]


class IBlockingReadableFile(Interface):
    """As `IReadableFile`, but its calls block. They are made in any thread, one at a time."""

    entry: Entry = Attribute("What the file was when it was opened; its size is the end.")

    def read(offset: int, size: int) -> bytes:
        """Up to ``size`` octets from ``offset``; fewer only where the file ends."""

    def close() -> None:
        """Let go of the file."""


class IBlockingWritableFile(Interface):
    """As `IWritableFile`, but its calls block. They are made in any thread, one at a time."""

    offset: int = Attribute("How many octets of the present file are kept before the first write.")

    def write(block: Block) -> None:
        """Add a block; its memory is used for something else afterwards."""

    def commit() -> Entry:
        """Publish what was written, in one step, and return the entry that it has become."""

    def abort() -> None:
        """Throw away what was written. After `commit`, or a second time, nothing happens."""


class IBlockingStorage(Interface):
    """
    As `IStorage`, operation by operation, but its calls block. They are made in any thread, several at a time.

    They raise the errors of `ftpx.errors`; an `OSError` is turned into the one that it means.
    """

    abilities: Sequence[InterfaceClass] = Attribute(
        "The optional interfaces of storages whose methods this one has, blocking as well: `ITimes`, `IModes`,"
        " `ICreationTimes`, `ISymbolicLinks`, `IServerSideCopy` or `IFreeSpace`."
    )

    def stat(path: Path) -> Entry:
        """See `IStorage.stat`."""

    def list_directory(path: Path) -> Iterator[Sequence[Entry]]:
        """The entries in sorted pages of bounded size; the iterator is closed if it has a method for that."""

    def open_read(path: Path) -> IBlockingReadableFile:
        """See `IStorage.open_read`."""

    def open_write(path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IBlockingWritableFile:
        """See `IStorage.open_write`."""

    def make_directory(path: Path) -> None:
        """See `IStorage.make_directory`."""

    def remove_directory(path: Path) -> None:
        """See `IStorage.remove_directory`."""

    def remove_file(path: Path) -> None:
        """See `IStorage.remove_file`."""

    def rename(source: Path, destination: Path) -> None:
        """See `IStorage.rename`."""
