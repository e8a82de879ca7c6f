"""What the errors of fsspec's filesystems mean, each of which has its own."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from twisted.logger import Logger

from ftpx.errors import (
    AlreadyExists,
    IsADirectory,
    NameRefused,
    NoSpace,
    NotADirectory,
    NotFound,
    NotSupported,
    PermissionDenied,
    StorageError,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.storage.failures import ERRORS

__all__ = ["Troubles", "is_answer", "meaning"]

# The first that fits counts. Texts are ours: those of a backend hold paths and hosts.
_CLASSES: Final[tuple[tuple[type[BaseException], type[StorageError], str], ...]] = (
    (FileNotFoundError, NotFound, "no such file or directory"),
    (FileExistsError, AlreadyExists, "the name is taken"),
    (PermissionError, PermissionDenied, "the filesystem does not allow that"),
    (NotADirectoryError, NotADirectory, "not a directory"),
    (IsADirectoryError, IsADirectory, "is a directory"),
    (NotImplementedError, NotSupported, "the filesystem cannot do that"),
    (UnicodeError, NameRefused, "the filesystem cannot keep this name"),
    (ConnectionError, StorageUnavailable, "the filesystem cannot be reached"),
    (TimeoutError, StorageUnavailable, "the filesystem does not answer"),
    (EOFError, StorageUnavailable, "the connection to the filesystem was lost"),
)

# Errors of libraries that need not be installed: the top-level package and the name of a class.
_UNREACHABLE: Final = frozenset(
    {
        ("paramiko", "SSHException"),
        ("httpx", "TransportError"),
        ("requests", "ConnectionError"),
        ("requests", "Timeout"),
        ("aiohttp", "ClientConnectionError"),
        ("smbprotocol", "SMBConnectionClosed"),
    }
)

_STATUSES: Final[dict[int, type[StorageError]]] = {
    401: PermissionDenied,
    403: PermissionDenied,
    404: NotFound,
    405: NotSupported,
    409: NotFound,
    410: NotFound,
    412: AlreadyExists,
    423: PermissionDenied,
    429: StorageUnavailable,
    502: StorageUnavailable,
    503: StorageUnavailable,
    504: StorageUnavailable,
    507: NoSpace,
}

# Those of SMB (MS-ERREF, section 2.3.1) that smbprotocol has no number of the system's own for.
_NT_STATUSES: Final[dict[int, type[StorageError]]] = {
    0xC0000022: PermissionDenied,  # STATUS_ACCESS_DENIED
    0xC0000033: NameRefused,  # STATUS_OBJECT_NAME_INVALID
    0xC0000044: NoSpace,  # STATUS_QUOTA_EXCEEDED
    0xC0000056: NotFound,  # STATUS_DELETE_PENDING
    0xC000007F: NoSpace,  # STATUS_DISK_FULL
    0xC00000A2: PermissionDenied,  # STATUS_MEDIA_WRITE_PROTECTED
    0xC00000BB: NotSupported,  # STATUS_NOT_SUPPORTED
    0xC00000C9: StorageUnavailable,  # STATUS_NETWORK_NAME_DELETED
    0xC0000203: StorageUnavailable,  # STATUS_USER_SESSION_DELETED
}

_LOST: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ENOTCONN,
        errno.EPIPE,
        errno.ETIMEDOUT,
    }
)


def meaning(error: Exception) -> StorageError:
    """The error of the domain for one of a filesystem. Its text says nothing that only the operator may know."""
    if isinstance(error, StorageError):
        return error
    for kind, means, text in _CLASSES:
        if isinstance(error, kind):
            return means(text)
    status = _status(error)
    if status in _STATUSES:
        return _STATUSES[status]("the filesystem's server refused that")
    refused = _NT_STATUSES.get(getattr(error, "ntstatus", 0))
    if refused is not None:
        return refused("the filesystem's server refused that")
    if any((base.__module__.partition(".")[0], base.__name__) in _UNREACHABLE for base in type(error).__mro__):
        return StorageUnavailable("the filesystem cannot be reached")
    if isinstance(error, OSError) and error.errno in _LOST:
        return StorageUnavailable("the filesystem cannot be reached")
    if isinstance(error, OSError) and error.errno in ERRORS:
        return ERRORS[error.errno](os.strerror(error.errno))
    return StorageFailure("the filesystem failed")


def is_answer(error: Exception) -> bool:
    """Whether the filesystem said no, rather than broke: it can be asked other things as before."""
    return not isinstance(meaning(error), StorageFailure | StorageUnavailable)


def _status(error: Exception) -> int:
    """The status of an answer by HTTP, 0 if it is none. Each library keeps it elsewhere."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status", "code"):
            found = getattr(holder, name, None)
            if isinstance(found, int):
                return found
    return 0


class Troubles:
    """Turns errors of a filesystem into those of the domain, and tells the operator of those that are no answer."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._log = Logger()
        self._last = ""

    @contextmanager
    def translated(self) -> Iterator[None]:
        """A context that raises nothing but `StorageError`."""
        try:
            yield
        except StorageError:
            raise
        except Exception as error:
            if not is_answer(error):
                self.tell(error)
            # Not chained: the filesystem's error holds real paths.
            raise meaning(error) from None

    def tell(self, error: Exception) -> None:
        """Log an error: once for each trouble, not for each command that runs into it."""
        text = f"{type(error).__name__}: {error}"
        if text != self._last:
            self._last = text
            self._log.warn("{label}: {text}", label=self._label, text=text)

    def over(self) -> None:
        """It works again, so the next trouble is a new one."""
        self._last = ""
