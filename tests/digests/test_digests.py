"""The digests of files in a storage."""

from __future__ import annotations

import hashlib

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.monkey import MonkeyPatcher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides, implementer

from ftpx.digests.algorithms import Algorithm
from ftpx.digests.computing import Computations
from ftpx.digests.digests import Digest, Digests
from ftpx.digests.store import DigestStore
from ftpx.errors import IsADirectory, NotFound, OffsetBeyondEnd, StorageUnavailable
from ftpx.interfaces import Entry, IReadableFile, IStorage, IStoredDigests, IWorkerPool, Path
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.testing.pool import InlinePool
from tests.data.doubles import FullPool, HangingPool

MD5 = Algorithm.MD5
MD5_OF_CONTENT = hashlib.md5(b"content", usedforsecurity=False).hexdigest()
A = ("a.txt",)


@implementer(IStorage)
class _Counting(MemoryStorage):
    """Counts the octets that are read, and can change what it says of files."""

    read = 0
    modified: float | None = 0.0
    version: bytes | None = b"1"
    digest: str | None = None

    async def stat(self, path: Path) -> Entry:
        """As it is told."""
        return attrs.evolve(await super().stat(path), modified=self.modified, version=self.version)

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file that counts."""
        source = await super().open_read(path)
        source.entry = attrs.evolve(source.entry, modified=self.modified, version=self.version)
        inner, storage = source.read, self

        async def read(offset: int, size: int) -> bytes:
            block = await inner(offset, size)
            storage.read += len(block)
            return block

        source.read = read  # type: ignore[method-assign]
        alsoProvides(source, IStoredDigests)
        source.stored_digest = lambda algorithm: self.digest if algorithm == "MD5" else None  # type: ignore[attr-defined]
        return source


class _DigestsCase(SynchronousTestCase):
    """A storage with one file."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.storage = _Counting(clock=self.clock.seconds)
        self.digests = self.make(InlinePool())
        self.put(A, b"content")

    def make(self, pool: IWorkerPool, store: DigestStore | None = None) -> Digests:
        return Digests(DigestStore() if store is None else store, Computations(pool), self.clock.seconds)

    def put(self, path: Path, content: bytes) -> Entry:
        async def write() -> Entry:
            file = await self.storage.open_write(path)
            await file.write(content)
            return await file.commit()

        return self.successResultOf(Deferred.fromCoroutine(write()))

    def of(self, path: Path = A, start: int = 0, end: int | None = None, storage: IStorage | None = None) -> Digest:
        return self.successResultOf(self.begun(path, start, end, storage))

    def begun(
        self, path: Path = A, start: int = 0, end: int | None = None, storage: IStorage | None = None
    ) -> Deferred[Digest]:
        served = self.storage if storage is None else storage
        return Deferred.fromCoroutine(self.digests.of("alice", served, path, MD5, start=start, end=end))

    def stat(self, path: Path = A) -> Deferred[Entry]:
        return Deferred.fromCoroutine(self.storage.stat(path))


class DigestsTests(_DigestsCase):
    """From memory, or computed."""

    def test_computed_once(self) -> None:
        """The second time nothing is read, and no thread is needed."""
        expected = Digest(MD5, 0, 7, MD5_OF_CONTENT)
        self.assertEqual(self.of(), expected)
        self.assertEqual(self.storage.read, 7)
        self.digests = self.make(FullPool(), self.digests.store)
        self.assertEqual(self.of(), expected)
        self.assertEqual(self.of(end=9), expected)
        self.assertEqual(self.storage.read, 7)

    def test_wrapped_storage(self) -> None:
        """What was learnt of a file holds for all who see it, through whatever wrapper."""
        self.of()
        self.digests = self.make(FullPool(), self.digests.store)
        self.assertEqual(self.of(storage=ReadOnlyStorage(self.storage)).end, 7)

    def test_known_to_the_storage(self) -> None:
        """What the storage knows is not read; what is no digest of the algorithm is not taken for one."""
        for told, expected, read in (("AB" * 16, "ab" * 16, 0), ("ab", MD5_OF_CONTENT, 7), (None, MD5_OF_CONTENT, 7)):
            self.storage.digest = told
            self.assertEqual((self.of().hex, self.storage.read), (expected, read))

    def test_changed(self) -> None:
        """A new version is read anew."""
        self.of()
        self.storage.version = b"2"
        self.of()
        self.assertEqual(self.storage.read, 14)

    def test_part(self) -> None:
        """Parts are computed each time, and remembered as nothing else."""
        self.assertEqual(self.of(start=2, end=4).hex, hashlib.md5(b"nt", usedforsecurity=False).hexdigest())
        self.assertEqual(self.of(start=2).hex, hashlib.md5(b"ntent", usedforsecurity=False).hexdigest())
        self.assertEqual(len(self.digests.store), 0)

    def test_beyond_the_end(self) -> None:
        """A part may begin at the end and not behind it; what ends behind it ends there."""
        self.assertEqual(self.of(start=7), Digest(MD5, 7, 7, MD5.new().hexdigest()))
        self.assertEqual(self.of(start=6, end=100), Digest(MD5, 6, 7, hashlib.md5(b"t").hexdigest()))
        self.failureResultOf(self.begun(start=8), OffsetBeyondEnd)

    def test_empty(self) -> None:
        """Nothing needs to be read of an empty file, nor any thread."""
        self.put(A, b"")
        self.digests = self.make(FullPool())
        self.assertEqual(self.of(), Digest(MD5, 0, 0, MD5.new().hexdigest()))

    def test_changed_just_now(self) -> None:
        """A file that was changed within the last two seconds may change again and have the same version."""
        for modified, known in ((999.9, 0), (998.1, 0), (None, 0), (1001.0, 0), (998.0, 1)):
            self.storage.modified = modified
            self.of()
            self.assertEqual(len(self.digests.store), known)

    def test_changed_meanwhile(self) -> None:
        """The digest of what was read is told, and not remembered."""
        pool = HangingPool()
        self.digests = self.make(pool)
        digest = self.begun()
        self.storage.version = b"2"
        pool.go_on()
        self.assertEqual(self.successResultOf(digest).end, 7)
        self.assertEqual(len(self.digests.store), 0)

    def test_written_meanwhile(self) -> None:
        """A file that somebody writes to while it is read has no digest; one that was replaced, or grew, has."""
        for size, told in ((7, False), (6, False), (8, True)):
            pool = HangingPool()
            self.digests = self.make(pool)
            self.storage.version, self.storage.modified = b"1", 0.0
            waiting = self.begun()
            entry = attrs.evolve(self.successResultOf(self.stat()), version=b"2", modified=1.0, size=size)

            async def changed(path: Path, entry: Entry = entry) -> Entry:
                return entry

            patch = MonkeyPatcher((self.storage, "stat", changed))
            patch.runWithPatches(pool.go_on)
            if told:
                self.assertEqual(self.successResultOf(waiting).end, 7)
            else:
                self.failureResultOf(waiting, StorageUnavailable)

    def test_deleted_meanwhile(self) -> None:
        """The digest of what was opened is told."""
        pool = HangingPool()
        self.digests = self.make(pool)
        digest = self.begun()
        self.successResultOf(Deferred.fromCoroutine(self.storage.remove_file(A)))
        pool.go_on()
        self.assertEqual(self.successResultOf(digest).end, 7)
        self.assertEqual(len(self.digests.store), 0)

    def test_no_file(self) -> None:
        """The storage's errors are the outcome."""
        self.failureResultOf(self.begun(("missing",)), NotFound)
        self.failureResultOf(self.begun(()), IsADirectory)

    def test_too_many(self) -> None:
        """The file is closed again when there is no place."""
        self.digests = Digests(DigestStore(), Computations(FullPool()), self.clock.seconds)
        self.failureResultOf(self.begun(), StorageUnavailable)

    def test_stored(self) -> None:
        """What was taken of an upload is known, and what was known of its identity before is not."""
        entry = Entry("a.txt", identity=b"1", version=b"1", kind=self.successResultOf(self.stat()).kind)
        self.digests.put(entry, Algorithm.CRC32, "old")
        self.digests.stored(entry, {MD5: "new"})
        self.assertEqual(self.digests.store.get(entry, MD5), "new")
        self.assertIsNone(self.digests.store.get(entry, Algorithm.CRC32))


class KeptTests(_DigestsCase):
    """Changes of attributes alone."""

    def change(self, path: Path = A, identity: bytes | None = None) -> None:
        async def change() -> None:
            async with self.digests.kept(self.storage, path):
                self.storage.version = b"2"

        self.successResultOf(Deferred.fromCoroutine(change()))

    def test_kept(self) -> None:
        """What is known of the content stays."""
        self.of()
        self.change()
        self.of()
        self.assertEqual(self.storage.read, 7)

    def test_nothing_known(self) -> None:
        """There is nothing to keep, of this file or of any, or no file: the change is made all the same."""
        self.change()
        self.of()
        self.change()
        self.put(("b.txt",), b"")
        for path in (("missing",), ("b.txt",)):
            self.storage.version = b"1"
            self.change(path)
            self.assertEqual(self.storage.version, b"2")

    def test_deleted(self) -> None:
        """A file that is gone afterwards is forgotten."""
        self.of()

        async def change() -> None:
            async with self.digests.kept(self.storage, A):
                await self.storage.remove_file(A)

        self.successResultOf(Deferred.fromCoroutine(change()))
