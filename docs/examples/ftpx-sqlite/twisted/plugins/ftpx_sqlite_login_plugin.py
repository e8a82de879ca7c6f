"""Tells Twisted of the login kind sqlite-users."""

from ftpx_sqlite.login import SqliteCheckerFactory

sqlite_users = SqliteCheckerFactory()
