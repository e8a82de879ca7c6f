"""An encrypted storage whose stored octets a test reads and changes."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import StorageFailure
from ftpx.interfaces import IStorage, Path
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.storage import StorageCase
from tests.storage.encrypted.keyed import KEY, Counted, encrypted

__all__ = ["StoredCase"]

_T = TypeVar("_T")


class StoredCase(StorageCase, SynchronousTestCase):
    """Contents encrypted in memory, with random octets that are not."""

    def make_storage(self) -> IStorage:
        """An empty storage."""
        self.inner = MemoryStorage()
        self.random = Counted()
        return self.keyed(KEY)

    def keyed(self, *keys: bytes) -> IStorage:
        """A storage with these keys around the same one."""
        return encrypted(self.inner, *keys, random=self.random)

    def stored(self, path: Path = ("a",)) -> bytes:
        """What is stored of a file."""
        file = self.result(self.inner.open_read(path))
        octets = self.result(file.read(0, file.entry.size))
        file.close()
        return octets

    def store(self, octets: bytes, path: Path = ("a",)) -> None:
        """Have something else stored."""
        file = self.result(self.inner.open_write(path))
        self.result(file.write(octets))
        self.result(file.commit())

    def begun(self, awaitable: Awaitable[_T]) -> Deferred[_T]:
        """An operation under way."""

        async def wait() -> _T:
            return await awaitable

        return Deferred.fromCoroutine(wait())

    async def _read_all(self, path: Path) -> bytes:
        file = await self.storage.open_read(path)
        try:
            octets = b""
            while block := await file.read(len(octets), 100_000):
                octets += block
            return octets
        finally:
            file.close()

    def assert_broken(self, octets: bytes, path: Path = ("a",)) -> None:
        """Of these stored octets nobody gets to the end of a file."""
        self.store(octets, path)
        self.assert_fails(self._number_of(path), StorageFailure)

    async def _number_of(self, path: Path) -> int:
        # What was read would fill the screen.
        return len(await self._read_all(path))
