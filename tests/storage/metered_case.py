"""Metered storages for tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.task import Clock

from ftpx.accounts.database.connection import open_database, parse_url, transaction
from ftpx.accounts.database.schema import metadata
from ftpx.interfaces import IStorage
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.metered import MeteredStorage
from ftpx.storage.usage import usage
from ftpx.testing.storage import StorageCase
from tests.accounts.ledgers import Books
from tests.storage.directories import new_directory

__all__ = ["MeteredCase", "new_books"]


@cache
def _empty() -> bytes:
    """An SQLite database with all tables."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "accounts"
        engine = open_database(parse_url(f"sqlite:{path}"))
        with transaction(engine, write=True) as connection:
            metadata.create_all(connection)
        engine.dispose()
        return path.read_bytes()


def new_books(folder: str, clock: Clock) -> Books:
    """Books in an SQLite database in a folder."""
    path = Path(folder) / "accounts"
    path.write_bytes(_empty())
    return Books(open_database(parse_url(f"sqlite:{path}")), clock)


class MeteredCase(StorageCase):
    """A mixin: a storage in memory, metered for alice; what the ledger says must be what is stored."""

    def make_inner(self) -> IStorage:
        """The storage that is metered."""
        return MemoryStorage()

    def make_storage(self) -> IStorage:
        """See `StorageCase`."""
        self.clock = Clock()
        self.books = new_books(new_directory(self), self.clock)
        self.addCleanup(self.books.engine.dispose)
        self.inner = self.make_inner()
        return MeteredStorage(self.inner, self.books.quotas, "tests")

    def assert_exact(self, octets: int | None = None, files: int | None = None) -> None:
        """The ledger says what a count finds, nothing is set aside and nothing locked any more."""
        counted = self.result(usage(self.inner, (), ["alice"]))
        self.assertEqual(self.books.used(), counted)
        if octets is not None:
            self.assertEqual(counted[0], octets)
        if files is not None:
            self.assertEqual(counted[1], files)
        self.assertEqual(self.books.under_way(), 0)
        self.assertFalse(self.books.recount_due())
