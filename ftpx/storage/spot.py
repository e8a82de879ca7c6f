"""What counts of one place in a storage, and the name under which the place is locked."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import attrs

from ftpx.errors import NameRefused, NotADirectory, NotFound
from ftpx.interfaces import Entry, IPartialUploads, IStorage, IVersions, Kind, Path

__all__ = ["COUNTED", "Holding", "Spot", "counts", "hold", "place_of"]

COUNTED: Final = {Kind.FILE: 1, Kind.LINK: 1, Kind.DIRECTORY: 0, Kind.OTHER: 0}
"""How many files an entry counts for."""


@attrs.frozen
class Holding:
    """Octets and files that count; ``kept`` of the octets are of uploads that broke off."""

    octets: int = 0
    files: int = 0
    kept: int = 0

    def __add__(self, other: Holding) -> Holding:
        """Both together."""
        return Holding(self.octets + other.octets, self.files + other.files, self.kept + other.kept)

    @classmethod
    def of(cls, entry: Entry) -> Holding:
        """What an entry counts for."""
        return cls(entry.size if entry.kind is Kind.FILE else 0, COUNTED[entry.kind])


def counts(storage: IStorage, path: Path) -> bool:
    """Whether what is at a path counts at all: versions that are kept of what is gone do not."""
    versions = IVersions(storage, None)
    return versions is None or versions.origin(path) is None


def place_of(part: str, path: Path) -> str:
    """
    A short name for a place; ``part`` tells the parts of the tree apart that are not one storage.

    :raises NameRefused: no octets stand for a name.
    """
    try:
        octets = "\0".join((part, *path)).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise NameRefused("no octets stand for this name") from None
    return blake2b(octets, digest_size=16).hexdigest()


@attrs.frozen
class Spot:
    """
    A path of a storage that follows no links.

    :param owner: whose broken uploads to it count.
    """

    storage: IStorage
    path: Path
    place: str
    owner: str | None = None

    async def entry(self) -> Entry | None:
        """What is there."""
        try:
            return await self.storage.stat(self.path)
        except (NotFound, NotADirectory):
            return None

    async def kept(self) -> int:
        """Octets that are kept of a broken upload."""
        partials = None if self.owner is None else IPartialUploads(self.storage, None)
        if partials is None or self.owner is None:
            return 0
        try:
            return await partials.kept_octets(self.owner, self.path)
        except (NotFound, NotADirectory):
            return 0

    async def holding(self) -> Holding:
        """What counts there."""
        entry = await self.entry() if counts(self.storage, self.path) else None
        kept = await self.kept()
        return Holding(octets=kept, kept=kept) + (Holding() if entry is None else Holding.of(entry))


async def hold(spots: Iterable[Spot]) -> Holding:
    """What counts at some places together."""
    total = Holding()
    for spot in spots:
        total += await spot.holding()
    return total
