"""A directory of a storage as a storage."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Final

import attrs
from zope.interface import implementer

from ftpx.errors import AlreadyExists, IsADirectory, NotADirectory, PermissionDenied
from ftpx.interfaces import (
    Entry,
    ICreationTimes,
    IDurable,
    IFreeSpace,
    IModes,
    IPartialFile,
    IPartialUploads,
    IReadableFile,
    IRights,
    IServerSideCopy,
    IStorage,
    ISubtrees,
    ITimes,
    IWithoutLinks,
    IWritableFile,
    Kind,
    Path,
    Right,
)
from ftpx.storage.abilities import provide_like

__all__ = ["PrefixedStorage", "subtree"]


_ABILITIES: Final = (
    IRights,
    ISubtrees,
    IWithoutLinks,
    ITimes,
    ICreationTimes,
    IModes,
    IServerSideCopy,
    IFreeSpace,
    IDurable,
    IPartialUploads,
)


@implementer(IStorage)
class PrefixedStorage:
    """
    A directory of another storage, by putting its path before every path.

    It hands on the abilities of the other storage, but for `ISymbolicLinks`: a link could lead
    out of the directory, and a prefix does not confine what the other storage follows.
    """

    def __init__(self, inner: IStorage, path: Path) -> None:
        self._inner = inner
        self._prefix = path
        provide_like(self, inner, _ABILITIES)

    def _beyond_root(self, path: Path) -> Path:
        """The path in the other storage of something that may be changed or moved."""
        if not path:
            raise PermissionDenied("not with the root")
        return self._prefix + path

    def _file(self, path: Path) -> Path:
        """The path in the other storage of a file to write."""
        if not path:
            raise IsADirectory("the root is a directory")
        return self._prefix + path

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        entry = await self._inner.stat(self._prefix + path)
        return entry if path else attrs.evolve(entry, name="")

    def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory; see `IStorage`."""
        return self._inner.list_directory(self._prefix + path)

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        return await self._inner.open_read(self._prefix + path)

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; see `IStorage`."""
        return await self._inner.open_write(self._file(path), offset=offset, exclusive=exclusive)

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file that is kept if it breaks off; see `IPartialUploads`."""
        return await IPartialUploads(self._inner).begin_upload(self._file(path), owner, exclusive=exclusive)

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with a partial upload; see `IPartialUploads`."""
        partials = IPartialUploads(self._inner)
        return await partials.continue_upload(self._file(path), owner, offset, exclusive=exclusive)

    async def partial_size(self, path: Path, owner: str) -> int | None:
        """What is kept of a partial upload; see `IPartialUploads`."""
        return await IPartialUploads(self._inner).partial_size(self._prefix + path, owner)

    async def discard_partial(self, path: Path, owner: str) -> bool:
        """Throw a partial upload away; see `IPartialUploads`."""
        return await IPartialUploads(self._inner).discard_partial(self._prefix + path, owner)

    async def kept_octets(self, owner: str, path: Path | None = None) -> int:
        """What is kept for an owner; without a path, in all of the other storage. See `IPartialUploads`."""
        return await IPartialUploads(self._inner).kept_octets(owner, None if path is None else self._prefix + path)

    async def tidy_partials(self, lifetime: float) -> None:
        """Throw away what is of no use any more, in the other storage; see `IPartialUploads`."""
        await IPartialUploads(self._inner).tidy_partials(lifetime)

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        if not path:
            raise AlreadyExists("the root is there")
        await self._inner.make_directory(self._prefix + path)

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        await self._inner.remove_directory(self._beyond_root(path))

    async def remove_file(self, path: Path) -> None:
        """Remove anything but a directory; see `IStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        await self._inner.remove_file(self._prefix + path)

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; see `IStorage`."""
        await self._inner.rename(self._beyond_root(source), self._beyond_root(destination))

    def rights(self, path: Path) -> Right:
        """What may be done at a path; see `IRights`."""
        return IRights(self._inner).rights(self._prefix + path)

    async def subtree(self, path: Path) -> IStorage:
        """A directory as a storage of its own; see `ISubtrees`."""
        return await ISubtrees(self._inner).subtree(self._prefix + path)

    def without_links(self) -> IStorage:
        """The same, with nothing behind any link; see `IWithoutLinks`."""
        return PrefixedStorage(IWithoutLinks(self._inner).without_links(), self._prefix)

    async def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        await ITimes(self._inner).set_modified(self._prefix + path, seconds)

    async def set_created(self, path: Path, seconds: float) -> None:
        """Set the time of creation; see `ICreationTimes`."""
        await ICreationTimes(self._inner).set_created(self._prefix + path, seconds)

    async def set_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits; see `IModes`."""
        await IModes(self._inner).set_mode(self._prefix + path, mode)

    async def copy(self, source: Path, destination: Path) -> None:
        """Copy a file; see `IServerSideCopy`."""
        await IServerSideCopy(self._inner).copy(self._prefix + source, self._beyond_root(destination))

    async def free_space(self, path: Path) -> int:
        """Octets that could still be stored; see `IFreeSpace`."""
        return await IFreeSpace(self._inner).free_space(self._prefix + path)


async def subtree(storage: IStorage, path: Path) -> IStorage:
    """
    A directory of any storage as a storage: confined by the storage itself where it can do that.

    :raises NotFound, NotADirectory, PermissionDenied:
    """
    subtrees = ISubtrees(storage, None)
    if subtrees is not None:
        return await subtrees.subtree(path)
    if (await storage.stat(path)).kind is not Kind.DIRECTORY:
        raise NotADirectory("not a directory")
    return PrefixedStorage(storage, path)
