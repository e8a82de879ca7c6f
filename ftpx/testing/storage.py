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
from ftpx.testing.storage_partials import (
    DurabilityContract,
    PartialsCase,
    PartialUploadsContract,
    ReplacedUploadsContract,
    StagedContentContract,
)

__all__ = [
    "AbilitiesContract",
    "DirectoriesContract",
    "DurabilityContract",
    "NamesContract",
    "PartialUploadsContract",
    "PartialsCase",
    "ReadingContract",
    "RenamingContract",
    "ReplacedUploadsContract",
    "StagedContentContract",
    "StorageCase",
    "StorageContract",
    "WritingContract",
]


class StorageContract(
    ReadingContract,
    WritingContract,
    NamesContract,
    DirectoriesContract,
    RenamingContract,
    AbilitiesContract,
    PartialUploadsContract,
    ReplacedUploadsContract,
    StagedContentContract,
    DurabilityContract,
):
    """All that a storage must do: mix it into a `SynchronousTestCase` and write `make_storage`."""
