"""Opening the database that a URL names."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError

from ftpx.errors import ConfigurationError

__all__ = ["CONNECTIONS", "PATIENCE", "WRITING", "open_database", "parse_url"]

CONNECTIONS: Final = 8
"""Connections that a server has, and so the calls of `Database` that are under way at once."""

WRITING: Final = "ftpx_writing"
"""The execution option of a connection whose transactions change something."""

PATIENCE: Final = "ftpx_patience"
"""The execution option of a connection to SQLite that waits so many seconds for its turn to write, from now on."""

_SQLITE: Final = "sqlite:"
_POSTGRESQL: Final = "postgresql:"
# Seconds that a connection waits for its turn to write, or for a row; less than the callers wait in all.
_LOCK: Final = 3
# Seconds of one statement, and of making a connection.
_STATEMENT: Final = 4
_CONNECT: Final = 3
_NO_DRIVER: Final = "PostgreSQL needs a library that is not installed: pip install 'ftpx[postgresql]'."
_FORMS: Final = "sqlite:/PATH or postgresql://USER@HOST/DATABASE"


def parse_url(text: str) -> URL:
    """
    The database that a text names: ``sqlite:/var/lib/ftpx/accounts``, ``postgresql://ftpx@db.example.com/ftpx``.

    What stands behind ``?`` is what libpq calls parameters: ``service``, ``sslmode``, ``passfile``.

    :raises ConfigurationError: it names none. The text of the error holds no password.
    """
    if text.startswith(_SQLITE):
        return _sqlite_url(text.removeprefix(_SQLITE))
    if text.startswith(_POSTGRESQL + "//"):
        return _postgresql_url(text)
    raise ConfigurationError(f"That names no database; the forms are {_FORMS}.")


def _sqlite_url(path: str) -> URL:
    if not path or path.startswith(("//", ":")) or not path.isprintable():
        raise ConfigurationError(f"{_SQLITE}{path} names no file; the form is {_SQLITE}/PATH.")
    # Absolute, since a daemon leaves the directory that it was started in.
    return URL.create("sqlite+pysqlite", database=os.path.abspath(path))


def _postgresql_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Neither its text nor where it comes from: both may hold the password.
        raise ConfigurationError(f"That is no URL of a database; the forms are {_FORMS}.") from None
    return url.set(drivername="postgresql+psycopg")


def open_database(url: URL) -> Engine:
    """
    A database, of which nothing is asked yet. The file of an SQLite database is made if there is none.

    :raises ConfigurationError: it cannot be used, or a library is missing.
    """
    return _open_sqlite(url) if url.get_backend_name() == "sqlite" else _open_postgresql(url)


def _open_sqlite(url: URL) -> Engine:
    path = url.database or ""
    _make_file(path)

    def connect() -> sqlite3.Connection:
        # Not "rwc": a file that went away is an outage, and no reason to begin with an empty one.
        return sqlite3.connect(
            f"file:{quote(path)}?mode=rw",
            uri=True,
            timeout=_LOCK,
            # SQLAlchemy's recipe: the driver begins no transactions, we do.
            isolation_level=None,
            check_same_thread=False,
        )

    engine = sqlalchemy.create_engine(
        url,
        creator=connect,
        poolclass=sqlalchemy.QueuePool,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=_STATEMENT,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_file(path: str) -> None:
    try:
        # What is there is left alone: closing it would drop the locks that other connections of this process hold.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if not os.path.isfile(path):
            raise ConfigurationError(f"The database {path} is not a regular file.") from None
    except OSError as error:
        raise ConfigurationError(f"The database {path} cannot be made: {error.strerror}.") from None


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    with closing(connection.cursor()) as cursor:
        # Locked: somebody else is just doing the same.
        with suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    writing = bool(options.get(WRITING))
    if PATIENCE in options:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={options[PATIENCE] * 1000}")
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writing else 'ON'}")
    # A transaction that reads first and writes then could find that another has written meanwhile.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _open_postgresql(url: URL) -> Engine:
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import make_conninfo
    except ImportError:
        raise ConfigurationError(
            "PostgreSQL needs a library that is not installed: pip install 'ftpx[postgresql]'."
        ) from None
    parameters = _parameters(url)
    engine = sqlalchemy.create_engine(
        url,
        connect_args=parameters,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=_STATEMENT,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    try:
        _, given = engine.dialect.create_connect_args(url)
        make_conninfo(**{name: value for name, value in given.items() if name != "context"})
    except ProgrammingError as error:
        raise ConfigurationError(f"That URL of a database cannot be used: {error}.") from None
    return engine


def _parameters(url: URL) -> dict[str, Any]:
    """What a connection is made with, unless the URL says something else about it."""
    ours = {
        "application_name": "ftpx",
        "connect_timeout": str(_CONNECT),
        # A server that is gone is found out about, also by who waits for its answer.
        "keepalives_idle": "5",
        "keepalives_interval": "2",
        "keepalives_count": "2",
        "tcp_user_timeout": "5000",
    }
    options = f"-c statement_timeout={_STATEMENT}s -c lock_timeout={_LOCK}s"
    theirs = url.query.get("options", "")
    together = " ".join([options, *([theirs] if isinstance(theirs, str) else theirs)]).strip()
    return {name: value for name, value in ours.items() if name not in url.query} | {"options": together}
