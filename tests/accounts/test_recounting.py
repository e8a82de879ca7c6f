"""Counting again what is stored, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, update
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.balance import LARGEST, Share
from ftpx.accounts.database.ledger import Operation, Wish, set_aside
from ftpx.accounts.database.schema import balances, group_items, user_items
from ftpx.accounts.recounting import Recounting
from ftpx.errors import StorageFailure
from tests.accounts.databases import OnPostgresql, OnSqlite
from tests.accounts.ledgers import LedgerCase, add_server, add_user


class _RecountingTests(LedgerCase):
    """Alice and the group have quotas, and somebody wants to know what alice really has."""

    def setUp(self) -> None:
        """Say so."""
        super().setUp()
        self.books.limit(1000)
        self.change(insert(user_items).values(user_id=self.books.alice, item="quota", place=0, value="1000"))
        self.change(insert(group_items).values(group_id=self.books.staff, item="quota_soft", place=0, value="9"))
        self.change(update(balances).values(recounted=self.books.now))
        self.change(update(balances).where(balances.c.user_id == self.books.alice).values(recount_due=True, octets=5))
        self.counted: list[tuple[int | None, int | None]] = []
        self.answer: Any = (70, 2)
        self.recounting = Recounting(self.ledger, self._count, self.clock)
        self.recounting.start()
        self.addCleanup(self.recounting.stop)

    async def _count(self, user_id: int | None, group_id: int | None) -> tuple[int, int]:
        self.counted.append((user_id, group_id))
        answer = self.answer
        if isinstance(answer, Exception):
            raise answer
        return await answer if isinstance(answer, Deferred) else answer  # type: ignore[no-any-return]

    def change(self, statement: Any) -> None:
        """Change something by hand."""
        self.write(lambda connection: connection.execute(statement))

    def look(self, seconds: int = 20) -> None:
        """Let the time pass."""
        self.clock.pump([1.0] * seconds)

    def store(self, octets: int) -> None:
        """Alice stores something meanwhile."""
        reservation = self.result(self.quotas.reserve(octets, 0, ["a"]))
        self.result(reservation.settle(octets, 0))

    def test_counts(self) -> None:
        """What is due is counted once all servers know of it, and then not again."""
        self.look(6)
        self.assertEqual(self.counted, [])
        self.look(60)
        self.assertEqual(self.counted, [(self.books.alice, None)])
        self.assertEqual((self.books.used(), self.books.recount_due(), self.books.locked()), ((70, 2), False, []))

    def test_old(self) -> None:
        """Everything with a quota is counted once a day."""
        self.look()
        self.write(add_user, "bob")
        self.books.now += 24 * 3600.0 + 1
        self.look()
        self.assertEqual(self.counted[1:], [(self.books.alice, None), (None, self.books.staff)])

    def test_changed_meanwhile(self) -> None:
        """A count that took its time while something changed is made again later, and later."""
        self.answer = Deferred()
        self.look()
        self.store(3)
        counted, self.answer = self.answer, (73, 2)
        counted.callback((70, 2))
        self.assertEqual((self.books.used(), self.books.recount_due()), ((8, 0), True))
        self.look(10)
        self.assertEqual(len(self.counted), 1)
        self.look(10)
        self.assertEqual((len(self.counted), self.books.used(), self.books.recount_due()), (2, (73, 2), False))

    def test_half_done(self) -> None:
        """So is one that was made while something was between its change and its account."""
        reservation = self.result(self.quotas.reserve(3, 0, ["a"]))
        self.look()
        self.assertEqual((len(self.counted), self.books.recount_due()), (1, True))
        self.result(reservation.release())
        self.look()
        self.assertEqual((len(self.counted), self.books.recount_due()), (2, False))

    def test_one_server_at_a_time(self) -> None:
        """Who finds that another server counts does not."""
        self.write(add_server, "there")
        place = f"count/{self.books.row().id}"
        self.write(set_aside, Operation("1", "there"), (), Wish(places=(place,)), self.books.now)
        self.look()
        self.assertEqual(self.counted, [])

    def test_cr08_healed(self) -> None:
        """CR08: a broken number is put right by a count."""
        self.change(update(balances).where(balances.c.user_id == self.books.alice).values(octets=LARGEST + 1))
        self.look()
        self.assertEqual(self.books.used(), (70, 2))
        self.assertEqual(self.result(self.quotas.available()), 930)

    def test_fails(self) -> None:
        """What cannot be counted is tried again."""
        self.answer = StorageFailure("the disk is broken")
        self.look()
        self.answer = (1, 1)
        self.assertEqual((self.books.used(), self.books.recount_due(), self.books.locked()), ((5, 0), True, []))
        self.look(60)
        self.assertEqual(self.books.used(), (1, 1))

    def test_stopped(self) -> None:
        """A count under way is broken off with the server, and gives back its lock."""
        self.answer = Deferred()
        self.look()
        self.recounting.stop()
        self.assertEqual((self.books.locked(), self.clock.getDelayedCalls()), ([], []))
        self.recounting.start()

    def test_share(self) -> None:
        """What was set aside stays so."""
        self.result(self.quotas.reserve(100, 0))
        self.look()
        self.assertEqual(self.result(self.quotas.available()), 1000 - 70 - 100)
        self.assertEqual(Share(70, 2), Share(*self.books.used()))


class SqliteRecountingTests(_RecountingTests, OnSqlite, SynchronousTestCase):
    """On SQLite."""


class PostgresqlRecountingTests(_RecountingTests, OnPostgresql, SynchronousTestCase):
    """On PostgreSQL."""


del _RecountingTests
