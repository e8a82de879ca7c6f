"""Tells ftpx of the storage kind sqlite."""

from sqlite_storage import SqlitePlugin

sqlite = SqlitePlugin()
