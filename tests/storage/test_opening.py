"""Tests of ``ftpx.storage.opening`` and ``ftpx.storage.unavailable``."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from unittest import mock

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IStorage, IStoragePool, ITidied
from ftpx.storage import opening
from ftpx.storage.deadline import StoragePool, with_deadline
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.opening import StoragesByNeed
from ftpx.storage.pool import WorkerPool
from ftpx.storage.unavailable import UnavailableStorage


class StoragesByNeedTests(TestCase):
    """Storages that are opened when somebody needs them."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.pools: list[StoragePool] = []
        self.storages = StoragesByNeed(self._pool)
        self.addCleanup(self._stop)

    def _pool(self, spec: str) -> StoragePool:
        inner = WorkerPool(reactor, 1, 4, "ftpx-test")  # type: ignore[arg-type]
        self.pools.append(with_deadline(inner, self.clock, 4.0, lambda: 0.5, threads=1, name=spec))
        return self.pools[-1]

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

    async def test_tidied(self) -> None:
        """All that are open are tidied, though one of them fails."""
        tidied = []

        def tidying(name: str, error: StorageUnavailable | None = None) -> IStorage:
            @implementer(ITidied)
            class Tidied(MemoryStorage):
                async def tidy(self) -> None:
                    tidied.append(name)
                    if error is not None:
                        raise error

            return Tidied()

        made = [tidying("first", StorageUnavailable("busy")), MemoryStorage(), tidying("last")]
        with mock.patch.object(opening, "open_storage", side_effect=made):
            for spec in "abc":
                await self.storages.get(spec)
        await self.storages.tidy()
        self.assertEqual(tidied, ["first", "last"])

    async def test_cannot_be_opened(self) -> None:
        """What cannot be opened is unavailable, and is tried again by the next who needs it."""
        directory = Path(self.mktemp())
        missing = await self.storages.get(f"local:{directory}")
        self.assertIsInstance(missing, UnavailableStorage)
        self.assertIsInstance(await self.storages.get("nonsense:"), UnavailableStorage)
        directory.mkdir()
        self.assertNotIsInstance(await self.storages.get(f"local:{directory}"), UnavailableStorage)

    async def test_asked_for_at_once(self) -> None:
        """Who needs a storage that is being opened gets the same, also if the first who asked is gone."""
        waiting = [Deferred.fromCoroutine(self.storages.get("memory:")) for _ in range(3)]
        waiting[0].cancel()
        with self.assertRaises(CancelledError):
            await waiting[0]
        self.assertIs(await waiting[1], await waiting[2])
        self.assertEqual(len(self.pools), 1)

    async def test_hangs_while_it_is_opened(self) -> None:
        """One that hangs is unavailable after its time, and is tried again only when its thread has come back."""
        go_on = Event()
        self.addCleanup(go_on.set)
        hangs = Event()

        def hang(spec: str, pool: IStoragePool) -> IStorage:
            hangs.set()
            go_on.wait(30)
            return MemoryStorage()

        with mock.patch.object(opening, "open_storage", hang):
            first = Deferred.fromCoroutine(self.storages.get("memory:"))
            self.assertTrue(hangs.wait(30))
            self.clock.pump([1.0] * 5)
            self.assertIsInstance(await first, UnavailableStorage)
            self.assertIsInstance(await self.storages.get("memory:"), UnavailableStorage)
            self.assertEqual(len(self.pools), 1)
        go_on.set()
        while isinstance(await self.storages.get("memory:"), UnavailableStorage):
            await deferLater(reactor, 0.01)
        self.assertEqual(len(self.pools), 2)

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
