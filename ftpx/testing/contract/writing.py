"""The part of the storage contract about writing files."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from ftpx.errors import AlreadyExists, IsADirectory, NotADirectory, NotFound, OffsetBeyondEnd, StorageError
from ftpx.interfaces import IWritableFile, Kind
from ftpx.testing.contract.case import StorageCase

__all__ = ["WritingContract"]


class WritingContract(StorageCase):
    """How files are written: in one step, or not at all."""

    def test_write(self) -> None:
        """What was written is read; the entry that commit returns is that of the file."""
        entry = self.put(("a",), b"hello")
        self.assertEqual((entry.name, entry.kind, entry.size), ("a", Kind.FILE, 5))
        self.assertEqual(self.get(("a",)), b"hello")
        self.assert_agree(entry, self.result(self.storage.stat(("a",))))

    def test_write_in_directory(self) -> None:
        """So it is in a directory, and the entry has the last name of the path."""
        self.make_directory(("d",))
        entry = self.put(("d", "a"), b"hello")
        self.assertEqual((entry.name, entry.size, self.get(("d", "a"))), ("a", 5, b"hello"))
        self.assertEqual((self.names(), self.names(("d",))), (["d"], ["a"]))

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
        block[:] = b"not"
        self.result(target.commit())
        self.assertEqual(self.get(("a",)), b"onetwo")

    def test_empty_blocks(self) -> None:
        """A block may be empty."""
        target = self.result(self.storage.open_write(("a",)))
        for block in (b"", b"one", b"", memoryview(b"")):
            self.result(target.write(block))
        self.assertEqual(self.result(target.commit()).size, 3)
        self.assertEqual(self.get(("a",)), b"one")

    def test_new_file_appears_by_commit(self) -> None:
        """Nobody sees a new file before it is complete."""
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"x"))
        self.assert_missing(("a",))
        self.assertEqual(self.names(), [])
        self.result(target.commit())
        self.assertEqual(self.names(), ["a"])

    def test_old_file_until_commit(self) -> None:
        """CR01: the file that is replaced is whole until then."""
        self.put(("a",), b"old")
        for content in (b"newer", b"n", b"", b"newest"):
            before = self.get(("a",))
            target = self.result(self.storage.open_write(("a",)))
            self.result(target.write(content))
            self.assertEqual(self.get(("a",)), before)
            self.result(target.commit())
            self.assertEqual(self.get(("a",)), content)
        self.assertEqual(self.names(), ["a"])

    def test_abort_new(self) -> None:
        """Of an upload that was thrown away nothing is left."""
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"x"))
        self.result(target.abort())
        self.assertEqual(self.names(), [])
        self.assert_missing(("a",))
        self.assert_nothing_open()

    def test_abort_old(self) -> None:
        """CR01: the file that was to be replaced or continued is as it was."""
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
        self.result(target.write(b"b"))
        self.result(target.commit())
        self.result(target.abort())
        self.result(target.abort())
        self.assertEqual((self.names(), self.get(("b",))), (["b"], b"b"))

    def test_after_the_end(self) -> None:
        """What is written behind the end is not published, nor is what was thrown away."""
        for end, expected in (("commit", b"new"), ("abort", b"old")):
            self.put(("a",), b"old")
            target = self.result(self.storage.open_write(("a",)))
            self.result(target.write(b"new"))
            self.result(getattr(target, end)())
            self.try_to(target.write(b"x"), StorageError)
            self.try_to(target.commit(), StorageError)
            self.assertEqual((self.get(("a",)), self.names()), (expected, ["a"]))

    def test_offset(self) -> None:
        """An upload that begins at an offset keeps what is before it and nothing behind."""
        for offset in (0, 1, 4, 9, 10):
            self.put(("a",), b"0123456789")
            target = self.result(self.storage.open_write(("a",), offset=offset))
            self.assertEqual(target.offset, offset)
            self.result(target.write(b"xy"))
            self.assertEqual(self.get(("a",)), b"0123456789")
            self.assertEqual(self.result(target.commit()).size, offset + 2)
            self.assertEqual(self.get(("a",)), b"0123456789"[:offset] + b"xy")

    def test_offset_alone(self) -> None:
        """A file is cut off where an upload of nothing begins."""
        self.put(("a",), b"0123456789")
        self.put(("a",), b"", offset=4)
        self.assertEqual(self.get(("a",)), b"0123")

    def test_offset_beyond_end(self) -> None:
        """A file is not continued behind its end, and one that is not there has none."""
        self.put(("a",), b"abc")
        for offset in (4, 2**31, 2**40):
            self.assert_fails(self.storage.open_write(("a",), offset=offset), OffsetBeyondEnd)
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

    def test_exclusive(self) -> None:
        """A file can be written only if the name is free, and the file that has it is as it was."""
        self.put(("a",), b"abc", exclusive=True)
        self.make_directory(("d",))
        for name in ("a", "d"):
            self.assert_fails(self._exclusively(name), AlreadyExists)
        self.assertEqual((self.get(("a",)), self.names()), (b"abc", ["a", "d"]))

    async def _exclusively(self, name: str) -> None:
        target = await self.storage.open_write((name,), exclusive=True)
        try:
            await target.write(b"mine")
            await target.commit()
        finally:
            await target.abort()

    def test_exclusive_again(self) -> None:
        """A name is free again when its file was removed."""
        self.put(("a",), b"abc", exclusive=True)
        self.result(self.storage.remove_file(("a",)))
        self.put(("a",), b"def", exclusive=True)
        self.assertEqual(self.get(("a",)), b"def")

    def test_write_without_directory(self) -> None:
        """A file is put only into a directory that is there."""
        self.put(("a",), b"")
        for offset in (0, None):
            self.assert_fails(self.storage.open_write(("d", "b"), offset=offset), NotFound)
            self.assert_fails(self.storage.open_write(("a", "b"), offset=offset), NotADirectory, NotFound)
        self.assertEqual(self.names(), ["a"])

    def test_write_directory(self) -> None:
        """A directory is not written, nor is the root."""
        self.make_directory(("d",))
        for offset in (0, None):
            self.assert_fails(self.storage.open_write(("d",), offset=offset), IsADirectory)
            self.assert_fails(self.storage.open_write((), offset=offset), IsADirectory)
