"""Tests of `ftpx.storage.objects.obstore_store`: in memory and in a directory, which need no server."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError, NameRefused, StorageFailure
from ftpx.storage.objects.obstore_store import ObstoreStore
from ftpx.storage.objects.opening import open_object_store
from ftpx.storage.objects.store import IObjectStore
from tests.storage.objects.store_contract import ObjectStoreContract


class _Rules(ObjectStoreContract):
    """What all stores of obstore have in common."""

    def test_names_with_slashes(self) -> None:
        """A key that obstore would make another key of is refused."""
        for name in ("a/", "/a", "a//b", "./a", "a/../b", "a\nb", "a\0b"):
            with self.assertRaises(NameRefused, msg=name):
                self.store.put(name, b"")

    def test_parts_in_order(self) -> None:
        """A part out of its turn is refused."""
        upload = self.store.begin_upload("a")
        with self.assertRaises(StorageFailure):
            upload.put_part(2, b"")
        upload.put_part(1, b"one")
        with self.assertRaises(StorageFailure):
            upload.put_part(1, b"one")
        upload.abort()


class MemoryTests(_Rules, SynchronousTestCase):
    """The contract in memory."""

    def make_store(self) -> IObjectStore:
        """A store of its own."""
        return open_object_store("memory://")


class OrderedTests(_Rules, SynchronousTestCase):
    """The contract with listings that go on from a key, as those of Google and Azure do; the memory lists so too."""

    def make_store(self) -> IObjectStore:
        """A store whose keys have something before them."""
        from obstore.store import MemoryStore

        return ObstoreStore(MemoryStore(), root="some/where/", part_size=5 << 20, ordered=True)

    def test_large_directory(self) -> None:
        """A directory in the one that is listed is left behind in one step, however much it holds."""
        for number in range(1100):
            self.store.put(f"b/{number}", b"")
        self.store.put("a", b"")
        self.store.put("c/1", b"")
        self.store.put("d", b"")
        self.assertEqual(self._listed("", 2), ["a", "b/", "c/", "d"])


class DirectoryTests(_Rules, SynchronousTestCase):
    """The contract in a directory."""

    def make_store(self) -> IObjectStore:
        """An empty directory."""
        self.directory = Path(tempfile.mkdtemp(prefix="ftpx-objects-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        return open_object_store(f"file://{self.directory}")

    def test_nothing_is_left(self) -> None:
        """An upload that was thrown away leaves no file behind, and a removed object no directory."""
        upload = self._upload("a/b", b"one", b"two")
        upload.abort()
        del upload
        self.store.put("c/d/e", b"")
        self.store.delete("c/d/e")
        self.assertEqual([path for path in self.directory.rglob("*") if path.is_file()], [])
        self.assertEqual(self._listed("", 10), [])

    def test_staged_names(self) -> None:
        """The names that obstore gives to files that it has not finished are refused."""
        with self.assertRaises(NameRefused):
            self.store.put("a#1", b"")

    def test_no_path_in_errors(self) -> None:
        """The text of an error holds no path of the machine."""
        with self.assertRaises(Exception) as caught:
            self.store.head("a/b")
        self.assertNotIn(str(self.directory), str(caught.exception))

    def test_no_directory(self) -> None:
        """A directory that is not there is a mistake of the configuration."""
        with self.assertRaises(ConfigurationError):
            open_object_store(f"file://{self.directory}/nothing")
