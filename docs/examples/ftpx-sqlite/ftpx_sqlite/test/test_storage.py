"""The storage keeps the contract of ftpx."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IStorage, IStoragePool
from ftpx.storage.forwarding import ForwardingStorage
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.differential import compare_session
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract
from ftpx.testing.threads import ThreadedCase
from ftpx_sqlite.plugin import SqlitePlugin


class SqliteStorageTests(StorageContract, SynchronousTestCase):
    """A database in a file of its own, new for every test."""

    # Less than the contract asks for by itself, so that the tests take seconds.
    large_file = 2 * 2**20
    long_listing = 1050
    many_files = 20

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return self.make_storage_on(InlinePool())

    def make_storage_on(self, pool: IStoragePool) -> IStorage:
        """An empty storage whose calls the tests can hold back."""
        return SqlitePlugin().open_storage(self.mktemp(), pool)


class ThreadedSqliteStorageTests(ThreadedCase, SqliteStorageTests):
    """The same with calls in threads, as a server makes them."""

    def make_storage(self) -> IStorage:
        """An empty storage with threads."""
        return self.make_storage_on(self.make_pool())


class _Memory(ForwardingStorage):
    """A storage in memory that can do no more than this one."""


class SessionTests(SynchronousTestCase):
    """What clients see."""

    def test_like_memory(self) -> None:
        """Whatever they say, replies and content are those of a storage in memory."""
        for seed in range(10):
            difference = compare_session(seed, self.make_memory, self.make_sqlite, breaks=False)
            self.assertIsNone(difference, f"\n{difference}")

    def make_memory(self) -> IStorage:
        """An empty storage in memory."""
        return _Memory(MemoryStorage())

    def make_sqlite(self) -> IStorage:
        """An empty database."""
        return SqlitePlugin().open_storage(self.mktemp(), InlinePool())
