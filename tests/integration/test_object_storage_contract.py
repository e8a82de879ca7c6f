"""The contract of storages, on a real object store."""

from __future__ import annotations

from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IStorage, IStoragePool
from ftpx.storage.objects.resumable import ResumableObjectStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract
from tests.integration.object_store_cases import open_at_once, use_test_credentials
from tests.integration.seaweedfs import Place, shared_seaweedfs


class SeaweedStorageTests(StorageContract, SynchronousTestCase):
    """``object:s3://`` on SeaweedFS, in a part of a bucket. Each request is made at once, in the thread of the test."""

    keeps_open_files = False
    # Each file is some requests, so there are as many as a second page needs.
    long_listing: ClassVar[int] = 1050
    many_files: ClassVar[int] = 30
    large_file: ClassVar[int] = 12 * 2**20

    place: Place

    def make_storage(self) -> IStorage:
        """A new place in a bucket."""
        return self.make_storage_on(InlinePool())

    def make_storage_on(self, pool: IStoragePool) -> IStorage:
        """A new place in a bucket."""
        use_test_credentials(self)
        self.place = shared_seaweedfs().place()
        store = open_at_once(self.place.address("some/where") + "&part_size=5")
        return ResumableObjectStorage(store, pool)

    def assert_nothing_open(self) -> None:
        """No parts are left of uploads."""
        self.assertEqual(self.place.uploads(), [])
