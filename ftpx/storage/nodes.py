"""Files and directories in memory, and what they take of its limit."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import attrs

from ftpx.errors import NoSpace
from ftpx.interfaces import Entry, Kind

__all__ = ["Directory", "File", "Node", "Volume"]


@attrs.define(eq=False)
class _Node:
    """What every node has; ``version`` is drawn anew when the content changes."""

    identity: int
    version: int
    mode: int
    modified: float
    created: float


@attrs.define(eq=False)
class File(_Node):
    """A file. Its content is never changed, only replaced by another, so who reads it may hold on to it."""

    content: bytearray


@attrs.define(eq=False)
class Directory(_Node):
    """A directory. ``removed`` ones take no more entries."""

    children: dict[str, Node] = attrs.field(factory=dict)
    removed: bool = False


Node = File | Directory


_numbers = itertools.count(1)


class Volume:
    """
    Makes nodes, and counts the octets in use up to a limit; what is being uploaded counts too.

    :param clock: the seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float], limit: int | None = None) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._number = next(_numbers)
        self.limit = limit
        self.used = 0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock()

    def take(self, octets: int) -> None:
        """:raises NoSpace: there is no room for so many octets more."""
        if self.limit is not None and self.used + octets > self.limit:
            raise NoSpace("the memory set aside is full")
        self.used += octets

    def give_back(self, octets: int) -> None:
        """So many octets are free again."""
        self.used -= octets

    def file(self, content: bytearray, mode: int) -> File:
        """A new file; its content has been taken already."""
        now = self._clock()
        return File(next(self._numbers), next(self._numbers), mode, now, now, content)

    def directory(self) -> Directory:
        """A new directory."""
        now = self._clock()
        return Directory(next(self._numbers), next(self._numbers), 0o755, now, now)

    def touch(self, directory: Directory) -> None:
        """Note that the entries of a directory changed."""
        directory.modified = self._clock()

    def entry(self, name: str, node: Node) -> Entry:
        """The entry of a node under a name."""
        kind, size = (Kind.FILE, len(node.content)) if isinstance(node, File) else (Kind.DIRECTORY, 0)
        return Entry(
            name,
            kind,
            size=size,
            modified=node.modified,
            created=node.created,
            mode=node.mode,
            # Two storages in one tree must not have two files of one identity.
            identity=b"m%x.%x" % (self._number, node.identity),
            version=b"%x" % node.version,
        )
