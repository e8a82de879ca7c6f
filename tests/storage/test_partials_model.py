"""Uploads of two owners to one name, in any order, against a model of what may come of them."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable
from typing import Any, TypeVar

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ftpx.errors import FileChanged, FileReplaced, NotFound, OffsetBeyondEnd, StorageError, StorageUnavailable
from ftpx.interfaces import IPartialFile, IStorage
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.pool import InlinePool

_T = TypeVar("_T")

_A = ("a",)
_OWNERS = st.sampled_from(["alice", "bob"])
_OFFSETS = st.one_of(st.none(), st.integers(0, 12))
_MOST_UPLOADS = 4


@attrs.define(eq=False)
class Running:
    """An upload under way: what it will be, and which file had the name when it began."""

    file: IPartialFile
    owner: str
    content: bytes
    over: int
    continued: bool


@attrs.define(eq=False)
class Kept:
    """What is kept of one; without content, all that is known is that it was superseded."""

    content: bytes
    over: int


class _Partials(RuleBasedStateMachine):
    """What a storage does, and beside it the model. A published file has a number of its own; no file is number 0."""

    storage: Any

    def __init__(self) -> None:
        super().__init__()
        self.storage = self.make_storage()
        self.numbers = 0
        self.published = b""
        self.standing = 0
        self.running: list[Running] = []
        self.kept: dict[str, Kept] = {}
        self.letters = iter(range(10**9))

    def make_storage(self) -> IStorage:
        """An empty one."""
        raise NotImplementedError

    def outcome(self, awaitable: Awaitable[_T]) -> _T | StorageError:
        """What an operation returns, or the error of the domain that it raises."""

        async def wait() -> _T | StorageError:
            try:
                return await awaitable
            except StorageError as error:
                return error

        outcomes: list[Any] = []
        Deferred.fromCoroutine(wait()).addBoth(outcomes.append)
        (outcome,) = outcomes
        if isinstance(outcome, Failure):
            outcome.raiseException()
        result: _T | StorageError = outcome
        return result

    def done(self, awaitable: Awaitable[_T]) -> _T:
        """What an operation returns that must not fail."""
        outcome = self.outcome(awaitable)
        assert not isinstance(outcome, StorageError), outcome
        return outcome

    def octets(self, size: int) -> bytes:
        """Octets that no other part of any upload has."""
        return b"".join(b"<%d>" % next(self.letters) for _ in range(size))

    def publish(self, content: bytes) -> None:
        """A file has got the name."""
        self.numbers += 1
        self.standing = self.numbers
        self.published = content

    def under_way(self, owner: str) -> bool:
        """Whether an owner has an upload under way."""
        return any(upload.owner == owner for upload in self.running)

    def take(self, data: int) -> Running:
        """One of the uploads under way, which is over."""
        return self.running.pop(data % len(self.running))

    @precondition(lambda self: len(self.running) < _MOST_UPLOADS)
    @rule(owner=_OWNERS)
    def begin(self, owner: str) -> None:
        """Somebody begins from the start."""
        file = self.done(self.storage.begin_upload(_A, owner))
        assert file.offset == 0
        self.running.append(Running(file, owner, b"", self.standing, False))

    @precondition(lambda self: len(self.running) < _MOST_UPLOADS)
    @rule(owner=_OWNERS, offset=_OFFSETS)
    def go_on(self, owner: str, offset: int | None) -> None:
        """Somebody goes on."""
        outcome = self.outcome(self.storage.continue_upload(_A, owner, offset))
        kept = self.kept.get(owner)
        if self.under_way(owner) and isinstance(outcome, (FileReplaced, StorageUnavailable)):
            return
        superseded = kept is not None and not kept.content
        if kept is None or (superseded and self.standing and offset is None):
            # Who has published the file since may append to it.
            assert outcome is None, outcome
        elif self.standing and (offset is None or kept.over != self.standing):
            assert isinstance(outcome, FileReplaced), outcome
        elif (offset or 0) > len(kept.content):
            assert isinstance(outcome, OffsetBeyondEnd), outcome
        else:
            assert outcome is not None
            assert not isinstance(outcome, StorageError), outcome
            content = kept.content[:offset]
            assert outcome.offset == len(content)
            del self.kept[owner]
            self.running.append(Running(outcome, owner, content, self.standing, True))

    @precondition(lambda self: self.running)
    @rule(data=st.integers(0, _MOST_UPLOADS - 1), size=st.integers(1, 3))
    def write(self, data: int, size: int) -> None:
        """More comes."""
        upload = self.running[data % len(self.running)]
        octets = self.octets(size)
        self.done(upload.file.write(octets))
        upload.content += octets

    @precondition(lambda self: self.running)
    @rule(data=st.integers(0, _MOST_UPLOADS - 1))
    def commit(self, data: int) -> None:
        """One is complete."""
        upload = self.take(data)
        outcome = self.outcome(upload.file.commit())
        if upload.continued and upload.over != self.standing:
            assert isinstance(outcome, FileChanged), outcome
            return
        assert not isinstance(outcome, StorageError), outcome
        assert outcome.size == len(upload.content)
        self.publish(upload.content)
        kept = self.kept.get(upload.owner)
        if kept is not None and not upload.continued:
            if kept.content:
                kept.content = b""
            else:
                del self.kept[upload.owner]

    @precondition(lambda self: self.running)
    @rule(data=st.integers(0, _MOST_UPLOADS - 1))
    def suspend(self, data: int) -> None:
        """One breaks off."""
        upload = self.take(data)
        self.done(upload.file.suspend())
        self.done(upload.file.abort())
        if upload.content:
            self.kept[upload.owner] = Kept(upload.content, upload.over)

    @precondition(lambda self: self.running)
    @rule(data=st.integers(0, _MOST_UPLOADS - 1))
    def abort(self, data: int) -> None:
        """One is thrown away."""
        self.done(self.take(data).file.abort())

    @rule(owner=_OWNERS)
    def discard(self, owner: str) -> None:
        """What is kept is thrown away."""
        kept = self.kept.pop(owner, None)
        assert self.done(self.storage.discard_partial(_A, owner)) is bool(kept is not None and kept.content)

    @rule()
    def tidy(self) -> None:
        """All that is kept is thrown away."""
        self.done(self.storage.tidy_partials(0))
        self.kept.clear()

    @rule()
    def tidy_little(self) -> None:
        """What is too old is thrown away, and nothing is."""
        self.done(self.storage.tidy_partials(3600))

    @rule(size=st.integers(0, 2))
    def put(self, size: int) -> None:
        """Somebody else publishes a file."""
        content = self.octets(size)
        file = self.done(self.storage.open_write(_A))
        self.done(file.write(content))
        self.done(file.commit())
        self.publish(content)

    @precondition(lambda self: self.standing)
    @rule()
    def remove(self) -> None:
        """The file is removed."""
        self.done(self.storage.remove_file(_A))
        self.standing, self.published = 0, b""

    @invariant()
    def published_is_whole(self) -> None:
        """What has the name is what was published last."""
        source = self.outcome(self.storage.open_read(_A))
        if not self.standing:
            assert isinstance(source, NotFound)
            return
        assert not isinstance(source, StorageError), source
        try:
            assert self.done(source.read(0, 10**6)) == self.published
        finally:
            source.close()

    @invariant()
    def sizes(self) -> None:
        """What is kept is told to its owner, where no file stands."""
        for owner in ("alice", "bob"):
            kept = self.kept.get(owner)
            size = len(kept.content) if kept is not None and not self.standing else 0
            assert self.done(self.storage.partial_size(_A, owner)) == (size or None)

    def teardown(self) -> None:
        """Let go of all."""
        for upload in self.running:
            self.done(upload.file.abort())


class _MemoryPartials(_Partials):
    def make_storage(self) -> IStorage:
        return MemoryStorage()


class _LocalPartials(_Partials):
    tmpfile = True

    def make_storage(self) -> IStorage:
        self.root = tempfile.mkdtemp()
        return open_local(self.root, InlinePool(), tmpfile=self.tmpfile)

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.root)


class _NamedPartials(_LocalPartials):
    tmpfile = False


_SETTINGS = settings(stateful_step_count=25, max_examples=60, deadline=None)

MemoryPartialsTests: Any = _MemoryPartials.TestCase
MemoryPartialsTests.settings = _SETTINGS
LocalPartialsTests: Any = _LocalPartials.TestCase
LocalPartialsTests.settings = _SETTINGS
NamedPartialsTests: Any = _NamedPartials.TestCase
NamedPartialsTests.settings = _SETTINGS
