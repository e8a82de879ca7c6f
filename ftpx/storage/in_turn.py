"""Calls on one open thing of a blocking storage: in threads, and one at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from threading import Lock
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred, DeferredLock, succeed
from twisted.logger import Logger

from ftpx.errors import FtpxError, StorageFailure, StorageUnavailable
from ftpx.interfaces import IWorkerPool
from ftpx.storage.descriptor import release
from ftpx.storage.failures import call, storage_error

__all__ = ["CallsInTurn", "translated"]

_T = TypeVar("_T")

_log = Logger()


def translated(function: Callable[..., _T], *arguments: object) -> _T:
    """
    In a thread: call what somebody else has written.

    :raises FtpxError: what it raised, or what its `OSError` means; `StorageFailure` for whatever else, which is logged.
    """
    try:
        return function(*arguments)
    except FtpxError:
        raise
    except OSError as error:
        # Not chained: it may hold real paths or addresses.
        raise storage_error(error) from None
    except BaseException:
        _log.failure("a call of a storage failed")
        raise StorageFailure("the storage failed") from None


class _Call(Protocol):
    """`ftpx.storage.failures.call` or ``change``."""

    def __call__(self, pool: IWorkerPool, function: Callable[..., _T], *arguments: object) -> Awaitable[_T]:
        """Make a call in a pool."""


class _LastCall:
    """The call that closes a thing. It is made once, and what it raises is told to the log alone."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._once = Lock()

    def close(self) -> None:
        """In a thread: make the call."""
        if not self._once.acquire(blocking=False):
            return
        try:
            translated(self._function)
        except FtpxError as error:
            _log.warn("What was open in a storage could not be closed: {reason}", reason=str(error))


class CallsInTurn:
    """
    Makes the calls on one thing, and at last the one that closes it.

    A wait can be cancelled, or run into its deadline, but not the call. While such a call is still in its thread, no
    other is made beside it: another one fails, and the last one is left to that thread, and nobody waits for it.
    """

    def __init__(self) -> None:
        self._line = DeferredLock()
        # The rest is used by threads as well.
        self._lock = Lock()
        self._under_way = False
        self._ended = False
        self._last: _LastCall | None = None

    async def make(self, pool: IWorkerPool, function: Callable[..., _T], *arguments: object, how: _Call = call) -> _T:
        """
        Make a call when its turn has come.

        :raises StorageFailure: the thing is closed.
        :raises StorageUnavailable: an earlier call is still in its thread, though nobody waits for it any more.
        """
        await self._line.acquire()
        try:
            return await how(pool, self._make, function, *arguments)
        finally:
            self._line.release()

    def _make(self, function: Callable[..., _T], *arguments: object) -> _T:
        """In a thread: make the call, and then the last one if that was asked for meanwhile."""
        with self._lock:
            if self._ended:
                raise StorageFailure("it is closed")
            if self._under_way:
                raise StorageUnavailable("an earlier call has not come back")
            self._under_way = True
        try:
            return translated(function, *arguments)
        finally:
            with self._lock:
                self._under_way = False
                last = self._last
            if last is not None:
                last.close()

    def end(self, pool: IWorkerPool, function: Callable[[], object]) -> Deferred[None]:
        """
        Make the last call, or have it made by the thread that is under way. The second time, nothing.

        :return: fires when it was made, when another thread will make it, or when it takes too long; it never fails.
        """
        last = _LastCall(function)
        with self._lock:
            if self._ended:
                return succeed(None)
            self._ended = True
            if self._under_way:
                self._last = last
                return succeed(None)
        return release(pool, last)
