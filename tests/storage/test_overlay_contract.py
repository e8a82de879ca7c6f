"""The storage contract, against overlays: with all in the upper storage, and with what there is in the lower one."""

# mypy: allow-untyped-calls

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import StorageError
from ftpx.interfaces import Entry, IStorage, Path
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.overlay.marks import mark_of
from ftpx.storage.overlay.storage import OverlayStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract
from tests.storage.directories import new_directory


class OverlayContractTests(StorageContract, SynchronousTestCase):
    """An overlay whose lower storage is empty."""

    follows_links = False

    def make_storage(self) -> IStorage:
        """Two empty storages."""
        return OverlayStorage(MemoryStorage(), MemoryStorage())


class LocalOverlayContractTests(OverlayContractTests):
    """The same of directories."""

    def make_storage(self) -> IStorage:
        """Two empty directories."""
        return OverlayStorage(*(open_local(new_directory(self), InlinePool()) for _ in range(2)))


class _NoticingOverlay(OverlayStorage):
    """An overlay that knows whether an upload was begun: from then on nothing is put into the lower storage."""

    begun = False

    async def _place(self, path: Path, *, exclusive: bool) -> Entry | None:
        self.begun = True
        return await super()._place(path, exclusive=exclusive)


class LowerContractTests(OverlayContractTests):
    """An overlay in which the files and directories that a test finds are those of the lower storage."""

    def make_storage(self) -> IStorage:
        """Two empty storages."""
        self.lower: IStorage = MemoryStorage()
        self.upper: IStorage = MemoryStorage(100_000_000)
        return _NoticingOverlay(self.upper, self.lower)

    def put(self, path: Path, content: bytes, *, offset: int | None = 0, exclusive: bool = False) -> Entry:
        """A new file of the lower storage, as long as nothing of the name was there; else by the overlay."""
        if offset == 0 and not exclusive and self.is_free(path):
            overlay, self.storage = self.storage, self.lower
            try:
                super().put(path, content)
            finally:
                self.storage = overlay
            return self.result(overlay.stat(path))
        return super().put(path, content, offset=offset, exclusive=exclusive)

    def make_directory(self, path: Path) -> None:
        """A directory of the lower storage, if it can be there."""
        self.result((self.lower if self.is_free(path) else self.storage).make_directory(path))

    def is_free(self, path: Path) -> bool:
        """Whether what is put at a path of the lower storage is new there, and shows."""
        return self.result(self._is_free(path))

    async def _is_free(self, path: Path) -> bool:
        if isinstance(self.storage, _NoticingOverlay) and self.storage.begun:
            return False
        for storage in (self.storage, self.lower, self.upper):
            if await _has(storage, path):
                return False
        marks = [mark_of(path[:length]) for length in range(1, len(path) + 1)]
        if any([await _has(self.upper, mark) for mark in marks]):
            return False
        return not path[1:] or await _has(self.lower, path[:-1])


async def _has(storage: IStorage, path: Path) -> bool:
    try:
        await storage.stat(path)
    except StorageError:
        return False
    return True


class LowerLocalContractTests(LowerContractTests):
    """The same of directories."""

    def make_storage(self) -> IStorage:
        """Two empty directories."""
        self.lower, self.upper = (open_local(new_directory(self), InlinePool()) for _ in range(2))
        return _NoticingOverlay(self.upper, self.lower)
