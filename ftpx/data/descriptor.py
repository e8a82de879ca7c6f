"""Descriptors of files, as threads use them."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred

from ftpx.interfaces import IFileDescriptor, IWorkerPool

__all__ = ["Duplicate"]


async def _close_in(pool: IWorkerPool, duplicate: Duplicate) -> None:
    try:
        await pool.run(duplicate.close)
    finally:
        # A pool that is too busy must not cost us the descriptor.
        duplicate.close()


class Duplicate:
    """
    A descriptor of our own for an open file.

    A transfer is over at once when it is broken off, and its file is closed then, while a call of it may still
    hang in a thread. With the file's own number that thread could next write into whatever file got the number.

    :raises StorageError: no descriptor is free.
    """

    def __init__(self, file: IFileDescriptor) -> None:
        self._pool = file.pool
        try:
            self._number = os.dup(file.fileno())
        except OSError as error:
            raise file.translate(error) from error

    def fileno(self) -> int:
        """The descriptor, or -1."""
        return self._number

    def close(self) -> None:
        """Close it, here and now; this may wait for a network file system. May be repeated."""
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)

    def close_in_pool(self) -> None:
        """Close it without waiting."""
        if self._number >= 0:
            Deferred.fromCoroutine(_close_in(self._pool, self)).addErrback(lambda _: None)
