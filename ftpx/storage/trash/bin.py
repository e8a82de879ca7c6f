"""Where versions are kept, and how they get there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from twisted.internet.defer import DeferredLock

from ftpx.errors import AlreadyExists, AnotherStorage, NameRefused, NotADirectory, NotFound, StorageError
from ftpx.interfaces import Entry, IModes, IStorage, ITimes, Kind, Path
from ftpx.storage.copy import copy_content, copy_file
from ftpx.storage.trash.names import LONGEST_STEMS, Kept, directory_name

__all__ = ["Bin", "entry_at"]

# A directory may be tidied away between its making and its use.
_TRIES: Final = 3


async def entry_at(storage: IStorage, path: Path) -> Entry | None:
    """What is at a path of a storage."""
    try:
        return await storage.stat(path)
    except (NotFound, NotADirectory):
        return None


class Bin:
    """
    The trash of a storage.

    :param storage: the whole storage, in which no link is followed.
    :param name: of the folder.
    :param clock: the seconds since the epoch.
    :param token: draws twelve hexadecimal digits.
    """

    def __init__(self, storage: IStorage, name: str, clock: Callable[[], float], token: Callable[[], str]) -> None:
        self.storage = storage
        self.name = name
        self.clock = clock
        self._token = token
        self._locks: dict[Path, DeferredLock] = {}

    def path_of(self, directory: Path) -> Path:
        """Where versions of what is in a directory are."""
        return (self.name, *map(directory_name, directory))

    @asynccontextmanager
    async def locked(self, *paths: Path) -> AsyncIterator[None]:
        """While nobody else publishes, moves or removes what is at these paths."""
        async with AsyncExitStack() as stack:
            for path in sorted(set(paths)):
                await stack.enter_async_context(self._locked(path))
            yield

    @asynccontextmanager
    async def _locked(self, path: Path) -> AsyncIterator[None]:
        lock = self._locks.setdefault(path, DeferredLock())
        try:
            await lock.acquire()
            try:
                yield
            finally:
                lock.release()
        finally:
            if not lock.locked and not lock.waiting and self._locks.get(path) is lock:
                del self._locks[path]

    async def entry(self, path: Path) -> Entry | None:
        """What is at a path of the storage, links as links."""
        return await entry_at(self.storage, path)

    async def move(self, path: Path) -> None:
        """Move something that is no directory into the trash; in one step."""
        await self._put(path, lambda kept: self.storage.rename(path, kept))

    async def copy(self, path: Path, view: IStorage, path_in_view: Path) -> Path:
        """
        Copy the content of a file into the trash.

        :param view: a storage by which the file can be had though a link leads there, and the path in it.
        :return: where it is.
        """
        present = await self.entry(path)

        async def put(kept: Path) -> None:
            if present is not None and present.kind is Kind.FILE:
                await copy_file(self.storage, path, kept)
            else:
                await copy_content(view, path_in_view, self.storage, kept)

        kept = await self._put(path, put)
        if present is not None and present.kind is Kind.FILE:
            await self._resemble(kept, present)
        return kept

    async def _resemble(self, kept: Path, model: Entry) -> None:
        """Give a copy the permissions and the time of what it is a copy of, where that can be done."""
        modes, times = IModes(self.storage, None), ITimes(self.storage, None)
        with suppress(StorageError):
            if modes is not None and model.mode is not None:
                await modes.set_mode(kept, model.mode & 0o777)
            if times is not None and model.modified is not None:
                await times.set_modified(kept, model.modified)

    async def forget(self, kept: Path) -> None:
        """Remove a copy that was not needed after all; if that fails, it stays until its time is over."""
        with suppress(StorageError):
            await self.storage.remove_file(kept)

    async def _put(self, path: Path, put: Callable[[Path], Awaitable[None]]) -> Path:
        """Have something put into the trash under a name that it takes, in a directory that is made if need be."""
        directory = self.path_of(path[:-1])
        version = Kept(path[-1], self.clock(), self._token())
        *names, last = dict.fromkeys(map(version.text, LONGEST_STEMS))
        for name in names:
            try:
                return await self._put_into(directory, name, put)
            except AnotherStorage:
                raise
            except NameRefused:
                continue
        return await self._put_into(directory, last, put)

    async def _put_into(self, directory: Path, name: str, put: Callable[[Path], Awaitable[None]]) -> Path:
        kept = (*directory, name)
        for _ in range(_TRIES):
            try:
                await put(kept)
            except NotFound:
                await self._make(directory)
            else:
                return kept
        await put(kept)
        return kept

    async def _make(self, directory: Path) -> None:
        for length in range(1, len(directory) + 1):
            with suppress(AlreadyExists):
                await self.storage.make_directory(directory[:length])
