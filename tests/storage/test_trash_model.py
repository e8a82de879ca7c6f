"""Nothing is lost that was ever published, and a storage with a trash is as it would be without."""

# mypy: allow-untyped-calls

from __future__ import annotations

import random
from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IStorage, IVersions, Path
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.prefixed import subtree
from ftpx.storage.trash.plugin import open_trash
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageCase
from tests.storage.directories import new_directory
from tests.storage.trees import Tree, change, tree_of


class TrashModelTests(StorageCase, SynchronousTestCase):
    """Random changes, the same each time."""

    def make_storage(self) -> IStorage:
        """Not used: each round has storages of its own."""
        return MemoryStorage()

    async def _round(self, seed: int, whole: IStorage, home: Path = ()) -> None:
        chance, plain = random.Random(seed), MemoryStorage()
        storage = await subtree(whole, home)
        lost: Counter[tuple[Path, bytes]] = Counter()
        before: Tree = {}
        for _ in range(60):
            what, (expected, found) = await change([plain, storage], chance)
            self.assertEqual(found, expected, (seed, what))
            after = await tree_of(plain)
            self.assertEqual(await tree_of(storage, without=[".trash"]), after, (seed, what))
            if found:
                lost.update(_taken_away(what, before))
            self.assertEqual(await _kept(storage), lost, (seed, what))
            before = after

    def test_memory(self) -> None:
        """In memory."""
        for seed in range(60):
            self.result(self._round(seed, open_trash(MemoryStorage(), days=1)))

    def test_directory(self) -> None:
        """In a directory."""
        for seed in range(100, 106):
            self.result(self._round(seed, open_trash(open_local(new_directory(self), InlinePool()), days=1)))

    def test_home(self) -> None:
        """In a directory of a storage."""
        for seed in range(200, 230):
            whole = open_trash(MemoryStorage(), days=1)
            self.result(whole.make_directory(("home",)))
            self.result(self._round(seed, whole, ("home",)))
            self.assertEqual(set(self.result(_names(whole))), {"home", ".trash"})


async def _names(storage: IStorage) -> list[str]:
    return [entry.name async for page in storage.list_directory(()) for entry in page]


def _taken_away(what: str, before: Tree) -> Counter[tuple[Path, bytes]]:
    """What a change that succeeded has deleted or replaced."""
    kind, source, destination = what.split(" ")
    victim = destination if kind in {"rename", "copy"} else source
    if kind in {"mkdir", "rmdir"} or (victim == source and kind in {"rename", "copy"}):
        return Counter()
    path = tuple(victim.split("/"))
    content = before.get(path)
    return Counter() if content is None else Counter([(path, content)])


async def _kept(storage: IStorage) -> Counter[tuple[Path, bytes]]:
    """What is in the trash: where it was, and its content."""
    if ".trash" not in await _names(storage):
        return Counter()
    found = await tree_of(storage, (".trash",))
    versions = IVersions(storage)
    origins = {path: versions.origin(path) or () for path in found}
    return Counter((origins[path], content) for path, content in found.items() if content is not None)
