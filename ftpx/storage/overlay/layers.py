"""What the two storages of an overlay have at a path, and the steps that changes are made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final

from twisted.internet.defer import DeferredLock

from ftpx.errors import AlreadyExists, NotADirectory, NotFound
from ftpx.interfaces import Entry, IModes, IStorage, Kind, Path
from ftpx.storage.overlay.marks import mark_of, marked

__all__ = ["NOT_THERE", "Layers"]

#: What a storage says of a path where it has nothing.
NOT_THERE: Final = (NotFound, NotADirectory)


async def _entry(storage: IStorage, path: Path) -> Entry | None:
    try:
        return await storage.stat(path)
    except NOT_THERE:
        return None


def _require_directory(entry: Entry) -> None:
    """:raises NotFound, NotADirectory: it is none; behind a link there is nothing."""
    if entry.kind is Kind.LINK:
        raise NotFound("no such file or directory")
    if entry.kind is not Kind.DIRECTORY:
        raise NotADirectory("not a directory")


class Layers:
    """
    An upper storage, which takes all changes, and a lower one.

    Neither follows links. ``alone`` is held by whoever looks and then changes what the looking was about: such changes
    are made one at a time. No content is copied meanwhile.
    """

    def __init__(self, upper: IStorage, lower: IStorage) -> None:
        self.upper = upper
        self.lower = lower
        self._turn = DeferredLock()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """While nobody else makes a change of more than one step."""
        await self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()

    # Looking

    async def in_upper(self, path: Path) -> Entry | None:
        """What the upper storage has."""
        return await _entry(self.upper, path)

    async def in_lower(self, path: Path) -> Entry | None:
        """What the lower storage has, unless it is hidden; what the upper one has at the very path does not hide it."""
        entry = await _entry(self.lower, path)
        return entry if entry is not None and await self._shows(path) else None

    async def _shows(self, path: Path) -> bool:
        for length in range(1, len(path) + 1):
            if await self.in_upper(mark_of(path[:length])) is not None:
                return False
            if length < len(path):
                above = await self.in_upper(path[:length])
                if above is None:
                    return True
                if above.kind is not Kind.DIRECTORY:
                    return False
        return True

    async def entry(self, path: Path) -> Entry:
        """:raises NotFound: neither has anything there that shows."""
        entry = await self.find(path)
        if entry is None:
            raise NotFound("no such file or directory")
        return entry

    async def find(self, path: Path) -> Entry | None:
        """What is at a path, if anything is."""
        return await self.in_upper(path) or await self.in_lower(path)

    async def require_directory(self, path: Path) -> None:
        """:raises NotFound, NotADirectory: it is none."""
        _require_directory(await self.entry(path))

    # Steps that change nothing that anybody sees

    async def make_upper(self, path: Path) -> None:
        """
        Have a directory that is there in the upper storage too.

        :raises NotFound, NotADirectory: it is none.
        """
        entry = await self.in_upper(path)
        if entry is None:
            async with self.alone():
                await self.make_upper_now(path)
        else:
            _require_directory(entry)

    async def make_upper_now(self, path: Path) -> None:
        """The same by who is alone."""
        missing: list[tuple[Path, Entry]] = []
        entry = await self.in_upper(path)
        while entry is None:
            lower = await self.in_lower(path)
            if lower is None:
                raise NotFound("no such file or directory")
            missing.append((path, lower))
            path = path[:-1]
            entry = await self.in_upper(path)
        for found in (entry, *(lower for _, lower in missing)):
            _require_directory(found)
        for directory, lower in reversed(missing):
            with suppress(AlreadyExists):
                await self.upper.make_directory(directory)
                await self.keep_mode(directory, lower)

    async def hide(self, path: Path) -> None:
        """Have a mark at a path, by who is alone. The directory that it is in is in the upper storage."""
        mark = mark_of(path)
        if await self.in_upper(mark) is None:
            file = await self.upper.open_write(mark)
            try:
                await file.commit()
            finally:
                await file.abort()

    async def hide_lower(self, path: Path) -> None:
        """The same if the lower storage has something there that shows."""
        if await self.in_lower(path) is not None:
            await self.make_upper_now(path[:-1])
            await self.hide(path)

    async def clear(self, path: Path) -> None:
        """Remove the marks in a directory of the upper storage where nothing of the lower one shows."""
        while names := await self._marks(path):
            for name in names:
                with suppress(NotFound):
                    await self.upper.remove_file((*path, name))

    async def _marks(self, path: Path) -> list[str]:
        """The names of marks on the first page that has some."""
        async with aclosing(self.upper.list_directory(path)) as pages:
            async for page in pages:
                names = [entry.name for entry in page if marked(entry.name) is not None]
                if names:
                    return names
        return []

    async def keep_mode(self, path: Path, model: Entry) -> None:
        """Give what is in the upper storage the permissions of what it stands for, where that can be done."""
        modes = IModes(self.upper, None)
        if modes is not None and model.mode is not None:
            await modes.set_mode(path, model.mode & 0o777)
