"""A storage, and a file, that do as another one does: what wrappers begin with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, ClassVar

from zope.interface import alsoProvides, implementer, providedBy
from zope.interface.interface import InterfaceClass

from ftpx.interfaces import Block, Entry, IDurableFile, IReadableFile, IStorage, IWritableFile, Path
from ftpx.storage.abilities import provide_like

__all__ = ["ForwardingFile", "ForwardingStorage"]


@implementer(IStorage)
class ForwardingStorage:
    """
    Another storage, but for what a subclass changes.

    Of the abilities of the other one it has those in ``abilities``. A subclass has to name them: what is handed on goes
    past what the subclass changes.
    """

    abilities: ClassVar[Sequence[InterfaceClass]] = ()

    def __init__(self, inner: IStorage) -> None:
        self.inner = inner
        provide_like(self, inner, self.abilities)

    def __getattr__(self, name: str) -> Any:
        # Only what is not defined is looked for here: the operations of abilities that are handed on.
        if name == "inner" or name.startswith("__"):
            raise AttributeError(name)
        if any(name in ability and ability in self.abilities for ability in providedBy(self)):
            return getattr(self.inner, name)
        raise AttributeError(name)

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        return await self.inner.stat(path)

    def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory; see `IStorage`."""
        return self.inner.list_directory(path)

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        return await self.inner.open_read(path)

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; see `IStorage`."""
        return await self.inner.open_write(path, offset=offset, exclusive=exclusive)

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        await self.inner.make_directory(path)

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        await self.inner.remove_directory(path)

    async def remove_file(self, path: Path) -> None:
        """Remove anything but a directory; see `IStorage`."""
        await self.inner.remove_file(path)

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; see `IStorage`."""
        await self.inner.rename(source, destination)


@implementer(IWritableFile)
class ForwardingFile:
    """Another writable file with all of its abilities, but for what a subclass changes: see `publish`."""

    def __init__(self, inner: IWritableFile) -> None:
        self.inner = inner
        self.offset = inner.offset
        alsoProvides(self, *providedBy(inner))

    def __getattr__(self, name: str) -> Any:
        if name == "inner" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    async def write(self, block: Block) -> None:
        """Add a block; see `IWritableFile`."""
        await self.inner.write(block)

    async def commit(self) -> Entry:
        """Publish; see `IWritableFile`."""
        return await self.publish(self.inner.commit)

    async def commit_durably(self) -> Entry:
        """Publish, so that it survives a loss of power; see `IDurableFile`."""
        return await self.publish(IDurableFile(self.inner).commit_durably)

    async def publish(self, commit: Callable[[], Awaitable[Entry]]) -> Entry:
        """Whatever is done to publish the file, ``commit`` among it."""
        return await commit()

    async def abort(self) -> None:
        """Throw away; see `IWritableFile`."""
        await self.inner.abort()
