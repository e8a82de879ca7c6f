"""The contract of ftpx, run against the storage."""

from __future__ import annotations

from sqlite_storage import SqliteStorage
from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract


class SqliteStorageTests(StorageContract, SynchronousTestCase):
    """A database in memory, new for every test."""

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return SqliteStorage(":memory:", InlinePool())
