"""Tests of ftpx.storage.listing: directories of any size."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import repeat
from unittest import mock

from ftpx.interfaces import Kind
from ftpx.storage import listing
from tests.storage.directories import open_beneath
from tests.storage.local_case import LocalCase


class FakeScan:
    """What scandir returns: the given entries, and whether it was closed."""

    def __init__(self, found: Iterable[os.DirEntry[str]]) -> None:
        self._found = iter(found)
        self.read = 0
        self.closed = False

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        return self

    def __next__(self) -> os.DirEntry[str]:
        entry = next(self._found)
        self.read += 1
        return entry

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


class ListingTests(LocalCase):
    """Listings of directories of any size."""

    def test_million(self) -> None:
        """RS12: of a directory with a million entries one page is read at a time, and no more once it is left."""
        self.put(("a",), b"")
        (real,) = os.scandir(self.root)
        scan = FakeScan(repeat(real, 1_000_000))
        before = open_beneath(self.root)
        with mock.patch("os.scandir", return_value=scan):
            pages = self.storage.list_directory(())
            for number in range(1, 6):
                self.assertEqual(len(self.result(anext(pages))), listing.PAGE_SIZE)
                self.assertEqual(scan.read, number * listing.PAGE_SIZE)
        self.result(pages.aclose())
        self.assertTrue(scan.closed)
        self.assertEqual(open_beneath(self.root), before)

    def test_vanished(self) -> None:
        """An entry that is gone before it could be looked at is left out, be it a file or a link."""
        for name in ("a", "b"):
            self.put((name,), b"")
        os.symlink("a", self.path("link"))
        found = list(os.scandir(self.root))
        os.unlink(self.path("b"))
        os.unlink(self.path("link"))
        with mock.patch("os.scandir", return_value=FakeScan(found)):
            self.assertEqual(self.names(), ["a"])

    def test_closed_early(self) -> None:
        """A listing that is left releases its descriptors at once."""
        self.put(("a",), b"")
        before = open_beneath(self.root)
        pages = self.storage.list_directory(())
        self.result(anext(pages))
        self.assertGreater(open_beneath(self.root), before)
        self.result(pages.aclose())
        self.assertEqual(open_beneath(self.root), before)

    def test_hidden_page(self) -> None:
        """A page that would hold nothing that may be seen is not handed out."""
        open(self.path(".ftpx-upload-1"), "w").close()
        self.assertEqual(self.pages(()), [])

    def test_link_text(self) -> None:
        """A link is listed as one, with its text."""
        os.symlink("../\udcff", self.path("link"))
        entry = self.entries()["link"]
        self.assertEqual((entry.kind, entry.target), (Kind.LINK, "../\udcff"))
