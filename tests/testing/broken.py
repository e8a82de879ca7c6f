"""Storages that each break one promise of the contract, over one that keeps them all."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Any, cast

from zope.interface import alsoProvides, directlyProvidedBy, providedBy

from ftpx.errors import DirectoryNotEmpty, NotFound, StorageError, StorageFailure
from ftpx.interfaces import (
    Block,
    Entry,
    IReadableFile,
    IStorage,
    IStoredDigests,
    IWorkerPool,
    IWritableFile,
    Kind,
    Path,
)
from ftpx.storage.forwarding import ForwardingStorage

__all__ = [
    "AbortsTheOld",
    "AddsToTheOld",
    "ChangesUnderReaders",
    "ChecksNameAtOpenOnly",
    "CommitsAgain",
    "Composes",
    "DropsLargeBlocks",
    "FoldsCase",
    "ForgetsDirectories",
    "IgnoresExclusive",
    "IgnoresOffset",
    "KeepsBlocks",
    "LeavesTheSource",
    "ListsInOnePage",
    "ListsTwice",
    "ListsUnsorted",
    "MisreadsTheEnd",
    "MixesWriters",
    "PublishesAtOpen",
    "PublishesInTwoCalls",
    "RemovesAll",
    "ReplacesTrees",
    "TellsAnotherError",
    "TellsOldDigests",
]


class _File:
    """An open file that does as the other does, but for what a subclass changes."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        alsoProvides(self, *providedBy(inner))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class _BreaksFiles(ForwardingStorage):
    """Gives out broken files to write."""

    writable: type[_File] = _File

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        return cast(IWritableFile, self.writable(await super().open_write(path, offset=offset, exclusive=exclusive)))


class PublishesAtOpen(ForwardingStorage):
    """A new file is there, and empty, as soon as it is opened."""

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        if offset == 0:
            await (await self.inner.open_write(path, exclusive=exclusive)).commit()
        return await self.inner.open_write(path, offset=offset)


class AbortsTheOld(ForwardingStorage):
    """An upload that is thrown away takes the old file with it."""

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        file, inner = await self.inner.open_write(path, offset=offset, exclusive=exclusive), self.inner

        class Removing(_File):
            over = False

            async def commit(self) -> Entry:
                self.over = True
                return await file.commit()

            async def abort(self) -> None:
                await file.abort()
                if not self.over:
                    with suppress(StorageError):
                        await inner.remove_file(path)

        return cast(IWritableFile, Removing(file))


class ListsTwice(ForwardingStorage):
    """What comes last in a page comes first in the next."""

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        last: list[Entry] = []
        async for page in self.inner.list_directory(path):
            yield sorted([*last, *page[: 1000 - len(last)]], key=lambda entry: entry.name)
            last = list(page[-1:])


class ListsUnsorted(ForwardingStorage):
    """Pages are in some order."""

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        async for page in self.inner.list_directory(path):
            yield page[::-1]


class ListsInOnePage(ForwardingStorage):
    """A page has as many entries as there are."""

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        found = [entry async for page in self.inner.list_directory(path) for entry in page]
        yield sorted(found, key=lambda entry: entry.name)


class IgnoresExclusive(ForwardingStorage):
    """A name that is taken is given away."""

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        return await self.inner.open_write(path, offset=offset)


class ChecksNameAtOpenOnly(ForwardingStorage):
    """Whether a name is taken is asked too early."""

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        await (await self.inner.open_write(path, exclusive=exclusive)).abort()
        return await self.inner.open_write(path, offset=offset)


class TellsAnotherError(ForwardingStorage):
    """What is missing is told as a failure."""

    async def open_read(self, path: Path) -> IReadableFile:
        try:
            return await self.inner.open_read(path)
        except NotFound:
            raise StorageFailure("404") from None


class MixesWriters(ForwardingStorage):
    """Two uploads to one name go to one place."""

    def __init__(self, inner: IStorage) -> None:
        super().__init__(inner)
        self._staged: dict[Path, bytearray] = {}

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        file = await self.inner.open_write(path, offset=offset, exclusive=exclusive)
        content = self._staged.setdefault(path, bytearray())

        class Sharing(_File):
            async def write(self, block: Block) -> None:
                content.extend(block)

            async def commit(self) -> Entry:
                await file.write(bytes(content))
                return await file.commit()

        return cast(IWritableFile, Sharing(file))


class FoldsCase(ForwardingStorage):
    """``A`` is ``a``."""

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        lower = tuple(name.lower() for name in path)
        return await self.inner.open_write(lower, offset=offset, exclusive=exclusive)


class Composes(ForwardingStorage):
    """A letter and its accent become one."""

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        composed = tuple(unicodedata.normalize("NFC", name) for name in path)
        return await self.inner.open_write(composed, offset=offset, exclusive=exclusive)


class ChangesUnderReaders(ForwardingStorage):
    """Whoever has a file open reads what has its name now."""

    async def open_read(self, path: Path) -> IReadableFile:
        inner = self.inner

        class Reopening(_File):
            async def read(self, offset: int, size: int) -> bytes:
                return await (await inner.open_read(path)).read(offset, size)

        return cast(IReadableFile, Reopening(await inner.open_read(path)))


class MisreadsTheEnd(ForwardingStorage):
    """Of a read that goes up to the end the last octet is missing, as where a range is not inclusive."""

    async def open_read(self, path: Path) -> IReadableFile:
        class Short(_File):
            async def read(self, offset: int, size: int) -> bytes:
                block: bytes = await self.inner.read(offset, size)
                return block[:-1] if 1 < size == self.inner.entry.size - offset else block

        return cast(IReadableFile, Short(await self.inner.open_read(path)))


class IgnoresOffset(ForwardingStorage):
    """All of a file is kept, whatever was asked for."""

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        return await self.inner.open_write(path, offset=None if offset else offset, exclusive=exclusive)


class AddsToTheOld(ForwardingStorage):
    """What continues a file is put behind whatever has the name when it is published."""

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        file, inner = await self.inner.open_write(path, offset=offset, exclusive=exclusive), self.inner
        if offset == 0:
            return file
        content = bytearray()

        class Late(_File):
            async def write(self, block: Block) -> None:
                content.extend(block)

            async def commit(self) -> Entry:
                now = await inner.open_write(path, offset=offset)
                await now.write(bytes(content))
                return await now.commit()

        return cast(IWritableFile, Late(file))


class _Keeping(_File):
    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._blocks: list[Block] = []

    async def write(self, block: Block) -> None:
        self._blocks.append(block)

    async def commit(self) -> Entry:
        for block in self._blocks:
            await self.inner.write(block)
        entry: Entry = await self.inner.commit()
        return entry


class KeepsBlocks(_BreaksFiles):
    """The memory of a block is used when it is somebody else's again."""

    writable = _Keeping


class _Dropping(_File):
    async def write(self, block: Block) -> None:
        await self.inner.write(memoryview(block)[: 1 << 19])


class DropsLargeBlocks(_BreaksFiles):
    """Of a block only the first half of a mebibyte arrives."""

    writable = _Dropping


class CommitsAgain(ForwardingStorage):
    """What is written behind the end is published."""

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        file, inner = await self.inner.open_write(path, offset=offset, exclusive=exclusive), self.inner
        content = bytearray()

        class Undead(_File):
            async def write(self, block: Block) -> None:
                content.extend(block)

            async def commit(self) -> Entry:
                now = await inner.open_write(path, offset=offset)
                await now.write(bytes(content))
                return await now.commit()

        return cast(IWritableFile, Undead(file))


class LeavesTheSource(ForwardingStorage):
    """A rename is a copy."""

    async def rename(self, source: Path, destination: Path) -> None:
        if (await self.inner.stat(source)).kind is not Kind.FILE:
            await self.inner.rename(source, destination)
            return
        old = await self.inner.open_read(source)
        new = await self.inner.open_write(destination)
        await new.write(await old.read(0, old.entry.size))
        await new.commit()


async def _remove_all(storage: IStorage, path: Path) -> None:
    async for page in storage.list_directory(path):
        for entry in page:
            if entry.kind is Kind.DIRECTORY:
                await _remove_all(storage, (*path, entry.name))
            else:
                await storage.remove_file((*path, entry.name))
    await storage.remove_directory(path)


class RemovesAll(ForwardingStorage):
    """A directory is removed with all that is in it."""

    async def remove_directory(self, path: Path) -> None:
        if path:
            await _remove_all(self.inner, path)
        else:
            await self.inner.remove_directory(path)


class ReplacesTrees(ForwardingStorage):
    """A directory replaces one that has entries."""

    async def rename(self, source: Path, destination: Path) -> None:
        try:
            await self.inner.rename(source, destination)
        except DirectoryNotEmpty:
            await _remove_all(self.inner, destination)
            await self.inner.rename(source, destination)


class ForgetsDirectories(ForwardingStorage):
    """A directory is gone with the last file in it, as where directories are beginnings of keys."""

    async def remove_file(self, path: Path) -> None:
        await self.inner.remove_file(path)
        with suppress(StorageError):
            await self.inner.remove_directory(path[:-1])


class TellsOldDigests(ForwardingStorage):
    """The digest of a file is always that of nothing."""

    async def open_read(self, path: Path) -> IReadableFile:
        class Knowing(_File):
            def stored_digest(self, algorithm: str) -> str | None:
                return "d41d8cd98f00b204e9800998ecf8427e" if algorithm == "MD5" else None

        file = Knowing(await self.inner.open_read(path))
        alsoProvides(file, IStoredDigests, *directlyProvidedBy(file))
        return cast(IReadableFile, file)


class PublishesInTwoCalls(ForwardingStorage):
    """The old file is removed by one call of the pool, and the new one published by another."""

    def __init__(self, inner: IStorage, pool: IWorkerPool) -> None:
        super().__init__(inner)
        self._pool = pool

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        file, inner, pool = (
            await self.inner.open_write(path, offset=offset, exclusive=exclusive),
            self.inner,
            self._pool,
        )

        class Slow(_File):
            async def commit(self) -> Entry:
                with suppress(NotFound):
                    await inner.remove_file(path)
                await pool.run(int)
                return await file.commit()

        return cast(IWritableFile, Slow(file))
