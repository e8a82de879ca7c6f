"""The part of the storage contract about the content of files."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    FileChanged,
    IsADirectory,
    NotADirectory,
    NotFound,
    OffsetBeyondEnd,
)
from ftpx.interfaces import IReadableFile, IWritableFile, Kind, Path
from ftpx.testing.storage_base import StorageCase

__all__ = ["ReadingContract", "WritingContract"]


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

    def test_identity(self) -> None:
        """Where there are identities, two files have different ones and a renamed file keeps its own."""
        self.put(("a",), b"1")
        self.put(("b",), b"1")
        before = self.entries()
        if before["a"].identity is not None:
            self.assertNotEqual(before["a"].identity, before["b"].identity)
            self.result(self.storage.rename(("a",), ("c",)))
            self.assertEqual(self.result(self.storage.stat(("c",))).identity, before["a"].identity)

    def test_version_changes(self) -> None:
        """Where there are versions, new content is a new version."""
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

    def test_read_behind_end(self) -> None:
        """There is nothing at or behind the end."""
        self.put(("a",), b"abc")
        source = self.result(self.storage.open_read(("a",)))
        self.addCleanup(source.close)
        self.assertEqual(self.result(source.read(3, 10)), b"")
        self.assertEqual(self.result(source.read(2**40, 10)), b"")

    def test_readable_file(self) -> None:
        """What is opened for reading provides the interface and knows its entry."""
        self.put(("a",), b"abc")
        source = self.result(self.storage.open_read(("a",)))
        self.assertTrue(IReadableFile.providedBy(source))
        self.assertEqual((source.entry.name, source.entry.kind, source.entry.size), ("a", Kind.FILE, 3))
        source.close()
        source.close()

    def test_open_missing(self) -> None:
        """A file that is not there cannot be opened."""
        self.assert_fails(self.storage.open_read(("a",)), NotFound)

    def test_open_directory(self) -> None:
        """A directory is not opened as a file, nor is the root."""
        self.make_directory(("d",))
        self.assert_fails(self.storage.open_read(("d",)), IsADirectory)
        self.assert_fails(self.storage.open_read(()), IsADirectory)

    def test_open_beneath_file(self) -> None:
        """A file is no directory to open something in."""
        self.put(("a",), b"")
        self.assert_fails(self.storage.open_read(("a", "b")), NotADirectory, NotFound)


class WritingContract(StorageCase):
    """How files are written: in one step, or not at all."""

    def test_write(self) -> None:
        """What was written is read; the entry that commit returns is that of the file."""
        entry = self.put(("a",), b"hello")
        self.assertEqual((entry.name, entry.kind, entry.size), ("a", Kind.FILE, 5))
        self.assertEqual(self.get(("a",)), b"hello")
        self.assertEqual(self.result(self.storage.stat(("a",))).version, entry.version)

    def test_writable_file(self) -> None:
        """What is opened for writing provides the interface and begins at 0."""
        target = self.result(self.storage.open_write(("a",)))
        self.assertTrue(IWritableFile.providedBy(target))
        self.assertEqual(target.offset, 0)
        self.result(target.abort())

    def test_block_may_be_reused(self) -> None:
        """The memory of a block is the writer's own again once it was written."""
        target = self.result(self.storage.open_write(("a",)))
        block = bytearray(b"one")
        self.result(target.write(block))
        block[:] = b"two"
        self.result(target.write(memoryview(block)))
        self.result(target.commit())
        self.assertEqual(self.get(("a",)), b"onetwo")

    def test_new_file_appears_by_commit(self) -> None:
        """Nobody sees a new file before it is complete."""
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"x"))
        self.assert_missing(("a",))
        self.assertEqual(self.names(), [])
        self.result(target.commit())
        self.assertEqual(self.names(), ["a"])

    def test_old_file_until_commit(self) -> None:
        """The file that is replaced is whole until then."""
        self.put(("a",), b"old")
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"newer"))
        self.assertEqual(self.get(("a",)), b"old")
        self.result(target.commit())
        self.assertEqual(self.get(("a",)), b"newer")
        self.assertEqual(self.names(), ["a"])

    def test_abort_new(self) -> None:
        """Of an upload that was thrown away nothing is left."""
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"x"))
        self.result(target.abort())
        self.assertEqual(self.names(), [])

    def test_abort_old(self) -> None:
        """The file that was to be replaced or continued is as it was."""
        self.put(("a",), b"old")
        for offset in (0, 1, None):
            target = self.result(self.storage.open_write(("a",), offset=offset))
            self.result(target.write(b"newer"))
            self.result(target.abort())
            self.assertEqual(self.get(("a",)), b"old")
        self.assertEqual(self.names(), ["a"])

    def test_abort_twice_and_late(self) -> None:
        """To abort again, or after the commit, changes nothing."""
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.abort())
        self.result(target.abort())
        target = self.result(self.storage.open_write(("b",)))
        self.result(target.commit())
        self.result(target.abort())
        self.assertEqual(self.names(), ["b"])

    def test_open_reader_keeps_the_old(self) -> None:
        """Who has a file open reads it as it was, though it was replaced or removed."""
        self.put(("a",), b"old")
        source = self.result(self.storage.open_read(("a",)))
        self.addCleanup(source.close)
        self.put(("a",), b"newer")
        self.assertEqual(self.result(source.read(0, 10)), b"old")
        self.result(self.storage.remove_file(("a",)))
        self.assertEqual(self.result(source.read(0, 10)), b"old")

    def test_concurrent_writers(self) -> None:
        """Of two who write one file the last to commit wins, and nothing is mixed."""
        one = self.result(self.storage.open_write(("a",)))
        two = self.result(self.storage.open_write(("a",)))
        self.result(one.write(b"1111"))
        self.result(two.write(b"22"))
        self.result(two.commit())
        self.assertEqual(self.get(("a",)), b"22")
        self.result(one.commit())
        self.assertEqual(self.get(("a",)), b"1111")

    def test_offset(self) -> None:
        """An upload that begins at an offset keeps what is before it and nothing behind."""
        self.put(("a",), b"0123456789")
        target = self.result(self.storage.open_write(("a",), offset=4))
        self.assertEqual(target.offset, 4)
        self.result(target.write(b"xy"))
        self.assertEqual(self.result(target.commit()).size, 6)
        self.assertEqual(self.get(("a",)), b"0123xy")

    def test_offset_at_end(self) -> None:
        """The end itself is a place to continue."""
        self.put(("a",), b"abc")
        self.put(("a",), b"def", offset=3)
        self.assertEqual(self.get(("a",)), b"abcdef")

    def test_offset_beyond_end(self) -> None:
        """A file is not continued behind its end, and one that is not there has none."""
        self.put(("a",), b"abc")
        self.assert_fails(self.storage.open_write(("a",), offset=4), OffsetBeyondEnd)
        self.assert_fails(self.storage.open_write(("b",), offset=1), OffsetBeyondEnd)
        self.assertEqual((self.get(("a",)), self.names()), (b"abc", ["a"]))

    def test_append(self) -> None:
        """All is kept of a file that is continued at its end; one that is not there is made."""
        self.put(("a",), b"abc", offset=None)
        target = self.result(self.storage.open_write(("a",), offset=None))
        self.assertEqual(target.offset, 3)
        self.result(target.write(b"def"))
        self.result(target.commit())
        self.assertEqual(self.get(("a",)), b"abcdef")

    def test_append_nothing(self) -> None:
        """An upload of nothing that continues a file leaves its content."""
        self.put(("a",), b"abc")
        self.put(("a",), b"", offset=None)
        self.assertEqual(self.get(("a",)), b"abc")

    def test_changed_while_continued(self) -> None:
        """A file that somebody replaced meanwhile is not lost under one that continues the old."""
        self.put(("a",), b"abc")
        for offset in (None, 2):
            target = self.result(self.storage.open_write(("a",), offset=offset))
            self.result(target.write(b"x"))
            self.put(("a",), b"other")
            self.assert_fails(target.commit(), FileChanged)
            self.result(target.abort())
            self.assertEqual(self.get(("a",)), b"other")
        self.assertEqual(self.names(), ["a"])

    def test_removed_while_continued(self) -> None:
        """A file that somebody removed meanwhile does not come back by its continuation."""
        self.put(("a",), b"abc")
        target = self.result(self.storage.open_write(("a",), offset=None))
        self.result(self.storage.remove_file(("a",)))
        self.assert_fails(target.commit(), FileChanged)
        self.assertEqual(self.names(), [])

    def test_two_begin_to_append(self) -> None:
        """Of two who append to a file that is not there yet only one succeeds."""
        one = self.result(self.storage.open_write(("a",), offset=None))
        two = self.result(self.storage.open_write(("a",), offset=None))
        self.result(one.write(b"1"))
        self.result(two.write(b"2"))
        self.result(one.commit())
        self.assert_fails(two.commit(), FileChanged)
        self.assertEqual(self.get(("a",)), b"1")

    def test_exclusive(self) -> None:
        """A file can be written only if the name is free."""
        self.put(("a",), b"abc", exclusive=True)
        self.make_directory(("d",))
        for name in ("a", "d"):
            self.assert_fails(self._exclusively(name), AlreadyExists)
        self.assertEqual((self.get(("a",)), self.names()), (b"abc", ["a", "d"]))

    async def _exclusively(self, name: str) -> None:
        target = await self.storage.open_write((name,), exclusive=True)
        try:
            await target.commit()
        finally:
            await target.abort()

    def test_exclusive_race(self) -> None:
        """Of two who want a free name for themselves the first to commit has it."""
        one = self.result(self.storage.open_write(("a",), exclusive=True))
        two = self.result(self.storage.open_write(("a",), exclusive=True))
        self.result(one.write(b"1"))
        self.result(one.commit())
        self.assert_fails(two.commit(), AlreadyExists)
        self.result(two.abort())
        self.assertEqual((self.get(("a",)), self.names()), (b"1", ["a"]))

    def test_write_without_directory(self) -> None:
        """A file is put only into a directory that is there."""
        self.put(("a",), b"")
        self.assert_fails(self.storage.open_write(("d", "b")), NotFound)
        self.assert_fails(self.storage.open_write(("a", "b")), NotADirectory, NotFound)

    def test_directory_removed_before_commit(self) -> None:
        """A directory that a file is being written into either stays or takes no more files."""
        self.make_directory(("d",))
        target = self.result(self.storage.open_write(("d", "a")))
        if self.result(self._removed(("d",))):
            self.assert_fails(target.commit(), NotFound)
            self.assertEqual(self.names(), [])
        else:
            self.result(target.commit())
            self.assertEqual(self.names(("d",)), ["a"])

    async def _removed(self, path: Path) -> bool:
        try:
            await self.storage.remove_directory(path)
        except DirectoryNotEmpty:
            return False
        return True

    def test_write_directory(self) -> None:
        """A directory is not written, nor is the root."""
        self.make_directory(("d",))
        for offset in (0, None):
            self.assert_fails(self.storage.open_write(("d",), offset=offset), IsADirectory)
            self.assert_fails(self.storage.open_write((), offset=offset), IsADirectory)

    def test_directory_made_before_commit(self) -> None:
        """A directory that has taken the name meanwhile stays."""
        target = self.result(self.storage.open_write(("a",)))
        self.make_directory(("a",))
        self.assert_fails(target.commit(), IsADirectory)
        self.assertEqual(self.entries()["a"].kind, Kind.DIRECTORY)

    def test_large_file(self) -> None:
        """A file of many blocks comes back as it was."""
        block = bytes(range(251)) * 1000
        target = self.result(self.storage.open_write(("a",)))
        for _ in range(8):
            self.result(target.write(block))
        self.assertEqual(self.result(target.commit()).size, 8 * len(block))
        self.assertEqual(self.get(("a",)), 8 * block)
