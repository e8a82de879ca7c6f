"""The settings of the accounts in the database."""

from __future__ import annotations

from sqlalchemy import Connection, insert
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.database.revision import current
from ftpx.accounts.database.schema import settings
from ftpx.accounts.database.settings import read_settings, set_setting
from ftpx.accounts.settings import Settings
from ftpx.errors import AccountsCorrupt, ConfigurationError
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite


class SettingsContract(DatabaseCase):
    """Settings on every database."""

    def test_defaults(self) -> None:
        """What nobody has set has its default."""
        self.assertEqual(self.read(read_settings), Settings())

    def test_set(self) -> None:
        """A setting is set, set again, and has its default again; servers see each of it."""
        for text, value in (("5", 5), ("7", 7), (None, 10)):
            before = self.read(current)
            self.write(set_setting, "ban_failures", text)
            self.assertEqual(self.read(read_settings), Settings(ban_failures=value))
            self.assertEqual(self.read(current), before + 1)

    def test_wrong(self) -> None:
        """What is no setting, or no value of one, is not kept."""
        for name, text in (("ban_failures", "0"), ("nothing", "1"), ("nothing", None), ("'; --", "1")):
            self.assertRaises(ConfigurationError, self.write, set_setting, name, text)
        self.assertEqual(self.read(read_settings), Settings())

    def test_cr08(self) -> None:
        """CR08: a damaged setting is not taken for its default."""
        self.write(Connection.execute, insert(settings), [{"name": "ban_failures", "value": "many"}])
        self.assertRaises(AccountsCorrupt, self.read, read_settings)
        self.write(set_setting, "ban_failures", None)
        self.assertEqual(self.read(read_settings), Settings())


class SqliteSettingsTests(OnSqlite, SettingsContract, SynchronousTestCase):
    """On SQLite."""


class PostgresqlSettingsTests(OnPostgresql, SettingsContract, SynchronousTestCase):
    """On PostgreSQL."""
