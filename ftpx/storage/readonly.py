"""A storage that nobody can write to."""

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
    ISubtrees,
    IWithoutLinks,
    IWritableFile,
    Path,
    Right,
)
from ftpx.storage.abilities import provide_like

__all__ = ["ReadOnlyStorage"]


def _refuse() -> NoReturn:
    raise PermissionDenied("the storage is read-only")


@implementer(IStorage, IRights)
class ReadOnlyStorage:
    """Reads from another storage. Of its abilities there are left: `ISubtrees`, `IWithoutLinks`, `IFreeSpace`."""

    def __init__(self, inner: IStorage) -> None:
        self._inner = inner
        provide_like(self, inner, [ISubtrees, IWithoutLinks, IFreeSpace])

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

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """:raises PermissionDenied: always."""
        _refuse()

    async def make_directory(self, path: Path) -> None:
        """:raises PermissionDenied: always."""
        _refuse()

    async def remove_directory(self, path: Path) -> None:
        """:raises PermissionDenied: always."""
        _refuse()

    async def remove_file(self, path: Path) -> None:
        """:raises PermissionDenied: always."""
        _refuse()

    async def rename(self, source: Path, destination: Path) -> None:
        """:raises PermissionDenied: always."""
        _refuse()

    async def subtree(self, path: Path) -> IStorage:
        """A directory as a storage that is read-only too; see `ISubtrees`."""
        return ReadOnlyStorage(await ISubtrees(self._inner).subtree(path))

    def without_links(self) -> IStorage:
        """The same, with nothing behind any link; see `IWithoutLinks`."""
        return ReadOnlyStorage(IWithoutLinks(self._inner).without_links())

    async def free_space(self, path: Path) -> int:
        """Octets that others could still store; see `IFreeSpace`."""
        return await IFreeSpace(self._inner).free_space(path)
