"""The digests of files in a storage: from memory, or computed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import attrs

from ftpx.digests.algorithms import Algorithm
from ftpx.digests.computing import Computations
from ftpx.digests.store import DigestStore
from ftpx.errors import OffsetBeyondEnd, StorageError, StorageUnavailable
from ftpx.interfaces import Entry, IReadableFile, IStorage, IStoredDigests, Path

__all__ = ["Digest", "Digests"]

_SETTLED: Final = 2.0
"""
How many seconds ago a file must have been changed last, that its digest is remembered. One that is changed twice within
a tick of the clock has the same version before and after; no file system's clock has longer ticks.
"""


@attrs.frozen
class Digest:
    """The digest of the octets from ``start`` up to, not including, ``end``; ``hex`` is in lower case."""

    algorithm: Algorithm
    start: int
    end: int
    hex: str


@attrs.frozen
class Digests:
    """
    What a server knows of digests.

    ``wall_clock`` tells the seconds since the epoch.
    """

    store: DigestStore
    computations: Computations
    wall_clock: Callable[[], float]

    def stored(self, entry: Entry, digests: Mapping[Algorithm, str]) -> None:
        """Remember what is known of a file that was just published, and nothing of what had its identity before."""
        self.store.forget(entry)
        for algorithm, known in digests.items():
            self.store.put(entry, algorithm, known)

    def put(self, entry: Entry, algorithm: Algorithm, digest: str) -> None:
        """Remember the digest of a whole file."""
        self.store.put(entry, algorithm, digest)

    async def of(
        self, owner: str, storage: IStorage, path: Path, algorithm: Algorithm, *, start: int = 0, end: int | None = None
    ) -> Digest:
        """
        The digest of a file, or of a part of it. If that of all is known, nothing is read.

        :param owner: for whom it is computed: the login name of an account.
        :param end: behind the last octet; what is behind the end of the file does not count. ``None``: to the end.
        :raises OffsetBeyondEnd: the file is shorter than ``start``.
        :raises StorageUnavailable: too many digests are being computed; or somebody wrote to the file meanwhile.
        """
        source = await storage.open_read(path)
        try:
            entry = source.entry
            end = entry.size if end is None else min(end, entry.size)
            if start > entry.size:
                raise OffsetBeyondEnd
            whole = (start, end) == (0, entry.size)
            known = self._known_of(source, algorithm) if whole else None
            if known is None:
                known = await self._computed(owner, source, algorithm, start, end)
                after = await self._after(storage, path)
                _demand_steady(entry, after)
                if whole and after is not None and self._settled(entry, after):
                    self.put(entry, algorithm, known)
            return Digest(algorithm, start, end, known)
        finally:
            source.close()

    def _known_of(self, source: IReadableFile, algorithm: Algorithm) -> str | None:
        """What is known of a whole file, here or in the storage."""
        known = self.store.get(source.entry, algorithm)
        stored = IStoredDigests(source, None)
        if known is None and stored is not None:
            known = algorithm.read(stored.stored_digest(algorithm.value) or "")
        return known

    @asynccontextmanager
    async def kept(self, storage: IStorage, path: Path) -> AsyncIterator[None]:
        """Around a change of nothing but attributes of a file: what is known of its content stays."""
        before = await self._known(storage, path)
        yield
        if before is not None:
            with suppress(StorageError):
                self.store.carry(before, await storage.stat(path))

    async def _known(self, storage: IStorage, path: Path) -> Entry | None:
        """A file of which something is known."""
        if not self.store:
            return None
        try:
            entry = await storage.stat(path)
        except StorageError:
            return None
        return entry if self.store.knows(entry) else None

    async def _computed(self, owner: str, source: IReadableFile, algorithm: Algorithm, start: int, end: int) -> str:
        if start >= end:
            return algorithm.new().hexdigest()
        return await self.computations.compute(owner, source, algorithm, start, end)

    @staticmethod
    async def _after(storage: IStorage, path: Path) -> Entry | None:
        try:
            return await storage.stat(path)
        except StorageError:
            return None

    def _settled(self, before: Entry, after: Entry) -> bool:
        """Whether a file is as it was when it was opened, and has been for a while."""
        if after.modified is None or after.modified > self.wall_clock() - _SETTLED:
            return False
        return (after.identity, after.version) == (before.identity, before.version)


def _demand_steady(before: Entry, after: Entry | None) -> None:
    """
    Refuse to tell a digest of what the file never was. One that was replaced was read as it was; one that only became
    longer, as a log does, has the same beginning.

    :raises StorageUnavailable: somebody wrote to the file while it was read.
    """
    if after is None or before.identity is None or after.identity != before.identity:
        return
    if after.version != before.version and after.size <= before.size and after.modified != before.modified:
        raise StorageUnavailable("the file is being written")
