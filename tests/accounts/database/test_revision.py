"""The number by which servers see that they have to follow."""

from __future__ import annotations

import threading

from sqlalchemy import Connection, delete
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.database.revision import bump, current
from ftpx.accounts.database.schema import revision
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite


class RevisionContract(DatabaseCase):
    """The number on every database."""

    def test_grows(self) -> None:
        """It grows by one with each change."""
        seen = []
        for _ in range(3):
            seen.append(self.read(current))
            self.write(bump)
        self.assertEqual(seen, [0, 1, 2])

    def test_lost(self) -> None:
        """A row that was deleted by hand is made again."""
        self.write(Connection.execute, delete(revision))
        self.assertEqual(self.read(current), 0)
        self.write(bump)
        self.assertEqual(self.read(current), 1)

    def test_at_once(self) -> None:
        """No change is lost among those that come at once."""
        threads = [threading.Thread(target=lambda: [self.write(bump) for _ in range(10)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.read(current), 40)


class SqliteRevisionTests(OnSqlite, RevisionContract, SynchronousTestCase):
    """On SQLite."""


class PostgresqlRevisionTests(OnPostgresql, RevisionContract, SynchronousTestCase):
    """On PostgreSQL."""
