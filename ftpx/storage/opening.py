"""Storages that are opened while the server runs, when somebody first needs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from ftpx.errors import FtpxError, StorageError
from ftpx.interfaces import IStorage, ITidied
from ftpx.storage.deadline import StoragePool
from ftpx.storage.in_turn import translated
from ftpx.storage.registry import open_storage
from ftpx.storage.unavailable import UnavailableStorage

__all__ = ["MOST_STORAGES", "StoragesByNeed"]

MOST_STORAGES: Final = 256
"""How many are open at once, or being opened."""

_log = Logger()


class StoragesByNeed:
    """
    Storages by what names them, such as ``local:/srv/shared``.

    Each is opened once, and has threads of its own: one that hangs holds up nobody but those who use it. One that hangs
    while it is opened is not opened a second time before that has come to its end.

    :param make_pool: makes the pool of threads of the storage of that name.
    """

    def __init__(self, make_pool: Callable[[str], StoragePool]) -> None:
        self._make_pool = make_pool
        self._open: dict[str, IStorage] = {}
        # Who waits for a storage that is being opened.
        self._waiting: dict[str, list[Deferred[IStorage]]] = {}
        # Those of storages that are open, that are being opened, and that could not be and have a thread that hangs.
        self._pools: dict[str, StoragePool] = {}

    async def get(self, spec: str) -> IStorage:
        """The storage of that name; if it cannot be opened, one that says to try again later, and it is tried again."""
        storage = self._open.get(spec)
        if storage is not None:
            return storage
        if spec in self._waiting:
            # It is opened for all who wait, and goes on if one of them does not wait any longer.
            opened: Deferred[IStorage] = Deferred()
            self._waiting[spec].append(opened)
            return await opened
        if spec in self._pools:
            return UnavailableStorage()
        if len(self._pools) >= MOST_STORAGES:
            _log.error("{spec} is not opened: {most} storages are open already", spec=spec, most=MOST_STORAGES)
            return UnavailableStorage()
        return await self._begin(spec)

    def _begin(self, spec: str) -> Deferred[IStorage]:
        opened: Deferred[IStorage] = Deferred()
        self._waiting[spec] = [opened]
        pool = self._pools[spec] = self._make_pool(spec)
        pool.start()
        Deferred.fromCoroutine(self._try(spec, pool)).addCallback(self._deliver, spec)
        return opened

    async def _try(self, spec: str, pool: StoragePool) -> IStorage:
        try:
            storage: IStorage = await pool.run(translated, open_storage, spec, pool)
        except FtpxError as error:
            _log.error("the storage {spec} cannot be opened: {error}", spec=spec, error=str(error))
            self._give_up(spec, pool)
            return UnavailableStorage()
        self._open[spec] = storage
        return storage

    def _give_up(self, spec: str, pool: StoragePool) -> None:
        def ended(_: object) -> None:
            self._pools.pop(spec, None)

        pool.stop().addBoth(ended)

    def _deliver(self, storage: IStorage, spec: str) -> None:
        for opened in self._waiting.pop(spec):
            opened.callback(storage)

    async def tidy(self) -> None:
        """Tidy all that are open and have something to tidy; one that fails keeps the others from nothing."""
        for spec, storage in list(self._open.items()):
            tidied = ITidied(storage, None)
            if tidied is None:
                continue
            try:
                await tidied.tidy()
            except StorageError as error:
                _log.warn("the storage {spec} could not be tidied: {error}", spec=spec, error=error)

    async def stop(self) -> None:
        """Let the calls come to their end."""
        pools = list(self._pools.values())
        self._open.clear()
        await DeferredList([pool.stop() for pool in pools])
