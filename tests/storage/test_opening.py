"""Tests of ``ftpx.storage.opening`` and ``ftpx.storage.unavailable``."""

from __future__ import annotations

from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IStorage
from ftpx.storage import opening
from ftpx.storage.opening import StoragesByNeed
from ftpx.storage.pool import WorkerPool
from ftpx.storage.unavailable import UnavailableStorage


class StoragesByNeedTests(TestCase):
    """Storages that are opened when somebody needs them."""

    def setUp(self) -> None:
        self.pools: list[WorkerPool] = []
        self.storages = StoragesByNeed(self._pool)
        self.addCleanup(self._stop)

    def _pool(self) -> WorkerPool:
        pool = WorkerPool(reactor, 1, 4, "ftpx-test")  # type: ignore[arg-type]
        self.pools.append(pool)
        return pool

    async def _stop(self) -> None:
        await self.storages.stop()

    async def test_opened_once(self) -> None:
        """Everybody who names a storage gets the same one."""
        directory = Path(self.mktemp())
        directory.mkdir()
        spec = f"local:{directory}"
        first = await self.storages.get(spec)
        self.assertIs(await self.storages.get(spec), first)
        self.assertIsNot(await self.storages.get("memory:"), first)
        self.assertEqual(len(self.pools), 2)

    async def test_cannot_be_opened(self) -> None:
        """What cannot be opened is unavailable, and is tried again by the next who needs it."""
        directory = Path(self.mktemp())
        missing = await self.storages.get(f"local:{directory}")
        self.assertIsInstance(missing, UnavailableStorage)
        self.assertIsInstance(await self.storages.get("nonsense:"), UnavailableStorage)
        directory.mkdir()
        self.assertNotIsInstance(await self.storages.get(f"local:{directory}"), UnavailableStorage)

    async def test_bounded(self) -> None:
        """Only so many are open at once."""
        self.patch(opening, "MOST_STORAGES", 1)
        await self.storages.get("memory:a")
        self.assertIsInstance(await self.storages.get("memory:b"), UnavailableStorage)


class UnavailableStorageTests(TestCase):
    """A storage that could not be opened."""

    async def test_every_operation(self) -> None:
        """It is a storage, and says of everything that it cannot be done now."""
        storage = UnavailableStorage()
        verifyObject(IStorage, storage)
        for waiting in (
            storage.stat(()),
            anext(storage.list_directory(())),
            storage.open_read(("a",)),
            storage.open_write(("a",)),
            storage.make_directory(("a",)),
            storage.remove_directory(("a",)),
            storage.remove_file(("a",)),
            storage.rename(("a",), ("b",)),
        ):
            with self.assertRaises(StorageUnavailable):
                await waiting
