"""Databases that hang, die and come back, asked by real threads."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from sqlalchemy import Connection, insert, select, text
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.database.connection import CONNECTIONS, DEADLINE, Database, transaction
from ftpx.accounts.database.schema import settings
from ftpx.errors import AccountsUnavailable
from ftpx.storage.pool import WorkerPool
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite
from tests.storage.test_pool import TurningReactor

_T = TypeVar("_T")


def _put(connection: Connection, name: str) -> None:
    connection.execute(insert(settings).values(name=name, value="1"))


def _names(connection: Connection) -> set[str]:
    return set(connection.execute(select(settings.c.name)).scalars())


class ThreadedCase(DatabaseCase):
    """A database that a pool of threads asks."""

    def setUp(self) -> None:
        """Start the pool."""
        super().setUp()
        self.reactor = TurningReactor()
        pool = WorkerPool(cast("IReactorFromThreads", self.reactor), CONNECTIONS, 1000, "accounts")
        pool.start()
        self.addCleanup(lambda: self.wait(pool.stop()))
        self.database = Database(self.engine, pool, self.clock)

    def wait(self, answer: Deferred[_T]) -> _T:
        """What comes of a call, when its thread is done."""
        self.reactor.turn_until(answer)
        return self.successResultOf(answer)

    def fails(self, answer: Deferred[Any]) -> None:
        """A call fails for now."""
        self.reactor.turn_until(answer)
        self.failureResultOf(answer, AccountsUnavailable)


class SqliteOutageTests(OnSqlite, ThreadedCase, SynchronousTestCase):
    """SQLite, whose file somebody else locks."""

    def test_cr06_locked(self) -> None:
        """CR06: while a writer waits for the lock, readers are answered; then it has its turn."""
        with transaction(self.open(), write=True) as holding:
            _put(holding, "theirs")
            writing = self.database.write(_put, "ours")
            for _ in range(3 * CONNECTIONS):
                self.assertEqual(self.wait(self.database.read(_names)), set())
            self.assertNoResult(writing)
        self.wait(writing)
        self.assertEqual(self.wait(self.database.read(_names)), {"theirs", "ours"})

    def test_cr06_in_time(self) -> None:
        """CR06: writers who wait for longer are told so at the deadline, all of them, and nothing of theirs is done."""
        with transaction(self.open(), write=True):
            answers = [self.database.write(_put, str(number)) for number in range(50)]
            self.clock.advance(DEADLINE)
            for answer in answers:
                self.failureResultOf(answer, AccountsUnavailable)
            self.assertEqual(self.wait(self.database.read(_names)), set())
        self.assertEqual(self.wait(self.database.read(_names)), set())


class PostgresqlOutageTests(OnPostgresql, ThreadedCase, SynchronousTestCase):
    """PostgreSQL that stops answering, dies and comes back."""

    def test_cr07_frozen(self) -> None:
        """CR07: of a server that hangs, everybody is told in time; when it goes on, so do we."""
        self.wait(self.database.write(_put, "before"))
        self.addCleanup(self.server.thaw)
        self.server.freeze()
        answers: list[Deferred[Any]] = [self.database.read(_names) for _ in range(20)]
        answers += [self.database.write(_put, str(number)) for number in range(20)]
        self.clock.advance(DEADLINE)
        for answer in answers:
            self.failureResultOf(answer, AccountsUnavailable)
        self.server.thaw()
        self.assertEqual(self.wait_until_back(), {"before"})

    def test_cr07_mid_query(self) -> None:
        """CR07: a statement that takes too long is ended by the server, and fails."""
        waiting = self.database.read(lambda connection: connection.execute(text("SELECT pg_sleep(60)")).all())
        self.fails(waiting)

    def test_cr07_killed(self) -> None:
        """CR07: while the server is down nobody is told anything else; when it is there again, so are we."""
        self.wait(self.database.write(_put, "before"))
        self.server.kill()
        try:
            for _ in range(3):
                self.fails(self.database.read(_names))
                self.fails(self.database.write(_put, "never"))
        finally:
            self.server.start()
        self.assertEqual(self.wait(self.database.read(_names)), {"before"})

    def test_cr07_restarted(self) -> None:
        """CR07: a restart that nobody noticed costs no error."""
        self.wait(self.database.write(_put, "before"))
        self.server.restart()
        self.assertEqual(self.wait(self.database.read(_names)), {"before"})
        self.wait(self.database.write(_put, "behind"))

    def wait_until_back(self) -> set[str]:
        """What is read once the threads are back that had hung."""
        for _ in range(CONNECTIONS):
            self.reactor.turn()
            answer = self.database.read(_names)
            self.reactor.turn_until(answer)
            found: list[Any] = []
            answer.addBoth(found.append)
            if isinstance(found[0], set):
                return found[0]
        raise AssertionError("it does not come back")
