"""``readonly:STORAGE``: a storage that nobody can write to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import NoReturn

from zope.interface import implementer

from ftpx.errors import PermissionDenied
from ftpx.interfaces import (
    Entry,
    IFreeSpace,
    IReadableFile,
    IRights,
    IStorage,
    IStoragePlugin,
    IStoragePool,
    ISubtrees,
    IWithoutLinks,
    Path,
    Right,
)
from ftpx.storage.abilities import provide_like
from ftpx.storage.refusing import RefusingChanges
from ftpx.storage.registry import open_storage
from ftpx.storage.spec import Settings

__all__ = ["ReadOnlyPlugin", "ReadOnlyStorage", "plugin"]


@implementer(IStorage, IRights)
class ReadOnlyStorage(RefusingChanges):
    """Reads from another storage. Of its abilities there are left: `ISubtrees`, `IWithoutLinks`, `IFreeSpace`."""

    def __init__(self, inner: IStorage) -> None:
        self._inner = inner
        provide_like(self, inner, [ISubtrees, IWithoutLinks, IFreeSpace])

    def refuse(self) -> NoReturn:
        """:raises PermissionDenied: always."""
        raise PermissionDenied("the storage is read-only")

    def rights(self, path: Path) -> Right:
        """To look, as far as the inner storage allows it; see `IRights`."""
        inner = IRights(self._inner, None)
        return Right.LOOK if inner is None else inner.rights(path) & Right.LOOK

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        return await self._inner.stat(path)

    def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory; see `IStorage`."""
        return self._inner.list_directory(path)

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        return await self._inner.open_read(path)

    async def subtree(self, path: Path) -> IStorage:
        """A directory as a storage that is read-only too; see `ISubtrees`."""
        return ReadOnlyStorage(await ISubtrees(self._inner).subtree(path))

    def without_links(self) -> IStorage:
        """The same, with nothing behind any link; see `IWithoutLinks`."""
        return ReadOnlyStorage(IWithoutLinks(self._inner).without_links())

    async def free_space(self, path: Path) -> int:
        """Octets that others could still store; see `IFreeSpace`."""
        return await IFreeSpace(self._inner).free_space(path)


@implementer(IStoragePlugin)
class ReadOnlyPlugin:
    """``readonly:STORAGE``."""

    prefix = "readonly"
    _settings = Settings(prefix)
    argument_format = _settings.argument_format
    help = "Another storage that nobody can write to."

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """Open the other storage; see `IStoragePlugin`."""
        _, inner = self._settings.read(arguments)
        return ReadOnlyStorage(open_storage(inner, pool))


plugin = ReadOnlyPlugin()
