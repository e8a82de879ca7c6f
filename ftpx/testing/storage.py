"""
The contract of a storage, as a test that who writes a storage runs against it::

    class MyStorageTests(StorageContract, SynchronousTestCase):
        def make_storage(self) -> IStorage:
            return MyStorage(pool=InlinePool())
"""

from __future__ import annotations

from ftpx.testing.storage_abilities import AbilitiesContract
from ftpx.testing.storage_base import StorageCase
from ftpx.testing.storage_directories import DirectoriesContract, NamesContract, RenamingContract
from ftpx.testing.storage_files import ReadingContract, WritingContract

__all__ = [
    "AbilitiesContract",
    "DirectoriesContract",
    "NamesContract",
    "ReadingContract",
    "RenamingContract",
    "StorageCase",
    "StorageContract",
    "WritingContract",
]


class StorageContract(
    ReadingContract, WritingContract, NamesContract, DirectoriesContract, RenamingContract, AbilitiesContract
):
    """All that a storage must do: mix it into a `SynchronousTestCase` and write `make_storage`."""
