"""What the parts of the storage contract share."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar
from unittest import SkipTest

from twisted.internet.defer import Deferred
from zope.interface.interface import InterfaceClass

from ftpx.errors import NotFound, StorageError
from ftpx.interfaces import Entry, IStorage, Path

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase as _TestCase
else:
    _TestCase = object

__all__ = ["StorageCase"]

_T = TypeVar("_T")


async def _wait(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


class StorageCase(_TestCase):
    """
    A mixin for `SynchronousTestCase`: an empty storage for every test, and what is done with it.

    The storage must answer without a wait, so it is given an `ftpx.testing.pool.InlinePool`.
    """

    def make_storage(self) -> IStorage:
        """A storage with nothing in it; to be written by who uses the contract."""
        raise NotImplementedError

    def setUp(self) -> None:
        """Make the storage."""
        super().setUp()
        self.storage = self.make_storage()

    def tearDown(self) -> None:
        """Let go of the storage, and of what it holds open: the garbage collector may find this object much later."""
        super().tearDown()
        del self.storage

    def result(self, awaitable: Awaitable[_T]) -> _T:
        """What an operation returns."""
        return self.successResultOf(Deferred.fromCoroutine(_wait(awaitable)))

    def assert_fails(self, awaitable: Awaitable[object], *errors: type[StorageError]) -> None:
        """An operation raises one of these errors."""
        self.failureResultOf(Deferred.fromCoroutine(_wait(awaitable)), *errors)

    def put(self, path: Path, content: bytes, *, offset: int | None = 0, exclusive: bool = False) -> Entry:
        """Write a file in two blocks."""
        target = self.result(self.storage.open_write(path, offset=offset, exclusive=exclusive))
        middle = len(content) // 2
        self.result(target.write(content[:middle]))
        self.result(target.write(memoryview(content)[middle:]))
        return self.result(target.commit())

    def get(self, path: Path) -> bytes:
        """The content of a file."""
        source = self.result(self.storage.open_read(path))
        try:
            return self.result(source.read(0, source.entry.size))
        finally:
            source.close()

    def make_directory(self, path: Path) -> None:
        """Make a directory."""
        self.result(self.storage.make_directory(path))

    async def _pages(self, path: Path) -> list[list[Entry]]:
        return [list(page) async for page in self.storage.list_directory(path)]

    def pages(self, path: Path) -> list[list[Entry]]:
        """The pages of a listing."""
        return self.result(self._pages(path))

    def entries(self, path: Path = ()) -> dict[str, Entry]:
        """The entries of a directory by their names."""
        return {entry.name: entry for page in self.pages(path) for entry in page}

    def names(self, path: Path = ()) -> list[str]:
        """The names in a directory."""
        return sorted(self.entries(path))

    def assert_listing_fails(self, path: Path, *errors: type[StorageError]) -> None:
        """A listing raises one of these errors at its first page."""
        self.assert_fails(self._pages(path), *errors)

    def assert_missing(self, path: Path) -> None:
        """Nothing is at a path."""
        self.assert_fails(self.storage.stat(path), NotFound)

    def ability(self, interface: InterfaceClass) -> Any:
        """The storage as provider of an optional interface; without it the test is skipped."""
        if not interface.providedBy(self.storage):
            raise SkipTest(f"the storage does not provide {interface.__name__}")
        return self.storage
