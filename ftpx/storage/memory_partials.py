"""Uploads to a storage in memory that broke off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

import attrs

from ftpx.interfaces import Path
from ftpx.storage.nodes import Directory, File, Volume
from ftpx.storage.partials import MOST_PARTIALS, may_append, may_continue, under_way

__all__ = ["MemoryPartials", "PartialPlace"]


@attrs.frozen
class PartialPlace:
    """
    Whose upload to where. What counts is the path, from the root of the volume; there, the directory has or gets a file
    of the name.
    """

    owner: str
    path: Path
    directory: Directory = attrs.field(eq=False)
    name: str = attrs.field(eq=False)

    def is_below(self, directory: Path, owner: str) -> bool:
        """Whether it is somebody's upload to something below a directory."""
        return self.owner == owner and self.path[: len(directory)] == directory


@attrs.define
class _Partial:
    """What is kept: the content, the file that it was to replace, and when that was."""

    content: bytearray
    replaces: Hashable
    kept: float


def _standing(place: PartialPlace) -> tuple[bool, Hashable]:
    """Whether a file has the name, and what tells it from another one and from its own next content."""
    node = place.directory.children.get(place.name)
    return node is not None, (node.identity, node.version) if isinstance(node, File) else None


class MemoryPartials:
    """The partial uploads of a volume; their content counts as used."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._partials: dict[PartialPlace, _Partial] = {}
        self._under_way: Counter[PartialPlace] = Counter()

    def begin(self, place: PartialPlace) -> None:
        """Somebody writes to a place."""
        self._under_way[place] += 1

    def end(self, place: PartialPlace) -> None:
        """Somebody writes there no more."""
        self._under_way -= Counter((place,))

    def keep(self, place: PartialPlace, content: bytearray, replaces: Hashable) -> None:
        """Keep what has come, in place of what was kept before."""
        self._drop(place)
        self._partials[place] = _Partial(content, replaces, self._volume.now())
        mine = [other for other in self._partials if other.owner == place.owner]
        for oldest in mine[:-MOST_PARTIALS]:
            self._drop(oldest)

    @staticmethod
    def replaced_by(place: PartialPlace) -> Hashable:
        """What an upload that begins now is to replace."""
        return _standing(place)[1]

    def size(self, place: PartialPlace) -> int | None:
        """Octets kept, where no file has the name."""
        partial = self._partials.get(place)
        if partial is None or _standing(place)[0]:
            return None
        return len(partial.content) or None

    def octets_at(self, place: PartialPlace) -> int:
        """Octets kept, whether a file has the name or not."""
        partial = self._partials.get(place)
        return 0 if partial is None else len(partial.content)

    def octets_below(self, directory: Path, owner: str) -> int:
        """Octets kept for an owner below a directory."""
        kept = [partial for place, partial in self._partials.items() if place.is_below(directory, owner)]
        return sum(len(partial.content) for partial in kept)

    def claim(self, place: PartialPlace, offset: int | None) -> bytearray | None:
        """
        Take what is kept, up to an offset, to go on with it.

        :raises FileReplaced, OffsetBeyondEnd: see `IPartialUploads`.
        """
        partial = self._partials.get(place)
        stands, now = _standing(place)
        same = partial is not None and now == partial.replaces
        if offset is None and stands:
            may_append(0 if partial is None else len(partial.content), same_file=same)
            return None
        if place in self._under_way:
            raise under_way()
        if partial is None:
            return None
        may_continue(offset, len(partial.content), same_file=same or not stands)
        del self._partials[place]
        self._volume.give_back(len(partial.content))
        return partial.content[:offset]

    def supersede(self, place: PartialPlace) -> None:
        """Another upload was published from its start: what was kept must not be continued any more."""
        partial = self._partials.get(place)
        if partial is None:
            return
        if not partial.content:
            del self._partials[place]
        self._volume.give_back(len(partial.content))
        partial.content = bytearray()

    def discard(self, place: PartialPlace) -> bool:
        """Throw away what is kept; whether there was content."""
        partial = self._partials.get(place)
        if partial is None:
            return False
        content = bool(partial.content)
        self._drop(place)
        return content

    def tidy(self, lifetime: float) -> None:
        """Throw away what was kept for too long."""
        oldest = self._volume.now() - lifetime
        for place in [place for place, partial in self._partials.items() if partial.kept <= oldest]:
            self._drop(place)

    def _drop(self, place: PartialPlace) -> None:
        partial = self._partials.pop(place, None)
        if partial is not None:
            self._volume.give_back(len(partial.content))
