"""A storage with a trash."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import attrs
from zope.interface import implementer

from ftpx.errors import IsADirectory, PermissionDenied
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
    ISymbolicLinks,
    ITidied,
    ITimes,
    IVersions,
    IWithoutLinks,
    IWritableFile,
    Path,
    Right,
)
from ftpx.storage.copy import copy_content
from ftpx.storage.forwarding import ForwardingStorage
from ftpx.storage.prefixed import subtree
from ftpx.storage.trash.bin import Bin, entry_at
from ftpx.storage.trash.keeping import Keeping, KeepingFile
from ftpx.storage.trash.names import origin
from ftpx.storage.trash.tidying import tidy

__all__ = ["TrashStorage"]


@implementer(IRights, ISubtrees, ITidied, IVersions)
class TrashStorage(ForwardingStorage):
    """
    Another storage, or a directory of it, in which what is deleted or replaced is kept: see `ftpx.storage.trash`.

    The trash is a folder at the root, there as long as something is in it. What is in it can be read, and moved to
    where it is wanted; nothing else.

    :param trash: the trash.
    :param inner: the other storage; if ``base`` is given, that directory of it.
    :param lifetime: how many seconds a version is kept.
    :param most: how many octets all versions may have, at the time of a tidying.
    """

    abilities = (
        IWithoutLinks,
        ITimes,
        ICreationTimes,
        IModes,
        ISymbolicLinks,
        IServerSideCopy,
        IFreeSpace,
        IDurable,
        IPartialUploads,
    )

    def __init__(
        self, inner: IStorage, trash: Bin, lifetime: float, most: int | None = None, *, base: Path = ()
    ) -> None:
        super().__init__(inner)
        self._bin = trash
        self._lifetime = lifetime
        self._most = most
        self._base = base
        self._keeping = Keeping(trash, inner, base)

    def _in_trash(self, path: Path) -> bool:
        return path[:1] == (self._bin.name,)

    def _kept(self, path: Path) -> Path:
        """Where what is at a path of the trash is in the whole storage."""
        return self._bin.path_of(self._base) + path[1:]

    def _changing(self, path: Path) -> Path:
        """:raises PermissionDenied: it is in the trash."""
        if self._in_trash(path):
            raise PermissionDenied("what is in the trash can be read and moved out of it, and nothing else")
        return path

    def rights(self, path: Path) -> Right:
        """In the trash, to look and to move out; elsewhere what the inner storage allows. See `IRights`."""
        limited = IRights(self._bin.storage if self._in_trash(path) else self.inner, None)
        if not self._in_trash(path):
            return Right.ALL if limited is None else limited.rights(path)
        allowed = Right.LIST if len(path) == 1 else Right.LOOK | Right.RENAME
        return allowed if limited is None else allowed & limited.rights(self._kept(path))

    def origin(self, path: Path) -> Path | None:
        """Where what is at a path of the trash has been; see `IVersions`."""
        return origin(path[1:]) if self._in_trash(path) else None

    async def subtree(self, path: Path) -> IStorage:
        """A directory as a storage, whose trash has what was lost from there; see `ISubtrees`."""
        inner = await subtree(self.inner, self._changing(path))
        return TrashStorage(inner, self._bin, self._lifetime, self._most, base=self._base + path)

    def without_links(self) -> IStorage:
        """The same with nothing behind any link; see `IWithoutLinks`."""
        inner = IWithoutLinks(self.inner).without_links()
        return TrashStorage(inner, self._bin, self._lifetime, self._most, base=self._base)

    async def tidy(self) -> None:
        """Remove what was kept for long enough, and what is too much; see `ITidied`."""
        inner = ITidied(self.inner, None)
        if inner is not None:
            await inner.tidy()
        await tidy(self._bin.storage, self._bin.path_of(self._base), self._bin.clock(), self._lifetime, self._most)

    # Looking

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        if not self._in_trash(path):
            return await self.inner.stat(path)
        return attrs.evolve(await self._bin.storage.stat(self._kept(path)), name=path[-1])

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory; see `IStorage`."""
        inside = self._in_trash(path)
        storage = self._bin.storage if inside else self.inner
        async with aclosing(storage.list_directory(self._kept(path) if inside else path)) as pages:
            async for page in pages:
                if path:
                    yield page
                elif shown := [entry for entry in page if entry.name != self._bin.name]:
                    yield shown
        if not path and (trash := await entry_at(self, (self._bin.name,))) is not None:
            yield [trash]

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        if self._in_trash(path):
            return await self._bin.storage.open_read(self._kept(path))
        return await self.inner.open_read(path)

    async def free_space(self, path: Path) -> int:
        """Octets that could still be stored; see `IFreeSpace`."""
        if self._in_trash(path):
            return 0
        return await IFreeSpace(self.inner).free_space(path)

    # Writing

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; see `IStorage`."""
        file = await self.inner.open_write(self._changing(path), offset=offset, exclusive=exclusive)
        # What wants a free name replaces nothing.
        return file if exclusive else KeepingFile(file, self._keeping, path)

    async def copy(self, source: Path, destination: Path) -> None:
        """Copy a file; see `IServerSideCopy`."""
        self._changing(destination)
        if self._in_trash(source):
            await copy_content(self, source, self, destination)
            return
        if source == destination:
            await IServerSideCopy(self.inner).copy(source, destination)
            return
        async with self._keeping.replacing(destination, follow=True):
            await IServerSideCopy(self.inner).copy(source, destination)

    async def remove_file(self, path: Path) -> None:
        """Move what is no directory into the trash; see `IStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        await self._keeping.remove(self._changing(path))

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; what it replaces is kept. See `IStorage`."""
        if not source or not destination or (len(source) == 1 and self._in_trash(source)):
            raise PermissionDenied("not with the root and not with the trash")
        self._changing(destination)
        if self._in_trash(source):
            await self._keeping.restore(self._kept(source), destination)
            return
        await self.inner.stat(source)
        if source == destination:
            await self.inner.rename(source, destination)
            return
        async with self._keeping.replacing(destination, source, follow=False):
            await self.inner.rename(source, destination)

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        await self.inner.make_directory(self._changing(path))

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory, of which nothing need be kept; see `IStorage`."""
        await self.inner.remove_directory(self._changing(path))

    async def make_link(self, path: Path, target: str) -> None:
        """Make a symbolic link; see `ISymbolicLinks`."""
        await ISymbolicLinks(self.inner).make_link(self._changing(path), target)

    async def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        await ITimes(self.inner).set_modified(self._changing(path), seconds)

    async def set_created(self, path: Path, seconds: float) -> None:
        """Set the time of creation; see `ICreationTimes`."""
        await ICreationTimes(self.inner).set_created(self._changing(path), seconds)

    async def set_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits; see `IModes`."""
        await IModes(self.inner).set_mode(self._changing(path), mode)

    # Uploads that break off

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file that is kept if it breaks off; see `IPartialUploads`."""
        file = await IPartialUploads(self.inner).begin_upload(self._changing(path), owner, exclusive=exclusive)
        return file if exclusive else IPartialFile(KeepingFile(file, self._keeping, path))

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with a partial upload; see `IPartialUploads`."""
        partials = IPartialUploads(self.inner)
        file = await partials.continue_upload(self._changing(path), owner, offset, exclusive=exclusive)
        return file if file is None or exclusive else IPartialFile(KeepingFile(file, self._keeping, path))

    async def partial_size(self, path: Path, owner: str) -> int | None:
        """What is kept of a partial upload; see `IPartialUploads`."""
        if self._in_trash(path):
            return None
        return await IPartialUploads(self.inner).partial_size(path, owner)

    async def discard_partial(self, path: Path, owner: str) -> bool:
        """Throw a partial upload away; see `IPartialUploads`."""
        return not self._in_trash(path) and await IPartialUploads(self.inner).discard_partial(path, owner)

    async def kept_octets(self, owner: str, path: Path | None = None) -> int:
        """What is kept for an owner; see `IPartialUploads`."""
        if path is not None and self._in_trash(path):
            return 0
        return await IPartialUploads(self.inner).kept_octets(owner, path)
