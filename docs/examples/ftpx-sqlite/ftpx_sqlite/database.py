"""What all of this package does with SQLite: connections, transactions, and what its errors mean."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from ftpx.errors import NoSpace, StorageError, StorageFailure, StorageUnavailable

__all__ = ["Database", "connect"]

_ERRORS: dict[int, type[StorageError]] = {
    sqlite3.SQLITE_BUSY: StorageUnavailable,
    sqlite3.SQLITE_FULL: NoSpace,
    sqlite3.SQLITE_TOOBIG: NoSpace,
}


def connect(file: str) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time. Who reads by one holds up nobody who writes by another."""
    database = sqlite3.connect(file, timeout=10, isolation_level=None, check_same_thread=False)
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
    return database


@contextmanager
def _translated() -> Iterator[None]:
    """Turns errors of SQLite into those of ftpx, which hold no path and nothing else that users must not see."""
    try:
        yield
    except (sqlite3.Error, OverflowError) as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        raise _ERRORS.get(code, StorageFailure)("the database failed") from error


class _Snapshot(io.RawIOBase):
    """A value as it was when it was opened: a connection of its own holds on to the database as it was then."""

    def __init__(self, file: str, table: str, column: str, row: int) -> None:
        self._database = connect(file)
        self._database.execute("BEGIN")
        self._blob = self._database.blobopen(table, column, row, readonly=True)

    def readinto(self, buffer: Any) -> int:
        """Octets from where it is."""
        with _translated():
            octets = self._blob.read(len(buffer))
        buffer[: len(octets)] = octets
        return len(octets)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to another place."""
        self._blob.seek(offset, whence)
        return self._blob.tell()

    def close(self) -> None:
        """Let go of the database."""
        if not self.closed:
            self._blob.close()
            self._database.close()
        super().close()


class Database:
    """One database: who uses it sees to it that one call is made at a time."""

    def __init__(self, file: str, schema: str) -> None:
        self._file = file
        self._connection = connect(file)
        self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What fails in between undoes all that was done in it."""
        with _translated(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    def execute(self, statement: str, *values: object) -> list[Any]:
        """The rows that a statement gives."""
        with _translated():
            return self._connection.execute(statement, values).fetchall()

    def blob(self, table: str, column: str, row: int) -> sqlite3.Blob:
        """A value to write to, piece by piece."""
        with _translated():
            return self._connection.blobopen(table, column, row)

    def open_blob(self, table: str, column: str, row: int) -> BinaryIO:
        """A value to read from, as it is now."""
        with _translated():
            return cast(BinaryIO, _Snapshot(self._file, table, column, row))
