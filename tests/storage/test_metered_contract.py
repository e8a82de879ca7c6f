"""A metered storage does what every storage does, and its ledger is right whatever the contract's tests do."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IStorage
from ftpx.storage.local import open_local
from ftpx.storage.usage import usage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract
from tests.storage.directories import new_directory
from tests.storage.metered_case import MeteredCase

_PLENTY = 10**12


class MeteredMemoryContractTests(StorageContract, MeteredCase, SynchronousTestCase):
    """Over memory, with a quota that the contract does not reach. Each file takes some calls to the database."""

    long_listing = 1100
    many_files = 40

    def setUp(self) -> None:
        """Give alice plenty."""
        super().setUp()
        self.books.limit(_PLENTY, files=_PLENTY)

    def tearDown(self) -> None:
        """The ledger is what is stored."""
        if not self.beside_the_ledger():
            owners = ["alice", "bob"]
            self.assertEqual(self.books.used(), self.result(usage(self.inner, (), owners)))
        super().tearDown()

    def beside_the_ledger(self) -> bool:
        """Whether this test tidies, of which only the next count hears, or has owners of other names."""
        return "tidy" in self.id() or "owner_of_any_name" in self.id()


class MeteredLocalContractTests(MeteredMemoryContractTests):
    """Over a directory."""

    follows_links = False

    def make_inner(self) -> IStorage:
        """An empty directory, in which no links are followed."""
        return open_local(new_directory(self), InlinePool()).without_links()
