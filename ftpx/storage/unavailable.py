"""A storage that could not be opened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import NoReturn

from zope.interface import implementer

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import Entry, IReadableFile, IStorage, Path
from ftpx.storage.refusing import RefusingChanges

__all__ = ["UnavailableStorage"]


@implementer(IStorage)
class UnavailableStorage(RefusingChanges):
    """Stands for a storage that could not be opened: whatever is asked of it, it says to try again later."""

    def refuse(self) -> NoReturn:
        """:raises StorageUnavailable: always."""
        raise StorageUnavailable("the storage could not be opened")

    async def stat(self, path: Path) -> Entry:
        """:raises StorageUnavailable: always."""
        self.refuse()

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """:raises StorageUnavailable: always."""
        self.refuse()
        yield ()

    async def open_read(self, path: Path) -> IReadableFile:
        """:raises StorageUnavailable: always."""
        self.refuse()
