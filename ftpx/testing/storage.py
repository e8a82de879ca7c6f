"""
The contract of a storage, as a test that who writes a storage runs against it::

    class MyStorageTests(StorageContract, SynchronousTestCase):
        def make_storage(self) -> IStorage:
            return MyStorage(pool=InlinePool())

What a storage may do and need not is said by attributes of the class, see `StorageCase`; optional interfaces that it
does not provide are skipped.
"""

from __future__ import annotations

from ftpx.testing.contract.abilities import AbilitiesContract
from ftpx.testing.contract.cancelling import CancellingContract
from ftpx.testing.contract.case import StorageCase
from ftpx.testing.contract.directories import DirectoriesContract
from ftpx.testing.contract.kept import KeptUploadsContract
from ftpx.testing.contract.listings import ListingsContract
from ftpx.testing.contract.names import NamesContract
from ftpx.testing.contract.partials import PartialUploadsContract
from ftpx.testing.contract.partials_case import PartialsCase
from ftpx.testing.contract.races import RacesContract
from ftpx.testing.contract.reading import ReadingContract
from ftpx.testing.contract.renaming import RenamingContract
from ftpx.testing.contract.replaced import ReplacedUploadsContract
from ftpx.testing.contract.sizes import SizesContract
from ftpx.testing.contract.staged import DurabilityContract, StagedContentContract
from ftpx.testing.contract.writing import WritingContract

__all__ = ["PartialsCase", "StorageCase", "StorageContract"]


class StorageContract(
    ReadingContract,
    WritingContract,
    RacesContract,
    SizesContract,
    NamesContract,
    ListingsContract,
    DirectoriesContract,
    RenamingContract,
    AbilitiesContract,
    CancellingContract,
    PartialUploadsContract,
    KeptUploadsContract,
    ReplacedUploadsContract,
    StagedContentContract,
    DurabilityContract,
):
    """All that a storage must do: mix it into a `SynchronousTestCase` and write `make_storage`."""
