"""Copying up: having in the upper storage what only the lower one has, so that it can be changed."""

from __future__ import annotations

from contextlib import aclosing, suppress
from typing import Final

from ftpx.errors import AlreadyExists, FileChanged, NotARegularFile, NotFound, NotSupported
from ftpx.interfaces import Entry, IReadableFile, ISymbolicLinks, ITimes, Kind, Path
from ftpx.storage.overlay.layers import Layers
from ftpx.storage.overlay.marks import is_reserved

__all__ = ["copy_up", "copy_up_all"]

_BLOCK: Final = 1024 * 1024


async def copy_up(layers: Layers, path: Path) -> None:
    """
    Have what is at a path in the upper storage too; of a directory, not what is in it. It looks the same afterwards.

    :raises NotFound: nothing is there.
    :raises NotSupported, NotARegularFile: it is of a kind that the upper storage cannot keep.
    """
    if await layers.in_upper(path) is not None:
        return
    lower = await layers.in_lower(path)
    if lower is None:
        raise NotFound("no such file or directory")
    if lower.kind is Kind.DIRECTORY:
        await layers.make_upper(path)
        return
    await layers.make_upper(path[:-1])
    if lower.kind is Kind.LINK and lower.target is not None:
        await _copy_link(layers, path, lower.target)
    elif lower.kind is Kind.FILE:
        original = await layers.lower.open_read(path)
        try:
            await _copy_file(layers, path, lower, original)
        finally:
            original.close()
    else:
        raise NotARegularFile("not a regular file")


async def _copy_link(layers: Layers, path: Path, target: str) -> None:
    links = ISymbolicLinks(layers.upper, None)
    if links is None:
        raise NotSupported("this storage keeps no symbolic links")
    async with layers.alone():
        await _require_there(layers, path)
        with suppress(AlreadyExists):
            await links.make_link(path, target)


async def _copy_file(layers: Layers, path: Path, lower: Entry, original: IReadableFile) -> None:
    # Whoever else has made it meanwhile has the same to copy, or something newer.
    with suppress(AlreadyExists):
        copy = await layers.upper.open_write(path, exclusive=True)
        try:
            position = 0
            while block := await original.read(position, _BLOCK):
                await copy.write(block)
                position += len(block)
            async with layers.alone():
                await _require_there(layers, path)
                await copy.commit()
        finally:
            await copy.abort()
        await layers.keep_mode(path, lower)
        times = ITimes(layers.upper, None)
        if times is not None and lower.modified is not None:
            await times.set_modified(path, lower.modified)


async def _require_there(layers: Layers, path: Path) -> None:
    """:raises FileChanged: it was removed while it was copied, and must not come back."""
    if await layers.in_lower(path) is None:
        raise FileChanged("the file was removed meanwhile")


async def copy_up_all(layers: Layers, path: Path) -> None:
    """
    Have a directory in the upper storage, with all that the lower one shows in it.

    What is held of it is the names of the directories that are still to be looked at.
    """
    pending = [(path, await _copy_up_directory(layers, path))]
    while pending:
        parent, names = pending[-1]
        if not names:
            pending.pop()
            continue
        directory = (*parent, names.pop())
        pending.append((directory, await _copy_up_directory(layers, directory)))


async def _copy_up_directory(layers: Layers, path: Path) -> list[str]:
    """Copy a directory and what is in it, but for directories: their names."""
    await layers.make_upper(path)
    if await layers.in_lower(path) is None:
        return []
    below = []
    async with aclosing(layers.lower.list_directory(path)) as pages:
        async for page in pages:
            for entry in page:
                child = (*path, entry.name)
                if is_reserved((entry.name,)) or await layers.in_lower(child) is None:
                    continue
                if entry.kind is Kind.DIRECTORY:
                    below.append(entry.name)
                else:
                    # What was removed meanwhile need not be moved.
                    with suppress(NotFound, FileChanged):
                        await copy_up(layers, child)
    return below
