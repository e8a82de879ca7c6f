"""The part of the storage contract about looking at files and reading them."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from typing import Final
from unittest import SkipTest

from ftpx.errors import IsADirectory, NotADirectory, NotFound
from ftpx.interfaces import IReadableFile, IStoredDigests, Kind
from ftpx.testing.contract.case import StorageCase

__all__ = ["ReadingContract"]

_DIGESTS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "CRC32": lambda content: f"{zlib.crc32(content):08x}",
    "MD5": lambda content: hashlib.md5(content, usedforsecurity=False).hexdigest(),
    "SHA-1": lambda content: hashlib.sha1(content, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda content: hashlib.sha256(content).hexdigest(),
    "SHA-512": lambda content: hashlib.sha512(content).hexdigest(),
}


class ReadingContract(StorageCase):
    """How files are looked at and read."""

    def test_root(self) -> None:
        """The root is a directory without a name."""
        entry = self.result(self.storage.stat(()))
        self.assertEqual((entry.name, entry.kind), ("", Kind.DIRECTORY))

    def test_stat_file(self) -> None:
        """The entry of a file has its name, kind and size."""
        self.put(("a",), b"hello")
        entry = self.result(self.storage.stat(("a",)))
        self.assertEqual((entry.name, entry.kind, entry.size), ("a", Kind.FILE, 5))

    def test_stat_directory(self) -> None:
        """The entry of a directory says that it is one, and has the last name of the path."""
        self.make_directory(("d",))
        self.make_directory(("d", "e"))
        entry = self.result(self.storage.stat(("d", "e")))
        self.assertEqual((entry.name, entry.kind), ("e", Kind.DIRECTORY))

    def test_stat_missing(self) -> None:
        """What is not there is NotFound, at any depth."""
        self.assert_missing(("a",))
        self.assert_missing(("a", "b"))

    def test_stat_beneath_file(self) -> None:
        """Nothing is beneath a file."""
        self.put(("a",), b"")
        self.assert_fails(self.storage.stat(("a", "b")), NotFound, NotADirectory)

    def test_stat_beginning_of_name(self) -> None:
        """What begins as a name does is not what has the name."""
        self.make_directory(("dir",))
        self.put(("dir", "file"), b"")
        for path in (("di",), ("dir", "fil"), ("dir", "file2"), ("dirfile",)):
            self.assert_missing(path)
        self.assert_listing_fails(("di",), NotFound)

    def test_identity(self) -> None:
        """Where there are identities, two files have different ones, and one file the same by every look at it."""
        self.put(("a",), b"1")
        self.put(("b",), b"1")
        listed = self.entries()
        source = self.result(self.storage.open_read(("a",)))
        self.addCleanup(source.close)
        self.assert_agree(listed["a"], source.entry)
        self.assert_agree(listed["a"], self.result(self.storage.stat(("a",))))
        if listed["a"].identity is not None:
            self.assertNotEqual(listed["a"].identity, listed["b"].identity)

    def test_version_changes(self) -> None:
        """Where there are versions, new content is a new version, of the same size too."""
        first = self.put(("a",), b"1")
        second = self.put(("a",), b"2")
        if first.version is not None:
            self.assertNotEqual((first.identity, first.version), (second.identity, second.version))

    def test_empty_file(self) -> None:
        """A file can be empty."""
        entry = self.put(("a",), b"")
        self.assertEqual(entry.size, 0)
        self.assertEqual(self.get(("a",)), b"")

    def test_read_in_blocks(self) -> None:
        """A block has what was asked for, and less only where the file ends."""
        self.put(("a",), bytes(range(256)) * 10)
        source = self.result(self.storage.open_read(("a",)))
        self.addCleanup(source.close)
        self.assertEqual(self.result(source.read(0, 3)), b"\0\1\2")
        self.assertEqual(self.result(source.read(256, 3)), b"\0\1\2")
        self.assertEqual(self.result(source.read(2558, 10)), b"\xfe\xff")

    def test_every_range(self) -> None:
        """Every range of a file can be read, in any order, and again."""
        content = b"0123456789"
        self.put(("a",), content)
        source = self.result(self.storage.open_read(("a",)))
        self.addCleanup(source.close)
        for size in (10, 11, 9, 1, 2, 5, 1000):
            for offset in (9, 0, 5, 1, 10, 8):
                self.assertEqual(self.result(source.read(offset, size)), content[offset : offset + size])

    def test_read_behind_end(self) -> None:
        """There is nothing at or behind the end."""
        self.put(("a",), b"abc")
        self.put(("empty",), b"")
        for name, ends in (("a", (3, 4, 2**31, 2**32 + 1, 2**40, 2**62)), ("empty", (0, 1, 2**40))):
            source = self.result(self.storage.open_read((name,)))
            self.addCleanup(source.close)
            for offset in ends:
                self.assertEqual(self.result(source.read(offset, 10)), b"")

    def test_readable_file(self) -> None:
        """What is opened for reading provides the interface and knows its entry."""
        self.put(("a",), b"abc")
        source = self.result(self.storage.open_read(("a",)))
        self.assertTrue(IReadableFile.providedBy(source))
        self.assertEqual((source.entry.name, source.entry.kind, source.entry.size), ("a", Kind.FILE, 3))
        source.close()
        source.close()
        self.assert_nothing_open()

    def test_open_twice(self) -> None:
        """Two read one file, each at its own pace, and one goes on when the other is closed."""
        self.put(("a",), b"abcdef")
        one = self.result(self.storage.open_read(("a",)))
        two = self.result(self.storage.open_read(("a",)))
        self.addCleanup(two.close)
        self.assertEqual((self.result(one.read(0, 3)), self.result(two.read(3, 3))), (b"abc", b"def"))
        one.close()
        self.assertEqual(self.result(two.read(0, 6)), b"abcdef")

    def test_open_missing(self) -> None:
        """A file that is not there cannot be opened."""
        self.assert_fails(self.storage.open_read(("a",)), NotFound)
        self.assert_fails(self.storage.open_read(("d", "a")), NotFound)

    def test_open_directory(self) -> None:
        """A directory is not opened as a file, nor is the root."""
        self.make_directory(("d",))
        self.assert_fails(self.storage.open_read(("d",)), IsADirectory)
        self.assert_fails(self.storage.open_read(()), IsADirectory)

    def test_open_beneath_file(self) -> None:
        """A file is no directory to open something in."""
        self.put(("a",), b"")
        self.assert_fails(self.storage.open_read(("a", "b")), NotADirectory, NotFound)

    def test_stored_digests(self) -> None:
        """A digest that the storage knows is that of the content, of whatever size and history, and of no other."""
        contents = (b"", b"abc", b"x" * 70_000, b"changed")
        told = 0
        for content in contents:
            self.put(("a",), content)
            told += self._right_digests(content)
        self.put(("a",), b" and continued", offset=None)
        told += self._right_digests(b"changed and continued")
        if not told:
            raise SkipTest("the storage's readable files do not provide IStoredDigests, or know no digest")

    def _right_digests(self, content: bytes) -> int:
        """How many digests the storage knows of a file; all must be right."""
        source = self.result(self.storage.open_read(("a",)))
        self.addCleanup(source.close)
        stored = IStoredDigests(source, None)
        if stored is None:
            return 0
        known = {name: digest for name in _DIGESTS if (digest := stored.stored_digest(name)) is not None}
        self.assertEqual(known, {name: _DIGESTS[name](content) for name in known})
        self.assertIsNone(stored.stored_digest("no such algorithm"))
        return len(known)
