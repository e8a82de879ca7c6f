"""``overlay:lower=[STORAGE]:STORAGE``: two storages as one, of which the lower one is never written to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import TypeVar

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    IsADirectory,
    NotADirectory,
    NotARegularFile,
    NotFound,
    OffsetBeyondEnd,
    PermissionDenied,
)
from ftpx.interfaces import (
    Entry,
    ICreationTimes,
    IDurable,
    IFreeSpace,
    IModes,
    IPartialFile,
    IPartialUploads,
    IReadableFile,
    IServerSideCopy,
    IStorage,
    ISymbolicLinks,
    ITidied,
    ITimes,
    IWithoutLinks,
    IWritableFile,
    Kind,
    Path,
)
from ftpx.storage.copy import copy_content
from ftpx.storage.forwarding import ForwardingStorage
from ftpx.storage.overlay.copying import copy_up
from ftpx.storage.overlay.file import OverlayFile
from ftpx.storage.overlay.layers import NOT_THERE, Layers
from ftpx.storage.overlay.listing import list_both
from ftpx.storage.overlay.marks import reserved_to_read, reserved_to_write
from ftpx.storage.overlay.renaming import is_empty, rename
from ftpx.storage.partials import may_append

__all__ = ["OverlayStorage"]

_T = TypeVar("_T")


class OverlayStorage(ForwardingStorage):
    """
    Two storages as one: see `ftpx.storage.overlay`.

    Files are those of the two storages, so they keep their descriptors; but a file that takes the place of one of the
    lower storage is wrapped while it is written. Symbolic links are not followed, whatever the storages do: each would
    follow its own, into what the other has changed.

    :param upper: takes all changes; of its abilities there are those below. It must not be used by others.
    :param lower: is only read from. If others change it meanwhile, what shows through changes too.
    """

    abilities = (
        ITimes,
        ICreationTimes,
        IModes,
        ISymbolicLinks,
        IServerSideCopy,
        IFreeSpace,
        IDurable,
        IPartialUploads,
        ITidied,
    )

    def __init__(self, upper: IStorage, lower: IStorage) -> None:
        upper, lower = _without_links(upper), _without_links(lower)
        super().__init__(upper)
        self._layers = Layers(upper, lower)

    # Looking

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        reserved_to_read(path)
        return await self._layers.entry(path)

    def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory, those of the upper storage first; see `IStorage`."""
        return list_both(self._layers, path)

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        reserved_to_read(path)
        try:
            return await self.inner.open_read(path)
        except NOT_THERE:
            # It may be a link of the upper storage, too.
            if await self._layers.in_upper(path) is not None or await self._layers.in_lower(path) is None:
                raise
        return await self._layers.lower.open_read(path)

    async def free_space(self, path: Path) -> int:
        """Octets that the upper storage could still take; see `IFreeSpace`."""
        reserved_to_read(path)
        await self._layers.require_directory(path)
        while await self._layers.in_upper(path) is None:
            path = path[:-1]
        return await IFreeSpace(self.inner).free_space(path)

    # Writing

    async def _place(self, path: Path, *, exclusive: bool) -> Entry | None:
        """
        The file of the lower storage that one to be written will stand in front of. Its directory is in the upper
        storage then.
        """
        if not path:
            raise IsADirectory("the root is a directory")
        reserved_to_write(path)
        lower = None
        if await self._layers.in_upper(path) is None:
            lower = await self._layers.in_lower(path)
            if lower is not None and exclusive:
                raise AlreadyExists("the name is taken")
            if lower is not None and lower.kind is Kind.DIRECTORY:
                raise IsADirectory("is a directory")
            if lower is not None and lower.kind is not Kind.FILE:
                raise NotARegularFile("not a regular file")
            await self._layers.make_upper(path[:-1])
        return lower

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; what it continues is copied up before. See `IStorage`."""
        lower = await self._place(path, exclusive=exclusive)
        if lower is not None and offset != 0:
            if (offset or 0) > lower.size:
                raise OffsetBeyondEnd("the file is shorter")
            await copy_up(self._layers, path)
            lower = None
        file = await self.inner.open_write(path, offset=offset, exclusive=exclusive)
        return file if lower is None else OverlayFile(file, self._layers, path, lower, continued=False)

    async def copy(self, source: Path, destination: Path) -> None:
        """Copy a file: as the upper storage does it, or out of the lower one; see `IServerSideCopy`."""
        reserved_to_read(source)
        if not destination:
            raise PermissionDenied("not with the root")
        if await self._layers.in_upper(source) is None:
            await copy_content(self, source, self, destination)
            return
        lower = await self._place(destination, exclusive=False)
        await IServerSideCopy(self.inner).copy(source, destination)
        if lower is not None:
            await self._layers.keep_mode(destination, lower)

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        await self._free(path)
        await self.inner.make_directory(path)

    async def make_link(self, path: Path, target: str) -> None:
        """Make a symbolic link; see `ISymbolicLinks`."""
        await self._free(path)
        await ISymbolicLinks(self.inner).make_link(path, target)

    async def _free(self, path: Path) -> None:
        """:raises AlreadyExists, NotFound, NotADirectory: nothing can be put at a path."""
        reserved_to_write(path)
        if not path or await self._layers.find(path) is not None:
            raise AlreadyExists("the name is taken")
        await self._layers.make_upper(path[:-1])

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        reserved_to_read(path)
        if not path:
            raise PermissionDenied("not with the root")
        layers = self._layers
        async with layers.alone():
            await layers.require_directory(path)
            if not await is_empty(layers, path):
                raise DirectoryNotEmpty("the directory is not empty")
            await layers.hide_lower(path)
            if await layers.in_upper(path) is not None:
                await layers.clear(path)
                await self.inner.remove_directory(path)

    async def remove_file(self, path: Path) -> None:
        """Remove anything but a directory; see `IStorage`."""
        reserved_to_read(path)
        layers = self._layers
        async with layers.alone():
            if (await layers.entry(path)).kind is Kind.DIRECTORY:
                raise IsADirectory("is a directory")
            await layers.hide_lower(path)
            if await layers.in_upper(path) is not None:
                await self.inner.remove_file(path)

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name, after copying up what the lower storage has of it; see `IStorage`."""
        if not source or not destination:
            raise PermissionDenied("not with the root")
        reserved_to_read(source)
        reserved_to_write(destination)
        await rename(self._layers, source, destination)

    # Attributes

    async def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        await ITimes(await self._copied_up(path)).set_modified(path, seconds)

    async def set_created(self, path: Path, seconds: float) -> None:
        """Set the time of creation; see `ICreationTimes`."""
        await ICreationTimes(await self._copied_up(path)).set_created(path, seconds)

    async def set_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits; see `IModes`."""
        await IModes(await self._copied_up(path)).set_mode(path, mode)

    async def _copied_up(self, path: Path) -> IStorage:
        """The upper storage, which has what is at a path."""
        reserved_to_read(path)
        await copy_up(self._layers, path)
        return self.inner

    # Uploads that break off

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file that is kept if it breaks off; see `IPartialUploads`."""
        lower = await self._place(path, exclusive=exclusive)
        file = await IPartialUploads(self.inner).begin_upload(path, owner, exclusive=exclusive)
        return self._partial(file, path, lower, continued=False)

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with a partial upload; see `IPartialUploads`."""
        lower = await self._place(path, exclusive=exclusive)
        partials = IPartialUploads(self.inner)
        if lower is not None and offset is None:
            # The upper storage knows of no file that stands; the lower one's is the same as when the upload began.
            may_append(await partials.kept_octets(owner, path), same_file=True)
            return None
        file = await partials.continue_upload(path, owner, offset, exclusive=exclusive)
        return None if file is None else self._partial(file, path, lower, continued=True)

    def _partial(self, file: IPartialFile, path: Path, lower: Entry | None, *, continued: bool) -> IPartialFile:
        if lower is None:
            return file
        return IPartialFile(OverlayFile(file, self._layers, path, lower, continued=continued))

    async def partial_size(self, path: Path, owner: str) -> int | None:
        """What is kept of a partial upload, where no file has the name; see `IPartialUploads`."""
        reserved_to_read(path)
        if await self._layers.find(path) is not None:
            return None
        return await self._kept(path, IPartialUploads(self.inner).partial_size(path, owner), None)

    async def discard_partial(self, path: Path, owner: str) -> bool:
        """Throw a partial upload away; see `IPartialUploads`."""
        reserved_to_read(path)
        return await self._kept(path, IPartialUploads(self.inner).discard_partial(path, owner), False)

    async def kept_octets(self, owner: str, path: Path | None = None) -> int:
        """What is kept for an owner; see `IPartialUploads`."""
        kept = IPartialUploads(self.inner).kept_octets(owner, path)
        return await kept if path is None else await self._kept(path, kept, 0)

    async def _kept(self, path: Path, kept: Awaitable[_T], nothing: _T) -> _T:
        """What the upper storage says; nothing where it has no such directory, but the lower one has."""
        try:
            return await kept
        except (NotFound, NotADirectory):
            await self._layers.require_directory(path[:-1])
            return nothing


def _without_links(storage: IStorage) -> IStorage:
    able = IWithoutLinks(storage, None)
    return storage if able is None else able.without_links()
