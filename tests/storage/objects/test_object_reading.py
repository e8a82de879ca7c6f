"""Reading an object: how many requests it takes, and how much is in memory."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from hashlib import md5

from ftpx.errors import FileChanged, NotFound, StorageFailure
from ftpx.interfaces import IReadableFile, IStoredDigests
from ftpx.storage.objects.reading import FIRST_BLOCK, LARGEST_BLOCK
from ftpx.storage.objects.store import ObjectEntry
from tests.storage.objects.memory_store import MemoryObjectStore
from tests.storage.objects.test_object_writing import ObjectTestCase

_LARGE = b"".join(b"%07d " % number for number in range(3 * 1024 * 1024))


class ReadingTests(ObjectTestCase):
    """Blocks, and the one that is fetched ahead."""

    def open(self, content: bytes) -> IReadableFile:
        """Open a file of this content."""
        self.store.put("a", content)
        self.store.calls.clear()
        source = self.result(self.storage.open_read(("a",)))
        self.addCleanup(source.close)
        return source

    def test_small(self) -> None:
        """A small file is here when it is open: one request for what it is and its content."""
        source = self.open(b"x" * FIRST_BLOCK)
        self.assertEqual(self.result(source.read(0, FIRST_BLOCK)), b"x" * FIRST_BLOCK)
        self.assertEqual(self.store.calls, [("open", "a")])

    def test_in_order(self) -> None:
        """Who reads from the beginning to the end gets larger and larger blocks, and the octets of the file."""
        source = self.open(_LARGE)
        got = bytearray()
        while block := self.result(source.read(len(got), FIRST_BLOCK)):
            got += block
        self.assertEqual(got, _LARGE)
        self.assertLess(len(self.store.asked("read")), 12)

    def test_two_blocks(self) -> None:
        """While a block is used the next is fetched, and no other."""
        source = self.open(_LARGE)
        self.pool.waits = True
        for start in (0, 1, FIRST_BLOCK - 1):
            self.result(source.read(start, 1))
            self.assertEqual(len(self.pool.waiting), 1)

    def test_at_random(self) -> None:
        """Any octets can be read, over the edges of blocks too; nothing is fetched ahead for who jumps about."""
        source = self.open(_LARGE)
        for start, size in (
            (5_000_000, 10),
            (3, 7),
            (len(_LARGE) - 4, 100),
            (FIRST_BLOCK - 2, 5),
            (1, LARGEST_BLOCK + 9),
        ):
            self.assertEqual(self.result(source.read(start, size)), _LARGE[start : start + size])
        self.assertEqual(self.result(source.read(len(_LARGE), 1)), b"")

    def test_replaced(self) -> None:
        """A file that was replaced is not mixed with its next content."""
        source = self.open(_LARGE)
        self.result(source.read(0, FIRST_BLOCK))
        self.store.put("a", _LARGE[::-1])
        self.assert_fails(source.read(2 * FIRST_BLOCK, FIRST_BLOCK), FileChanged)

    def test_removed(self) -> None:
        """Nor is one that is gone taken for one that has ended."""
        source = self.open(_LARGE)
        self.store.delete("a")
        self.assert_fails(source.read(FIRST_BLOCK, FIRST_BLOCK), NotFound)

    def test_short(self) -> None:
        """CR13: a body that is shorter than what was asked for is no end of a file."""

        class Short(MemoryObjectStore):
            def read(self, entry: ObjectEntry, offset: int, size: int) -> bytes:
                return super().read(entry, offset, size)[:-1]

        self.store = Short(10)
        self.storage = self.make_storage()
        self.assert_fails(self.open(_LARGE).read(FIRST_BLOCK, 10), StorageFailure)

    def test_closed_while_it_is_read(self) -> None:
        """To close lets go of what is being fetched, without a wait and without an error that nobody sees."""
        source = self.open(_LARGE)
        self.pool.waits = True
        reading = self.begin(source.read(FIRST_BLOCK, 10))
        source.close()
        self.store.fail("read", StorageFailure("broken"))
        while self.pool.waiting:
            self.pool.make_next()
        self.failureResultOf(reading, StorageFailure)
        self.assert_fails(source.read(0, 10), StorageFailure)

    def test_stored_digest(self) -> None:
        """The store's MD5 is that of the file, and it knows no other."""
        digests = IStoredDigests(self.open(b"content"))
        self.assertEqual(digests.stored_digest("MD5"), md5(b"content").hexdigest())
        self.assertIsNone(digests.stored_digest("SHA-256"))
