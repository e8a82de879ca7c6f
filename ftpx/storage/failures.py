"""The one table from the operating system's errors to those of ftpx's domain."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Final, TypeVar

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    IsADirectory,
    NameRefused,
    NoSpace,
    NotADirectory,
    NotARegularFile,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    StorageError,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.interfaces import IWorkerPool

__all__ = ["ERRORS", "call", "storage_error"]

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
}


def storage_error(error: OSError) -> StorageError:
    """What an error of the operating system means here. Its text is that of the errno: no path is in it."""
    number = error.errno or errno.EIO
    return ERRORS.get(number, StorageFailure)(os.strerror(number))


async def call(
    pool: IWorkerPool, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
) -> _T:
    """Make a call in a pool, and turn the error that it may raise into one of the domain."""
    try:
        return await pool.run(function, *arguments, discard=discard)
    except OSError as error:
        # Not chained: the error of the operating system holds real paths.
        raise storage_error(error) from None
