"""What storages share that refuse every change."""

from __future__ import annotations

from typing import NoReturn

from ftpx.interfaces import IWritableFile, Path

__all__ = ["RefusingChanges"]


class RefusingChanges:
    """The operations of `IStorage` that change something; each raises what `refuse` raises."""

    def refuse(self) -> NoReturn:
        """:raises StorageError: always; which one, and why, is the subclass's."""
        raise NotImplementedError

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Refused."""
        self.refuse()

    async def make_directory(self, path: Path) -> None:
        """Refused."""
        self.refuse()

    async def remove_directory(self, path: Path) -> None:
        """Refused."""
        self.refuse()

    async def remove_file(self, path: Path) -> None:
        """Refused."""
        self.refuse()

    async def rename(self, source: Path, destination: Path) -> None:
        """Refused."""
        self.refuse()
