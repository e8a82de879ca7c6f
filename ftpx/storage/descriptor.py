"""Descriptors that threads use and that are closed once no thread does."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock, Thread
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ftpx.errors import StorageFailure, StorageUnavailable
from ftpx.interfaces import IWorkerPool

__all__ = ["CLOSING", "Closable", "Descriptor", "release"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: The name of the threads that close what a full pool does not.
CLOSING: Final = "ftpx-closing"

_log = Logger()


class Closable(Protocol):
    """Something that a thread closes."""

    def close(self) -> None:
        """Let go of it, when no call on it is under way any more; may block and may be repeated."""


class Descriptor:
    """
    A descriptor of our own.

    A wait for a call can be cancelled, but not the call: without the lock, a descriptor closed
    meanwhile could already be the number of another file when the call gets to it.
    """

    __slots__ = ("_lock", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self._lock = Lock()

    def use(self, function: Callable[Concatenate[int, _P], _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
        """
        Call a function with the descriptor, which stays open until it returns.

        :raises StorageFailure: it was closed before.
        """
        with self._lock:
            if self.number < 0:
                raise StorageFailure("the file is closed")
            return function(self.number, *arguments, **named)

    def close(self) -> None:
        """Close it, after the call under way."""
        with self._lock:
            self._close()

    def close_now(self) -> bool:
        """Close it if that cannot block: no call is under way and it is not the last name of a file to be freed."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self.number >= 0 and os.fstat(self.number).st_nlink == 0:
                return False
            self._close()
            return True
        finally:
            self._lock.release()

    def _close(self) -> None:
        if self.number >= 0:
            number, self.number = self.number, -1
            os.close(number)

    def __del__(self) -> None:
        self._close()


def release(pool: IWorkerPool, thing: Closable) -> Deferred[None]:
    """
    Close something in a thread. Fires when that is done, and never fails.

    Where the pool takes no more calls, a thread of its own does it, and is not waited for. Cancelled, it is done
    all the same.
    """
    released: Deferred[None] = Deferred()
    Deferred.fromCoroutine(_release(pool, thing)).addCallback(released.callback)
    return released


async def _release(pool: IWorkerPool, thing: Closable) -> None:
    try:
        await pool.run(thing.close)
    except StorageUnavailable:
        # Nothing may stay open for that, and what hangs the pool must not hang the reactor:
        # there are never more of these threads than files that were open.
        Thread(target=thing.close, name=CLOSING, daemon=True).start()
    except OSError as error:
        # As when its file system has gone away meanwhile.
        _log.warn("A file could not be closed: {reason}", reason=error.strerror or error)
    except Exception:
        _log.failure("A file could not be closed")
