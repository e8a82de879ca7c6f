"""The contract of storages, on object stores."""

from __future__ import annotations

import time
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IStorage, IStoragePool
from ftpx.storage.objects.opening import open_object_store
from ftpx.storage.objects.resumable import ResumableObjectStorage
from ftpx.storage.objects.storage import ObjectStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract
from tests.storage.objects.memory_store import MemoryObjectStore


class ResumableContractTests(StorageContract, SynchronousTestCase):
    """A store whose uploads can be gone on with, and keys may end in a slash."""

    keeps_open_files = False
    part_size: ClassVar[int] = 1 << 20

    def make_storage(self) -> IStorage:
        """An empty store."""
        return self.make_storage_on(InlinePool())

    def make_storage_on(self, pool: IStoragePool) -> IStorage:
        """An empty store."""
        self.store = MemoryObjectStore(self.part_size, now=time.time)
        return ResumableObjectStorage(self.store, pool)

    def assert_nothing_open(self) -> None:
        """No parts are left of uploads."""
        self.assertEqual(self.store.uploads, {})


class MemoryContractTests(StorageContract, SynchronousTestCase):
    """``object:memory://``, where a directory needs a marker with a name."""

    keeps_open_files = False

    def make_storage(self) -> IStorage:
        """An empty store."""
        return self.make_storage_on(InlinePool())

    def make_storage_on(self, pool: IStoragePool) -> IStorage:
        """An empty store."""
        return ObjectStorage(open_object_store("memory://"), pool)
