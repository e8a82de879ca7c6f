"""A storage that could not be opened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import NoReturn

from zope.interface import implementer

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import Entry, IReadableFile, IStorage, IWritableFile, Path

__all__ = ["UnavailableStorage"]


def _refuse() -> NoReturn:
    raise StorageUnavailable("the storage could not be opened")


@implementer(IStorage)
class UnavailableStorage:
    """Stands for a storage that could not be opened: whatever is asked of it, it says to try again later."""

    async def stat(self, path: Path) -> Entry:
        """:raises StorageUnavailable: always."""
        _refuse()

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """:raises StorageUnavailable: always."""
        _refuse()
        yield ()

    async def open_read(self, path: Path) -> IReadableFile:
        """:raises StorageUnavailable: always."""
        _refuse()

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """:raises StorageUnavailable: always."""
        _refuse()

    async def make_directory(self, path: Path) -> None:
        """:raises StorageUnavailable: always."""
        _refuse()

    async def remove_directory(self, path: Path) -> None:
        """:raises StorageUnavailable: always."""
        _refuse()

    async def remove_file(self, path: Path) -> None:
        """:raises StorageUnavailable: always."""
        _refuse()

    async def rename(self, source: Path, destination: Path) -> None:
        """:raises StorageUnavailable: always."""
        _refuse()
