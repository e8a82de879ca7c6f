"""Storages that are opened while the server runs, when somebody first needs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import DeferredList
from twisted.logger import Logger

from ftpx.errors import ConfigurationError, StorageError
from ftpx.interfaces import IStorage
from ftpx.storage.pool import WorkerPool
from ftpx.storage.registry import open_storage
from ftpx.storage.unavailable import UnavailableStorage

__all__ = ["MOST_STORAGES", "StoragesByNeed"]

MOST_STORAGES: Final = 256
"""How many are open at once."""

_log = Logger()


class StoragesByNeed:
    """
    Storages by what names them, such as ``local:/srv/shared``.

    Each is opened once, and has threads of its own: one that hangs holds up nobody but those who use it.

    :param make_pool: makes the pool of threads of one storage.
    """

    def __init__(self, make_pool: Callable[[], WorkerPool]) -> None:
        self._make_pool = make_pool
        self._open: dict[str, IStorage] = {}
        self._pools: list[WorkerPool] = []

    async def get(self, spec: str) -> IStorage:
        """The storage of that name; if it cannot be opened, one that says to try again later, and it is tried again."""
        storage = self._open.get(spec)
        if storage is not None:
            return storage
        if len(self._open) >= MOST_STORAGES:
            _log.error("{spec} is not opened: {most} storages are open already", spec=spec, most=MOST_STORAGES)
            return UnavailableStorage()
        pool = self._make_pool()
        pool.start()
        try:
            opened = await pool.run(open_storage, spec, pool)
        except (ConfigurationError, StorageError) as error:
            _log.error("the storage {spec} cannot be opened: {error}", spec=spec, error=str(error))
            pool.stop()
            return UnavailableStorage()
        present = self._open.setdefault(spec, opened)
        if present is opened:
            self._pools.append(pool)
        else:
            # Somebody else needed it at the same time and was quicker.
            pool.stop()
        return present

    async def stop(self) -> None:
        """Let the calls come to their end."""
        pools, self._pools = self._pools, []
        self._open.clear()
        await DeferredList([pool.stop() for pool in pools])
