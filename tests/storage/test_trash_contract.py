"""The storage contract, against storages with a trash."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import Entry, IStorage, IWithoutLinks, Path
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.mounted import MountedStorage
from ftpx.storage.overlay.storage import OverlayStorage
from ftpx.storage.prefixed import subtree
from ftpx.storage.trash.plugin import open_trash
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract
from tests.storage.directories import new_directory
from tests.storage.test_wrappers import PlainStorage
from tests.storage.whole import whole_run


class TrashContractTests(StorageContract, SynchronousTestCase):
    """A storage in memory with a trash, which the tests do not look for."""

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return open_trash(MemoryStorage(), days=30)

    async def _pages(self, path: Path) -> list[list[Entry]]:
        pages = await super()._pages(path)
        return pages if path else list(_without_trash(pages))


def _without_trash(pages: list[list[Entry]]) -> Iterator[list[Entry]]:
    for page in pages:
        if shown := [entry for entry in page if entry.name != ".trash"]:
            yield shown


class LocalTrashContractTests(TrashContractTests):
    """A directory with a trash."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return open_trash(open_local(new_directory(self), InlinePool()), days=30)


@whole_run
class LinklessTrashContractTests(TrashContractTests):
    """A directory with a trash, without links."""

    follows_links = False

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return IWithoutLinks(open_trash(open_local(new_directory(self), InlinePool()), days=30)).without_links()


class HomeTrashContractTests(TrashContractTests):
    """A directory of one."""

    def make_storage(self) -> IStorage:
        """An empty directory of a directory."""
        storage = open_trash(open_local(new_directory(self), InlinePool()), days=30)
        self.result(storage.make_directory(("home",)))
        return self.result(subtree(storage, ("home",)))


@whole_run
class PlainTrashContractTests(TrashContractTests):
    """A storage without any ability."""

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return open_trash(PlainStorage(MemoryStorage()), days=30)


class TrashOverOverlayContractTests(TrashContractTests):
    """An overlay with a trash."""

    follows_links = False

    def make_storage(self) -> IStorage:
        """Two empty directories."""
        layers = (open_local(new_directory(self), InlinePool()) for _ in range(2))
        return open_trash(OverlayStorage(*layers), days=30)


@whole_run
class OverlayOverTrashContractTests(TrashContractTests):
    """An overlay of which the upper storage has a trash."""

    follows_links = False

    def make_storage(self) -> IStorage:
        """An empty directory with a trash, and another."""
        upper, lower = (open_local(new_directory(self), InlinePool()) for _ in range(2))
        return OverlayStorage(open_trash(upper, days=30), lower)


@whole_run
class MountedTrashContractTests(TrashContractTests):
    """A storage with a trash that is mounted in another."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        inner = open_trash(open_local(new_directory(self), InlinePool()), days=30)
        return self.result(subtree(MountedStorage(MemoryStorage(), {("m",): inner}), ("m",)))


@whole_run
class TrashOverMountedContractTests(TrashContractTests):
    """A mounted storage in a tree with a trash, which is in another storage."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        base, mounted = (open_local(new_directory(self), InlinePool()) for _ in range(2))
        storage = open_trash(MountedStorage(base, {("m",): mounted}), days=30)
        return self.result(subtree(storage, ("m",)))
