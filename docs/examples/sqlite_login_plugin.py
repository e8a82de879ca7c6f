"""Tells Twisted of the login kind sqlite-users."""

from sqlite_login import SqliteCheckerFactory

sqlite_users = SqliteCheckerFactory()
