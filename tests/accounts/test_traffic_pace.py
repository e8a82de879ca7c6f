"""Octets a day and a month, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.database.schema import traffic
from ftpx.accounts.database.traffic import drop_old, read_all, read_traffic, take
from ftpx.accounts.traffic_limits import TrafficLimits, traffic_limits
from ftpx.accounts.traffic_pace import traffic_pace
from ftpx.errors import AccountsCorrupt, QuotaExceeded
from ftpx.interfaces import Direction
from tests.accounts.databases import OnPostgresql, OnSqlite
from tests.accounts.ledgers import LedgerCase
from tests.accounts.profiles import profile_of

_MIB = 1024 * 1024
_DAY = 24 * 3600.0


class TrafficLimitsTests(SynchronousTestCase):
    """What a profile says of it."""

    def test_limits(self) -> None:
        """The user's and the groups', of one direction."""
        profile = profile_of({"upload_day": "5"}, {"staff": {"upload_month": "7"}, "others": {"download_day": "9"}})
        up, down = (traffic_limits(profile, direction) for direction in (Direction.UPLOAD, Direction.DOWNLOAD))
        self.assertEqual(
            [(one.whose, one.day, one.month) for one in up], [("user alice", 5, None), ("group staff", None, 7)]
        )
        self.assertEqual([(one.whose, one.day, one.month) for one in down], [("group others", 9, None)])


class _TrafficTests(LedgerCase):
    """Alice may move 3 MiB a day and 5 MiB a month."""

    def setUp(self) -> None:
        """Give her that."""
        super().setUp()
        alice = TrafficLimits(whose="user alice", user_id=self.books.alice, day=3 * _MIB, month=5 * _MIB)
        self.traffic: list[TrafficLimits] = [alice]

    def pace(self) -> Any:
        """The pace of an upload that begins."""
        return self.result(traffic_pace(self.ledger, lambda: self.traffic, Direction.UPLOAD))

    def moved(self) -> list[tuple[int, int]]:
        """What was moved this day and this month."""
        return [moved for _, moved in self.read(read_traffic, self.traffic, Direction.UPLOAD, self.books.now)]

    def test_unlimited(self) -> None:
        """Who is not limited has no pace, and nothing is counted."""
        self.traffic = []
        self.assertIsNone(self.pace())

    def test_blocks(self) -> None:
        """Octets are taken ahead in blocks; what did not move is given back."""
        pace = self.pace()
        self.assertEqual((pace.allowed(0), self.moved()), (_MIB, [(_MIB, _MIB)]))
        self.assertEqual((pace.allowed(_MIB), self.moved()), (2 * _MIB, [(2 * _MIB, 2 * _MIB)]))
        pace.end(_MIB + 5)
        self.assertEqual(self.moved(), [(_MIB + 5, _MIB + 5)])

    def test_used_up(self) -> None:
        """What is used up ends a transfer, and another does not begin."""
        pace = self.pace()
        moved = 0
        while moved < 3 * _MIB:
            moved = min(pace.allowed(moved), 3 * _MIB)
        self.assertEqual(pace.allowed(moved), moved + 1)
        error = self.assertRaises(QuotaExceeded, pace.allowed, moved + 1)
        self.assertEqual(str(error), f"The octets of user alice to upload, {3 * _MIB} a day, are used up.")
        pace.end(moved + 1)
        self.assertEqual(self.moved(), [(3 * _MIB, 3 * _MIB)])
        waiting = Deferred.fromCoroutine(traffic_pace(self.ledger, lambda: self.traffic, Direction.UPLOAD))
        self.failureResultOf(waiting, QuotaExceeded)
        self.assertIsNotNone(self.result(traffic_pace(self.ledger, lambda: self.traffic, Direction.DOWNLOAD)))

    def test_next_day(self) -> None:
        """The next day has octets of its own, as far as the month has; what is given back is given to its own day."""
        pace = self.pace()
        self.books.now += _DAY
        pace.end(0)
        self.assertEqual(self.moved(), [(0, 0)])
        for _ in range(3):
            self.write(take, self.traffic, Direction.UPLOAD, _MIB, self.books.now)
        self.books.now += _DAY
        taken = [
            self.write(take, self.traffic, Direction.UPLOAD, 2 * _MIB - 1, self.books.now).octets for _ in range(2)
        ]
        self.assertEqual(taken, [2 * _MIB - 1, 1])
        error = self.assertRaises(QuotaExceeded, self.write, take, self.traffic, Direction.UPLOAD, 1, self.books.now)
        self.assertIn("a month", str(error))

    def test_group(self) -> None:
        """A group is counted too, and of all what is least left counts."""
        self.traffic.append(TrafficLimits(whose="group staff", group_id=self.books.staff, day=10, month=None))
        self.assertEqual(self.pace().allowed(0), 10)
        self.assertEqual(self.moved(), [(10, 10), (10, 10)])
        told = self.read(read_all, self.books.now)
        self.assertEqual(told["group", self.books.staff], {"upload_day": 10, "upload_month": 10})
        self.assertEqual(told["user", self.books.alice], {"upload_day": 10, "upload_month": 10})

    def test_limit_gone(self) -> None:
        """Who is not limited any more goes on without being counted."""
        pace = self.pace()
        self.traffic = []
        self.assertEqual(pace.allowed(_MIB), 2 * _MIB)
        pace.end(_MIB)
        self.assertEqual(pace.allowed(0), 2 * _MIB)

    def test_drop_old(self) -> None:
        """Months that are long over are forgotten."""
        self.pace()
        self.write(drop_old, self.books.now + 50 * _DAY)
        self.assertEqual(len(self._rows()), 2)
        self.write(drop_old, self.books.now + 100 * _DAY)
        self.assertEqual(self._rows(), [])

    def test_cr08_traffic(self) -> None:
        """CR08: what was moved is no number."""
        self.pace()
        self.write(lambda connection: connection.execute(update(traffic).values(octets=2**62 + 1)))
        self.assertRaises(AccountsCorrupt, self.write, take, self.traffic, Direction.UPLOAD, 1, self.books.now)
        self.assertRaises(AccountsCorrupt, self.read, read_all, self.books.now)

    def _rows(self) -> list[Any]:
        return list(self.read(lambda connection: connection.execute(select(traffic)).all()))


class SqliteTrafficTests(_TrafficTests, OnSqlite, SynchronousTestCase):
    """On SQLite."""


class PostgresqlTrafficTests(_TrafficTests, OnPostgresql, SynchronousTestCase):
    """On PostgreSQL."""


del _TrafficTests
