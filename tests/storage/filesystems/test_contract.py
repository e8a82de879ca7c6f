"""The contract of storages on filesystems of fsspec that need no server."""

from __future__ import annotations

import uuid

from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IStorage
from ftpx.storage.filesystems.plugin import plugin
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract
from tests.storage.directories import new_directory

__all__: list[str] = []


class DiskTests(StorageContract, SynchronousTestCase):
    """``fsspec:file://DIR``."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return plugin.open_storage(f"file://{new_directory(self)}", InlinePool())


class MemoryTests(StorageContract, SynchronousTestCase):
    """``fsspec:memory://``: one tree for all of the process, so each test has a directory of its own."""

    # Each look at its tree takes as long as there are files in it.
    long_listing = 1200

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return plugin.open_storage(f"memory:///{uuid.uuid4()}", InlinePool())
