"""Counting what is stored."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IPartialUploads, IStorage, Path
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.usage import usage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageCase
from tests.storage.directories import new_directory


class MemoryUsageTests(StorageCase, SynchronousTestCase):
    """In memory."""

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return MemoryStorage()

    def test_nothing(self) -> None:
        """An empty directory, and one that is not there, hold nothing; nor does what is a file."""
        self.put(("a",), b"abc")
        for path in (("nothing",), ("a",), ("a", "b")):
            self.assertEqual(self.result(usage(self.storage, path)), (0, 0))

    def test_tree(self) -> None:
        """All files below count, directories do not."""
        directories: list[Path] = [("d",), ("d", "e"), ("d", "f"), ("d", "f", "g")]
        for path in directories:
            self.make_directory(path)
        files: list[Path] = [("a",), ("d", "a"), ("d", "f", "a"), ("d", "f", "g", "a")]
        for number, path in enumerate(files, 1):
            self.put(path, bytes(number))
        self.assertEqual(self.result(usage(self.storage)), (10, 4))
        self.assertEqual(self.result(usage(self.storage, ("d", "f"))), (7, 2))

    def test_kept(self) -> None:
        """What broke off counts for its owners."""
        for owner, octets in (("alice", 5), ("bob", 70)):
            file = self.result(self.ability(IPartialUploads).begin_upload(("a",), owner))
            self.result(file.write(bytes(octets)))
            self.result(file.suspend())
        self.put(("b",), b"abc")
        counted = [self.result(usage(self.storage, (), owners)) for owners in ([], ["alice"], ["alice", "bob"])]
        self.assertEqual(counted, [(3, 1), (8, 1), (78, 1)])

    def test_deep(self) -> None:
        """No depth is too deep."""
        path: Path = ()
        for _ in range(300):
            path = (*path, "d")
            self.make_directory(path)
        self.put((*path, "a"), b"abc")
        self.assertEqual(self.result(usage(self.storage)), (3, 1))


class LocalUsageTests(SynchronousTestCase):
    """In a directory of the system."""

    def test_others(self) -> None:
        """Links count as files without content, and are not followed; other things do not count."""
        root = new_directory(self)
        os.symlink("/", os.path.join(root, "link"))
        os.mkfifo(os.path.join(root, "fifo"))
        with open(os.path.join(root, "hole"), "wb") as file:
            file.truncate(10**9)
        storage = open_local(root, InlinePool()).without_links()
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(usage(storage))), (10**9, 2))
