"""Tells ftpx of the storage kind sqlite."""

from ftpx_sqlite.plugin import SqlitePlugin

sqlite = SqlitePlugin()
