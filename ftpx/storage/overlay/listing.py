"""The entries of a directory that two storages have a part of."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from ftpx.errors import NotADirectory, NotFound
from ftpx.interfaces import Entry, Kind, Path
from ftpx.storage.overlay.layers import Layers
from ftpx.storage.overlay.marks import digest_of, is_reserved, mark_of, marked, reserved_to_read

__all__ = ["MOST_KNOWN", "list_both"]

MOST_KNOWN: Final = 20_000
"""
Of how many names of the upper storage is remembered that they are not to be listed again. Where there are more, the
upper storage is asked for each name of the lower one.
"""


async def list_both(layers: Layers, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
    """
    The pages of the upper storage, and then those of the lower one without what the upper one has or hides.

    :raises NotFound, NotADirectory: at the first page.
    """
    reserved_to_read(path)
    upper = await layers.in_upper(path)
    lower = await layers.in_lower(path)
    first = upper or lower
    if first is None:
        raise NotFound("no such file or directory")
    if first.kind is not Kind.DIRECTORY:
        raise NotADirectory("not a directory")
    known: set[bytes] | None = set()
    if upper is not None:
        async with aclosing(layers.upper.list_directory(path)) as pages:
            async for page in pages:
                if known is not None:
                    known.update(marked(entry.name) or digest_of(entry.name) for entry in page)
                    known = known if len(known) <= MOST_KNOWN else None
                if shown := [entry for entry in page if not is_reserved((entry.name,))]:
                    yield shown
    if lower is None or lower.kind is not Kind.DIRECTORY:
        return
    async with aclosing(layers.lower.list_directory(path)) as pages:
        async for page in pages:
            if shown := [entry for entry in page if await _shows(layers, path, entry.name, known)]:
                yield shown


async def _shows(layers: Layers, directory: Path, name: str, known: set[bytes] | None) -> bool:
    """Whether an entry of the lower storage is listed."""
    if is_reserved((name,)):
        return False
    if known is not None:
        return digest_of(name) not in known
    path = (*directory, name)
    return await layers.in_upper(path) is None and await layers.in_upper(mark_of(path)) is None
