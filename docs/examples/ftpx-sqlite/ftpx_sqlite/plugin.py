"""What makes the storage from the command line."""

from __future__ import annotations

import sqlite3

from twisted.plugin import IPlugin
from zope.interface import implementer

from ftpx.errors import ConfigurationError
from ftpx.interfaces import IStorage, IStoragePlugin, IStoragePool
from ftpx.storage.threaded import ThreadedStorage
from ftpx_sqlite.storage import SqliteStorage

__all__ = ["SqlitePlugin"]


@implementer(IStoragePlugin, IPlugin)
class SqlitePlugin:
    """``--storage sqlite:FILE``"""

    prefix = "sqlite"
    argument_format = "FILE"
    help = "Files in an SQLite database, which is made if it is not there."

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """See `IStoragePlugin.open_storage`."""
        if not arguments:
            raise ConfigurationError("sqlite: wants the name of a database, as in sqlite:files.db")
        try:
            return ThreadedStorage(SqliteStorage(arguments), pool)
        except sqlite3.Error as error:
            raise ConfigurationError(f"sqlite:{arguments} cannot be opened: {error}") from error
