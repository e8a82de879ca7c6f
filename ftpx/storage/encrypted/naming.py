"""A storage whose names are encrypted in another one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import takewhile
from operator import attrgetter
from typing import ClassVar

import attrs
from zope.interface.interface import InterfaceClass

from ftpx.errors import NameRefused, NotFound
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
    ITidied,
    ITimes,
    IWithoutLinks,
    IWorkerPool,
    IWritableFile,
    Path,
    Right,
)
from ftpx.storage.encrypted.names import NameCipher
from ftpx.storage.forwarding import ForwardingStorage

__all__ = ["EncryptedNamesStorage"]


class EncryptedNamesStorage(ForwardingStorage):
    """
    Another storage, in which all names are encrypted. What has a name there that was not encrypted here is not seen.

    It has no symbolic links to be made: their targets would tell the names. Only listings tell plain names; the entries
    of files that are opened or published, and those of `stat`, have the stored ones, which `EncryptedStorage` replaces.

    :param pool: where whole listings are decrypted.
    """

    abilities: ClassVar[Sequence[InterfaceClass]] = (
        IRights,
        IWithoutLinks,
        ISubtrees,
        ITimes,
        ICreationTimes,
        IModes,
        IServerSideCopy,
        IFreeSpace,
        IDurable,
        IPartialUploads,
        ITidied,
    )

    def __init__(self, inner: IStorage, names: NameCipher, pool: IWorkerPool) -> None:
        super().__init__(inner)
        self._names = names
        self._pool = pool

    def _new(self, path: Path) -> Path:
        """The stored path of something that is to be there."""
        return tuple(map(self._names.hide, path))

    def _there(self, path: Path) -> Path:
        """The stored path of something that is there."""
        try:
            return self._new(path)
        except NameRefused:
            raise NotFound("no such file or directory") from None

    def rights(self, path: Path) -> Right:
        """What may be done at a path; see `IRights`. Where a name cannot be, as in the directory where it would be."""
        return IRights(self.inner).rights(self._new(tuple(takewhile(self._possible, path))))

    def _possible(self, name: str) -> bool:
        try:
            self._names.hide(name)
        except NameRefused:
            return False
        return True

    def without_links(self) -> IStorage:
        """The same without following links; see `IWithoutLinks`."""
        return EncryptedNamesStorage(IWithoutLinks(self.inner).without_links(), self._names, self._pool)

    async def subtree(self, path: Path) -> IStorage:
        """A directory as a storage; see `ISubtrees`."""
        inner = await ISubtrees(self.inner).subtree(self._there(path))
        return EncryptedNamesStorage(inner, self._names, self._pool)

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        return attrs.evolve(await self.inner.stat(self._there(path)), target=None)

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory; see `IStorage`."""
        async with aclosing(self.inner.list_directory(self._there(path))) as pages:
            async for page in pages:
                shown = await self._pool.run(self._shown, page)
                if shown:
                    yield shown

    def _shown(self, page: Sequence[Entry]) -> list[Entry]:
        """In a thread: the entries that have a name here, by that."""
        named = ((self._names.show(entry.name), entry) for entry in page)
        shown = [attrs.evolve(entry, name=name, target=None) for name, entry in named if name is not None]
        shown.sort(key=attrgetter("name"))
        return shown

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        return await self.inner.open_read(self._there(path))

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; see `IStorage`."""
        return await self.inner.open_write(self._new(path), offset=offset, exclusive=exclusive)

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        await self.inner.make_directory(self._new(path))

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        await self.inner.remove_directory(self._there(path))

    async def remove_file(self, path: Path) -> None:
        """Remove anything but a directory; see `IStorage`."""
        await self.inner.remove_file(self._there(path))

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; see `IStorage`."""
        await self.inner.rename(self._there(source), self._new(destination))

    async def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        await ITimes(self.inner).set_modified(self._there(path), seconds)

    async def set_created(self, path: Path, seconds: float) -> None:
        """Set the time of creation; see `ICreationTimes`."""
        await ICreationTimes(self.inner).set_created(self._there(path), seconds)

    async def set_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits; see `IModes`."""
        await IModes(self.inner).set_mode(self._there(path), mode)

    async def copy(self, source: Path, destination: Path) -> None:
        """Copy a file; see `IServerSideCopy`."""
        await IServerSideCopy(self.inner).copy(self._there(source), self._new(destination))

    async def free_space(self, path: Path) -> int:
        """Octets that could still be stored; see `IFreeSpace`."""
        return await IFreeSpace(self.inner).free_space(self._there(path))

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file that is kept if it breaks off; see `IPartialUploads`."""
        return await IPartialUploads(self.inner).begin_upload(self._new(path), owner, exclusive=exclusive)

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with a partial upload; see `IPartialUploads`."""
        partials = IPartialUploads(self.inner)
        return await partials.continue_upload(self._new(path), owner, offset, exclusive=exclusive)

    async def partial_size(self, path: Path, owner: str) -> int | None:
        """What is kept of a partial upload; see `IPartialUploads`."""
        return await IPartialUploads(self.inner).partial_size(self._there(path), owner)

    async def discard_partial(self, path: Path, owner: str) -> bool:
        """Throw a partial upload away; see `IPartialUploads`."""
        return await IPartialUploads(self.inner).discard_partial(self._there(path), owner)

    async def kept_octets(self, owner: str, path: Path | None = None) -> int:
        """What is kept for an owner; see `IPartialUploads`."""
        return await IPartialUploads(self.inner).kept_octets(owner, None if path is None else self._there(path))
