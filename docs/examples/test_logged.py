"""The wrapper keeps the contract, and logs what it should."""

from __future__ import annotations

from logged import LoggedPlugin
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import NotFound
from ftpx.interfaces import IStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract


class LoggedStorageTests(StorageContract, SynchronousTestCase):
    """Around a storage in memory."""

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return LoggedPlugin().open_storage("memory:", InlinePool())

    def test_removed(self) -> None:
        """A file that was removed is told of, and one that was not there is not."""
        self.put(("a",), b"")
        with capturedLogs() as said:
            self.result(self.storage.remove_file(("a",)))
            self.assert_fails(self.storage.remove_file(("b",)), NotFound)
        self.assertEqual([event["path"] for event in said if "path" in event], ["a"])
