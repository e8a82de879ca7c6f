"""A descriptor for threads that nobody waits for any more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from twisted.internet.defer import Deferred

from ftpx.interfaces import IFileDescriptor, IWorkerPool

__all__ = ["HeldDescriptor"]


class HeldDescriptor:
    """
    A descriptor of our own for an open file. At most one thread uses it at a time.

    A wait for a call can be cancelled, but not the call: it is closed by the one who is last, who released it or the
    thread that still uses it.

    :raises StorageError: no descriptor is free.
    """

    def __init__(self, file: IFileDescriptor) -> None:
        self._pool = file.pool
        self._lock = Lock()
        self._used = False
        self.released = False
        try:
            self._number = os.dup(file.fileno())
        except OSError as error:
            raise file.translate(error) from error

    @contextmanager
    def use(self) -> Iterator[int]:
        """In a thread: the number, which stays valid inside; -1 if it was released before."""
        with self._lock:
            self._used = not self.released
        if not self._used:
            yield -1
            return
        try:
            yield self._number
        finally:
            with self._lock:
                self._used = False
                last = self.released
            if last:
                self._close()

    def release(self) -> None:
        """Let go of it; does not wait and may be repeated."""
        with self._lock:
            last = not (self._used or self.released)
            self.released = True
        if last:
            Deferred.fromCoroutine(_close_in(self._pool, self)).addErrback(lambda _: None)

    def _close(self) -> None:
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)


async def _close_in(pool: IWorkerPool, held: HeldDescriptor) -> None:
    try:
        await pool.run(held._close)
    finally:
        # A pool that is too busy must not cost us the descriptor.
        held._close()
