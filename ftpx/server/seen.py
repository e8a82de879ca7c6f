"""What a session was told about files, so that it does not go on with another one."""

from __future__ import annotations

from collections import OrderedDict

from ftpx.interfaces import Entry, Path

__all__ = ["SeenFiles"]

_MOST = 256


class SeenFiles:
    """The files that SIZE, MDTM, MLST or RETR has told a session of, the last 256."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Path, Entry] = OrderedDict()

    def note(self, path: Path, entry: Entry) -> None:
        """The client knows this file now."""
        self._seen[path] = entry
        self._seen.move_to_end(path)
        if len(self._seen) > _MOST:
            self._seen.popitem(last=False)

    def changed(self, path: Path, entry: Entry) -> bool:
        """
        Whether a path leads to another content than the client was told of.

        A file that only became longer, as a log does, has the same beginning; one that was replaced has not. Where
        files have no identity, nobody knows which of the two it is.
        """
        seen = self._seen.get(path)
        if seen is None or seen.version is None or seen.version == entry.version:
            return False
        return seen.identity is None or seen.identity != entry.identity or entry.size <= seen.size
