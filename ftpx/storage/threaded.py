"""
Storages that are written as plain blocking code::

    @implementer(IBlockingStorage)
    class ShelfStorage:
        abilities = (ITimes,)

        def stat(self, path: Path) -> Entry: ...

        # ... and the other operations, none of which is a coroutine


    @implementer(IPlugin, IStoragePlugin)
    class ShelfPlugin:
        prefix = "shelf"

        def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
            return ThreadedStorage(ShelfStorage(arguments), pool)

`ftpx.testing.blocking` has a whole one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any, Final

from zope.interface import alsoProvides, implementer

from ftpx.interfaces import (
    Entry,
    IBlockingReadableFile,
    IBlockingStorage,
    IBlockingWritableFile,
    ICreationTimes,
    IFreeSpace,
    IModes,
    IReadableFile,
    IServerSideCopy,
    IStorage,
    IStoragePool,
    ISymbolicLinks,
    ITimes,
    IWritableFile,
    Path,
)
from ftpx.storage.deadline import LONGER
from ftpx.storage.failures import call, change
from ftpx.storage.in_turn import CallsInTurn, translated
from ftpx.storage.threaded_files import ThreadedWritableFile, require_entry, threaded_readable

__all__ = ["ThreadedStorage"]

_ABILITIES: Final = (ITimes, ICreationTimes, IModes, ISymbolicLinks, IServerSideCopy, IFreeSpace)

_PAGE: Final = 10_000
"""How many entries are handed on at once, however many a page of the storage has."""


@implementer(IStorage)
class ThreadedStorage:
    """
    A blocking storage, with its calls made in a pool of threads.

    It provides the abilities that the blocking one names. Calls that do not come back in time fail with
    `StorageUnavailable`, and with `OutcomeUnknown` if they were to change something; what they open or begin all the
    same is closed again. Whatever a call raises is turned into an error of the domain; what is a bug is logged.

    :raises ValueError: it names abilities that blocking storages cannot have.
    """

    def __init__(self, blocking: IBlockingStorage, pool: IStoragePool) -> None:
        unknown = [ability.__name__ for ability in blocking.abilities if ability not in _ABILITIES]
        if unknown:
            raise ValueError(f"a blocking storage cannot have these abilities: {', '.join(unknown)}")
        if blocking.abilities:
            alsoProvides(self, *blocking.abilities)
        self._blocking = blocking
        # The same, with the operations of the abilities that it names.
        self._able: Any = blocking
        self._pool = pool

    async def _change(self, function: Callable[..., None], *arguments: object, longer: float = 1) -> None:
        await change(self._pool.allowing(longer=longer), translated, function, *arguments)

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        return await call(self._pool, translated, _stat, self._blocking, path)

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory; see `IStorage`."""
        pages, page = await call(self._pool, translated, _begin_listing, self._blocking, path, discard=_end_listing)
        turns = CallsInTurn()
        try:
            while page is not None:
                for start in range(0, len(page), _PAGE):
                    yield page[start : start + _PAGE]
                page = await turns.make(self._pool.allowing(ongoing=True), _next_page, pages)
        finally:
            if page is not None:
                # Nobody waits for that: what reads on is another listing.
                turns.end(self._pool.patient, lambda: _close(pages))

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        file = await call(self._pool, translated, _open_read, self._blocking, path, discard=_close_late)
        return threaded_readable(file, self._pool)

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; see `IStorage`."""
        # What is kept of the present file may have to be copied.
        pool = self._pool if offset == 0 else self._pool.allowing(longer=LONGER)
        file = await call(pool, translated, _open_write, self._blocking, path, offset, exclusive, discard=_abort_late)
        return ThreadedWritableFile(file, self._pool)

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        await self._change(self._blocking.make_directory, path)

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        await self._change(self._blocking.remove_directory, path)

    async def remove_file(self, path: Path) -> None:
        """Remove anything but a directory; see `IStorage`."""
        await self._change(self._blocking.remove_file, path)

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; see `IStorage`."""
        await self._change(self._blocking.rename, source, destination, longer=LONGER)

    async def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        await self._change(self._able.set_modified, path, seconds)

    async def set_created(self, path: Path, seconds: float) -> None:
        """Set the time of creation; see `ICreationTimes`."""
        await self._change(self._able.set_created, path, seconds)

    async def set_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits; see `IModes`."""
        await self._change(self._able.set_mode, path, mode)

    async def make_link(self, path: Path, target: str) -> None:
        """Make a symbolic link; see `ISymbolicLinks`."""
        await self._change(self._able.make_link, path, target)

    async def copy(self, source: Path, destination: Path) -> None:
        """Copy a file; see `IServerSideCopy`."""
        await self._change(self._able.copy, source, destination, longer=LONGER)

    async def free_space(self, path: Path) -> int:
        """Octets that could still be stored; see `IFreeSpace`."""
        free: int = await call(self._pool, translated, self._able.free_space, path)
        return free


def _stat(blocking: IBlockingStorage, path: Path) -> Entry:
    return require_entry(blocking.stat(path))


_Pages = Iterator[Sequence[Entry]]


def _begin_listing(blocking: IBlockingStorage, path: Path) -> tuple[_Pages, Sequence[Entry] | None]:
    """In a thread: a directory's pages, and the first one if there is any."""
    pages = iter(blocking.list_directory(path))
    try:
        return pages, _next_page(pages)
    except BaseException:
        _close(pages)
        raise


def _next_page(pages: _Pages) -> Sequence[Entry] | None:
    """In a thread: the next page; ``None``: there is none, and what held them is closed."""
    page = next(pages, None)
    if page is None:
        _close(pages)
    elif not isinstance(page, Sequence):
        raise TypeError(f"this is no page of entries: {type(page).__name__}")
    return page


def _close(pages: _Pages) -> None:
    """In a thread: let go of what holds the pages."""
    close = getattr(pages, "close", None)
    if close is not None:
        close()


def _end_listing(begun: tuple[_Pages, Sequence[Entry] | None]) -> None:
    _close(begun[0])


def _open_read(blocking: IBlockingStorage, path: Path) -> IBlockingReadableFile:
    """In a thread: open a file, and see to it that it is one."""
    file = blocking.open_read(path)
    try:
        require_entry(file.entry)
    except BaseException:
        file.close()
        raise
    return file


def _open_write(blocking: IBlockingStorage, path: Path, offset: int | None, exclusive: bool) -> IBlockingWritableFile:
    """In a thread: begin to write a file, and see to it that it tells where."""
    file = blocking.open_write(path, offset=offset, exclusive=exclusive)
    if not isinstance(file.offset, int) or (offset is not None and file.offset != offset):
        file.abort()
        raise ValueError(f"the offset is {file.offset!r}, and not {offset}")
    return file


def _close_late(file: IBlockingReadableFile) -> None:
    file.close()


def _abort_late(file: IBlockingWritableFile) -> None:
    file.abort()
