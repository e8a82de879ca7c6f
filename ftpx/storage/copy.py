"""Copying a file, whatever the storages can do."""

from __future__ import annotations

from typing import Final

from ftpx.interfaces import IServerSideCopy, IStorage, Path

__all__ = ["copy_content", "copy_file"]

_BLOCK: Final = 1024 * 1024


async def copy_file(storage: IStorage, source: Path, destination: Path) -> None:
    """
    Copy one file; a file of the new name is replaced in one step.

    :raises StorageError: what reading or writing raised; then nothing was changed.
    """
    copies = IServerSideCopy(storage, None)
    if copies is not None:
        await copies.copy(source, destination)
    else:
        await copy_content(storage, source, storage, destination)


async def copy_content(
    origin: IStorage, source: Path, storage: IStorage, destination: Path, *, exclusive: bool = False
) -> None:
    """
    Copy one file by reading and writing it, also from one storage to another.

    :param exclusive: the new name must be free.
    :raises StorageError: what reading or writing raised; then nothing was changed.
    """
    original = await origin.open_read(source)
    try:
        target = await storage.open_write(destination, exclusive=exclusive)
        try:
            position = 0
            while block := await original.read(position, _BLOCK):
                await target.write(block)
                position += len(block)
            await target.commit()
        finally:
            await target.abort()
    finally:
        original.close()
