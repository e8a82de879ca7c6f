"""The part of the storage contract about listings."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from ftpx.errors import NameRefused, NotADirectory, NotFound, StorageError
from ftpx.interfaces import Kind
from ftpx.testing.contract.case import StorageCase

__all__ = ["ListingsContract"]


class ListingsContract(StorageCase):
    """How a directory is listed: whole, in sorted pages of a bounded size."""

    def make_entries(self, count: int) -> dict[str, Kind]:
        """Make so many entries: directories, which are cheap, and files."""
        made = {}
        for number in range(count):
            # Not in the order of the names, and such that names begin as others end.
            name = f"{number * 7919 % count}"
            made[name] = Kind.DIRECTORY if number % 10 else Kind.FILE
            if number % 10:
                self.make_directory((name,))
            else:
                self.result(self.result(self.storage.open_write((name,))).commit())
        return made

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
        self.put(("d", "e", "deep"), b"")
        self.put(("b",), b"")
        entries = self.entries(("d",))
        self.assertEqual(sorted(entries), ["a", "e"])
        self.assertEqual(entries["a"].size, 3)
        for name in ("a", "e"):
            self.assert_agree(entries[name], self.result(self.storage.stat(("d", name))))

    def test_similar_names(self) -> None:
        """PH02: a directory's entries are not mixed with those of one whose name begins or ends like its own."""
        refusal = [NameRefused] if self.may_refuse_names else []
        names = ("d", "d2", "dd", "d-", "d ", "d.")
        paths = [(name,) for name in names if self.try_to(self.storage.make_directory((name,)), *refusal)]
        self.assertGreaterEqual(len(paths), 4)
        for path in paths:
            self.put((*path, f"in {path[0]}"), b"")
        for path in paths:
            self.assertEqual(self.names(path), [f"in {path[0]}"])
        self.assertEqual(self.names(), sorted(path[0] for path in paths))

    def test_pages(self) -> None:
        """RS12: the pages of a long listing are bounded and sorted, and have each entry once."""
        made = self.make_entries(self.long_listing)
        pages = self.pages(())
        for page in pages:
            names = [entry.name for entry in page]
            self.assertEqual(names, sorted(names))
            self.assertLessEqual(len(page), self.largest_page)
        found = [(entry.name, entry.kind) for page in pages for entry in page]
        self.assertEqual(sorted(found), sorted(made.items(), key=lambda item: item[0]))

    def test_listing_closed_early(self) -> None:
        """A listing may be left after a page, or before the first, and holds nothing then."""
        self.put(("a",), b"")
        pages = self.storage.list_directory(())
        self.assertEqual([entry.name for entry in self.result(anext(pages))], ["a"])
        self.result(pages.aclose())
        self.result(self.storage.list_directory(()).aclose())
        self.assert_nothing_open()

    def test_changed_while_listed(self) -> None:
        """What is made, renamed and removed while a listing is under way does no harm to it; what stays is listed."""
        count = min(self.largest_page + 100, self.long_listing)
        self.make_entries(count)
        stays = sorted(self.entries())[0]

        async def change_all() -> list[str]:
            pages = self.storage.list_directory(())
            first = [entry.name for entry in await anext(pages) if entry.name != stays]
            last: list[str] = [stays]
            for number, name in enumerate(first[:30]):
                entry = await self.storage.stat((name,))
                if number % 3 == 0:
                    await self.storage.rename((name,), (f"new {name}",))
                elif entry.kind is Kind.FILE:
                    await self.storage.remove_file((name,))
                else:
                    await self.storage.remove_directory((name,))
                await self.storage.make_directory((f"made {number}",))
            last.extend(entry.name for page in [page async for page in pages] for entry in page)
            return last

        listed = self.result(change_all())
        self.assertEqual(len(set(listed)), len([name for name in listed if name != stays]) + 1)
        self.assertEqual(len(self.names()), count + 10)

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

    def test_directory_removed_while_listed(self) -> None:
        """A listing of a directory that is not there any more ends, or says so."""
        self.make_directory(("d",))
        self.put(("d", "a"), b"")

        async def remove() -> list[str]:
            pages = self.storage.list_directory(("d",))
            await anext(pages)
            await self.storage.remove_file(("d", "a"))
            await self.storage.remove_directory(("d",))
            return [entry.name async for page in pages for entry in page]

        self.try_to(remove(), StorageError)
        self.assertEqual(self.names(), [])

    def test_two_listings(self) -> None:
        """Two listings of one directory do not disturb each other."""
        for number in range(3):
            self.put((f"f{number}",), b"")

        async def both() -> tuple[list[str], list[str]]:
            one, two = self.storage.list_directory(()), self.storage.list_directory(())
            first = list(await anext(one))
            whole = [entry.name async for page in two for entry in page]
            first.extend([entry async for page in one for entry in page])
            return sorted(entry.name for entry in first), sorted(whole)

        self.assertEqual(self.result(both()), (["f0", "f1", "f2"], ["f0", "f1", "f2"]))

    def test_listing_missing(self) -> None:
        """What is not there has no listing."""
        self.assert_listing_fails(("d",), NotFound)
        self.assert_listing_fails(("d", "e"), NotFound)

    def test_listing_file(self) -> None:
        """A file has no listing."""
        self.put(("a",), b"")
        self.assert_listing_fails(("a",), NotADirectory)
