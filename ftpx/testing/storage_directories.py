"""The part of the storage contract about names, directories and what is in them."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import ClassVar

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotFound,
    PermissionDenied,
)
from ftpx.testing.storage_base import StorageCase

__all__ = ["DirectoriesContract", "NamesContract", "RenamingContract"]


class NamesContract(StorageCase):
    """Which names are kept, and that they come back as they were."""

    #: Names that come back exactly; for a storage that cannot keep some, to be replaced.
    good_names: ClassVar[tuple[str, ...]] = (
        "a b",
        " leading and trailing ",
        'quo"ted',
        "it's",
        "-l",
        "--help",
        "...",
        ".hidden",
        "back\\slash",
        "semi;colon type=dir;",
        "star*?[a-z]{x}",
        "%2e%2e",
        "~root",
        "über",
        "пример",
        "例え",
        "مثال",
        "e\u0301",
        "\u00e9",
        "\u202etxt.exe",
        "\U0001f4a9",
        "\x01\x1b[31m\x7f",
        "latin-\udce9",
        "\udcff\udcfe",
        "A",
        "x" * 255,
        "é" * 127,
    )

    def test_file_names(self) -> None:
        """PH13: spaces, quotes, dashes, any script and octets that are not UTF-8 are names of files."""
        for number, name in enumerate(self.good_names):
            self.put((name,), b"%d" % number)
        self.assertEqual(self.names(), sorted(self.good_names))
        for number, name in enumerate(self.good_names):
            self.assertEqual(self.get((name,)), b"%d" % number)
            self.result(self.storage.remove_file((name,)))
        self.assertEqual(self.names(), [])

    def test_directory_names(self) -> None:
        """They are names of directories too."""
        for name in self.good_names:
            self.make_directory((name,))
            self.put((name, "a"), b"")
            self.assertEqual(self.names((name,)), ["a"])
        self.assertEqual(self.names(), sorted(self.good_names))

    def test_name_case(self) -> None:
        """PH14: upper and lower case are two files."""
        self.put(("a",), b"small")
        self.put(("A",), b"large")
        self.assertEqual((self.get(("a",)), self.get(("A",))), (b"small", b"large"))

    def test_name_too_long(self) -> None:
        """PH12: names of more than 255 octets are refused, and nothing has them."""
        for name in ("x" * 256, "é" * 128, "x" * 300, "x" * 5000):
            self.assert_fails(self.storage.open_write((name,)), NameRefused)
            self.assert_fails(self.storage.make_directory((name,)), NameRefused)
            self.assert_fails(self.storage.stat((name,)), NotFound, NameRefused)
            self.assert_fails(self.storage.open_read((name,)), NotFound, NameRefused)
        self.put(("a",), b"")
        self.assert_fails(self.storage.rename(("a",), ("x" * 256,)), NameRefused)
        self.assertEqual(self.names(), ["a"])

    def test_name_without_octets(self) -> None:
        """A name that no octets stand for is refused, and nothing has it."""
        self.assert_fails(self.storage.open_write(("\ud800",)), NameRefused)
        self.assert_fails(self.storage.make_directory(("\ud800",)), NameRefused)
        self.assert_fails(self.storage.stat(("\ud800",)), NotFound, NameRefused)


class DirectoriesContract(StorageCase):
    """Directories: made, listed and removed."""

    def test_empty_directory(self) -> None:
        """A storage is empty at first, and so is a new directory."""
        self.assertEqual(self.names(), [])
        self.make_directory(("d",))
        self.assertEqual(self.names(("d",)), [])

    def test_listing(self) -> None:
        """A listing has the entries of the directory, as `stat` tells them, and of no other."""
        self.make_directory(("d",))
        self.make_directory(("d", "e"))
        self.put(("d", "a"), b"abc")
        self.put(("b",), b"")
        entries = self.entries(("d",))
        self.assertEqual(sorted(entries), ["a", "e"])
        for name in ("a", "e"):
            self.assertEqual(entries[name], self.result(self.storage.stat(("d", name))))

    def test_pages(self) -> None:
        """The pages of a long listing are bounded and sorted, and have each entry once."""
        wanted = {f"f{number}" for number in range(1205)}
        for name in wanted:
            self.result(self.result(self.storage.open_write((name,))).commit())
        pages = self.pages(())
        self.assertTrue(all(0 < len(page) <= 1000 for page in pages))
        for page in pages:
            names = [entry.name for entry in page]
            self.assertEqual(names, sorted(names))
        found = [entry.name for page in pages for entry in page]
        self.assertEqual(len(found), len(wanted))
        self.assertEqual(set(found), wanted)

    def test_listing_closed_early(self) -> None:
        """A listing may be left after a page, or before the first."""
        self.put(("a",), b"")
        pages = self.storage.list_directory(())
        self.assertEqual([entry.name for entry in self.result(anext(pages))], ["a"])
        self.result(pages.aclose())
        self.result(self.storage.list_directory(()).aclose())

    def test_removed_while_listed(self) -> None:
        """What is removed while a listing is under way does no harm to it."""
        for number in range(5):
            self.put((f"f{number}",), b"")

        async def remove_all() -> list[str]:
            pages = self.storage.list_directory(())
            first = [entry.name for entry in await anext(pages)]
            for name in first:
                await self.storage.remove_file((name,))
            return [entry.name async for page in pages for entry in page]

        self.result(remove_all())
        self.assertEqual(self.names(), [])

    def test_listing_missing(self) -> None:
        """What is not there has no listing."""
        self.assert_listing_fails(("d",), NotFound)

    def test_listing_file(self) -> None:
        """A file has no listing."""
        self.put(("a",), b"")
        self.assert_listing_fails(("a",), NotADirectory)

    def test_make_taken(self) -> None:
        """A name that is taken is not made a directory, nor is the root."""
        self.put(("a",), b"abc")
        self.make_directory(("d",))
        for path in (("a",), ("d",), ()):
            self.assert_fails(self.storage.make_directory(path), AlreadyExists)
        self.assertEqual(self.get(("a",)), b"abc")

    def test_make_without_parent(self) -> None:
        """A directory is made only in one that is there."""
        self.put(("a",), b"")
        self.assert_fails(self.storage.make_directory(("d", "e")), NotFound)
        self.assert_fails(self.storage.make_directory(("a", "e")), NotADirectory, NotFound)

    def test_remove_directory(self) -> None:
        """An empty directory can be removed."""
        self.make_directory(("d",))
        self.result(self.storage.remove_directory(("d",)))
        self.assert_missing(("d",))

    def test_remove_full_directory(self) -> None:
        """A directory with something in it cannot."""
        self.make_directory(("d",))
        self.put(("d", "a"), b"")
        self.assert_fails(self.storage.remove_directory(("d",)), DirectoryNotEmpty)
        self.assertEqual(self.names(("d",)), ["a"])

    def test_remove_directory_errors(self) -> None:
        """What is not there, or a file, is not removed as a directory."""
        self.put(("a",), b"")
        self.assert_fails(self.storage.remove_directory(("d",)), NotFound)
        self.assert_fails(self.storage.remove_directory(("a",)), NotADirectory)
        self.assertEqual(self.names(), ["a"])

    def test_remove_file(self) -> None:
        """A file can be removed, once."""
        self.put(("a",), b"")
        self.result(self.storage.remove_file(("a",)))
        self.assert_missing(("a",))
        self.assert_fails(self.storage.remove_file(("a",)), NotFound)

    def test_remove_file_errors(self) -> None:
        """A directory is not removed as a file, nor is the root."""
        self.make_directory(("d",))
        self.assert_fails(self.storage.remove_file(("d",)), IsADirectory)
        self.assert_fails(self.storage.remove_file(()), IsADirectory)
        self.assertEqual(self.names(), ["d"])

    def test_root_stays(self) -> None:
        """PH16: the root is neither removed nor renamed, and nothing takes its place."""
        self.make_directory(("d",))
        self.assert_fails(self.storage.remove_directory(()), PermissionDenied)
        self.assert_fails(self.storage.rename((), ("b",)), PermissionDenied)
        self.assert_fails(self.storage.rename(("d",), ()), PermissionDenied)
        self.assertEqual(self.names(), ["d"])

    def test_deep(self) -> None:
        """PH12: directories can be nested deeply."""
        path: tuple[str, ...] = ()
        for _ in range(300):
            path += ("d",)
            self.make_directory(path)
        self.put((*path, "a"), b"deep")
        self.assertEqual(self.get((*path, "a")), b"deep")
        self.assertEqual(self.names(path), ["a"])


class RenamingContract(StorageCase):
    """PH17: every case of a rename."""

    def populate(self) -> None:
        """Make a file, a second one, an empty directory and a full one."""
        self.put(("file",), b"file")
        self.put(("other",), b"other")
        self.make_directory(("empty",))
        self.make_directory(("full",))
        self.put(("full", "a"), b"a")

    def test_rename_file(self) -> None:
        """PH17: a file gets another name, and another directory."""
        self.populate()
        self.result(self.storage.rename(("file",), ("empty", "new")))
        self.assertEqual(self.get(("empty", "new")), b"file")
        self.assert_missing(("file",))

    def test_rename_directory(self) -> None:
        """PH17: a directory is renamed with all that is in it."""
        self.populate()
        self.result(self.storage.rename(("full",), ("new",)))
        self.assertEqual(self.get(("new", "a")), b"a")
        self.assert_missing(("full",))

    def test_rename_file_over_file(self) -> None:
        """PH17: a file replaces a file."""
        self.populate()
        self.result(self.storage.rename(("file",), ("other",)))
        self.assertEqual((self.get(("other",)), self.names()), (b"file", ["empty", "full", "other"]))

    def test_rename_file_over_directory(self) -> None:
        """PH17: a file replaces no directory, empty or not."""
        self.populate()
        for name in ("empty", "full"):
            self.assert_fails(self.storage.rename(("file",), (name,)), IsADirectory, AlreadyExists)
        self.assertEqual((self.get(("file",)), self.get(("full", "a"))), (b"file", b"a"))

    def test_rename_directory_over_file(self) -> None:
        """PH17: a directory replaces no file."""
        self.populate()
        self.assert_fails(self.storage.rename(("full",), ("file",)), NotADirectory, AlreadyExists)
        self.assertEqual((self.get(("file",)), self.get(("full", "a"))), (b"file", b"a"))

    def test_rename_directory_over_empty_directory(self) -> None:
        """PH17: a directory replaces an empty directory."""
        self.populate()
        self.result(self.storage.rename(("full",), ("empty",)))
        self.assertEqual((self.get(("empty", "a")), self.names()), (b"a", ["empty", "file", "other"]))

    def test_rename_directory_over_full_directory(self) -> None:
        """PH17: a directory replaces no directory that has entries."""
        self.populate()
        self.assert_fails(self.storage.rename(("empty",), ("full",)), DirectoryNotEmpty)
        self.assertEqual((self.names(("empty",)), self.names(("full",))), ([], ["a"]))

    def test_rename_to_itself(self) -> None:
        """PH17: a name can be changed to itself."""
        self.populate()
        for name in ("file", "full", "empty"):
            self.result(self.storage.rename((name,), (name,)))
        self.assertEqual((self.get(("file",)), self.get(("full", "a"))), (b"file", b"a"))
        self.assertEqual(self.names(), ["empty", "file", "full", "other"])

    def test_rename_into_own_child(self) -> None:
        """PH17: a directory cannot be put into itself."""
        self.populate()
        self.make_directory(("full", "d"))
        for destination in (("full", "new"), ("full", "d", "new"), ("full", "d")):
            self.assert_fails(self.storage.rename(("full",), destination), NameRefused)
        self.assertEqual(self.names(("full",)), ["a", "d"])

    def test_rename_over_own_parent(self) -> None:
        """PH17: a directory cannot replace one that it is in."""
        self.populate()
        self.make_directory(("full", "d"))
        self.assert_fails(self.storage.rename(("full", "d"), ("full",)), DirectoryNotEmpty, AlreadyExists)
        self.assertEqual(self.names(("full",)), ["a", "d"])

    def test_rename_missing(self) -> None:
        """PH17: what is not there cannot be renamed, and nothing can be put where no directory is."""
        self.populate()
        self.assert_fails(self.storage.rename(("none",), ("new",)), NotFound)
        self.assert_fails(self.storage.rename(("file",), ("none", "new")), NotFound)
        self.assert_fails(self.storage.rename(("file",), ("other", "new")), NotADirectory, NotFound)
        self.assertEqual(self.get(("file",)), b"file")

    def test_rename_open_file(self) -> None:
        """PH17: a file that is being read can be renamed."""
        self.populate()
        source = self.result(self.storage.open_read(("file",)))
        self.addCleanup(source.close)
        self.result(self.storage.rename(("file",), ("new",)))
        self.assertEqual(self.result(source.read(0, 10)), b"file")
