"""What the parts of the storage contract share."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from unittest import SkipTest

from twisted.internet.defer import Deferred
from zope.interface.interface import InterfaceClass

from ftpx.errors import NotFound, StorageError
from ftpx.interfaces import Entry, IStorage, IStoragePool, Path

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

    The storage must answer without a wait, so it is given an `ftpx.testing.pool.InlinePool`. With
    `ftpx.testing.threads.ThreadedCase` in front it is given threads.

    What a storage cannot do, and need not, is said by attributes of the class:

    ``may_refuse_names``: names that are not UTF-8, hold control characters or backslashes, end in a blank or a dot, are
    very long or look alike are kept exactly, or refused as `NameRefused`. If false, all of up to 255 octets must be
    kept.

    ``keeps_open_files``: who has a file open reads it as it was after it was replaced, renamed or removed. If false,
    reading may also fail with `FileChanged` or `NotFound`; other octets are never read.

    ``follows_links``: false for a storage that came out of `IWithoutLinks`.

    ``largest_page``: the most entries that one page of a listing may have.

    ``long_listing`` entries, ``large_file`` octets and ``many_files`` files are what is tried at most; fewer only where
    each takes long.
    """

    may_refuse_names: ClassVar[bool] = True
    keeps_open_files: ClassVar[bool] = True
    follows_links: ClassVar[bool] = True
    largest_page: ClassVar[int] = 1000
    long_listing: ClassVar[int] = 2500
    large_file: ClassVar[int] = 20 * 2**20
    many_files: ClassVar[int] = 200

    def make_storage(self) -> IStorage:
        """A storage with nothing in it; to be written by who uses the contract."""
        raise NotImplementedError

    def make_storage_on(self, pool: IStoragePool) -> IStorage:
        """
        Optional: a storage with nothing in it that makes its calls by this pool.

        Who writes it has it tested that operations can be cancelled while they wait.
        """
        raise SkipTest("make_storage_on is not written")

    def assert_nothing_open(self) -> None:
        """Optional: fail if the storage holds anything open, such as a descriptor. Called when all files are closed."""

    def setUp(self) -> None:
        """Make the storage."""
        super().setUp()
        self.storage = self.make_storage()

    def tearDown(self) -> None:
        """Let go of the storage, and of what it holds open: the garbage collector may find this object much later."""
        super().tearDown()
        del self.storage

    def settle(self, waiting: Deferred[Any]) -> None:
        """Let happen what has to, until this has fired. Nothing has where there are no threads."""

    def _fired(self, awaitable: Awaitable[_T]) -> Deferred[_T]:
        waiting = Deferred.fromCoroutine(_wait(awaitable))
        self.settle(waiting)
        return waiting

    def result(self, awaitable: Awaitable[_T]) -> _T:
        """What an operation returns."""
        return self.successResultOf(self._fired(awaitable))

    def assert_fails(self, awaitable: Awaitable[object], *errors: type[StorageError]) -> None:
        """An operation raises one of these errors."""
        self.failureResultOf(self._fired(awaitable), *errors)

    def try_to(self, awaitable: Awaitable[object], *errors: type[StorageError]) -> bool:
        """Whether an operation succeeds; it may raise one of these errors instead, and no other."""

        async def tried() -> bool:
            try:
                await awaitable
            except errors:
                return False
            return True

        return self.result(tried())

    def put(self, path: Path, content: bytes, *, offset: int | None = 0, exclusive: bool = False) -> Entry:
        """Write a file in two blocks."""

        async def stored() -> Entry:
            target = await self.storage.open_write(path, offset=offset, exclusive=exclusive)
            try:
                middle = len(content) // 2
                await target.write(content[:middle])
                await target.write(memoryview(content)[middle:])
                return await target.commit()
            finally:
                await target.abort()

        return self.result(stored())

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
        """The names in a directory, as often as they are listed."""
        return sorted(entry.name for page in self.pages(path) for entry in page)

    def assert_listing_fails(self, path: Path, *errors: type[StorageError]) -> None:
        """A listing raises one of these errors at its first page."""
        self.assert_fails(self._pages(path), *errors)

    def assert_missing(self, path: Path) -> None:
        """Nothing is at a path."""
        self.assert_fails(self.storage.stat(path), NotFound)

    def assert_agree(self, one: Entry, other: Entry) -> None:
        """Two looks at one thing tell the same, as far as both know it."""
        self.assertEqual((one.name, one.kind, one.target), (other.name, other.kind, other.target))
        for fact in ("modified", "created", "mode", "owner", "group", "identity", "version"):
            known = [value for entry in (one, other) if (value := getattr(entry, fact)) is not None]
            self.assertEqual(known[:1], known[1:] or known[:1], f"{fact} of {one} and {other}")

    def ability(self, interface: InterfaceClass) -> Any:
        """The storage as provider of an optional interface; without it the test is skipped."""
        if not interface.providedBy(self.storage):
            raise SkipTest(f"the storage does not provide {interface.__name__}")
        return self.storage
