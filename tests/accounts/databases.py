"""
The accounts' databases in tests: a mixin for each kind, so that what is tested on one is tested on both.

Tests are written as a class `DatabaseCase`, and run as two: ``OnSqlite`` and ``OnPostgresql`` are the mixins that go
before it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Engine
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from ftpx.accounts.database.connection import Database, open_database, parse_url, transaction
from ftpx.accounts.database.migrating import upgrade
from ftpx.testing.pool import InlinePool
from tests.postgresql import PostgresqlServer, shared_server

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase as _TestCase
else:
    _TestCase = object

__all__ = ["DatabaseCase", "OnPostgresql", "OnSqlite"]

_T = TypeVar("_T")


class DatabaseCase(_TestCase):
    """
    A mixin for `SynchronousTestCase`: a database with all tables and no user, a new one for every test; if ``empty``,
    without tables.

    ``database`` asks it at once, in this thread, with ``clock`` for its deadline; ``engine`` is for `transaction`.
    """

    empty = False

    def make_url(self) -> str:
        """The URL of a new database; see `OnSqlite` and `OnPostgresql`."""
        raise NotImplementedError

    def setUp(self) -> None:
        """Make the database."""
        super().setUp()
        self.url = self.make_url()
        self.engine = self.open()
        self.clock = Clock()
        self.database = Database(self.engine, InlinePool(), self.clock)

    def open(self) -> Engine:
        """The database once more, as another server has it."""
        engine = open_database(parse_url(self.url))
        self.addCleanup(engine.dispose)
        return engine

    def read(self, work: Callable[..., _T], *arguments: object, **named: object) -> _T:
        """What a function returns that takes a connection and changes nothing."""
        with transaction(self.engine, write=False) as connection:
            return work(connection, *arguments, **named)

    def write(self, work: Callable[..., _T], *arguments: object, **named: object) -> _T:
        """What a function returns that takes a connection, after it was done."""
        with transaction(self.engine, write=True) as connection:
            return work(connection, *arguments, **named)

    def result(self, awaitable: Awaitable[_T]) -> _T:
        """What something asynchronous comes to, at once."""
        return self.successResultOf(Deferred.fromCoroutine(_wait(awaitable)))


class OnSqlite(DatabaseCase):
    """On SQLite, in a file of a folder of its own."""

    def make_url(self) -> str:
        """A copy of a database without users."""
        folder = Path(tempfile.mkdtemp(prefix="ftpx-accounts-"))
        self.addCleanup(shutil.rmtree, folder)
        path = folder / "accounts"
        if not self.empty:
            path.write_bytes(_sqlite_with_tables())
        return f"sqlite:{path}"


class OnPostgresql(DatabaseCase):
    """On PostgreSQL, in a database of the server that all tests share."""

    server: PostgresqlServer

    def make_url(self) -> str:
        """A copy of a database without users."""
        self.server = shared_server()
        name = self.server.create_database(*(() if self.empty else (_postgresql_with_tables(),)))
        self.addCleanup(self.server.drop_database, name)
        return self.server.url(name)


async def _wait(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


def _make_tables(url: str) -> None:
    upgrade(open_database(parse_url(url)))


@cache
def _sqlite_with_tables() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "accounts"
        _make_tables(f"sqlite:{path}")
        return path.read_bytes()


@cache
def _postgresql_with_tables() -> str:
    server = shared_server()
    name = server.create_database()
    _make_tables(server.url(name))
    return name
