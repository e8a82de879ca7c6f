"""The part of the storage contract about directories and what is removed."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Final

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotFound,
    PermissionDenied,
)
from ftpx.testing.contract.case import StorageCase

__all__ = ["DirectoriesContract"]

# A root may be said to be many things, but it stays.
_NOT_THE_ROOT: Final = (PermissionDenied, DirectoryNotEmpty, AlreadyExists, NameRefused, IsADirectory)


class DirectoriesContract(StorageCase):
    """Directories and files: made and removed."""

    def test_make_taken(self) -> None:
        """A name that is taken is not made a directory, nor is the root."""
        self.put(("a",), b"abc")
        self.make_directory(("d",))
        self.put(("d", "b"), b"")
        for path in (("a",), ("d",), ()):
            self.assert_fails(self.storage.make_directory(path), AlreadyExists)
        self.assertEqual((self.get(("a",)), self.names(("d",))), (b"abc", ["b"]))

    def test_make_without_parent(self) -> None:
        """A directory is made only in one that is there."""
        self.put(("a",), b"")
        self.assert_fails(self.storage.make_directory(("d", "e")), NotFound)
        self.assert_fails(self.storage.make_directory(("a", "e")), NotADirectory, NotFound)
        self.assertEqual(self.names(), ["a"])

    def test_directory_outlives_its_files(self) -> None:
        """A directory is there until it is removed itself, whatever is removed or renamed out of it."""
        self.make_directory(("d",))
        self.make_directory(("d", "e"))
        self.put(("d", "a"), b"")
        self.put(("d", "b"), b"")
        self.result(self.storage.remove_file(("d", "a")))
        self.result(self.storage.rename(("d", "b"), ("b",)))
        self.result(self.storage.remove_directory(("d", "e")))
        self.assertEqual((self.names(), self.names(("d",))), (["b", "d"], []))
        self.put(("d", "c"), b"")
        self.result(self.storage.remove_file(("d", "c")))
        self.assertEqual((self.names(), self.names(("d",))), (["b", "d"], []))

    def test_remove_directory(self) -> None:
        """An empty directory can be removed, once, and made again."""
        self.make_directory(("d",))
        self.result(self.storage.remove_directory(("d",)))
        self.assert_missing(("d",))
        self.assert_fails(self.storage.remove_directory(("d",)), NotFound)
        self.make_directory(("d",))
        self.assertEqual((self.names(), self.names(("d",))), (["d"], []))

    def test_remove_full_directory(self) -> None:
        """A directory with something in it cannot."""
        self.make_directory(("d",))
        self.put(("d", "a"), b"")
        self.assert_fails(self.storage.remove_directory(("d",)), DirectoryNotEmpty)
        self.assertEqual(self.names(("d",)), ["a"])
        self.make_directory(("e",))
        self.make_directory(("e", "f"))
        self.assert_fails(self.storage.remove_directory(("e",)), DirectoryNotEmpty)
        self.assertEqual(self.names(("e",)), ["f"])

    def test_remove_directory_errors(self) -> None:
        """What is not there, or a file, is not removed as a directory."""
        self.put(("a",), b"")
        self.assert_fails(self.storage.remove_directory(("d",)), NotFound)
        self.assert_fails(self.storage.remove_directory(("d", "e")), NotFound)
        self.assert_fails(self.storage.remove_directory(("a",)), NotADirectory)
        self.assert_fails(self.storage.remove_directory(("a", "b")), NotADirectory, NotFound)
        self.assertEqual(self.names(), ["a"])

    def test_remove_file(self) -> None:
        """A file can be removed, once."""
        self.put(("a",), b"")
        self.put(("b",), b"")
        self.result(self.storage.remove_file(("a",)))
        self.assert_missing(("a",))
        self.assert_fails(self.storage.remove_file(("a",)), NotFound)
        self.assertEqual(self.names(), ["b"])

    def test_remove_file_errors(self) -> None:
        """A directory is not removed as a file, nor is the root."""
        self.make_directory(("d",))
        self.put(("a",), b"")
        self.assert_fails(self.storage.remove_file(("d",)), IsADirectory)
        self.assert_fails(self.storage.remove_file(()), IsADirectory, PermissionDenied)
        self.assert_fails(self.storage.remove_file(("a", "b")), NotADirectory, NotFound)
        self.assert_fails(self.storage.remove_file(("none", "b")), NotFound)
        self.assertEqual(self.names(), ["a", "d"])

    def test_root_stays(self) -> None:
        """PH16: the root is neither removed nor renamed, empty or not, and nothing takes its place."""
        self.assert_fails(self.storage.remove_directory(()), *_NOT_THE_ROOT)
        self.assertEqual(self.names(), [])
        self.make_directory(("d",))
        self.put(("a",), b"")
        self.assert_fails(self.storage.remove_directory(()), *_NOT_THE_ROOT)
        self.assert_fails(self.storage.rename((), ("b",)), *_NOT_THE_ROOT)
        for name in ("a", "d"):
            self.assert_fails(self.storage.rename((name,), ()), *_NOT_THE_ROOT)
        self.assertEqual(self.names(), ["a", "d"])

    def test_deep(self) -> None:
        """PH12: directories can be nested deeply."""
        path: tuple[str, ...] = ()
        for _ in range(300):
            path += ("d",)
            self.make_directory(path)
        self.put((*path, "a"), b"deep")
        self.assertEqual(self.get((*path, "a")), b"deep")
        self.assertEqual(self.names(path), ["a"])
