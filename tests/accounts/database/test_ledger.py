"""The ledger, on both databases: what is used and what is set aside."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, delete, update
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.balance import GRACE, LARGEST, NOTHING, Share
from ftpx.accounts.database.balances import octets_left, read_balances
from ftpx.accounts.database.ledger import (
    Operation,
    Outcome,
    PlaceTaken,
    SetAside,
    Wish,
    mark_recount,
    read_usage,
    release,
    set_aside,
    settle,
    take_over,
)
from ftpx.accounts.database.schema import balances, operation_shares, servers, users
from ftpx.errors import AccountsCorrupt, AccountsUnavailable, QuotaExceeded
from tests.accounts.databases import OnPostgresql, OnSqlite
from tests.accounts.ledgers import NOW, LedgerCase, add_server


def _run(connection: Connection, statement: Any) -> None:
    connection.execute(statement)


class _LedgerTests(LedgerCase):
    """Operations of alice, who may store 1000 octets in 3 files."""

    def setUp(self) -> None:
        """Give alice the quota."""
        super().setUp()
        self.alice = self.books.limit(1000, files=3)

    def begin(self, name: str, needed: Share = NOTHING, wanted: int = 0, *places: str) -> Operation:
        """An operation with something set aside."""
        return self.go_on(Operation(name, "here"), needed, wanted, *places)

    def go_on(self, operation: Operation, needed: Share = NOTHING, wanted: int = 0, *places: str) -> Operation:
        """The operation with more set aside."""
        self.done: SetAside = self.write(set_aside, operation, self.books.limits, Wish(needed, wanted, places), NOW)
        return Operation(operation.id, "here", True, self.done.balances)

    def settle(self, operation: Operation, octets: int, files: int, *, certain: bool = True) -> None:
        """Account for a change."""
        self.write(settle, operation, self.books.limits, Outcome(Share(octets, files), certain), NOW)

    def change(self, statement: Any) -> None:
        """Change something by hand."""
        self.write(_run, statement)

    def test_life(self) -> None:
        """What is set aside is used when it is settled, as far as it was."""
        one = self.begin("1", Share(600, 1))
        self.assertEqual((self.done.share, self.books.used()), (Share(600, 1), (0, 0)))
        self.assertRaises(QuotaExceeded, self.begin, "2", Share(401, 0))
        two = self.begin("2", Share(100, 1), 10_000)
        self.assertEqual(self.done.share, Share(400, 1))
        self.settle(one, 500, 1)
        self.assertEqual(self.books.used(), (500, 1))
        self.write(release, two)
        self.assertEqual((self.books.used(), self.books.under_way()), ((500, 1), 0))
        self.assertEqual(self.read(octets_left, self.books.limits, NOW), 500)

    def test_refused(self) -> None:
        """Of what is refused nothing stays."""
        self.assertRaises(QuotaExceeded, self.begin, "1", Share(0, 4), 0, "a")
        self.assertEqual((self.books.under_way(), self.books.locked()), (0, []))

    def test_more(self) -> None:
        """An operation can have more, up to the quota, and keeps what it has when it is refused more."""
        one = self.go_on(self.begin("1", Share(600, 1)), Share(700, 1), 800)
        self.assertEqual(self.done.share, Share(800, 1))
        self.assertRaises(QuotaExceeded, self.go_on, one, Share(1001, 1))
        self.go_on(one, Share(10, 0))
        self.assertEqual(self.done.share, Share(800, 1))

    def test_group(self) -> None:
        """A change is charged to all, and the smallest room counts; who is charged may change meanwhile."""
        one = self.begin("1", Share(600, 1))
        self.books.limit_group(700)
        self.assertRaises(QuotaExceeded, self.go_on, one, Share(701, 1))
        one = self.go_on(one, Share(700, 1))
        self.assertEqual(len(one.balances), 2)
        self.books.limits.pop(0)
        self.settle(one, 650, 1)
        self.assertEqual((self.books.used(), self.books.used(group=True)), ((650, 1), (650, 1)))

    def test_places(self) -> None:
        """One operation at a time has a place, until it ends; of several it has all or none."""
        one = self.begin("1", NOTHING, 0, "b", "a")
        self.assertEqual(sorted(self.books.locked()), ["a", "b"])
        self.assertRaises(PlaceTaken, self.begin, "2", NOTHING, 0, "b", "c")
        self.assertEqual(len(self.books.locked()), 2)
        self.settle(one, 1, 1)
        self.begin("2", NOTHING, 0, "b", "c")
        self.assertEqual(sorted(self.books.locked()), ["b", "c"])

    def test_take_over(self) -> None:
        """What was used becomes what is set aside, and the places are free; in sum nothing changes."""
        self.settle(self.begin("0", Share(800, 2)), 800, 2)
        one = self.begin("1", NOTHING, 0, "a")
        self.write(take_over, one, self.books.limits, Share(300, 1), NOW)
        self.assertEqual((self.books.used(), self.books.locked()), ((500, 1), []))
        self.assertEqual(self.read(octets_left, self.books.limits, NOW), 200)
        self.assertRaises(QuotaExceeded, self.go_on, one, Share(501, 1))
        self.settle(one, 400, 1)
        self.assertEqual(self.books.used(), (900, 2))

    def test_settled_twice(self) -> None:
        """A settlement that is written again counts what was added, and has all counted again: never too little."""
        one = self.begin("1", Share(100, 1))
        self.settle(one, 100, 1)
        self.assertFalse(self.books.recount_due())
        self.settle(one, 100, 1)
        self.assertEqual((self.books.used(), self.books.recount_due()), ((200, 2), True))
        self.settle(one, -100, -1)
        self.assertEqual(self.books.used(), (200, 2))

    def test_uncertain(self) -> None:
        """What nobody knows is counted again."""
        self.settle(self.begin("1", Share(100, 1)), 100, 1, certain=False)
        self.assertTrue(self.books.recount_due())

    def test_below_zero(self) -> None:
        """More than there is cannot go away: then something was not known, and is counted again."""
        self.settle(self.begin("1"), -1, 0)
        self.assertEqual((self.books.used(), self.books.recount_due()), ((0, 0), True))

    def test_taken_for_dead(self) -> None:
        """When this server's row is gone, so is what it has set aside; its changes still count."""
        one = self.begin("1", Share(100, 1), 0, "a")
        self.write(mark_recount, "here")
        self.change(delete(servers))
        self.assertEqual((self.books.under_way(), self.books.locked(), self.books.recount_due()), (0, [], True))
        self.assertRaises(AccountsUnavailable, self.go_on, one, Share(200, 1))
        self.assertRaises(AccountsUnavailable, self.begin, "2", Share(1, 0))
        self.settle(one, 100, 1)
        self.assertEqual(self.books.used(), (100, 1))

    def test_mark_recount(self) -> None:
        """Only who is changed by a server is counted again when it dies."""
        self.write(add_server, "there")
        self.begin("1", Share(100, 1))
        self.write(mark_recount, "there")
        self.assertFalse(self.books.recount_due())

    def test_soft(self) -> None:
        """A soft quota is exceeded from a settlement on, for seven days."""
        self.books.limit(1000, octets_soft=100)
        self.settle(self.begin("1", Share(200, 1)), 200, 1)
        self.assertEqual(self.books.row().octets_soft_since, NOW)
        self.begin("2", Share(1))
        late = Operation("3", "here")
        wish = Wish(Share(1))
        self.assertRaises(QuotaExceeded, self.write, set_aside, late, self.books.limits, wish, NOW + GRACE)

    def test_gone(self) -> None:
        """Who was deleted cannot store, and what was under way ends without harm."""
        one = self.begin("1", Share(100, 1))
        self.change(delete(users))
        self.assertRaises(AccountsUnavailable, self.begin, "2", Share(1))
        self.settle(one, 100, 1)
        self.assertEqual(self.books.under_way(), 0)

    def test_usage(self) -> None:
        """What operators are shown."""
        self.settle(self.begin("0", Share(10, 1)), 10, 1)
        self.begin("1", Share(100, 1))
        alice, staff = self.read(read_usage)
        self.assertEqual((alice.kind, alice.name, alice.octets, alice.files), ("user", "alice", 10, 1))
        self.assertEqual((alice.held_octets, alice.held_files, alice.recount_due), (100, 1, False))
        self.assertEqual((staff.kind, staff.name, staff.octets), ("group", "staff", 0))

    def assert_refused(self) -> None:
        """Nothing is granted, and the error tells whose balance it is."""
        for work in (lambda: self.begin("9", Share(1)), lambda: self.read(read_balances, self.books.limits)):
            error = self.assertRaises(AccountsCorrupt, work)
            self.assertIn("user alice", str(error))
        self.assertRaises(AccountsCorrupt, self.read, octets_left, self.books.limits, NOW)
        self.assertEqual(self.books.under_way(), 0)

    def test_cr08_too_large(self) -> None:
        """CR08: a number that is larger than any."""
        self.change(update(balances).values(octets=LARGEST + 1))
        self.assert_refused()

    def test_cr08_share(self) -> None:
        """CR08: less than nothing is set aside."""
        self.begin("1", Share(100, 1))
        self.change(update(operation_shares).values(octets=-(10**12)))
        self.assertRaises(AccountsCorrupt, self.begin, "2", Share(1))
        self.change(update(operation_shares).values(octets=LARGEST + 1))
        self.assertRaises(AccountsCorrupt, self.begin, "2", Share(1))

    def test_cr08_settled(self) -> None:
        """CR08: what is settled on a broken number leaves nothing to anybody, until it was counted."""
        one = self.begin("1", Share(100, 1))
        self.change(update(balances).values(octets=LARGEST + 1))
        self.settle(one, 100, 1)
        self.assertEqual((self.books.used(), self.books.recount_due()), ((LARGEST, LARGEST), True))
        self.assertRaises(QuotaExceeded, self.begin, "2", Share(1))


class SqliteLedgerTests(_LedgerTests, OnSqlite, SynchronousTestCase):
    """On SQLite, where a column holds anything."""

    def _break(self, column: str, value: str, table: str = "balances") -> None:
        """Write what no statement of ours could."""
        tables = "('balances', 'operation_shares')"
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:"), isolation_level=None)) as raw:
            raw.execute("PRAGMA ignore_check_constraints = ON")
            raw.execute("PRAGMA writable_schema = ON")
            raw.execute(f"UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '') WHERE name IN {tables}")
            raw.execute("PRAGMA writable_schema = RESET")
            raw.execute(f"UPDATE {table} SET {column} = {value}")

    def test_cr08_anything(self) -> None:
        """CR08: negative numbers, nothing, texts and fractions."""
        for column in ("octets", "files"):
            for value in ("-1", "NULL", "'many'", "''", "1.5", "x'00'"):
                self._break(column, value)
                self.assert_refused()
            self._break(column, "0")
        for value in ("'long ago'", "-1"):
            self._break("octets_soft_since", value)
            self.assert_refused()
        self._break("octets_soft_since", "NULL")
        self.begin("1", Share(1))

    def test_cr08_shares(self) -> None:
        """CR08: what is set aside is no number."""
        self.begin("1", Share(100, 1))
        for value in ("'many'", "NULL", "1.5"):
            self._break("octets", value, "operation_shares")
            self.assertRaises(AccountsCorrupt, self.begin, "2", Share(1))


class PostgresqlLedgerTests(_LedgerTests, OnPostgresql, SynchronousTestCase):
    """On PostgreSQL."""


del _LedgerTests
