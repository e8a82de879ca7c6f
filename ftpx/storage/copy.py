"""Copying a file within a storage, whatever the storage can do."""

from __future__ import annotations

from typing import Final

from ftpx.interfaces import IServerSideCopy, IStorage, Path

__all__ = ["copy_file"]

_BLOCK: Final = 1024 * 1024


async def copy_file(storage: IStorage, source: Path, destination: Path) -> None:
    """
    Copy one file; a file of the new name is replaced in one step.

    :raises StorageError: what reading or writing raised; then nothing was changed.
    """
    copies = IServerSideCopy(storage, None)
    if copies is not None:
        await copies.copy(source, destination)
        return
    original = await storage.open_read(source)
    try:
        target = await storage.open_write(destination)
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
