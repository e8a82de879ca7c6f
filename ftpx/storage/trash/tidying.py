"""Removing from the trash what has been there for long enough, or is too much."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing, suppress
from typing import Final

import attrs

from ftpx.errors import DirectoryNotEmpty, NotADirectory, NotFound, StorageError
from ftpx.interfaces import Entry, IStorage, Kind, Path
from ftpx.storage.trash.names import Kept, parse_kept

__all__ = ["tidy"]

_HOUR: Final = 3600


async def tidy(storage: IStorage, folder: Path, now: float, lifetime: float, most: int | None) -> None:
    """
    Remove versions that went ``lifetime`` seconds ago or earlier; then, if the others have more than ``most`` octets,
    the oldest of them; and directories in which nothing is any more. What is not named as a version stays.
    """
    sweep = _Sweep(storage, now, now - lifetime)
    await sweep.over(folder)
    if most is not None and sweep.octets > most:
        surplus = sweep.octets - most
        for hour in sorted(sweep.by_hour):
            if surplus <= sweep.by_hour[hour]:
                # All before that hour, and of it as much as has to be.
                await _Sweep(storage, now, hour * _HOUR - 1, hour, surplus).over(folder)
                return
            surplus -= sweep.by_hour[hour]


@attrs.define
class _Sweep:
    """
    One walk through the trash. It counts what it leaves, by hours.

    ``oldest`` is the moment up to which versions are removed; in addition, of those of one ``hour``, ``surplus`` octets
    and no more than need be.
    """

    storage: IStorage
    now: float
    oldest: float
    hour: int | None = None
    surplus: int = 0
    by_hour: Counter[int] = attrs.field(factory=Counter)

    @property
    def octets(self) -> int:
        """How many octets are left."""
        return self.by_hour.total()

    async def over(self, folder: Path) -> None:
        """Go through a directory and all in it; what is held is the names of those that are still to be seen."""
        pending = [(folder, await self._sweep(folder))]
        while pending:
            parent, names = pending[-1]
            if names:
                directory = (*parent, names.pop())
                pending.append((directory, await self._sweep(directory)))
                continue
            pending.pop()
            with suppress(NotFound, DirectoryNotEmpty):
                if await self._is_empty(parent):
                    await self.storage.remove_directory(parent)

    async def _is_empty(self, directory: Path) -> bool:
        async with aclosing(self.storage.list_directory(directory)) as pages:
            async for page in pages:
                if page:
                    return False
        return True

    async def _sweep(self, directory: Path) -> list[str]:
        """Remove what is to be removed from one directory; the names of those in it."""
        below = []
        with suppress(NotFound, NotADirectory):
            async with aclosing(self.storage.list_directory(directory)) as pages:
                async for page in pages:
                    for entry in page:
                        if entry.kind is Kind.DIRECTORY:
                            below.append(entry.name)
                        elif (kept := parse_kept(entry.name)) is not None:
                            await self._decide((*directory, entry.name), entry, kept)
        return below

    async def _decide(self, path: Path, entry: Entry, kept: Kept) -> None:
        size = entry.size if entry.kind is Kind.FILE else 0
        # A clock may have been wrong.
        moment = min(kept.moment, self.now)
        hour = int(moment // _HOUR)
        surplus = hour == self.hour and self.surplus > 0
        if surplus:
            self.surplus -= size
        if surplus or moment <= self.oldest:
            with suppress(StorageError):
                await self.storage.remove_file(path)
                return
        self.by_hour[hour] += size
