"""How users and groups are found by their names."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.database.naming import ids_by_name, key_of
from ftpx.accounts.database.schema import users
from ftpx.accounts.database.users import add_user
from ftpx.errors import ConfigurationError
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite


class KeyTests(SynchronousTestCase):
    """The identity of a name."""

    def test_au19_spellings(self) -> None:
        """AU19: all spellings of a name have one key, also the longest name in its longest spelling."""
        for names in (("\u00e9", "E\u0301", "e\u0301"), ("\u00e9" * 64, "e\u0301" * 64), ("ma\u00df", "MASS")):
            self.assertEqual(len({key_of(name) for name in names}), 1)
            self.assertIsNotNone(key_of(names[0]))

    def test_au18_no_names(self) -> None:
        """AU18: what can be nobody's name has none, however long."""
        for name in ("", ".", "../../etc", "a/b", "x\0y", "\udcff", "a" * 65, "a" * 10**7, "\u2024\u2024"):
            self.assertIsNone(key_of(name))


class NamingContract(DatabaseCase):
    """Names on every database."""

    def test_ids(self) -> None:
        """Ids come in their order, once each, whatever the spelling."""
        ids = [self.write(add_user, name) for name in ("bob", "alice")]
        for lock in (False, True):
            self.assertEqual(self.write(ids_by_name, users, "user", ["Alice", "bob", "ALICE"], lock=lock), ids)
        self.assertEqual(self.read(ids_by_name, users, "user", []), [])

    def test_missing(self) -> None:
        """Who is not there is named, and nobody else."""
        self.write(add_user, "bob")
        error = self.assertRaises(ConfigurationError, self.read, ids_by_name, users, "user", ["bob", "a/b", "carol"])
        self.assertEqual(str(error), "There is no user 'a/b', 'carol'.")


class SqliteNamingTests(OnSqlite, NamingContract, SynchronousTestCase):
    """On SQLite."""


class PostgresqlNamingTests(OnPostgresql, NamingContract, SynchronousTestCase):
    """On PostgreSQL."""
