"""How much is stored, counted by looking at all of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from ftpx.errors import NotADirectory, NotFound
from ftpx.interfaces import IPartialUploads, IStorage, Kind, Path
from ftpx.storage.spot import Holding, counts

__all__ = ["usage"]


async def usage(storage: IStorage, path: Path = (), owners: Sequence[str] = ()) -> tuple[int, int]:
    """
    Octets and files in a directory and below; links count as links, and versions that are kept not at all.

    What is held of it is the names of the directories that are still to be looked at. A directory that is not there,
    or goes away meanwhile, holds nothing.

    :param owners: whose uploads that broke off count, wherever in the storage they are.
    """
    total, below = await _count(storage, path)
    pending = [(path, below)]
    while pending:
        parent, names = pending[-1]
        if not names:
            pending.pop()
            continue
        directory = (*parent, names.pop())
        held, below = await _count(storage, directory)
        total += held
        pending.append((directory, below))
    partials = IPartialUploads(storage, None)
    kept = 0
    if partials is not None:
        for owner in owners:
            kept += await partials.kept_octets(owner)
    return total.octets + kept, total.files


async def _count(storage: IStorage, directory: Path) -> tuple[Holding, list[str]]:
    """What counts in one directory, and the names of those in it."""
    octets = files = 0
    below = []
    try:
        async with aclosing(storage.list_directory(directory)) as pages:
            async for page in pages:
                for entry in page:
                    if not counts(storage, (*directory, entry.name)):
                        continue
                    if entry.kind is Kind.DIRECTORY:
                        below.append(entry.name)
                    else:
                        held = Holding.of(entry)
                        octets += held.octets
                        files += held.files
    except (NotFound, NotADirectory):
        below = []
    return Holding(octets, files), below
