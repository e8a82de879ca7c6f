"""From what a store says of its objects to the entries of directories."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from ftpx.interfaces import Entry, Kind
from ftpx.storage.objects.keys import is_name
from ftpx.storage.objects.store import ObjectEntry, ObjectPage

__all__ = ["Listing", "directory_entry", "file_entry"]


def file_entry(name: str, found: ObjectEntry) -> Entry:
    """The entry of an object. It has no identity: by another name it is another object."""
    return Entry(name, Kind.FILE, found.size, found.modified, version=found.etag.encode())


def directory_entry(name: str) -> Entry:
    """The entry of a directory, of which nothing is known but that it is there."""
    return Entry(name, Kind.DIRECTORY)


class Listing:
    """
    The entries of a directory, page by page as a store gives them, in the order of keys.

    :param prefix: what the keys of the directory's entries begin with.
    """

    def __init__(self, prefix: str) -> None:
        self._start = len(prefix)
        self._hiding: list[str] = []

    def entries(self, page: ObjectPage) -> list[Entry]:
        """The entries of the next page, sorted by name; there may be none."""
        entries = list(self._entries(page))
        entries.sort(key=attrgetter("name"))
        return entries

    def _entries(self, page: ObjectPage) -> Iterator[Entry]:
        found: list[tuple[str, ObjectEntry | None]] = [(entry.key, entry) for entry in page.objects]
        found += [(prefix, None) for prefix in page.prefixes]
        found.sort(key=lambda pair: pair[0].encode())
        for key, entry in found:
            if entry is not None:
                name = key[self._start :]
                if is_name(name):
                    self._file(name)
                    yield file_entry(name, entry)
            else:
                name = key[self._start : -1]
                if is_name(name) and not self._is_hidden(name):
                    yield directory_entry(name)

    def _file(self, name: str) -> None:
        """
        Remember a file as long as a directory of its name may come.

        Between ``a`` and ``a/`` all keys begin with ``a``; so these are no more than a name has letters.
        """
        while self._hiding and not name.startswith(self._hiding[-1]):
            self._hiding.pop()
        self._hiding.append(name)

    def _is_hidden(self, name: str) -> bool:
        return name in self._hiding
