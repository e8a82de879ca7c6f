"""Making the tables, and keeping them up to date."""

from __future__ import annotations

import os
import stat
import threading
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, Engine, inspect, text
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.database.connection import open_database, parse_url, transaction
from ftpx.accounts.database.migrating import check_version, upgrade
from ftpx.accounts.database.revision import current
from ftpx.accounts.database.schema import metadata
from ftpx.errors import ConfigurationError
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite


def _differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


def _checks(connection: Connection) -> set[tuple[str, str | None]]:
    inspector = inspect(connection)
    return {(table, check["name"]) for table in metadata.tables for check in inspector.get_check_constraints(table)}


class MigratingContract(DatabaseCase):
    """The tables that the migrations make, on every database."""

    empty = True

    def test_same_as_schema(self) -> None:
        """The migrations make the tables that the queries are written for, and nothing else."""
        upgrade(self.engine)
        self.assertEqual(self.read(_differences), [])
        wanted = {
            (table.name, f"ck_{table.name}_{str(constraint.name).removeprefix(f'ck_{table.name}_')}")
            for table in metadata.tables.values()
            for constraint in table.constraints
            if isinstance(constraint, CheckConstraint)
        }
        self.assertEqual(self.read(_checks), wanted)

    def test_again(self) -> None:
        """What is up to date stays as it is."""
        upgrade(self.engine)
        self.write(lambda connection: connection.execute(text("INSERT INTO settings VALUES ('a', 'b')")))
        upgrade(self.engine)
        rows = self.read(lambda connection: list(connection.execute(text("SELECT name, value FROM settings"))))
        self.assertEqual([tuple(row) for row in rows], [("a", "b")])
        self.read(check_version)

    def test_first_revision(self) -> None:
        """The number that servers follow is there from the beginning."""
        upgrade(self.engine)
        self.assertEqual(self.read(current), 0)

    def test_at_once(self) -> None:
        """Servers that start at once on an empty database wait for each other, and all of them have the tables."""
        errors: list[Exception] = []

        def make(engine: Engine) -> None:
            try:
                upgrade(engine)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=make, args=(self.open(),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        self.read(check_version)

    def test_newer(self) -> None:
        """Tables of a newer ftpx are left alone."""
        upgrade(self.engine)
        self.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
        for use in (lambda: upgrade(self.engine), lambda: self.read(check_version)):
            error = self.assertRaises(ConfigurationError, use)
            self.assertIn("9999", str(error))

    def test_never_made(self) -> None:
        """A database without tables is told from one that has them."""
        self.assertRaises(ConfigurationError, self.read, check_version)

    def test_no_connection_left(self) -> None:
        """Behind it no connection is open, so a daemon can fork."""
        upgrade(self.engine)
        self.assertEqual(self.engine.pool.status().count("Connections in pool: 0"), 1)


class SqliteMigratingTests(OnSqlite, MigratingContract, SynchronousTestCase):
    """On SQLite."""

    def test_file(self) -> None:
        """A new file is nobody else's to read, and neither are those that SQLite puts beside it."""
        folder = self.mktemp()
        os.mkdir(folder)
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        engine = open_database(parse_url(f"sqlite:{folder}/accounts"))
        self.addCleanup(engine.dispose)
        with transaction(engine, write=True) as connection:
            connection.execute(text("CREATE TABLE a (b)"))
            modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in os.scandir(folder)}
        self.assertEqual(modes, {"accounts": 0o600, "accounts-wal": 0o600, "accounts-shm": 0o600})


class PostgresqlMigratingTests(OnPostgresql, MigratingContract, SynchronousTestCase):
    """On PostgreSQL."""
