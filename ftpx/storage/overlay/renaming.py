"""Renaming in an overlay: what is moved is copied up first, so that the last step is one of the upper storage."""

from __future__ import annotations

from contextlib import aclosing

from ftpx.errors import DirectoryNotEmpty, IsADirectory, NameRefused, NotADirectory, NotFound
from ftpx.interfaces import Entry, Kind, Path
from ftpx.storage.overlay.copying import copy_up, copy_up_all
from ftpx.storage.overlay.layers import Layers
from ftpx.storage.overlay.listing import list_both

__all__ = ["is_empty", "rename"]


async def is_empty(layers: Layers, path: Path) -> bool:
    """Whether nothing shows in a directory."""
    async with aclosing(list_both(layers, path)) as pages:
        async for _ in pages:
            return False
    return True


async def rename(layers: Layers, source: Path, destination: Path) -> None:
    """Give an entry another name; a directory of the lower storage is copied with all that is in it."""
    entry = await layers.entry(source)
    await layers.require_directory(destination[:-1])
    if source == destination:
        return
    if entry.kind is Kind.DIRECTORY and destination[: len(source)] == source:
        raise NameRefused("a directory cannot be put into itself")
    await _require_replaceable(layers, entry, destination)
    if entry.kind is not Kind.DIRECTORY:
        await copy_up(layers, source)
    elif await layers.in_lower(source) is not None:
        await copy_up_all(layers, source)
    async with layers.alone():
        await _move(layers, source, destination)


async def _move(layers: Layers, source: Path, destination: Path) -> None:
    """Rename what is in the upper storage, and all of it."""
    entry = await layers.in_upper(source)
    if entry is None:
        raise NotFound("no such file or directory")
    replaces = await _require_replaceable(layers, entry, destination)
    await layers.make_upper_now(destination[:-1])
    await layers.hide_lower(source)
    if entry.kind is Kind.DIRECTORY and replaces:
        # An empty directory whose marks would keep it from being replaced, and its content from being hidden.
        await layers.make_upper_now(destination)
        await layers.hide_lower(destination)
        await layers.clear(destination)
    await layers.upper.rename(source, destination)


async def _require_replaceable(layers: Layers, entry: Entry, destination: Path) -> bool:
    """
    Whether something has the name that an entry is to have.

    :raises IsADirectory, NotADirectory, DirectoryNotEmpty: the entry may not take its place.
    """
    present = await layers.find(destination)
    if present is None:
        return False
    if present.kind is not Kind.DIRECTORY:
        if entry.kind is Kind.DIRECTORY:
            raise NotADirectory("a directory cannot replace a file")
    elif entry.kind is not Kind.DIRECTORY:
        raise IsADirectory("a file cannot replace a directory")
    elif not await is_empty(layers, destination):
        raise DirectoryNotEmpty("the directory is not empty")
    return True
