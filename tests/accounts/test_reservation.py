"""Reservations and quotas of a server, on both databases, and on none for a while."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, update
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftpx.accounts.balance import LARGEST
from ftpx.accounts.database.schema import balances, servers
from ftpx.accounts.quotas import storage_lines, traffic_lines
from ftpx.accounts.reservation import LOCK_PATIENCE
from ftpx.accounts.traffic_limits import TrafficLimits
from ftpx.errors import AccountsCorrupt, AccountsUnavailable, QuotaExceeded, StorageUnavailable
from ftpx.interfaces import Direction, IQuotas, IReservation, IWorkerPool
from ftpx.testing.pool import InlinePool
from tests.accounts.databases import OnPostgresql, OnSqlite
from tests.accounts.doubles import log_events
from tests.accounts.ledgers import Books, LedgerCase


class _ReservationTests(LedgerCase):
    """Alice may store 1000 octets in 3 files."""

    def setUp(self) -> None:
        """Give her the quota."""
        super().setUp()
        self.books.limit(1000, files=3)

    def reserve(self, octets: int, files: int = 0, *places: str) -> Any:
        """Room that is set aside at once."""
        return self.result(self.quotas.reserve(octets, files, places))

    def test_interfaces(self) -> None:
        """They are what they say."""
        verifyObject(IQuotas, self.quotas)
        verifyObject(IReservation, self.reserve(0))

    def test_settled(self) -> None:
        """What was set aside is used, as far as it was."""
        one = self.reserve(600, 1, "a")
        self.assertEqual((one.octets, self.result(self.quotas.available())), (600, 400))
        self.result(one.settle(500, 1))
        self.assertEqual((self.books.used(), self.result(self.quotas.available())), ((500, 1), 500))
        self.result(one.settle(500, 1))
        self.result(one.release())
        self.assertEqual((self.books.used(), self.books.locked()), ((500, 1), []))

    def test_released(self) -> None:
        """What was released is free, and nothing more can be asked of it."""
        one = self.reserve(600, 1)
        self.result(one.release())
        self.assertEqual(self.result(self.quotas.available()), 1000)
        self.failureResultOf(Deferred.fromCoroutine(one.extend(700, 700)), StorageUnavailable)

    def test_extended(self) -> None:
        """More, as far as there is; and nothing is asked for that is there already."""
        one = self.reserve(100)
        self.result(one.extend(200, 2000))
        self.assertEqual(one.octets, 1000)
        self.books.engine.dispose()
        self.result(one.extend(1000, 1000))
        self.failureResultOf(Deferred.fromCoroutine(one.extend(1001, 1001)), QuotaExceeded)

    def test_refused(self) -> None:
        """Nothing stays of what is refused."""
        self.failureResultOf(Deferred.fromCoroutine(self.quotas.reserve(1001, 0)), QuotaExceeded)
        self.assertEqual(self.books.under_way(), 0)

    def test_waits_for_a_place(self) -> None:
        """A place that somebody has is waited for."""
        one = self.reserve(0, 0, "a")
        waiting = Deferred.fromCoroutine(self.quotas.reserve(0, 0, ["a"]))
        self.clock.pump([0.25] * 4)
        self.assertNoResult(waiting)
        self.result(one.release())
        self.clock.advance(0.25)
        self.assertIsNotNone(self.successResultOf(waiting))

    def test_waits_in_vain(self) -> None:
        """It is not waited for longer than three seconds."""
        self.reserve(0, 0, "a")
        waiting = Deferred.fromCoroutine(self.quotas.reserve(0, 0, ["a"]))
        self.clock.pump([0.25] * (int(LOCK_PATIENCE / 0.25) + 2))
        self.failureResultOf(waiting, StorageUnavailable)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """Who waits for a place can be cancelled."""
        self.reserve(0, 0, "a")
        waiting = Deferred.fromCoroutine(self.quotas.reserve(0, 0, ["a"]))
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual((self.clock.getDelayedCalls(), self.books.under_way()), ([], 1))

    def test_try_lock(self) -> None:
        """Or it is not waited for."""
        one, two = self.reserve(0), self.reserve(0)
        self.assertTrue(self.result(one.try_lock("a")))
        self.assertFalse(self.result(two.try_lock("a")))

    def test_take_over(self) -> None:
        """What is used becomes what is set aside."""
        self.result(self.reserve(800).settle(800, 1))
        one = self.reserve(0, 0, "a")
        self.result(one.take_over(300, 0))
        self.assertEqual((one.octets, self.books.used(), self.books.locked()), (300, (500, 1), []))
        self.assertEqual(self.result(self.quotas.available()), 200)

    def test_unlimited(self) -> None:
        """Without a limit the database is not asked."""
        self.books.limits = []
        self.change(delete(servers))
        one = self.reserve(10**12, 5, "a")
        self.result(one.extend(10**13, 10**13))
        self.result(one.take_over(5, 0))
        self.result(one.settle(10**13, 1))
        self.assertEqual((self.quotas.limited, self.result(self.quotas.available())), (False, None))
        self.assertEqual(self.books.used(), (0, 0))

    def test_limited_later(self) -> None:
        """A limit that comes while something is under way counts from the next time that it is asked."""
        limits, self.books.limits = self.books.limits, []
        one = self.reserve(900)
        self.books.limits = limits
        self.failureResultOf(Deferred.fromCoroutine(one.extend(1001, 1001)), QuotaExceeded)
        self.result(one.extend(900, 900))
        self.assertEqual(self.result(self.quotas.available()), 100)

    def test_largest_file(self) -> None:
        """A largest file is a limit, too."""
        self.books.limits = []
        self.books.largest = 5
        self.assertEqual((self.quotas.limited, self.quotas.largest_file), (True, 5))

    def test_taken_for_dead(self) -> None:
        """Without the row of the server nothing is granted any more."""
        self.change(delete(servers))
        self.failureResultOf(Deferred.fromCoroutine(self.quotas.reserve(1, 0)), AccountsUnavailable)

    def test_lines(self) -> None:
        """What users are told."""
        self.books.limit(1000, files=3, files_soft=2)
        self.books.limit_group(octets=10**6)
        self.result(self.reserve(100).settle(100, 1))
        self.assertEqual(
            self.result(storage_lines(self.ledger, self.books.limits)),
            [
                "user alice: 100 of 1000 octets stored, 1 of 3 files stored (for at most seven days more than 2)",
                "group staff: 100 of 1000000 octets stored",
            ],
        )
        traffic = TrafficLimits(whose="user alice", user_id=self.books.alice, day=10, month=None)
        lines = self.result(traffic_lines(self.ledger, [traffic], Direction.UPLOAD))
        self.assertEqual(lines, ["user alice: 0 of 10 octets to upload this day"])
        for nothing in (storage_lines(self.ledger, []), traffic_lines(self.ledger, [], Direction.UPLOAD)):
            self.assertEqual(self.result(nothing), [])

    def test_cr08_logged(self) -> None:
        """CR08: a broken number refuses everything, and is logged once."""
        events = log_events(self)
        self.change(update(balances).values(octets=LARGEST + 1))
        for _ in range(3):
            self.failureResultOf(Deferred.fromCoroutine(self.quotas.reserve(1, 0)), AccountsCorrupt)
        self.failureResultOf(Deferred.fromCoroutine(self.quotas.available()), AccountsCorrupt)
        self.assertEqual(len([event for event in events if "alice" in str(event.get("reason"))]), 1)

    def change(self, statement: Any) -> None:
        """Change something by hand."""
        self.write(lambda connection: connection.execute(statement))


class SqliteReservationTests(_ReservationTests, OnSqlite, SynchronousTestCase):
    """On SQLite."""


class PostgresqlReservationTests(_ReservationTests, OnPostgresql, SynchronousTestCase):
    """On PostgreSQL."""


del _ReservationTests


@implementer(IWorkerPool)
class _Line:
    """The way to a database that can be cut."""

    def __init__(self) -> None:
        self.cut = False
        self.late: list[Any] = []
        self.slow = False
        self._pool = InlinePool()

    def run(self, function: Any, *arguments: object, discard: Any = None) -> Any:
        """Call the function; or fail; or answer later."""
        if self.cut:
            return fail(StorageUnavailable("cut"))
        if self.slow:
            waiting: Deferred[Any] = Deferred()
            result = function(*arguments)
            self.late.append(lambda: waiting.callback(result))
            return waiting
        return self._pool.run(function, *arguments, discard=discard)


class OutageTests(OnSqlite, SynchronousTestCase):
    """The database goes away and comes back."""

    def setUp(self) -> None:
        """A line that can be cut."""
        super().setUp()
        self.line = _Line()
        self.books = Books(self.engine, self.clock, self.line)
        self.books.limit(1000)
        self.books.ledger.start()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """Leave nothing behind."""
        self.result(self.books.ledger.stop())

    def test_settled_later(self) -> None:
        """What cannot be written is written when the database is back, and counts once."""
        one, two = (self.result(self.books.quotas.reserve(100, 0)) for _ in range(2))
        self.line.cut = True
        self.result(one.settle(70, 1))
        self.result(two.release())
        self.clock.advance(1)
        self.assertEqual((self.books.ledger.owed, self.books.used(), self.books.under_way()), (2, (0, 0), 2))
        self.line.cut = False
        self.clock.advance(1)
        self.assertEqual((self.books.ledger.owed, self.books.used(), self.books.under_way()), (0, (70, 1), 0))
        self.assertFalse(self.books.recount_due())

    def test_slow(self) -> None:
        """What is being written is not written a second time meanwhile."""
        one = self.result(self.books.quotas.reserve(100, 0))
        self.line.slow = True
        settling = Deferred.fromCoroutine(one.settle(70, 1))
        self.clock.advance(1)
        self.clock.advance(1)
        self.line.slow = False
        for call in self.line.late:
            call()
        self.successResultOf(settling)
        self.clock.advance(1)
        self.assertEqual((self.books.used(), self.books.recount_due(), self.books.ledger.owed), ((70, 1), False, 0))

    def test_fails_closed(self) -> None:
        """Nobody is given anything meanwhile."""
        one = self.result(self.books.quotas.reserve(100, 0))
        self.line.cut = True
        for asked in (one.extend(200, 200), self.books.quotas.reserve(1, 0), self.books.quotas.available()):
            self.failureResultOf(Deferred.fromCoroutine(asked), AccountsUnavailable)
        self.line.cut = False
        self.result(one.extend(200, 200))
        self.assertEqual(one.octets, 200)

    def test_answer_too_late(self) -> None:
        """What is set aside after all, when nobody waits for it any more, is given back."""
        self.line.slow = True
        waiting = Deferred.fromCoroutine(self.books.quotas.reserve(100, 0))
        self.clock.advance(5)
        self.failureResultOf(waiting, AccountsUnavailable)
        self.line.slow = False
        for call in self.line.late:
            call()
        self.clock.advance(1)
        self.assertEqual(self.books.under_way(), 0)

    def test_written_at_the_end(self) -> None:
        """A server that ends writes what it owes before."""
        one = self.result(self.books.quotas.reserve(100, 0))
        self.line.cut = True
        self.result(one.settle(70, 1))
        self.line.cut = False
        self.stop()
        self.assertEqual(self.books.used(), (70, 1))
        self.books.ledger.start()
