"""Tests of ``mount:`` and ``readonly:`` as kinds of storage, and of how deeply storages are wrapped."""

# mypy: allow-untyped-calls

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.errors import ConfigurationError, PermissionDenied
from ftpx.interfaces import IFileDescriptor, IStorage, IStoragePlugin, IStoragePool, IWithoutLinks
from ftpx.storage import mount_plugin, readonly
from ftpx.storage.mounted import MountedStorage
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.storage.registry import MOST_NESTED, open_storage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageCase
from tests.storage.directories import new_directory
from tests.storage.trees import put


class _CountingPool(InlinePool):
    """Counts the pools that were asked for besides."""

    others = 0

    def another(self) -> IStoragePool:
        self.others += 1
        return super().another()


class MountPluginTests(StorageCase, SynchronousTestCase):
    """Several storages in one tree."""

    def make_storage(self) -> IStorage:
        """A directory with an archive that nobody writes to, and a place for uploads."""
        self.pool = _CountingPool()
        self.directories = [new_directory(self) for _ in range(3)]
        base, archive, incoming = self.directories
        text = f"/archive/2026=[readonly:local:{archive}]:/in=[local:{incoming}]:local:{base}"
        return mount_plugin.plugin.open_storage(text, self.pool)

    def test_tree(self) -> None:
        """Each has threads of its own but the last, which has the pool."""
        verifyObject(IStoragePlugin, mount_plugin.plugin)
        self.assertEqual((self.names(), self.names(("archive",)), self.pool.others), (["archive", "in"], ["2026"], 2))
        self.put(("in", "a"), b"x")
        self.put(("b",), b"y")
        self.assert_fails(self.storage.open_write(("archive", "2026", "c")), PermissionDenied)

    def test_descriptors(self) -> None:
        """Files keep their descriptors, so that the kernel moves their octets; those that are read-only too."""
        for directory in self.directories:
            self.result(put(open_storage(f"local:{directory}", InlinePool()), ("f",), b"x"))
        for path in (("f",), ("in", "f"), ("archive", "2026", "f")):
            file = self.result(self.storage.open_read(path))
            self.assertTrue(IFileDescriptor.providedBy(file))
            file.close()
        for path in (("f",), ("in", "f")):
            upload = self.result(self.storage.open_write(path))
            self.assertTrue(IFileDescriptor.providedBy(upload))
            self.result(upload.abort())

    def test_wrong(self) -> None:
        """What is wrong is said in a sentence."""
        for arguments, word in (
            ("memory:", "names no folder"),
            ("/=[memory:]:memory:", "no place"),
            ("a=[memory:]:memory:", "no place"),
            ("/a//b=[memory:]:memory:", "no place"),
            ("/a/../b=[memory:]:memory:", "no place"),
            ("/a/=[memory:]:memory:", "no place"),
            ("/a=[memory:]:/a=[memory:]:memory:", "two storages"),
            ("/a=[memory:]:", "names no storage"),
            ("/a=[nope:]:memory:", "nope"),
        ):
            error = self.assertRaises(ConfigurationError, mount_plugin.plugin.open_storage, arguments, InlinePool())
            self.assertIn(word, str(error))


class ReadOnlyPluginTests(SynchronousTestCase):
    """A storage that nobody writes to."""

    def test_opens(self) -> None:
        """Any storage can be read-only, and has no settings."""
        verifyObject(IStoragePlugin, readonly.plugin)
        self.assertIsInstance(readonly.plugin.open_storage("memory:", InlinePool()), ReadOnlyStorage)
        for arguments in ("", "a=b:memory:", "nope:"):
            self.assertRaises(ConfigurationError, readonly.plugin.open_storage, arguments, InlinePool())


class NestingTests(SynchronousTestCase):
    """Storages in storages."""

    def test_bounded(self) -> None:
        """So many and no more; a mistake does not count for the next."""
        for _ in range(2):
            storage = open_storage("readonly:" * (MOST_NESTED - 1) + "memory:", InlinePool())
            self.assertIsInstance(storage, ReadOnlyStorage)
            for times in (MOST_NESTED, 10_000):
                text = "readonly:" * times + "memory:"
                error = self.assertRaises(ConfigurationError, open_storage, text, InlinePool())
                self.assertIn("wrapped in each other", str(error))

    def test_in_brackets(self) -> None:
        """Brackets in brackets, however many, are an error and no harm."""
        text = "memory:"
        for _ in range(100):
            text = f"mount:/a=[{text}]:memory:"
        self.assertRaises(ConfigurationError, open_storage, text, InlinePool())
        self.assertRaises(ConfigurationError, open_storage, "mount:/a=" + "[" * 100_000, InlinePool())

    def test_all_together(self) -> None:
        """All wrappers go around each other."""
        text = (
            "trash:days=2:mount:/old=[readonly:memory:]:/work=[overlay:lower=[mount:/x=[memory:]:memory:]:"
            "trash:memory:]:overlay:lower=[memory:]:memory:"
        )
        storage = open_storage(text, InlinePool())
        self.assertFalse(IWithoutLinks.providedBy(storage))
        self.assertTrue(IStorage.providedBy(storage))
        self.assertIsInstance(open_storage("mount:/a=[memory:]:memory:", InlinePool()), MountedStorage)
