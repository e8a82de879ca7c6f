"""The one table from the operating system's errors to those of ftpx's domain."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from threading import Lock
from typing import Final, Generic, TypeVar

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    IsADirectory,
    NameRefused,
    NoSpace,
    NotADirectory,
    NotARegularFile,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    QuotaExceeded,
    StorageError,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.interfaces import IWorkerPool

__all__ = ["ERRORS", "call", "change", "storage_error"]

_T = TypeVar("_T")

ERRORS: Final[dict[int, type[StorageError]]] = {
    errno.ENOENT: NotFound,
    errno.EEXIST: AlreadyExists,
    errno.ENOTDIR: NotADirectory,
    errno.EISDIR: IsADirectory,
    errno.ENOTEMPTY: DirectoryNotEmpty,
    errno.ENXIO: NotARegularFile,
    errno.ENODEV: NotARegularFile,
    errno.ENAMETOOLONG: NameRefused,
    errno.EINVAL: NameRefused,
    errno.EILSEQ: NameRefused,
    errno.EACCES: PermissionDenied,
    errno.EPERM: PermissionDenied,
    errno.EROFS: PermissionDenied,
    errno.EBUSY: PermissionDenied,
    # A name or a link that leads out of the storage, or to another mounted file system.
    errno.EXDEV: PermissionDenied,
    errno.ELOOP: PermissionDenied,
    errno.ENOSPC: NoSpace,
    errno.EDQUOT: QuotaExceeded,
    errno.EFBIG: QuotaExceeded,
    errno.EMFILE: StorageUnavailable,
    errno.ENFILE: StorageUnavailable,
    errno.ENOMEM: StorageUnavailable,
    errno.EAGAIN: StorageUnavailable,
    # What is said of a storage that is elsewhere.
    errno.ETIMEDOUT: StorageUnavailable,
    errno.ECONNREFUSED: StorageUnavailable,
    errno.ECONNRESET: StorageUnavailable,
    errno.ECONNABORTED: StorageUnavailable,
    errno.EPIPE: StorageUnavailable,
    errno.EHOSTUNREACH: StorageUnavailable,
    errno.EHOSTDOWN: StorageUnavailable,
    errno.ENETUNREACH: StorageUnavailable,
    errno.ENETDOWN: StorageUnavailable,
}

# What Python's own errors mean if they were raised without a number, as libraries do.
_NUMBERS: Final[dict[type[OSError], int]] = {
    FileNotFoundError: errno.ENOENT,
    FileExistsError: errno.EEXIST,
    NotADirectoryError: errno.ENOTDIR,
    IsADirectoryError: errno.EISDIR,
    PermissionError: errno.EACCES,
    BlockingIOError: errno.EAGAIN,
    TimeoutError: errno.ETIMEDOUT,
    ConnectionRefusedError: errno.ECONNREFUSED,
    BrokenPipeError: errno.EPIPE,
    ConnectionError: errno.ECONNRESET,
}


def storage_error(error: OSError) -> StorageError:
    """What an error of the operating system means here. Its text is that of the errno: no path is in it."""
    number = error.errno
    if not isinstance(number, int) or number <= 0:
        number = next((meant for kind, meant in _NUMBERS.items() if isinstance(error, kind)), errno.EIO)
    return ERRORS.get(number, StorageFailure)(os.strerror(number))


class _Change(Generic[_T]):
    """A call that changes something. Either a thread begins it, or it is given up before."""

    def __init__(self, function: Callable[..., _T]) -> None:
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self._function = function
        self._first = Lock()
        self.answer: StorageUnavailable | None = None

    def __call__(self, *arguments: object) -> _T:
        """In a thread: make the call."""
        if not self._first.acquire(blocking=False):
            raise StorageUnavailable("it was given up")
        try:
            return self._function(*arguments)
        except StorageUnavailable as error:
            self.answer = error
            raise

    def given_up(self) -> bool:
        """Have no thread begin it; false if one has done so."""
        return self._first.acquire(blocking=False)


async def call(
    pool: IWorkerPool, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
) -> _T:
    """Make a call in a pool, and turn the error that it may raise into one of the domain."""
    try:
        return await pool.run(function, *arguments, discard=discard)
    except OSError as error:
        # Not chained: the error of the operating system holds real paths.
        raise storage_error(error) from None


async def change(
    pool: IWorkerPool, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
) -> _T:
    """
    As `call`, for a call that changes something.

    :raises OutcomeUnknown: it was begun, and did not come back in time.
    """
    changing = _Change(function)
    try:
        return await pool.run(changing, *arguments, discard=discard)
    except OSError as error:
        raise storage_error(error) from None
    except StorageUnavailable as error:
        if changing.answer is not error and not changing.given_up():
            raise OutcomeUnknown("no answer in time") from None
        raise
