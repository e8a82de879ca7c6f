"""Several storages in one tree."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Iterable, Mapping, Sequence
from contextlib import aclosing
from operator import attrgetter
from typing import Any, Final, cast

import attrs
from zope.interface import alsoProvides, implementer
from zope.interface.interface import InterfaceClass

from ftpx.errors import (
    AlreadyExists,
    AnotherStorage,
    IsADirectory,
    NotADirectory,
    NotFound,
    NotSupported,
    PermissionDenied,
    StorageError,
)
from ftpx.interfaces import (
    Entry,
    ICreationTimes,
    IDurable,
    IFreeSpace,
    IModes,
    IPartialFile,
    IPartialUploads,
    IQuotaLeft,
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
    Kind,
    Path,
    Right,
)
from ftpx.storage.copy import copy_content, copy_file
from ftpx.storage.prefixed import PrefixedStorage, subtree

__all__ = ["MountedStorage"]

_ABILITIES: Final = (
    IRights,
    IWithoutLinks,
    ITimes,
    ICreationTimes,
    IModes,
    ISymbolicLinks,
    IServerSideCopy,
    IFreeSpace,
    IDurable,
    IPartialUploads,
    IQuotaLeft,
    IVersions,
    ITidied,
)

# What is said of a place where the storage has nothing, or no directory.
_NO_DIRECTORY: Final = (NotFound, NotADirectory)

Page = Sequence[Entry]


@attrs.frozen
class _Place:
    """Where a path leads: the storage, and the path in it."""

    storage: IStorage
    path: Path

    def able(self, ability: InterfaceClass) -> Any:
        """
        The storage as provider of an ability.

        :raises NotSupported: it is none.
        """
        if not ability.providedBy(self.storage):
            raise NotSupported("this storage cannot do that")
        return self.storage


@implementer(IStorage, ISubtrees)
class MountedStorage:
    """
    A storage with others mounted in it; of those whose path a path begins with, the one with the longest serves.

    The places where they are mounted, and the directories that lead there, are always there, whatever the storage has
    under these names. They cannot be changed, moved or removed. A storage that fails does so below its place only: what
    is told of the place in a listing is made up.

    It has the abilities that any of them has; where the one at a path lacks it, it raises `NotSupported`. Nothing can
    be renamed from one to another.

    :param base: is at the root.
    :param mounts: the others by their paths, none of which is that of the root.
    """

    def __init__(self, base: IStorage, mounts: Mapping[Path, IStorage]) -> None:
        self._parts = {(): base, **mounts}
        self._deepest = max(map(len, self._parts))
        self._names: dict[Path, set[str]] = {}
        for path in mounts:
            for length in range(len(path)):
                self._names.setdefault(path[:length], set()).add(path[length])
        self._fixed = {*self._names, *mounts}
        abilities = [able for able in _ABILITIES if any(map(able.providedBy, self._parts.values()))]
        if abilities:
            alsoProvides(self, *abilities)

    def _place(self, path: Path) -> _Place:
        for length in range(min(len(path), self._deepest), 0, -1):
            part = self._parts.get(path[:length])
            if part is not None:
                return _Place(part, path[length:])
        return _Place(self._parts[()], path)

    def _changing(self, path: Path) -> _Place:
        """The place of something that may be changed, moved or removed."""
        if path in self._fixed:
            raise PermissionDenied("a folder is mounted there")
        return self._place(path)

    def _writing(self, path: Path) -> _Place:
        """The place of a file to read or write."""
        if path in self._fixed:
            raise IsADirectory("is a directory")
        return self._place(path)

    # IStorage

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        place = self._place(path)
        if path not in self._names:
            entry = await place.storage.stat(place.path)
        else:
            entry = await self._way(place, path)
        return entry if place.path or not path else attrs.evolve(entry, name=path[-1])

    async def _way(self, place: _Place, path: Path) -> Entry:
        """A directory that leads to a mounted storage, as far as there is one in the storage that it would be in."""
        made_up = _directory(path[-1] if path else "")
        try:
            entry = await place.storage.stat(place.path)
        except _NO_DIRECTORY:
            return made_up
        return entry if entry.kind is Kind.DIRECTORY else made_up

    async def list_directory(self, path: Path) -> AsyncGenerator[Page, None]:
        """The entries of a directory, what is mounted there among them; see `IStorage`."""
        place = self._place(path)
        names = self._names.get(path)
        async with aclosing(place.storage.list_directory(place.path)) as pages:
            if names is None:
                async for page in pages:
                    yield page
                return
            # What the storage does not have itself comes with its last page.
            missing = set(names)
            last: list[Entry] = []
            try:
                async for page in pages:
                    if last:
                        yield last
                    last = [self._listed(path, entry) for entry in page]
                    missing.difference_update(entry.name for entry in page)
            except _NO_DIRECTORY:
                pass
            yield sorted([*last, *map(_directory, missing)], key=attrgetter("name"))

    def _listed(self, directory: Path, entry: Entry) -> Entry:
        """An entry, or what stands in its place."""
        path = (*directory, entry.name)
        if path in self._parts or (path in self._fixed and entry.kind is not Kind.DIRECTORY):
            return _directory(entry.name)
        return entry

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        place = self._writing(path)
        return await place.storage.open_read(place.path)

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; see `IStorage`."""
        place = self._writing(path)
        return await place.storage.open_write(place.path, offset=offset, exclusive=exclusive)

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        if path in self._fixed:
            raise AlreadyExists("the name is taken")
        place = self._place(path)
        await place.storage.make_directory(place.path)

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        place = self._changing(path)
        await place.storage.remove_directory(place.path)

    async def remove_file(self, path: Path) -> None:
        """Remove anything but a directory; see `IStorage`."""
        place = self._changing(path)
        await place.storage.remove_file(place.path)

    async def rename(self, source: Path, destination: Path) -> None:
        """
        Give an entry another name in the same storage; see `IStorage`.

        :raises AnotherStorage: the new name is in another one.
        """
        here, there = self._changing(source), self._changing(destination)
        if here.storage is not there.storage:
            await here.storage.stat(here.path)
            raise AnotherStorage("the new name is in another storage")
        await here.storage.rename(here.path, there.path)

    # The abilities

    def rights(self, path: Path) -> Right:
        """What may be done at a path; see `IRights`."""
        place = self._place(path)
        limited = IRights(place.storage, None)
        return Right.ALL if limited is None else limited.rights(place.path)

    def origin(self, path: Path) -> Path | None:
        """Where what is kept at a path has been; see `IVersions`."""
        place = self._place(path)
        versions = IVersions(place.storage, None)
        origin = None if versions is None else versions.origin(place.path)
        return None if origin is None else path[: len(path) - len(place.path)] + origin

    async def subtree(self, path: Path) -> IStorage:
        """A directory as a storage: as its part makes it, unless others are mounted in there. See `ISubtrees`."""
        place = self._place(path)
        if path not in self._names:
            return await subtree(place.storage, place.path)
        if (await self.stat(path)).kind is not Kind.DIRECTORY:
            raise NotADirectory("not a directory")
        return PrefixedStorage(self, path)

    def without_links(self) -> IStorage:
        """The same, with nothing behind any link of the storages that have some; see `IWithoutLinks`."""
        parts = {path: _without_links(part) for path, part in self._parts.items()}
        return MountedStorage(parts.pop(()), parts)

    async def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        place = self._changing(path)
        await place.able(ITimes).set_modified(place.path, seconds)

    async def set_created(self, path: Path, seconds: float) -> None:
        """Set the time of creation; see `ICreationTimes`."""
        place = self._changing(path)
        await place.able(ICreationTimes).set_created(place.path, seconds)

    async def set_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits; see `IModes`."""
        place = self._changing(path)
        await place.able(IModes).set_mode(place.path, mode)

    async def make_link(self, path: Path, target: str) -> None:
        """Make a symbolic link; see `ISymbolicLinks`."""
        if path in self._fixed:
            raise AlreadyExists("the name is taken")
        place = self._place(path)
        await place.able(ISymbolicLinks).make_link(place.path, target)

    async def copy(self, source: Path, destination: Path) -> None:
        """Copy a file, from one storage to another by reading and writing it; see `IServerSideCopy`."""
        here, there = self._writing(source), self._writing(destination)
        if here.storage is there.storage:
            await copy_file(here.storage, here.path, there.path)
        else:
            await copy_content(here.storage, here.path, there.storage, there.path)

    async def free_space(self, path: Path) -> int:
        """Octets that could still be stored; see `IFreeSpace`."""
        place = self._place(path)
        try:
            return cast(int, await place.able(IFreeSpace).free_space(place.path))
        except _NO_DIRECTORY:
            if path in self._names:
                return 0
            raise

    async def quota_left(self, path: Path) -> int | None:
        """Octets that the account may still store; see `IQuotaLeft`."""
        place = self._place(path)
        metered = IQuotaLeft(place.storage, None)
        return None if metered is None else await metered.quota_left(place.path)

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file; if it breaks off it is kept where the storage can do that. See `IPartialUploads`."""
        place = self._writing(path)
        partials = IPartialUploads(place.storage, None)
        if partials is None:
            return cast(IPartialFile, await place.storage.open_write(place.path, exclusive=exclusive))
        return await partials.begin_upload(place.path, owner, exclusive=exclusive)

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with a partial upload; see `IPartialUploads`."""
        place = self._writing(path)
        partials = IPartialUploads(place.storage, None)
        if partials is None:
            return None
        return await partials.continue_upload(place.path, owner, offset, exclusive=exclusive)

    async def partial_size(self, path: Path, owner: str) -> int | None:
        """What is kept of a partial upload; see `IPartialUploads`."""
        place = self._place(path)
        partials = IPartialUploads(place.storage, None)
        if partials is None or path in self._fixed:
            return None
        return await partials.partial_size(place.path, owner)

    async def discard_partial(self, path: Path, owner: str) -> bool:
        """Throw a partial upload away; see `IPartialUploads`."""
        place = self._place(path)
        partials = IPartialUploads(place.storage, None)
        if partials is None or path in self._fixed:
            return False
        return await partials.discard_partial(place.path, owner)

    async def kept_octets(self, owner: str, path: Path | None = None) -> int:
        """What is kept for an owner, without a path in all of the storages; see `IPartialUploads`."""
        if path is None:
            return sum([await partials.kept_octets(owner) for partials in self._keeping()])
        place = self._place(path)
        partials = IPartialUploads(place.storage, None)
        if partials is None or path in self._fixed:
            return 0
        return await partials.kept_octets(owner, place.path)

    async def tidy_partials(self, lifetime: float) -> None:
        """Throw away what is of no use any more, in all that do not fail; see `IPartialUploads`."""
        await _all(partials.tidy_partials(lifetime) for partials in self._keeping())

    async def tidy(self) -> None:
        """Have everything tidied that does not fail; see `ITidied`."""
        await _all(tidied.tidy() for part in self._parts.values() if (tidied := ITidied(part, None)) is not None)

    def _keeping(self) -> list[IPartialUploads]:
        return [partials for part in self._parts.values() if (partials := IPartialUploads(part, None)) is not None]


def _directory(name: str) -> Entry:
    return Entry(name, Kind.DIRECTORY)


async def _all(calls: Iterable[Awaitable[None]]) -> None:
    """Make all of the calls, one after another; if some fail, the first of their errors is raised behind the last."""
    failed: StorageError | None = None
    for call in calls:
        try:
            await call
        except StorageError as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _without_links(storage: IStorage) -> IStorage:
    able = IWithoutLinks(storage, None)
    return storage if able is None else able.without_links()
