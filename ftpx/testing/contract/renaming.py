"""The part of the storage contract about renaming."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from ftpx.errors import AlreadyExists, DirectoryNotEmpty, IsADirectory, NameRefused, NotADirectory, NotFound
from ftpx.interfaces import Kind
from ftpx.testing.contract.case import StorageCase

__all__ = ["RenamingContract"]


class RenamingContract(StorageCase):
    """PH17: every case of a rename."""

    def make_cases(self) -> None:
        """Make a file, a second one, an empty directory and a full one."""
        self.put(("file",), b"file")
        self.put(("other",), b"other")
        self.make_directory(("empty",))
        self.make_directory(("full",))
        self.put(("full", "a"), b"a")

    def assert_unchanged(self) -> None:
        """All that was made is as it was."""
        self.assertEqual(self.names(), ["empty", "file", "full", "other"])
        self.assertEqual((self.names(("empty",)), self.get(("full", "a"))), ([], b"a"))
        self.assertEqual((self.get(("file",)), self.get(("other",))), (b"file", b"other"))

    def test_rename_file(self) -> None:
        """PH17: a file gets another name, and another directory."""
        self.make_cases()
        self.result(self.storage.rename(("file",), ("empty", "new")))
        self.assertEqual(self.get(("empty", "new")), b"file")
        self.assert_missing(("file",))
        self.result(self.storage.rename(("empty", "new"), ("file",)))
        self.assert_unchanged()

    def test_rename_directory(self) -> None:
        """PH17: a directory is renamed with all that is in it, at any depth."""
        self.make_cases()
        self.make_directory(("full", "d"))
        self.make_directory(("full", "nothing"))
        self.put(("full", "d", "deep"), b"deep")
        self.result(self.storage.rename(("full",), ("new",)))
        self.assertEqual((self.get(("new", "a")), self.get(("new", "d", "deep"))), (b"a", b"deep"))
        self.assertEqual((self.names(("new",)), self.names(("new", "nothing"))), (["a", "d", "nothing"], []))
        self.assert_missing(("full",))
        self.assert_missing(("full", "a"))
        self.result(self.storage.rename(("new",), ("empty", "inner")))
        self.assertEqual(self.get(("empty", "inner", "d", "deep")), b"deep")

    def test_rename_to_similar_name(self) -> None:
        """PH17: a directory's new name may begin as the old one does, and is not inside of it."""
        self.make_cases()
        for name in ("full2", "ful", "full "):
            refusal = [NameRefused] if self.may_refuse_names and name.endswith(" ") else []
            if not self.try_to(self.storage.rename(("full",), (name,)), *refusal):
                continue
            self.assertEqual((self.names((name,)), self.get((name, "a"))), (["a"], b"a"))
            self.assert_missing(("full",))
            self.result(self.storage.rename((name,), ("full",)))
        self.assert_unchanged()

    def test_rename_file_over_file(self) -> None:
        """PH17: a file replaces a file."""
        self.make_cases()
        self.result(self.storage.rename(("file",), ("other",)))
        self.assertEqual((self.get(("other",)), self.names()), (b"file", ["empty", "full", "other"]))

    def test_rename_file_over_directory(self) -> None:
        """PH17: a file replaces no directory, empty or not."""
        self.make_cases()
        for name in ("empty", "full"):
            self.assert_fails(self.storage.rename(("file",), (name,)), IsADirectory, AlreadyExists)
        self.assert_unchanged()

    def test_rename_directory_over_file(self) -> None:
        """PH17: a directory replaces no file."""
        self.make_cases()
        for name in ("empty", "full"):
            self.assert_fails(self.storage.rename((name,), ("file",)), NotADirectory, AlreadyExists)
        self.assert_unchanged()

    def test_rename_directory_over_empty_directory(self) -> None:
        """PH17: a directory replaces an empty directory."""
        self.make_cases()
        self.result(self.storage.rename(("full",), ("empty",)))
        self.assertEqual((self.get(("empty", "a")), self.names()), (b"a", ["empty", "file", "other"]))

    def test_rename_directory_over_full_directory(self) -> None:
        """PH17: a directory replaces no directory that has entries."""
        self.make_cases()
        self.assert_fails(self.storage.rename(("empty",), ("full",)), DirectoryNotEmpty, AlreadyExists)
        self.make_directory(("another",))
        self.make_directory(("another", "inner"))
        self.assert_fails(self.storage.rename(("full",), ("another",)), DirectoryNotEmpty, AlreadyExists)
        self.assertEqual(self.names(("another",)), ["inner"])
        self.result(self.storage.remove_directory(("another", "inner")))
        self.result(self.storage.remove_directory(("another",)))
        self.assert_unchanged()

    def test_rename_to_itself(self) -> None:
        """PH17: a name can be changed to itself."""
        self.make_cases()
        for name in ("file", "full", "empty"):
            self.result(self.storage.rename((name,), (name,)))
        self.assert_unchanged()

    def test_rename_into_own_child(self) -> None:
        """PH17: a directory cannot be put into itself."""
        self.make_cases()
        self.make_directory(("full", "d"))
        for destination in (("full", "new"), ("full", "d", "new")):
            self.assert_fails(self.storage.rename(("full",), destination), NameRefused)
        self.assert_fails(self.storage.rename(("full",), ("full", "d")), NameRefused, AlreadyExists, DirectoryNotEmpty)
        self.assertEqual(self.names(("full",)), ["a", "d"])

    def test_rename_over_own_parent(self) -> None:
        """PH17: nothing can replace the directory that it is in."""
        self.make_cases()
        self.make_directory(("full", "d"))
        self.assert_fails(self.storage.rename(("full", "d"), ("full",)), DirectoryNotEmpty, AlreadyExists)
        in_the_way = (IsADirectory, DirectoryNotEmpty, AlreadyExists)
        self.assert_fails(self.storage.rename(("full", "a"), ("full",)), *in_the_way)
        self.assertEqual(self.names(("full",)), ["a", "d"])

    def test_rename_missing(self) -> None:
        """PH17: what is not there cannot be renamed, and nothing can be put where no directory is."""
        self.make_cases()
        for destination in (("new",), ("file",), ("empty",), ("none",)):
            self.assert_fails(self.storage.rename(("none",), destination), NotFound)
        for name in ("file", "full"):
            self.assert_fails(self.storage.rename((name,), ("none", "new")), NotFound)
            self.assert_fails(self.storage.rename((name,), ("other", "new")), NotADirectory, NotFound)
        self.assert_fails(self.storage.rename(("file", "new"), ("new",)), NotADirectory, NotFound)
        self.assert_unchanged()

    def test_rename_and_write_again(self) -> None:
        """PH17: the old name is free again."""
        self.make_cases()
        self.result(self.storage.rename(("file",), ("new",)))
        self.put(("file",), b"again", exclusive=True)
        self.result(self.storage.rename(("full",), ("renamed",)))
        self.make_directory(("full",))
        self.assertEqual((self.names(("full",)), self.names(("renamed",))), ([], ["a"]))
        self.assertEqual((self.get(("file",)), self.get(("new",))), (b"again", b"file"))
        self.assertEqual(self.result(self.storage.stat(("renamed",))).kind, Kind.DIRECTORY)
