"""The least that one can write, and what is made of it."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import attrs
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import NoSpace
from ftpx.interfaces import Entry, IStorage, IStoragePool, Kind, Path
from ftpx.storage.plain import PlainStorage
from ftpx.storage.threaded import ThreadedStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract


class Shelf(PlainStorage):
    """A dictionary. When there is no ``room``, what is put breaks off in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: dict[Path, tuple[Entry, bytes]] = {(): (Entry("", Kind.DIRECTORY), b"")}
        self.room = True
        self.opened: list[io.BytesIO] = []
        self._versions = itertools.count()

    @contextmanager
    def step(self) -> Iterator[None]:
        """What fails undoes all."""
        before = dict(self.nodes)
        try:
            yield
        except BaseException:
            self.nodes = before
            raise

    def find(self, path: Path) -> Entry | None:
        """What is there."""
        return self.nodes[path][0] if path in self.nodes else None

    def page(self, path: Path, behind: str, limit: int) -> Sequence[Entry]:
        """Some entries."""
        names = sorted(other[-1] for other in self.nodes if other and other[:-1] == path and other[-1] > behind)
        return [self.nodes[*path, name][0] for name in names[:limit]]

    def open(self, path: Path) -> BinaryIO:
        """The content."""
        self.opened.append(io.BytesIO(self.nodes[path][1]))
        return self.opened[-1]

    def put(self, path: Path, content: BinaryIO, size: int) -> None:
        """Store a file."""
        version = b"%d" % next(self._versions)
        self.nodes[path] = (Entry(path[-1], Kind.FILE, size, version=version), content.read())
        if not self.room:
            raise NoSpace("full")

    def make(self, path: Path) -> None:
        """Make a directory."""
        self.nodes[path] = (Entry(path[-1], Kind.DIRECTORY), b"")

    def remove(self, path: Path) -> None:
        """Remove something."""
        del self.nodes[path]

    def move(self, source: Path, destination: Path) -> None:
        """Move all that is there and below."""
        for path in [path for path in self.nodes if path[: len(source)] == source]:
            entry, content = self.nodes.pop(path)
            moved = destination + path[len(source) :]
            self.nodes[moved] = (attrs.evolve(entry, name=moved[-1]), content)


class PlainStorageTests(StorageContract, SynchronousTestCase):
    """It keeps the whole contract."""

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return self.make_storage_on(InlinePool())

    def make_storage_on(self, pool: IStoragePool) -> IStorage:
        """An empty storage whose calls can be held back."""
        return ThreadedStorage(Shelf(), pool)


class PlainFileTests(SynchronousTestCase):
    """What is not seen from outside."""

    def setUp(self) -> None:
        """A file."""
        self.shelf = Shelf()
        self.put(b"old")

    def put(self, content: bytes, offset: int | None = 0) -> None:
        """Store it."""
        file = self.shelf.open_write(("a",), offset=offset)
        try:
            file.write(content)
            file.commit()
        finally:
            file.abort()

    def test_large(self) -> None:
        """An upload that does not fit into memory waits in a temporary file."""
        content = bytes(range(256)) * 8192
        self.put(content)
        self.put(b"more", None)
        self.assertEqual(self.shelf.nodes[("a",)][1], content + b"more")

    def test_failure(self) -> None:
        """What could not be stored leaves what was there."""
        self.shelf.room = False
        self.assertRaises(NoSpace, self.put, b"new")
        self.assertRaises(NoSpace, self.put, b"new", 1)
        self.assertEqual(self.shelf.nodes[("a",)][1], b"old")

    def test_nothing_stays_open(self) -> None:
        """What was opened to keep a part of it, or to be read, is closed."""
        self.put(b"er", 2)
        source = self.shelf.open_read(("a",))
        self.assertEqual(source.read(1, 9), b"ler")
        source.close()
        self.assertEqual([file.closed for file in self.shelf.opened], [True, True])
