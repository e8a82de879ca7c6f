"""Tests of ftpx.storage.filesystems.failures."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
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
from ftpx.storage.filesystems.failures import Troubles, is_answer, meaning

__all__: list[str] = []


class _StatusError(Exception):
    """As those of HTTP libraries."""

    def __init__(self, status: int, *, inside: bool) -> None:
        super().__init__("https://secret.example.org/")
        if inside:
            self.response = SimpleNamespace(status_code=status)
        else:
            self.status = status


_MEANINGS: list[tuple[Exception, type[StorageError]]] = [
    (FileNotFoundError("/srv/secret"), NotFound),
    (FileExistsError("/srv/secret"), AlreadyExists),
    (PermissionError("/srv/secret"), PermissionDenied),
    (NotADirectoryError("/srv/secret"), NotADirectory),
    (IsADirectoryError("/srv/secret"), IsADirectory),
    (NotImplementedError("/srv/secret"), NotSupported),
    (UnicodeEncodeError("utf-8", "secret", 0, 1, "no"), NameRefused),
    (OSError(errno.ENOTEMPTY, "secret"), DirectoryNotEmpty),
    (OSError(errno.ENOSPC, "secret"), NoSpace),
    (OSError(errno.EHOSTUNREACH, "secret"), StorageUnavailable),
    (OSError("secret"), StorageFailure),
    (ConnectionResetError("secret"), StorageUnavailable),
    (TimeoutError("secret"), StorageUnavailable),
    (EOFError("secret"), StorageUnavailable),
    (_StatusError(404, inside=True), NotFound),
    (_StatusError(403, inside=False), PermissionDenied),
    (_StatusError(507, inside=False), NoSpace),
    (_StatusError(503, inside=True), StorageUnavailable),
    (_StatusError(500, inside=True), StorageFailure),
    (ValueError("secret"), StorageFailure),
    (NoSpace("full"), NoSpace),
]


class MeaningTests(SynchronousTestCase):
    """What an error of a filesystem is to a client."""

    def test_meanings(self) -> None:
        """Each has one, and its text shows no path and no host."""
        for error, expected in _MEANINGS:
            found = meaning(error)
            self.assertIs(type(found), expected, repr(error))
            self.assertNotIn("secret", str(found))
            self.assertEqual(is_answer(error), expected not in {StorageFailure, StorageUnavailable})

    def test_libraries(self) -> None:
        """Errors of libraries are known by their names, so none need be installed."""
        lost = type("SSHException", (Exception,), {"__module__": "paramiko.ssh_exception"})
        other = type("SSHException", (Exception,), {"__module__": "somewhere"})
        self.assertIs(type(meaning(type("Derived", (lost,), {})())), StorageUnavailable)
        self.assertIs(type(meaning(other())), StorageFailure)

    def test_troubles(self) -> None:
        """Nothing but errors of the domain comes out, and they do not hold on to the filesystem's."""
        troubles = Troubles("test")
        for error, expected in _MEANINGS:

            def fail(error: Exception = error) -> None:
                with troubles.translated():
                    raise error

            raised = self.assertRaises(expected, fail)
            self.assertTrue(raised is error or raised.__suppress_context__)
