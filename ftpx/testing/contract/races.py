"""The part of the storage contract about those who are at one file at once."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from itertools import permutations

from ftpx.errors import AlreadyExists, DirectoryNotEmpty, FileChanged, IsADirectory, NotFound
from ftpx.interfaces import IReadableFile, Kind
from ftpx.testing.contract.case import StorageCase

__all__ = ["RacesContract"]


class RacesContract(StorageCase):
    """What becomes of a file that several read, write, rename or remove."""

    def read_as_it_was(self, source: IReadableFile, content: bytes) -> None:
        """An open file has this content, though its name has another; see ``keeps_open_files``."""
        if self.keeps_open_files:
            self.assertEqual(self.result(source.read(0, 100)), content)
            return

        async def read() -> None:
            self.assertEqual(await source.read(0, 100), content)

        self.try_to(read(), FileChanged, NotFound)

    def test_open_reader_keeps_the_old(self) -> None:
        """Who has a file open reads it as it was, though it was replaced, continued or removed."""
        self.put(("a",), b"old")
        source = self.result(self.storage.open_read(("a",)))
        self.addCleanup(source.close)
        self.put(("a",), b"newer")
        self.read_as_it_was(source, b"old")
        self.assertEqual(source.entry.size, 3)
        self.put(("a",), b" still", offset=None)
        self.read_as_it_was(source, b"old")
        self.result(self.storage.remove_file(("a",)))
        self.read_as_it_was(source, b"old")

    def test_rename_open_file(self) -> None:
        """PH17: a file that is being read can be renamed, and replaced by a rename."""
        self.put(("a",), b"one")
        self.put(("b",), b"two")
        one, two = (self.result(self.storage.open_read((name,))) for name in ("a", "b"))
        self.addCleanup(one.close)
        self.addCleanup(two.close)
        self.result(self.storage.rename(("a",), ("b",)))
        self.read_as_it_was(one, b"one")
        self.read_as_it_was(two, b"two")
        self.assertEqual((self.get(("b",)), self.names()), (b"one", ["b"]))

    def test_concurrent_writers(self) -> None:
        """Of those who write one file the last to commit wins, and nothing is mixed."""
        contents = [b"1111", b"22", b"333333"]
        for order in permutations(range(3)):
            targets = [self.result(self.storage.open_write(("a",))) for _ in contents]
            for half in (slice(0, 1), slice(1, None)):
                for target, content in zip(targets, contents, strict=True):
                    self.result(target.write(content[half]))
            for number in order:
                self.result(targets[number].commit())
                self.assertEqual(self.get(("a",)), contents[number])
        self.assertEqual(self.names(), ["a"])

    def test_writer_and_abort(self) -> None:
        """An upload that is thrown away takes nothing from another to the same name."""
        one = self.result(self.storage.open_write(("a",)))
        two = self.result(self.storage.open_write(("a",)))
        self.result(one.write(b"1111"))
        self.result(two.write(b"22"))
        self.result(one.commit())
        self.result(two.abort())
        self.assertEqual((self.get(("a",)), self.names()), (b"1111", ["a"]))

    def test_writer_and_remover(self) -> None:
        """A file that was removed while its next content was written gets that content."""
        self.put(("a",), b"old")
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"new"))
        self.result(self.storage.remove_file(("a",)))
        self.assert_missing(("a",))
        self.result(target.commit())
        self.assertEqual((self.get(("a",)), self.names()), (b"new", ["a"]))

    def test_changed_while_continued(self) -> None:
        """A file that somebody replaced meanwhile is not lost under one that continues the old."""
        self.put(("a",), b"abc")
        for offset in (None, 2):
            target = self.result(self.storage.open_write(("a",), offset=offset))
            self.result(target.write(b"x"))
            # To put the same content there once more may be no change.
            other = f"other {offset}".encode()
            self.put(("a",), other)
            self.assert_fails(target.commit(), FileChanged)
            self.result(target.abort())
            self.assertEqual(self.get(("a",)), other)
        self.assertEqual(self.names(), ["a"])

    def test_removed_while_continued(self) -> None:
        """A file that somebody removed meanwhile does not come back by its continuation."""
        for offset in (None, 2):
            self.put(("a",), b"abc")
            target = self.result(self.storage.open_write(("a",), offset=offset))
            self.result(self.storage.remove_file(("a",)))
            self.assert_fails(target.commit(), FileChanged, NotFound)
            self.result(target.abort())
            self.assertEqual(self.names(), [])

    def test_two_begin_to_append(self) -> None:
        """Of two who append to a file that is not there yet only one succeeds."""
        one = self.result(self.storage.open_write(("a",), offset=None))
        two = self.result(self.storage.open_write(("a",), offset=None))
        self.result(one.write(b"1"))
        self.result(two.write(b"2"))
        self.result(one.commit())
        self.assert_fails(two.commit(), FileChanged, AlreadyExists)
        self.assertEqual(self.get(("a",)), b"1")

    def test_exclusive_race(self) -> None:
        """Of two who want a free name for themselves the first to commit has it."""
        one = self.result(self.storage.open_write(("a",), exclusive=True))
        two = self.result(self.storage.open_write(("a",), exclusive=True))
        self.result(one.write(b"1"))
        self.result(two.write(b"2"))
        self.result(one.commit())
        self.assert_fails(two.commit(), AlreadyExists)
        self.result(two.abort())
        self.assertEqual((self.get(("a",)), self.names()), (b"1", ["a"]))

    def test_exclusive_and_directory(self) -> None:
        """A directory has the name as well."""
        target = self.result(self.storage.open_write(("a",), exclusive=True))
        self.make_directory(("a",))
        self.assert_fails(target.commit(), AlreadyExists, IsADirectory)
        self.result(target.abort())
        self.assertEqual(self.result(self.storage.stat(("a",))).kind, Kind.DIRECTORY)

    def test_directory_made_before_commit(self) -> None:
        """A directory that has taken the name meanwhile stays."""
        target = self.result(self.storage.open_write(("a",)))
        self.make_directory(("a",))
        self.assert_fails(target.commit(), IsADirectory, AlreadyExists)
        self.assertEqual(self.entries()["a"].kind, Kind.DIRECTORY)
        self.assertEqual(self.names(("a",)), [])

    def test_directory_removed_before_commit(self) -> None:
        """A file that is published can be reached, also if somebody removes its directory first; or it is not there."""
        self.make_directory(("d",))
        target = self.result(self.storage.open_write(("d", "a")))
        self.result(target.write(b"x"))
        self.try_to(self.storage.remove_directory(("d",)), DirectoryNotEmpty)
        if self.try_to(target.commit(), NotFound):
            self.assertEqual((self.names(), self.names(("d",)), self.get(("d", "a"))), (["d"], ["a"], b"x"))
        else:
            self.result(target.abort())
            self.assertEqual(self.names(), [])

    def test_directory_renamed_before_commit(self) -> None:
        """So it is if its directory gets another name."""
        self.make_directory(("d",))
        target = self.result(self.storage.open_write(("d", "a")))
        self.result(target.write(b"x"))
        self.result(self.storage.rename(("d",), ("e",)))
        published = self.try_to(target.commit(), NotFound)
        self.result(target.abort())
        found = [(name, inner) for name in self.names() for inner in self.names((name,))]
        self.assertIn(found, [[("d", "a")], [("e", "a")]] if published else [[]])
        self.assertEqual([self.get(path) for path in found], [b"x"] * published)
