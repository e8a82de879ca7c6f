"""Renaming, which no object store can: each object is copied within the store, and then removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger

from ftpx.errors import DirectoryNotEmpty, NameRefused, NotADirectory
from ftpx.interfaces import IStoragePool
from ftpx.running import to_the_end
from ftpx.storage.objects.keys import parent_of
from ftpx.storage.objects.store import ObjectEntry
from ftpx.storage.objects.tree import ObjectTree

__all__ = ["Renaming"]

_AT_ONCE: Final = 4
"""Objects that are copied at a time; others want threads, too."""
_OFTEN: Final = 10.0
"""Seconds after which the log tells how far it is."""

_log = Logger()


class Renaming:
    """
    One renaming.

    Each object is copied before it is removed. If something fails on the way, it stops there: every object is whole, by
    its old name or its new one, and nothing is lost. Once begun it goes on, also if nobody waits for it any more.

    :param clock: seconds that only grow.
    """

    def __init__(self, tree: ObjectTree, pool: IStoragePool, clock: Callable[[], float]) -> None:
        self._tree = tree
        self._store = tree.store
        self._pool = pool
        self._clock = clock
        self._told = clock()
        self._objects = 0
        self._octets = 0

    async def rename(self, source: str, destination: str) -> None:
        """
        Give a file or a directory another key.

        :raises NotFound, IsADirectory, NotADirectory, DirectoryNotEmpty, NameRefused:
        """
        found = await self._pool.run(self._prepare, source, destination)
        if source != destination:
            # Whoever asked for it may have gone, and still half of a renaming is worse than none.
            await to_the_end(self._carry_out(found, source, destination))

    async def _carry_out(self, found: ObjectEntry | None, source: str, destination: str) -> None:
        if found is not None:
            await self._move(found, destination)
        else:
            # The markers go last: as long as one is there, so is its directory, whatever becomes of the rest.
            await self._move_all(f"{source}/", f"{destination}/", markers=False)
            await self._move_all(f"{source}/", f"{destination}/", markers=True)
        await self._pool.run(self._tree.keep, parent_of(source))

    def _prepare(self, source: str, destination: str) -> ObjectEntry | None:
        """In a thread: what is renamed, ``None`` for a directory, when it is certain that it can be."""
        found = self._tree.find(source)
        if source == destination:
            return found
        if found is not None:
            self._tree.present(destination)
            return found
        if destination.startswith(f"{source}/"):
            raise NameRefused("a directory cannot be put into itself")
        if self._tree.file(destination) is not None:
            raise NotADirectory("a directory cannot replace a file")
        if not self._tree.is_empty(destination):
            raise DirectoryNotEmpty("the directory is not empty")
        self._tree.require_parent(destination)
        return None

    async def _move_all(self, source: str, destination: str, *, markers: bool) -> None:
        start: str | None = None
        while True:
            page = await self._pool.run(self._store.list_all, source, start)
            objects = [found for found in page.objects if markers or not _is_marker(found)]
            for first in range(0, len(objects), _AT_ONCE):
                await self._move_some(objects[first : first + _AT_ONCE], len(source), destination)
                self._tell()
            if page.next is None:
                return
            start = page.next

    async def _move_some(self, objects: Sequence[ObjectEntry], start: int, destination: str) -> None:
        moving = [Deferred.fromCoroutine(self._move(found, destination + found.key[start:])) for found in objects]
        try:
            await gatherResults(moving, consumeErrors=True)
        except FirstError as error:
            raise error.subFailure.value from None  # type: ignore[misc]  # it is typed as anything

    async def _move(self, found: ObjectEntry, key: str) -> None:
        if _is_marker(found):
            # Not every store copies these.
            await self._pool.run(self._store.put, key, b"")
        else:
            await self._pool.patient.run(self._store.copy, found, key)
        await self._pool.run(self._tree.remove, found.key)
        self._objects += 1
        self._octets += found.size

    def _tell(self) -> None:
        if self._clock() - self._told >= _OFTEN:
            self._told = self._clock()
            _log.info("renaming: {objects} objects, {octets} octets so far", objects=self._objects, octets=self._octets)


def _is_marker(found: ObjectEntry) -> bool:
    """Whether an object does nothing but make a directory."""
    return not found.size and found.key.endswith("/")
