"""The part of the storage contract about large files and many files."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import cycle
from random import Random
from typing import Final

from ftpx.testing.contract.case import StorageCase

__all__ = ["SizesContract"]

_BLOCKS: Final = (1, 65536, 4095, 4097, 262_144, 7, 1_000_003, 16384, 65535, 300_000)
_READ: Final = 262_139


def _content(size: int, seed: int) -> bytes:
    return Random(seed).randbytes(size)  # noqa: S311 - octets that are the same in every run


def _blocks(content: bytes) -> Iterator[memoryview]:
    """The content in blocks of odd sizes."""
    whole, start = memoryview(content), 0
    for size in cycle(_BLOCKS):
        if start >= len(content):
            return
        yield whole[start : start + size]
        start += size


class SizesContract(StorageCase):
    """A large file is what was written, and so is each of many."""

    def _store_blocks(self, name: str, content: bytes, offset: int | None = 0) -> None:
        target = self.result(self.storage.open_write((name,), offset=offset))
        for block in _blocks(content):
            self.result(target.write(block))
        self.assertEqual(self.result(target.commit()).size, target.offset + len(content))

    def assert_content(self, name: str, content: bytes) -> None:
        """A file is this content, octet for octet, whatever blocks it is read in."""
        source = self.result(self.storage.open_read((name,)))
        try:
            self.assertEqual(source.entry.size, len(content))
            digest, offset = hashlib.sha256(), 0
            while block := self.result(source.read(offset, _READ)):
                self.assertTrue(len(block) == _READ or offset + len(block) == len(content))
                digest.update(block)
                offset += len(block)
            self.assertEqual((offset, digest.digest()), (len(content), hashlib.sha256(content).digest()))
            for start in (len(content) - 1, len(content) // 2, 65535, 0):
                self.assertEqual(self.result(source.read(start, 1000)), content[start : start + 1000])
        finally:
            source.close()

    def test_large_file(self) -> None:
        """A large file that is written in blocks of odd sizes comes back octet for octet."""
        content = _content(self.large_file, 1)
        self._store_blocks("a", content)
        self.assert_content("a", content)

    def test_large_file_continued(self) -> None:
        """So does one that is continued in its middle and at its end, by much and by little."""
        content = _content(self.large_file, 2)
        middle = len(content) // 2 + 1
        self._store_blocks("a", content[:middle])
        self._store_blocks("a", content[middle - 1 : -1], offset=middle - 1)
        self._store_blocks("a", content[-1:], offset=None)
        self.assert_content("a", content)

    def test_large_file_cut_off(self) -> None:
        """A large file is replaced by a small one, and cut off, and nothing is left of it."""
        content = _content(self.large_file, 3)
        self._store_blocks("a", content)
        self._store_blocks("a", b"", offset=65537)
        self.assert_content("a", content[:65537])
        self._store_blocks("a", b"abc")
        self.assertEqual(self.get(("a",)), b"abc")

    def test_large_file_renamed(self) -> None:
        """A large file gets another name, octet for octet."""
        content = _content(self.large_file, 4)
        self._store_blocks("a", content)
        self.make_directory(("d",))
        self.result(self.storage.rename(("a",), ("d", "b")))
        self.assertEqual(self.names(), ["d"])
        self.result(self.storage.rename(("d", "b"), ("c",)))
        self.assert_content("c", content)

    def test_many_files(self) -> None:
        """Of many small files each has its own content and size."""
        contents = {f"f{number}": _content(number, number) for number in range(self.many_files)}
        for name, content in contents.items():
            self.put((name,), content)
        self.assertEqual(
            {name: entry.size for name, entry in self.entries().items()},
            {name: len(content) for name, content in contents.items()},
        )
        for name, content in contents.items():
            self.assertEqual(self.get((name,)), content)
            self.result(self.storage.remove_file((name,)))
        self.assertEqual(self.names(), [])
        self.assert_nothing_open()
