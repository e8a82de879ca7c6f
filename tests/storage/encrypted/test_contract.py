"""The storage contract, against encrypted storages."""

# mypy: allow-untyped-calls

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IFreeSpace, IStorage, IStoragePool
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.objects.storage import ObjectStorage
from ftpx.storage.overlay.storage import OverlayStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract
from ftpx.testing.trees import read_tree
from tests.storage.directories import new_directory, open_beneath
from tests.storage.encrypted.keyed import encrypted, with_names
from tests.storage.objects.memory_store import MemoryObjectStore
from tests.storage.whole import whole_run

_A = ("a",)


class EncryptedContract(StorageContract):
    """The contract, but for what an encrypted storage cannot tell to the octet."""

    def test_kept_octets(self) -> None:
        """What is kept at one path is counted to the octet; of several it is a little more, as the headers count."""
        self.make_directory_if_kept()
        self.assertEqual((self.kept_octets(), self.kept_octets(_A)), (0, 0))
        self.leave()
        self.leave(b"12345", owner="bob")
        self.assertEqual((self.kept_octets(), self.kept_octets(owner="bob"), self.kept_octets(owner="eve")), (10, 5, 0))
        self.leave(b"abc", ("d", "b"))
        self.assertEqual(self.kept_octets(), 13 + 48 + 12 + 16)
        self.assertEqual((self.kept_octets(_A), self.kept_octets(("d", "b")), self.kept_octets(("b",))), (10, 3, 0))
        self.assertEqual((self.kept_octets(_A, "bob"), self.kept_octets(())), (5, 0))
        self.assertTrue(self.discard())
        self.assertEqual((self.kept_octets(), self.kept_octets(_A)), (3, 0))


class EncryptedMemoryTests(EncryptedContract, SynchronousTestCase):
    """Contents, in memory."""

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return self.make_storage_on(InlinePool())

    def make_storage_on(self, pool: IStoragePool) -> IStorage:
        """An empty storage."""
        self.inner = MemoryStorage(50_000_000)
        return encrypted(self.inner, pool=pool)

    def assert_nothing_open(self) -> None:
        """No room is held for anything but files, and what is kept of uploads."""
        files = sum(len(content) for content in self.result(read_tree(self.inner)).values() if content)
        kept = self.result(self.inner.kept_octets("alice"))
        free = self.result(IFreeSpace(self.inner).free_space(()))
        self.assertEqual(free + kept + files, 50_000_000)


class EncryptedLocalTests(EncryptedContract, SynchronousTestCase):
    """Contents, in a directory."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return self.make_storage_on(InlinePool())

    def make_storage_on(self, pool: IStoragePool) -> IStorage:
        """An empty directory of which no descriptor may be left open."""
        directory = new_directory(self)
        self.opened = directory, open_beneath(directory)
        return encrypted(open_local(directory, pool), pool=pool)

    def assert_nothing_open(self) -> None:
        """There are no more descriptors than with the directory alone."""
        directory, count = self.opened
        self.assertLessEqual(open_beneath(directory), count + 1)


@whole_run
class LinklessEncryptedLocalTests(EncryptedContract, SynchronousTestCase):
    """Contents, in a directory without links, where uploads are staged under a hidden name."""

    follows_links = False

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return encrypted(open_local(new_directory(self), InlinePool(), tmpfile=False)).without_links()


class EncryptedNamesContract(EncryptedContract):
    """The same with names that are encrypted, too."""

    good_names = tuple(
        name for name in StorageContract.good_names if len(name.encode("utf-8", "surrogateescape")) <= 143
    ) + ("x" * 143, "é" * 71)


class EncryptedNamesMemoryTests(EncryptedNamesContract, SynchronousTestCase):
    """Contents and names, in memory."""

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return with_names(MemoryStorage(50_000_000))


@whole_run
class EncryptedNamesLocalTests(EncryptedNamesContract, SynchronousTestCase):
    """Contents and names, in a directory."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return with_names(open_local(new_directory(self), InlinePool()))

    def test_deep(self) -> None:
        """PH12: directories can be nested, as deeply as the operating system's paths have room for longer names."""
        path: tuple[str, ...] = ()
        for _ in range(100):
            path += ("d",)
            self.make_directory(path)
        self.put((*path, "a"), b"deep")
        self.assertEqual((self.get((*path, "a")), self.names(path)), (b"deep", ["a"]))


@whole_run
class EncryptedObjectsTests(EncryptedContract, SynchronousTestCase):
    """Contents, in an object store that keeps nothing of uploads: of those that do, nothing can be read back."""

    keeps_open_files = False

    def make_storage(self) -> IStorage:
        """An empty store."""
        return encrypted(ObjectStorage(MemoryObjectStore(1 << 20, now=time.time), InlinePool()))


class OverlaidEncryptedTests(EncryptedContract, SynchronousTestCase):
    """Contents, in an overlay."""

    follows_links = False

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return encrypted(OverlayStorage(MemoryStorage(50_000_000), MemoryStorage()))
