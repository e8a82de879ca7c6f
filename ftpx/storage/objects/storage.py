"""An object store as a storage: directories over flat keys."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial

from zope.interface import implementer

from ftpx.errors import AlreadyExists, IsADirectory, OffsetBeyondEnd, PermissionDenied
from ftpx.interfaces import (
    Entry,
    IReadableFile,
    IServerSideCopy,
    IStorage,
    IStoragePool,
    IWritableFile,
    Path,
)
from ftpx.storage.objects.entries import Listing, directory_entry, file_entry
from ftpx.storage.objects.keys import key_to_read, key_to_write
from ftpx.storage.objects.reading import FIRST_BLOCK, ObjectReadableFile
from ftpx.storage.objects.renaming import Renaming
from ftpx.storage.objects.sending import Sender
from ftpx.storage.objects.store import IObjectStore, ObjectEntry
from ftpx.storage.objects.target import Target
from ftpx.storage.objects.tree import ObjectTree
from ftpx.storage.objects.writing import ObjectWritableFile

__all__ = ["ObjectStorage"]


@implementer(IStorage, IServerSideCopy)
class ObjectStorage:
    """
    The objects of a store, as files in directories.

    Every call to the store is made in the pool; those that move octets have no deadline there, but those of the store.

    :param clock: seconds that only grow, for what is told of long work.
    """

    def __init__(self, store: IObjectStore, pool: IStoragePool, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._pool = pool
        self._clock = clock
        self._tree = ObjectTree(store)
        # A directory needs its slash, and the name of its marker.
        self._room = 1 + len(store.directory_marker)

    def _key_to_write(self, path: Path) -> str:
        return key_to_write(path, self._room)

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        if not path:
            return directory_entry("")
        found = await self._pool.run(self._tree.find, key_to_read(path))
        return directory_entry(path[-1]) if found is None else file_entry(path[-1], found)

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory, a page for each request; see `IStorage`."""
        prefix = f"{key_to_read(path)}/" if path else ""
        listing = Listing(prefix)
        page = await self._pool.run(self._tree.first_page, prefix)
        while True:
            entries = listing.entries(page)
            if entries:
                yield entries
            if page.next is None:
                return
            page = await self._pool.run(self._store.list_page, prefix, page.next)

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file, and have the first block of it; see `IStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        found, content = await self._pool.run(self._tree.open_file, key_to_read(path), FIRST_BLOCK)
        return ObjectReadableFile(self._store, self._pool, path[-1], found, content)

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; what is kept of the present one is fetched and sent again. See `IStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        key = self._key_to_write(path)
        present = await self._pool.run(partial(self._tree.present, key, exclusive=exclusive))
        size = 0 if present is None else present.size
        if (offset or 0) > size:
            raise OffsetBeyondEnd("the file is shorter")
        replaces = None if present is None else present.etag
        target = Target(self._tree, key, path[-1], exclusive, offset != 0, replaces)
        keeps = present is not None and offset != 0
        file = self._begin(target, present if keeps else None)
        if present is not None and keeps:
            await self._keep(file, present, size if offset is None else offset)
        return file

    def _begin(self, target: Target, present: ObjectEntry | None) -> ObjectWritableFile:
        """A file that is not kept if it breaks off."""
        kept = None if present is None else (present, 0)
        return ObjectWritableFile(self._pool, target, Sender(self._store, self._pool, target.key), None, kept)

    async def _keep(self, file: ObjectWritableFile, present: ObjectEntry, size: int) -> None:
        """Write the beginning of the present file."""
        source = ObjectReadableFile(self._store, self._pool, "", present)
        try:
            while file.offset < size:
                block = await source.read(file.offset, min(FIRST_BLOCK, size - file.offset))
                await file.write(block)
                file.offset += len(block)
        except BaseException:
            await file.abort()
            raise
        finally:
            source.close()

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        if not path:
            raise AlreadyExists("the root is there")
        await self._pool.run(self._tree.make_directory, self._key_to_write(path))

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        await self._pool.run(self._tree.remove_directory, key_to_read(_not_root(path)))

    async def remove_file(self, path: Path) -> None:
        """Remove a file; see `IStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        await self._pool.run(self._tree.remove_file, key_to_read(path))

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; of a directory, object by object. See `IStorage`."""
        old, new = key_to_read(_not_root(source)), self._key_to_write(_not_root(destination))
        await Renaming(self._tree, self._pool, self._clock).rename(old, new)

    async def copy(self, source: Path, destination: Path) -> None:
        """Copy a file within the store; see `IServerSideCopy`."""
        if not source:
            raise IsADirectory("the root is a directory")
        old, new = key_to_read(source), self._key_to_write(_not_root(destination))
        found = await self._pool.run(self._tree.find_file, old)
        await self._pool.run(self._tree.present, new)
        if old != new:
            await self._pool.patient.run(self._store.copy, found, new)


def _not_root(path: Path) -> Path:
    if not path:
        raise PermissionDenied("not with the root")
    return path
