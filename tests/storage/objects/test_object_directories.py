"""Directories over flat keys, and what others may have put into a store."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from ftpx.errors import DirectoryNotEmpty, IsADirectory, NameRefused, NotADirectory, NotFound, StorageFailure
from ftpx.interfaces import Entry, Kind, Path
from ftpx.storage.objects.storage import ObjectStorage
from ftpx.testing.pool import InlinePool
from tests.storage.objects.memory_store import MemoryObjectStore
from tests.storage.objects.test_object_writing import ObjectTestCase


class DirectoriesCase(ObjectTestCase):
    """What is listed."""

    async def _pages(self, path: Path) -> list[Sequence[Entry]]:
        return [page async for page in self.storage.list_directory(path)]

    def listed(self, path: Path = ()) -> list[tuple[str, Kind]]:
        """The names and kinds in a directory."""
        return [(entry.name, entry.kind) for page in self.result(self._pages(path)) for entry in page]

    def fill(self, *keys: str) -> None:
        """Have these objects."""
        for key in keys:
            self.store.put(key, b"x")


class DirectoriesTests(DirectoriesCase):
    """What is a directory."""

    def test_implied(self) -> None:
        """A directory is there as long as anything is below it, without a marker."""
        self.fill("d/e/a")
        for path in (("d",), ("d", "e")):
            self.assertEqual(self.result(self.storage.stat(path)).kind, Kind.DIRECTORY)
        self.assertEqual(self.listed(("d",)), [("e", Kind.DIRECTORY)])
        self.assert_fails(self.storage.remove_directory(("d",)), DirectoryNotEmpty)

    def test_stays(self) -> None:
        """A directory does not go with the last thing in it, however that goes."""
        self.fill("d/a", "e/a", "f/g/a")
        self.result(self.storage.remove_file(("d", "a")))
        self.result(self.storage.rename(("e", "a"), ("a",)))
        self.result(self.storage.rename(("f", "g"), ("g",)))
        self.result(self.storage.rename(("g", "a"), ("b",)))
        self.result(self.storage.make_directory(("g", "h")))
        self.result(self.storage.remove_directory(("g", "h")))
        for name in ("d", "e", "f", "g"):
            self.assertEqual(self.listed((name,)), [])
            self.result(self.storage.remove_directory((name,)))
        self.assertEqual(sorted(self.store.objects), ["a", "b"])

    def test_file_hides_directory(self) -> None:
        """Where an object has the key of a directory there is a file, and no second entry of that name."""
        self.fill("a", "a/b", "a-1", "a.txt")
        self.assertEqual([name for name, _ in self.listed()], ["a", "a-1", "a.txt"])
        self.assertEqual(self.result(self.storage.stat(("a",))).kind, Kind.FILE)
        self.put(("a",), b"new")
        self.result(self.storage.remove_file(("a",)))
        self.assertEqual(self.result(self.storage.stat(("a",))).kind, Kind.DIRECTORY)
        self.assert_fails(self.storage.open_read(("a",)), IsADirectory)

    def test_file_hides_directory_on_another_page(self) -> None:
        """So it is if there is more between the two than a page has."""
        self.fill("a", "a/b", *(f"a-{number:05d}" for number in range(1500)))
        names = [name for name, _ in self.listed()]
        self.assertEqual((len(names), len(set(names))), (1501, 1501))

    def test_what_no_name_is(self) -> None:
        """PH13: keys that no path leads to are left out, and nothing happens to them."""
        odd = ["/a", "//", "a//b", "./a", "../a", "a/../b", "\r\nb", "x\0y", "back\\slash", ".ftpx-own", "d/.ftpx-x"]
        self.fill("good", *odd)
        self.assertEqual([name for name, _ in self.listed()], ["a", "d", "good"])
        self.assertEqual((self.listed(("a",)), self.listed(("d",))), ([], []))
        for name in (".ftpx-own", "back\\slash", "x\0y", "\udcff"):
            self.assert_fails(self.storage.stat((name,)), NotFound)
            self.assert_fails(self.storage.open_read((name,)), NotFound)
            self.assert_fails(self.storage.open_write((name,)), NameRefused)
        self.assert_fails(self.storage.remove_directory(("a",)), DirectoryNotEmpty)
        self.assertTrue(set(odd) < set(self.store.objects))

    def test_long_names(self) -> None:
        """PH12: a path whose key no store takes is refused, with room for what makes it a directory."""
        deep = tuple(["x" * 200] * 5)
        self.fill("/".join((*deep, "a")))
        for name in ("y" * 19, "ü" * 10):
            self.assert_fails(self.storage.make_directory((*deep, name)), NameRefused)
            self.assert_fails(self.storage.open_write((*deep, name)), NameRefused)
        self.put((*deep, "y" * 18), b"")
        self.assert_fails(self.storage.stat(tuple(["x" * 200] * 6)), NotFound)

    def test_normal_forms(self) -> None:
        """PH13: names that look alike are two, and stay as they are."""
        self.put(("\u00e9",), b"one")
        self.put(("e\u0301",), b"two")
        self.assertEqual(self.store.seen(), {"\u00e9": b"one", "e\u0301": b"two"})

    def test_listing_of_a_file(self) -> None:
        """A file has no listing, and neither has what is not there."""
        self.fill("a")
        self.assert_fails(self._pages(("a",)), NotADirectory)
        self.assert_fails(self._pages(("b",)), NotFound)

    def test_page_by_page(self) -> None:
        """RS12: a page of a listing is one request, and nobody asks for the next before it is wanted."""
        self.fill(*(f"f{number:06d}" for number in range(5000)))
        self.store.calls.clear()
        pages = self.storage.list_directory(())
        page = self.result(anext(pages))
        self.assertEqual((len(page), self.store.calls), (1000, [("list_page", "")]))
        self.result(pages.aclose())
        self.assertEqual(len(self.store.calls), 1)


class MarkerTests(DirectoriesTests):
    """The same, in a store where no key ends in a slash."""

    def setUp(self) -> None:
        """Have a store whose markers have a name."""
        super().setUp()
        self.store = MemoryObjectStore(10, ".ftpx-directory")
        self.storage = self.make_storage()

    def test_long_names(self) -> None:
        """PH12: the marker's name needs room, too."""
        deep = tuple(["x" * 200] * 5)
        self.fill("/".join((*deep, "a")))
        self.assert_fails(self.storage.make_directory((*deep, "y" * 4)), NameRefused)
        self.result(self.storage.make_directory((*deep, "y" * 3)))


class RenamingTests(DirectoriesCase):
    """A directory gets another name, object by object."""

    def test_all(self) -> None:
        """All that is below goes with it, what no path leads to as well."""
        self.fill("d/a", "d/e/b", "d//odd")
        self.result(self.storage.make_directory(("d", "empty")))
        self.result(self.storage.rename(("d",), ("n",)))
        self.assertEqual(sorted(self.store.objects), ["n//odd", "n/a", "n/e/b", "n/empty/"])

    def test_broken_off(self) -> None:
        """What fails in the middle leaves every object whole, by one name or the other, and it can be tried again."""
        keys = [f"d/f{number}" for number in range(10)]
        for operation in ("copy", "delete"):
            for broken in range(10):
                self.store.objects.clear()
                self.fill(*keys)
                self.store.fail(operation, *[None] * broken, StorageFailure("broken"))
                self.assert_fails(self.storage.rename(("d",), ("n",)), StorageFailure)
                names = {key.partition("/")[2] for key in self.store.objects}
                self.assertEqual(names, {key.partition("/")[2] for key in keys})
                self.store.faults.clear()

    def test_told(self) -> None:
        """The log tells every ten seconds how far it is."""
        self.fill(*(f"d/f{number}" for number in range(20)))
        self.store.before["copy"] = lambda: setattr(self, "seconds", self.seconds + 1)
        told: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            told.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.result(self.storage.rename(("d",), ("n",)))
        self.assertEqual(told, ["renaming: 12 objects, 12 octets so far"])

    def test_by_one_request(self) -> None:
        """A file is copied within the store, and its octets do not come here."""
        self.fill("a", "b")
        self.store.calls.clear()
        self.result(self.storage.rename(("a",), ("b",)))
        self.assertEqual((self.store.asked("copy"), self.store.asked("read")), (["a"], []))
        self.assertEqual(self.store.asked("delete"), ["a"])


class PlainStorageTests(ObjectTestCase):
    """A store whose uploads cannot be gone on with: no trace is left in it."""

    def test_no_trace(self) -> None:
        """While a large file is on its way, nothing is in the store but its parts."""
        storage = ObjectStorage(self.store, InlinePool())
        file = self.result(storage.open_write(("a",)))
        self.result(file.write(b"x" * 25))
        self.assertEqual((len(self.store.uploads), self.store.objects), (1, {}))
        self.result(file.abort())
        self.assertEqual(self.store.uploads, {})
