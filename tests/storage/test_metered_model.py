"""Whatever is done to a metered storage in any order: the ledger is what a count finds, and never above the quota."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from ftpx.errors import StorageError
from ftpx.interfaces import IPartialFile, IStorage, IWritableFile
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.metered import MeteredStorage
from ftpx.storage.usage import usage
from ftpx.testing.pool import InlinePool
from tests.storage.metered_case import new_books

_T = TypeVar("_T")

_UNIT = 40_000
_QUOTA = 12 * _UNIT
_FILES = 4
_MOST_UPLOADS = 4
_PATHS = st.sampled_from([("a",), ("b",), ("d", "a"), ("d", "b"), ("e", "a")])
_DIRECTORIES = st.sampled_from([("d",), ("e",)])
_OWNERS = st.sampled_from(["alice", "bob"])
_OFFSETS = st.one_of(st.none(), st.integers(0, 5).map(lambda units: units * _UNIT))


class _Metered(RuleBasedStateMachine):
    """A storage with a quota of twelve units and four files, and up to four uploads at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.clock = Clock()
        self.books = new_books(self.folder, self.clock)
        self.books.limit(_QUOTA, files=_FILES)
        self.inner = self.make_inner()
        self.storage = MeteredStorage(self.inner, self.books.quotas, "model")
        self.uploads: list[IWritableFile] = []

    def make_inner(self) -> Any:
        """An empty storage."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Nothing is set aside when all uploads are over."""
        for file in self.uploads:
            self.attempt(file.abort())
        assert self.books.under_way() == 0, "something is still set aside"
        self.books.engine.dispose()
        shutil.rmtree(self.folder)

    def attempt(self, awaitable: Awaitable[_T]) -> _T | None:
        """What comes of something; nothing if the storage refuses it. A wait for a lock is not shortened."""
        results: list[Any] = []
        waiting = Deferred.fromCoroutine(_wait(awaitable))
        waiting.addBoth(results.append)
        while not results:
            self.clock.advance(0.25)
        if isinstance(results[0], Failure):
            results[0].trap(StorageError)
            return None
        return results[0]  # type: ignore[no-any-return]

    def _begin(self, awaitable: Awaitable[IWritableFile | None]) -> None:
        file = self.attempt(awaitable)
        if file is not None:
            self.uploads.append(file)

    @precondition(lambda self: len(self.uploads) < _MOST_UPLOADS)
    @rule(path=_PATHS, offset=_OFFSETS, exclusive=st.booleans())
    def open_write(self, path: tuple[str, ...], offset: int | None, exclusive: bool) -> None:
        """STOR, APPE, REST, STOU."""
        self._begin(self.storage.open_write(path, offset=offset, exclusive=exclusive))

    @precondition(lambda self: len(self.uploads) < _MOST_UPLOADS)
    @rule(path=_PATHS, owner=_OWNERS)
    def begin_upload(self, path: tuple[str, ...], owner: str) -> None:
        """STOR of somebody who can continue it."""
        self._begin(self.storage.begin_upload(path, owner))

    @precondition(lambda self: len(self.uploads) < _MOST_UPLOADS)
    @rule(path=_PATHS, owner=_OWNERS, offset=_OFFSETS)
    def continue_upload(self, path: tuple[str, ...], owner: str, offset: int | None) -> None:
        """REST or APPE of what broke off."""
        self._begin(self.storage.continue_upload(path, owner, offset))

    @precondition(lambda self: self.uploads)
    @rule(data=st.data(), units=st.integers(0, 6))
    def write(self, data: st.DataObject, units: int) -> None:
        """Octets come; what is not taken ends the upload."""
        file = data.draw(st.sampled_from(self.uploads))
        if self.attempt(_done(file.write(b"x" * (units * _UNIT)))) is None:
            self.uploads.remove(file)
            self.attempt(file.abort())

    @precondition(lambda self: self.uploads)
    @rule(data=st.data(), how=st.sampled_from(["commit", "abort", "suspend"]))
    def end(self, data: st.DataObject, how: str) -> None:
        """An upload comes to an end."""
        file = data.draw(st.sampled_from(self.uploads))
        self.uploads.remove(file)
        if how == "suspend" and IPartialFile.providedBy(file):
            self.attempt(IPartialFile(file).suspend())
        elif how != "abort":
            self.attempt(file.commit())
        self.attempt(file.abort())

    @rule(path=_PATHS)
    def remove(self, path: tuple[str, ...]) -> None:
        """DELE."""
        self.attempt(self.storage.remove_file(path))

    @rule(path=_PATHS, owner=_OWNERS)
    def discard(self, path: tuple[str, ...], owner: str) -> None:
        """DELE of what broke off."""
        self.attempt(self.storage.discard_partial(path, owner))

    @rule(source=st.one_of(_PATHS, _DIRECTORIES), destination=st.one_of(_PATHS, _DIRECTORIES))
    def rename(self, source: tuple[str, ...], destination: tuple[str, ...]) -> None:
        """RNFR and RNTO."""
        self.attempt(self.storage.rename(source, destination))

    @rule(source=_PATHS, destination=_PATHS)
    def copy(self, source: tuple[str, ...], destination: tuple[str, ...]) -> None:
        """SITE CPFR and CPTO."""
        self.attempt(self.storage.copy(source, destination))

    @rule(path=_DIRECTORIES)
    def make_directory(self, path: tuple[str, ...]) -> None:
        """MKD."""
        self.attempt(self.storage.make_directory(path))

    @rule(path=_DIRECTORIES)
    def remove_directory(self, path: tuple[str, ...]) -> None:
        """RMD."""
        self.attempt(self.storage.remove_directory(path))

    @invariant()
    def exact(self) -> None:
        """The ledger is what is stored, unless it says itself that it does not know; and that is within the quota."""
        counted = self.attempt(usage(self.inner, (), ["alice", "bob"]))
        assert counted is not None
        octets, files = counted
        assert octets <= _QUOTA, f"{octets} octets are stored"
        assert files <= _FILES, f"{files} files are stored"
        used = self.books.used()
        if self.books.recount_due():
            # An upload into a directory that has got another name.
            assert used >= counted, f"{used} are thought to be used, and {counted} are"
        else:
            assert used == counted, f"{used} are thought to be used, and {counted} are"


async def _wait(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


async def _done(awaitable: Awaitable[None]) -> bool:
    await awaitable
    return True


class _InMemory(_Metered):
    def make_inner(self) -> IStorage:
        """Memory."""
        return MemoryStorage()


class _InDirectory(_Metered):
    def make_inner(self) -> IStorage:
        """A directory of its own."""
        self.root = tempfile.mkdtemp()
        return open_local(self.root, InlinePool()).without_links()

    def teardown(self) -> None:
        """Let go of the directory."""
        super().teardown()
        shutil.rmtree(self.root)


MeteredMemoryModelTests = _InMemory.TestCase
MeteredMemoryModelTests.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
MeteredDirectoryModelTests = _InDirectory.TestCase
MeteredDirectoryModelTests.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)
