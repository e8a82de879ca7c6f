"""An overlay is what a plain storage would be, whatever is done to it, and wherever it is interrupted."""

# mypy: allow-untyped-calls

from __future__ import annotations

import random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.errors import StorageFailure
from ftpx.interfaces import IServerSideCopy, IStorage, IWritableFile, Path
from ftpx.storage.forwarding import ForwardingFile, ForwardingStorage
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.overlay.storage import OverlayStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageCase
from tests.storage.directories import new_directory
from tests.storage.trees import Tree, change, populate, random_tree, tree_of


class _Steps:
    """How many changes are made before all of them fail."""

    def __init__(self) -> None:
        self.left = 1_000_000

    def take(self) -> None:
        if not self.left:
            raise StorageFailure("the storage is gone")
        self.left -= 1


class _EndingFile(ForwardingFile):
    def __init__(self, inner: IWritableFile, steps: _Steps) -> None:
        super().__init__(inner)
        self._steps = steps

    async def publish(self, commit: Any) -> Any:
        self._steps.take()
        return await commit()


@implementer(IServerSideCopy)
class _EndingStorage(ForwardingStorage):
    """A storage that after so many changes makes no more: as if the process had ended."""

    def __init__(self, inner: IStorage, steps: _Steps) -> None:
        super().__init__(inner)
        self._steps = steps

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        return _EndingFile(await self.inner.open_write(path, offset=offset, exclusive=exclusive), self._steps)

    async def make_directory(self, path: Path) -> None:
        self._steps.take()
        await self.inner.make_directory(path)

    async def remove_directory(self, path: Path) -> None:
        self._steps.take()
        await self.inner.remove_directory(path)

    async def remove_file(self, path: Path) -> None:
        self._steps.take()
        await self.inner.remove_file(path)

    async def rename(self, source: Path, destination: Path) -> None:
        self._steps.take()
        await self.inner.rename(source, destination)

    async def copy(self, source: Path, destination: Path) -> None:
        self._steps.take()
        await IServerSideCopy(self.inner).copy(source, destination)


class ModelTests(StorageCase, SynchronousTestCase):
    """Random changes of random trees, the same each time."""

    def make_storage(self) -> IStorage:
        """Not used: each round has storages of its own."""
        return MemoryStorage()

    async def _round(self, seed: int, upper: IStorage, lower: IStorage) -> None:
        chance = random.Random(seed)
        below, plain = random_tree(chance), MemoryStorage()
        await populate(lower, below)
        await populate(plain, below)
        overlay = OverlayStorage(upper, lower)
        done = []
        for _ in range(40):
            what, (expected, found) = await change([plain, overlay], chance)
            done.append(f"{what}: {expected}")
            self.assertEqual(found, expected, (seed, below, done))
            self.assertEqual(await tree_of(overlay), await tree_of(plain), (seed, below, done))
        self.assertEqual(await tree_of(lower), below)

    def test_memory(self) -> None:
        """Over storages in memory."""
        for seed in range(150):
            self.result(self._round(seed, MemoryStorage(), MemoryStorage()))

    def test_directories(self) -> None:
        """Over directories."""
        for seed in range(1000, 1010):
            upper, lower = (open_local(new_directory(self), InlinePool()) for _ in range(2))
            self.result(self._round(seed, upper, lower))

    def test_interrupted(self) -> None:
        """CR: wherever a change breaks off, the tree is as it was before or as it is afterwards."""
        for seed in range(2000, 2120):
            self.result(self._interrupted(seed))

    async def _interrupted(self, seed: int) -> None:
        chance = random.Random(seed)
        lower, upper, steps = MemoryStorage(), MemoryStorage(), _Steps()
        await populate(lower, random_tree(chance))
        ending = _EndingStorage(upper, steps)
        for _ in range(15):
            overlay = OverlayStorage(upper, lower)
            before = await tree_of(overlay)
            state = chance.getstate()
            left = 0
            # The same change again and again, each time with one step more.
            while True:
                chance.setstate(state)
                steps.left = left
                what, (whole,) = await change([OverlayStorage(ending, lower)], chance)
                after = await tree_of(OverlayStorage(upper, lower))
                if whole or steps.left:
                    break
                if after != before:
                    self._require_done(what, before, after)
                    break
                left += 1

    def _require_done(self, what: str, before: Tree, after: Tree) -> None:
        """What broke off behind its last visible step has done all that it was to do."""
        kind, source, *_ = what.split(" ")
        path = tuple(source.split("/"))
        changed = {place for place in {*before, *after} if before.get(place, 0) != after.get(place, 0)}
        self.assertIn(kind, {"remove", "rmdir"}, (what, before, after))
        self.assertEqual((changed, path in after), ({path}, False), what)
