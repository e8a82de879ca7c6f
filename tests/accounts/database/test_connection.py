"""The database as a server asks it: transactions, deadlines, outages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.accounts.database.calls import MOST_WAITING
from ftpx.accounts.database.connection import CONNECTIONS, DEADLINE, Database, transaction
from ftpx.accounts.database.schema import settings
from ftpx.errors import AccountsCorrupt, AccountsUnavailable, ConfigurationError, StorageUnavailable
from ftpx.interfaces import IWorkerPool
from ftpx.testing.pool import FaultyPool
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite
from tests.accounts.doubles import FullPool, log_events


def _put(connection: Connection, name: str, value: str = "1") -> str:
    connection.execute(insert(settings).values(name=name, value=value))
    return name


def _names(connection: Connection) -> set[str]:
    return set(connection.execute(select(settings.c.name)).scalars())


def _put_and_fail(connection: Connection, name: str, error: Exception) -> None:
    _put(connection, name)
    raise error


@implementer(IWorkerPool)
class HeldPool:
    """A pool whose calls begin and end when a test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def run(self, function: Callable[..., Any], *arguments: object, discard: Any = None) -> Deferred[Any]:
        """Note the call."""
        answer: Deferred[Any] = Deferred()
        self.calls.append((answer, lambda: function(*arguments)))
        return answer

    def make(self) -> None:
        """Make the oldest call."""
        answer, call = self.calls.pop(0)
        try:
            answer.callback(call())
        except Exception:
            answer.errback()

    def make_all(self) -> None:
        """Make all calls that are left."""
        while self.calls:
            self.make()


class ConnectionContract(DatabaseCase):
    """One transaction a call, on every database."""

    def test_write_and_read(self) -> None:
        """What is written is read by the next transaction, and what the functions return is the answer."""
        self.assertEqual(self.result(self.database.write(_put, "a")), "a")
        self.assertEqual(self.result(self.database.read(_names)), {"a"})

    def test_all_or_nothing(self) -> None:
        """An error takes back all that was done, and passes through."""
        for error in (ConfigurationError("no"), ValueError("no"), AccountsCorrupt("no")):
            failed = self.database.write(_put_and_fail, "a", error)
            self.assertIs(self.failureResultOf(failed, type(error)).value, error)
        self.assertEqual(self.result(self.database.read(_names)), set())

    def test_integrity(self) -> None:
        """What the tables do not allow is told as such."""
        self.result(self.database.write(_put, "a"))
        self.failureResultOf(self.database.write(_put, "a"), IntegrityError)

    def test_reads_change_nothing(self) -> None:
        """A function that is called to read cannot write, on no database; and the connection can write again."""
        self.failureResultOf(self.database.read(_put, "a"), AccountsUnavailable)
        self.result(self.database.write(_put, "b"))
        self.assertEqual(self.result(self.database.read(_names)), {"b"})

    def test_one_moment(self) -> None:
        """All that one read sees was so at one moment, whatever is written meanwhile."""
        other = self.open()

        def look_twice(connection: Connection) -> list[set[str]]:
            before = _names(connection)
            with transaction(other, write=True) as writing:
                _put(writing, "a")
            return [before, _names(connection)]

        self.assertEqual(self.result(self.database.read(look_twice)), [set(), set()])

    def test_unreachable_text(self) -> None:
        """What is wrong with a statement is told without the values that were in it."""

        secret = "s3" + "cr3t"

        def ask(connection: Connection) -> None:
            connection.execute(text("SELECT a FROM nowhere WHERE a = :secret"), {"secret": secret})

        failure = self.failureResultOf(self.database.read(ask), AccountsUnavailable)
        self.assertIn("nowhere", str(failure.value))
        self.assertNotIn(secret, failure.getTraceback())

    def test_close(self) -> None:
        """Behind the end nothing is done."""
        self.successResultOf(self.database.close())
        self.failureResultOf(self.database.read(_names), AccountsUnavailable)


class SqliteConnectionTests(OnSqlite, ConnectionContract, SynchronousTestCase):
    """On SQLite."""

    def test_locked(self) -> None:
        """CR06: while somebody else holds the write lock, writes fail in time and reads go on."""
        other = self.open()
        with transaction(other, write=True) as holding:
            _put(holding, "theirs")
            with self.engine.connect() as ours:
                self.assertEqual(ours.exec_driver_sql("PRAGMA busy_timeout").scalar(), 3000)
            self.assertEqual(self.result(self.database.read(_names)), set())
            self.assertIn("locked", str(self.failureResultOf(self.database.write(_put, "ours")).value))
        self.result(self.database.write(_put, "ours"))
        self.assertEqual(self.result(self.database.read(_names)), {"theirs", "ours"})

    def test_concurrent_writers(self) -> None:
        """Writers that come at once wait for each other, and none has read what another has changed since."""

        def count(connection: Connection) -> None:
            number = int(connection.execute(select(settings.c.value)).scalar_one())
            connection.execute(settings.update().values(value=str(number + 1)))

        self.write(_put, "n", "0")
        threads = [threading.Thread(target=lambda: [self.write(count) for _ in range(25)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.read(lambda connection: connection.execute(select(settings.c.value)).scalar()), "100")


class PostgresqlConnectionTests(OnPostgresql, ConnectionContract, SynchronousTestCase):
    """On PostgreSQL."""

    def test_limits(self) -> None:
        """Statements and locks have an end on the server's side, too."""

        def limits(connection: Connection) -> list[Any]:
            return [connection.execute(text(f"SHOW {name}")).scalar() for name in ("statement_timeout", "lock_timeout")]

        self.assertEqual(self.read(limits), ["4s", "3s"])

    def test_connection_lost(self) -> None:
        """CR07: a connection that broke while nobody used it is replaced without an error."""
        self.result(self.database.write(_put, "a"))
        self.server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ftpx'")
        self.assertEqual(self.result(self.database.read(_names)), {"a"})

    def test_dropped_mid_query(self) -> None:
        """CR07: a connection that breaks in a transaction fails that one alone, and nothing of it was done."""

        def break_off(connection: Connection) -> None:
            _put(connection, "a")
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

        self.failureResultOf(self.database.write(break_off), AccountsUnavailable)
        self.assertEqual(self.result(self.database.read(_names)), set())


class DeadlineTests(OnSqlite, SynchronousTestCase):
    """Databases that hang, in a pool that a test holds."""

    def setUp(self) -> None:
        """Hold the calls."""
        super().setUp()
        self.events = log_events(self)
        self.held = HeldPool()
        self.patience = Clock()
        self.slow = Database(self.engine, self.held, self.patience)
        self.addCleanup(self.held.make_all)

    def texts(self) -> list[str]:
        """What the log says."""
        return [
            event["log_format"].format(**event) for event in self.events if event["log_namespace"].startswith("ftpx")
        ]

    def hang(self, database: Database, work: Callable[[Connection], Any], **named: Any) -> list[Any]:
        """Begin a write in the pool that does not end before the deadline; what whoever waits is told."""
        told: list[Any] = []

        def wait(connection: Connection) -> Any:
            result = work(connection)
            self.patience.advance(DEADLINE)
            return result

        database.write(wait, **named).addErrback(told.append)
        self.held.make()
        return told

    def test_deadline(self) -> None:
        """Whoever waits is answered at the deadline, and what comes too late is taken back."""
        told = self.hang(self.slow, lambda connection: _put(connection, "late"))
        self.assertIsInstance(told[0].value, AccountsUnavailable)
        self.assertEqual(self.read(_names), set())

    def test_not_begun(self) -> None:
        """What has not begun at the deadline is not done."""
        answer = self.slow.write(_put, "late")
        self.patience.advance(DEADLINE)
        self.failureResultOf(answer, AccountsUnavailable)
        self.held.make()
        self.assertEqual(self.read(_names), set())

    def test_discard(self) -> None:
        """Of what was done in the last moment, whoever asked is told."""
        late: list[str] = []
        answer = self.slow.write(_put, "late", discard=late.append)
        waiting, call = self.held.calls.pop()
        result = call()
        self.patience.advance(DEADLINE)
        self.failureResultOf(answer, AccountsUnavailable)
        waiting.callback(result)
        self.assertEqual((late, self.read(_names)), (["late"], {"late"}))

    def test_cancelled(self) -> None:
        """A call that is cancelled is not done, and leaves no timer."""
        answer = self.slow.write(_put, "late")
        answer.addErrback(lambda _: None)
        answer.cancel()
        self.held.make()
        self.assertEqual((self.read(_names), self.patience.getDelayedCalls()), (set(), []))

    def test_one_writer(self) -> None:
        """CR06: on SQLite one thread at a time waits for the write lock, so writers never take those of readers."""
        answers = [self.slow.write(_put, str(number)) for number in range(20)]
        reading = self.slow.read(_names)
        self.assertEqual(len(self.held.calls), 2)
        self.held.make()
        self.held.make()
        self.assertEqual(self.successResultOf(reading), {"0"})
        self.held.make_all()
        self.assertEqual([self.successResultOf(answer) for answer in answers], [str(number) for number in range(20)])

    def test_threads_that_hang(self) -> None:
        """CR07: when all threads hang, whoever comes is told at once, until they are free again."""
        for _ in range(CONNECTIONS):
            self.slow.read(_names).addErrback(lambda _: None)
        hanging = list(self.held.calls)
        self.held.calls.clear()
        # They have begun, and have not come back.
        for _, call in hanging:
            call()
        self.patience.advance(DEADLINE)
        self.failureResultOf(self.slow.read(_names), AccountsUnavailable)
        self.assertEqual(self.held.calls, [])
        for waiting, _ in hanging:
            waiting.callback(set())
        again = self.slow.read(_names)
        self.held.make()
        self.assertEqual(self.successResultOf(again), set())

    def test_too_many(self) -> None:
        """So many may wait and no more."""
        answers = [self.slow.read(_names) for _ in range(MOST_WAITING + CONNECTIONS)]
        self.failureResultOf(answers.pop(), AccountsUnavailable)
        self.patience.advance(DEADLINE)
        for answer in answers:
            self.failureResultOf(answer, AccountsUnavailable)

    def test_full_pool(self) -> None:
        """A pool that takes no more calls is told as an outage of the accounts."""
        full = Database(self.engine, FullPool(), self.patience)
        self.failureResultOf(full.read(_names), AccountsUnavailable)

    def test_log(self) -> None:
        """An outage is one line in the log, and its end another."""
        pool = FaultyPool()
        database = Database(self.engine, pool, self.patience)
        pool.faults["perform"] = StorageUnavailable("it is away")
        for _ in range(3):
            self.failureResultOf(database.read(_names), AccountsUnavailable)
        pool.faults.clear()
        for _ in range(3):
            self.result(database.read(_names))
        self.assertEqual(self.texts(), ["The accounts cannot be read: it is away.", "The accounts can be read again."])
