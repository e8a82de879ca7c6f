"""Changes of a storage that keep in its trash what they take away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from ftpx.errors import (
    AlreadyExists,
    AnotherStorage,
    DirectoryNotEmpty,
    FileChanged,
    IsADirectory,
    NameRefused,
    NoSpace,
    NotADirectory,
    NotARegularFile,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    PermissionDenied,
    QuotaExceeded,
)
from ftpx.interfaces import Entry, IStorage, IWritableFile, Kind, Path
from ftpx.running import to_the_end
from ftpx.storage.copy import copy_content
from ftpx.storage.forwarding import ForwardingFile
from ftpx.storage.trash.bin import Bin, entry_at

__all__ = ["Keeping", "KeepingFile"]

# By these a storage says for certain that it has changed nothing.
_REFUSALS: Final = (
    AlreadyExists,
    DirectoryNotEmpty,
    FileChanged,
    IsADirectory,
    NameRefused,
    NoSpace,
    NotADirectory,
    NotARegularFile,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
)
# What is said where something cannot be moved in one step, though it might be copied: it is in another storage or file
# system, or a link leads to it.
_NOT_MOVED: Final = (AnotherStorage, NotFound, NotADirectory, NotSupported, PermissionDenied)


class Keeping:
    """
    What keeps the versions of the files below one directory.

    :param view: the directory as a storage.
    :param base: where it is, in the storage that the trash is in.
    """

    def __init__(self, trash: Bin, view: IStorage, base: Path) -> None:
        self.bin = trash
        self.view = view
        self.base = base

    @asynccontextmanager
    async def replacing(self, path: Path, *others: Path, follow: bool) -> AsyncIterator[None]:
        """
        Around what replaces the file at a path, if one is there: a copy of it is in the trash before, so nothing is
        lost whenever it ends. If nothing was replaced, the copy is removed again.

        :param others: what is moved or removed by it.
        :param follow: a link is followed, and what it leads to is replaced.
        """
        absolute = self.base + path
        async with self.bin.locked(absolute, *(self.base + other for other in others)):
            present = await (entry_at(self.view, path) if follow else self.bin.entry(absolute))
            if present is None or present.kind is not Kind.FILE:
                yield
                return
            kept = await self.bin.copy(absolute, self.view, path)
            try:
                yield
            except _REFUSALS:
                await to_the_end(self.bin.forget(kept))
                raise

    async def remove(self, path: Path) -> None:
        """Move what is at a path into the trash."""
        absolute = self.base + path
        async with self.bin.locked(absolute):
            present = await self.bin.entry(absolute)
            if present is not None and present.kind is Kind.DIRECTORY:
                raise IsADirectory("is a directory")
            try:
                if present is None:
                    raise NotFound("a link leads there")
                await self.bin.move(absolute)
            except OutcomeUnknown:
                raise
            except _NOT_MOVED:
                await self._copy_and_remove(path)

    async def _copy_and_remove(self, path: Path) -> None:
        """In two steps, the second of which decides."""
        entry = await self.view.stat(path)
        if entry.kind is not Kind.FILE:
            # There is no content to keep.
            await self.view.remove_file(path)
            return
        kept = await self.bin.copy(self.base + path, self.view, path)
        try:
            await self.view.remove_file(path)
        except _REFUSALS:
            await to_the_end(self.bin.forget(kept))
            raise

    async def restore(self, kept: Path, path: Path) -> None:
        """Move a version out of the trash; what it replaces is kept."""
        if (await self.bin.storage.stat(kept)).kind is Kind.DIRECTORY:
            raise PermissionDenied("what is in the trash is moved out of it one by one")
        async with self.replacing(path, follow=False):
            try:
                await self.bin.storage.rename(kept, self.base + path)
            except (AnotherStorage, NotSupported):
                await copy_content(self.bin.storage, kept, self.view, path)
                await self.bin.storage.remove_file(kept)


class KeepingFile(ForwardingFile):
    """A writable file; what it replaces is kept."""

    def __init__(self, inner: IWritableFile, keeping: Keeping, path: Path) -> None:
        super().__init__(inner)
        self._keeping = keeping
        self._path = path

    async def publish(self, commit: Callable[[], Awaitable[Entry]]) -> Entry:
        """Publish; before that, what has the name is copied into the trash."""
        async with self._keeping.replacing(self._path, follow=True):
            return await commit()
