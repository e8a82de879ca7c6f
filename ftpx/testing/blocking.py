"""
A blocking storage in memory: the smallest one that is whole, to begin with when you write your own.

`ftpx.storage.threaded.ThreadedStorage` makes a storage of it, which passes `ftpx.testing.storage.StorageContract`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from threading import RLock
from typing import Final

import attrs
from zope.interface import implementer

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    FileChanged,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotFound,
    OffsetBeyondEnd,
    PermissionDenied,
    StorageFailure,
)
from ftpx.interfaces import (
    Block,
    Entry,
    IBlockingReadableFile,
    IBlockingStorage,
    IBlockingWritableFile,
    IServerSideCopy,
    ITimes,
    Kind,
    Path,
)
from ftpx.storage.names import LONGEST_NAME, octets

__all__ = ["BlockingMemoryStorage"]

_PAGE: Final = 1000

_versions = itertools.count(1)


@attrs.define(eq=False)
class _Node:
    """A file with its content, or a directory. ``version`` is drawn anew for every content."""

    content: bytes | None
    modified: float = attrs.field(factory=time.time)
    version: int = attrs.field(factory=lambda: next(_versions))

    def entry(self, path: Path) -> Entry:
        """What is told of it."""
        name = path[-1] if path else ""
        if self.content is None:
            return Entry(name, Kind.DIRECTORY, modified=self.modified)
        version = b"%d" % self.version
        return Entry(name, Kind.FILE, len(self.content), modified=self.modified, identity=version, version=version)


@implementer(IBlockingReadableFile)
class _ReadableFile:
    """The content as it was when the file was opened."""

    def __init__(self, entry: Entry, content: bytes) -> None:
        self.entry = entry
        self._content = content

    def read(self, offset: int, size: int) -> bytes:
        """Octets of the content; see `IBlockingReadableFile`."""
        return self._content[offset : offset + size]

    def close(self) -> None:
        """Let go of the content; see `IBlockingReadableFile`."""
        self._content = b""


@implementer(IBlockingWritableFile)
class _WritableFile:
    """Content that is gathered until it is committed."""

    def __init__(self, kept: bytes, publish: Callable[[bytes], Entry]) -> None:
        self.offset = len(kept)
        self._content = bytearray(kept)
        self._publish = publish
        self._open = True

    def write(self, block: Block) -> None:
        """Add a block; see `IBlockingWritableFile`."""
        if not self._open:
            raise StorageFailure("the file is closed")
        self._content += block

    def commit(self) -> Entry:
        """Publish; see `IBlockingWritableFile`."""
        if not self._open:
            raise StorageFailure("the file is closed")
        self._open = False
        return self._publish(bytes(self._content))

    def abort(self) -> None:
        """Throw away; see `IBlockingWritableFile`."""
        self._open = False
        self._content = bytearray()


@implementer(IBlockingStorage)
class BlockingMemoryStorage:
    """Files in memory, by their paths. One lock makes each operation a single step."""

    abilities = (ITimes, IServerSideCopy)

    def __init__(self) -> None:
        self._lock = RLock()
        self._nodes: dict[Path, _Node] = {(): _Node(None)}

    def _node(self, path: Path) -> _Node:
        for length in range(len(path)):
            node = self._nodes.get(path[:length])
            if node is None:
                raise NotFound("no such directory")
            if node.content is not None:
                raise NotADirectory("not a directory")
        node = self._nodes.get(path)
        if node is None:
            raise NotFound("no such file or directory")
        return node

    def _directory(self, path: Path) -> None:
        if self._node(path).content is not None:
            raise NotADirectory("not a directory")

    def _file(self, path: Path) -> tuple[_Node, bytes]:
        node = self._node(path)
        if node.content is None:
            raise IsADirectory("is a directory")
        return node, node.content

    def _children(self, path: Path) -> list[Path]:
        return [other for other in self._nodes if other and other[:-1] == path]

    def _place(self, path: Path) -> _Node | None:
        """What has a name now, if something may have it."""
        if len(octets(path[-1])) > LONGEST_NAME:
            raise NameRefused("the name is too long")
        self._directory(path[:-1])
        return self._nodes.get(path)

    def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IBlockingStorage`."""
        with self._lock:
            return self._node(path).entry(path)

    def list_directory(self, path: Path) -> Iterator[Sequence[Entry]]:
        """The entries of a directory; see `IBlockingStorage`."""
        with self._lock:
            self._directory(path)
            entries = [self._nodes[child].entry(child) for child in self._children(path)]
        entries.sort(key=attrgetter("name"))
        for start in range(0, len(entries), _PAGE):
            yield entries[start : start + _PAGE]

    def open_read(self, path: Path) -> IBlockingReadableFile:
        """Open a file; see `IBlockingStorage`."""
        with self._lock:
            node, content = self._file(path)
            return _ReadableFile(node.entry(path), content)

    def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IBlockingWritableFile:
        """Begin to write a file; see `IBlockingStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        with self._lock:
            present = self._place(path)
            kept = self._replaceable(present, exclusive=exclusive)
            if (offset or 0) > len(kept):
                raise OffsetBeyondEnd("the file is shorter")

        def publish(content: bytes) -> Entry:
            with self._lock:
                now_present = self._place(path)
                self._replaceable(now_present, exclusive=exclusive)
                if offset != 0 and now_present is not present:
                    raise FileChanged("the file was changed meanwhile")
                node = self._nodes[path] = _Node(content)
                return node.entry(path)

        return _WritableFile(kept[:offset], publish)

    @staticmethod
    def _replaceable(present: _Node | None, *, exclusive: bool) -> bytes:
        """The content of what a file may replace; of nothing, nothing."""
        if present is None:
            return b""
        if exclusive:
            raise AlreadyExists("the name is taken")
        if present.content is None:
            raise IsADirectory("is a directory")
        return present.content

    def make_directory(self, path: Path) -> None:
        """Make a directory; see `IBlockingStorage`."""
        with self._lock:
            if not path or self._place(path) is not None:
                raise AlreadyExists("the name is taken")
            self._nodes[path] = _Node(None)

    def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IBlockingStorage`."""
        _refuse_root(path)
        with self._lock:
            self._directory(path)
            if self._children(path):
                raise DirectoryNotEmpty("the directory is not empty")
            del self._nodes[path]

    def remove_file(self, path: Path) -> None:
        """Remove a file; see `IBlockingStorage`."""
        with self._lock:
            self._file(path)
            del self._nodes[path]

    def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; see `IBlockingStorage`."""
        _refuse_root(source)
        _refuse_root(destination)
        with self._lock:
            node = self._node(source)
            present = self._place(destination)
            if destination[: len(source)] == source:
                if destination == source:
                    return
                raise NameRefused("a directory cannot be put into itself")
            if present is not None:
                self._require_replaceable(node, present, destination)
            for path in [path for path in self._nodes if path[: len(source)] == source]:
                self._nodes[destination + path[len(source) :]] = self._nodes.pop(path)

    def _require_replaceable(self, node: _Node, present: _Node, path: Path) -> None:
        if (node.content is None) != (present.content is None):
            raise IsADirectory("is a directory") if present.content is None else NotADirectory("not a directory")
        if self._children(path):
            raise DirectoryNotEmpty("the directory is not empty")

    def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        with self._lock:
            self._node(path).modified = seconds

    def copy(self, source: Path, destination: Path) -> None:
        """Copy a file; see `IServerSideCopy`."""
        _refuse_root(destination)
        with self._lock:
            target = self.open_write(destination)
            target.write(self._file(source)[1])
            target.commit()


def _refuse_root(path: Path) -> None:
    if not path:
        raise PermissionDenied("not with the root")
