"""Uploads to a local storage whose every call of the operating system fails once, or is where the server is killed."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
import gc
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ftpx.errors import StorageError
from ftpx.interfaces import IDurableFile, IPartialFile, IPartialUploads, IServerSideCopy, IStorage, IWritableFile
from ftpx.storage import staging
from ftpx.storage.local import open_local
from ftpx.storage.staged_names import State, parse_staged_name
from ftpx.testing.pool import InlinePool
from tests.storage.directories import open_beneath
from tests.storage.partials_case import HIDDEN, LocalPartialsCase
from tests.storage.system_calls import CHANGES, at_call, die, failing_with, in_a_child

_A = ("d", "a")
_OWNER = "alice"
_OLD = b"the old file"
_KEPT = b"0123456789"
_NEW = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ERRORS = (errno.EIO, errno.ENOSPC, errno.EMFILE)


async def _commit(file: IWritableFile, *blocks: bytes) -> None:
    try:
        for block in blocks:
            await file.write(block)
        await file.commit()
    finally:
        await file.abort()


async def _suspend(file: IPartialFile, *blocks: bytes) -> None:
    try:
        for block in blocks:
            await file.write(block)
        await file.suspend()
    finally:
        await file.abort()


async def _small(storage: IStorage) -> None:
    await _commit(await storage.open_write(_A), _NEW)


async def _small_of_owner(storage: IStorage) -> None:
    await _commit(await IPartialUploads(storage).begin_upload(_A, _OWNER), _NEW)


async def _large(storage: IStorage) -> None:
    await _commit(await IPartialUploads(storage).begin_upload(_A, _OWNER), _NEW[:9], _NEW[9:], b"")


async def _append(storage: IStorage) -> None:
    await _commit(await storage.open_write(_A, offset=None), _NEW)


async def _durably(storage: IStorage) -> None:
    file: Any = await storage.open_write(_A)
    try:
        await file.write(_NEW)
        await IDurableFile(file).commit_durably()
    finally:
        await file.abort()


async def _copy(storage: IStorage) -> None:
    await IServerSideCopy(storage).copy(("new",), _A)


async def _suspend_small(storage: IStorage) -> None:
    await _suspend(await IPartialUploads(storage).begin_upload(_A, _OWNER), _NEW)


async def _suspend_large(storage: IStorage) -> None:
    await _suspend(await IPartialUploads(storage).begin_upload(_A, _OWNER), _NEW[:9], _NEW[9:])


async def _continue(storage: IStorage) -> IPartialFile:
    file: IPartialFile | None = await IPartialUploads(storage).continue_upload(_A, _OWNER, 4)
    assert file is not None
    return file


async def _continue_and_commit(storage: IStorage) -> None:
    await _commit(await _continue(storage), _NEW[:9], _NEW[9:])


async def _continue_and_suspend(storage: IStorage) -> None:
    await _suspend(await _continue(storage), _NEW[:9], _NEW[9:])


async def _discard(storage: IStorage) -> None:
    await IPartialUploads(storage).discard_partial(_A, _OWNER)


async def _tidy(storage: IStorage) -> None:
    await IPartialUploads(storage).tidy_partials(3600)


async def _throw_away(storage: IStorage) -> None:
    await IPartialUploads(storage).tidy_partials(0)


async def _begin_and_abort(storage: IStorage) -> None:
    file = await IPartialUploads(storage).begin_upload(_A, _OWNER)
    await file.write(_NEW)
    await file.write(_NEW)
    await file.abort()


@attrs.frozen
class Scenario:
    """
    Something that is done.

    ``published``: what has the name if it succeeds, ``None`` if that is not changed. ``kept``: what is kept if it
    succeeds. ``stays``: if it fails, what was kept before is still there.
    """

    act: Callable[[IStorage], Awaitable[None]]
    published: bytes | None = None
    kept: bytes | None = None
    partial: bool = False
    stays: bool = True


_SCENARIOS = [
    Scenario(_small, _NEW),
    Scenario(_append, _OLD + _NEW),
    Scenario(_durably, _NEW),
    Scenario(_copy, _NEW),
    Scenario(_small_of_owner, _NEW),
    Scenario(_large, _NEW),
    Scenario(_large, _NEW, b"", partial=True),
    Scenario(_small_of_owner, _NEW, b"", partial=True),
    Scenario(_suspend_small, None, _NEW),
    Scenario(_suspend_large, None, _NEW),
    Scenario(_suspend_large, None, _NEW, partial=True, stays=False),
    Scenario(_continue_and_commit, _KEPT[:4] + _NEW, partial=True, stays=False),
    Scenario(_continue_and_suspend, None, _KEPT[:4] + _NEW, partial=True, stays=False),
    Scenario(_discard, None, partial=True),
    Scenario(_tidy, None, _KEPT, partial=True),
    Scenario(_throw_away, None, partial=True),
    Scenario(_begin_and_abort, None, _KEPT, partial=True),
]
_LINEAGES = (_NEW, _KEPT, _KEPT[:4] + _NEW, _NEW + _NEW)


class UploadFaultTests(LocalPartialsCase):
    """What can break, breaks."""

    def tearDown(self) -> None:
        """Let go of the storages that hang in the tracebacks of their errors."""
        gc.collect()
        super().tearDown()

    def begin_again(self, scenario: Scenario, *, old: bool) -> bytes | None:
        """An empty storage with what a scenario needs; the old content."""
        shutil.rmtree(self.root)
        os.mkdir(self.root)
        self.storage = open_local(self.root, InlinePool(), openat2=self.openat2, tmpfile=self.tmpfile)
        self.make_directory(_A[:-1])
        self.put(("new",), _NEW)
        if old:
            self.put(_A, _OLD)
        if scenario.partial:
            self.leave(_KEPT, _A)
        return _OLD if old else None

    def outcome(self, scenario: Scenario) -> bool:
        """Do it; whether it succeeded. It fails with an error of the domain, if it does."""
        outcomes: list[object] = []
        Deferred.fromCoroutine(_waiting(scenario.act(self.storage))).addBoth(outcomes.append)
        (outcome,) = outcomes
        if isinstance(outcome, Failure):
            self.assertTrue(outcome.check(StorageError), outcome.getTraceback())
            return False
        return True

    def found(self) -> bytes | None:
        """What has the name."""
        try:
            with open(self.path(*_A), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def left(self) -> list[bytes]:
        """After the next start: what is kept, each part of one upload; nothing else is left."""
        self.reopen()
        self.tidy(3600)
        contents = []
        for name in self.staged():
            parsed = parse_staged_name(name.encode())
            assert parsed is not None
            self.assertEqual(parsed.state, State.PARTIAL)
            path = self.path(HIDDEN, name)
            self.assertEqual(os.stat(path).st_nlink, 1)
            with open(path, "rb") as file:
                contents.append(file.read())
        for content in contents:
            self.assertTrue(any(lineage.startswith(content) for lineage in _LINEAGES), content)
        self.assertLessEqual(len(contents), 1)
        self.assertEqual(self.real_names(), sorted(["d", "new", *([HIDDEN] if contents else [])]))
        self.assertEqual(self.real_names("d"), [] if self.found() is None else ["a"])
        return contents

    def finished(self, scenario: Scenario, old: bytes | None) -> None:
        """It has succeeded."""
        self.assertEqual(self.found(), old if scenario.published is None else scenario.published)
        self.assertEqual(self.left(), [] if scenario.kept is None else [scenario.kept])

    def every_call(self, scenario: Scenario, *, old: bool) -> list[str]:
        """The calls of a scenario in which nothing breaks."""
        content = self.begin_again(scenario, old=old)
        with at_call(-1, die) as made:
            self.assertTrue(self.outcome(scenario))
        self.finished(scenario, content)
        return made

    def each(self) -> list[tuple[Scenario, bool]]:
        """Scenarios, over an old file and without one."""
        return [
            (scenario, old) for scenario in _SCENARIOS for old in (True, False) if old or scenario.act is not _append
        ]

    def test_every_call_fails(self) -> None:
        """RS05, RS06: whatever fails, a file is the old or the new, what is told is true, and nothing is left open."""
        for scenario, old in self.each():
            calls = self.every_call(scenario, old=old)
            for number, name in enumerate(calls):
                # That of a file that is open does not fail.
                if name != "fstat":
                    error = _ERRORS[number % len(_ERRORS)]
                    with self.context(f"{scenario.act.__name__}, old: {old}, {number}: {name}, {error}, {calls}"):
                        self.fail_once(scenario, number, error, old=old)

    def fail_once(self, scenario: Scenario, number: int, error: int, *, old: bool) -> None:
        """One call fails with an error."""
        content = self.begin_again(scenario, old=old)
        gc.collect(1)
        before = open_beneath(self.root)
        with at_call(number, failing_with(error)):
            succeeded = self.outcome(scenario)
        # An upload that cannot be thrown away is told in the log.
        self.flushLoggedErrors(OSError)
        gc.collect(1)
        self.assertEqual(open_beneath(self.root), before)
        if succeeded and scenario.published is not None:
            self.assertEqual(self.found(), scenario.published)
        elif scenario.act is _durably:
            # What was published may still not be on disk, and is not told to be.
            self.assertIn(self.found(), (content, scenario.published))
        else:
            self.assertEqual(self.found(), content)
        left = self.left()
        if scenario.partial and scenario.stays and not succeeded:
            self.assertIn(left, ([_KEPT], [b""], []) if scenario.act in {_discard, _throw_away} else ([_KEPT],))

    def test_killed_at_every_call(self) -> None:
        """CR03: before whatever change the server is killed, a file is the old or the new, and nothing else is left."""
        for scenario, old in self.each():
            calls = self.every_call(scenario, old=old)
            for number, name in enumerate(calls):
                if name in CHANGES:
                    with self.context(f"{scenario.act.__name__}, old: {old}, {number}: {name}, {calls}"):
                        self.kill_once(scenario, number, old=old)

    def kill_once(self, scenario: Scenario, number: int, *, old: bool) -> None:
        """The server is killed before one call."""
        content = self.begin_again(scenario, old=old)

        def act() -> None:
            with at_call(number, die):
                self.outcome(scenario)

        self.assertTrue(in_a_child(act))
        self.assertIn(self.found(), (content, scenario.published))
        left = self.left()
        if scenario.partial and scenario.published is None and scenario.kept:
            self.assertNotEqual(left, [])

    @contextmanager
    def context(self, text: str) -> Iterator[None]:
        """Say where it was."""
        try:
            yield
        except self.failureException as error:
            raise self.failureException(f"{text}: {error}") from error


class NamedUploadFaultTests(UploadFaultTests):
    """The same where every staged file has a name."""

    tmpfile = False


class LinkingUploadFaultTests(NamedUploadFaultTests):
    """The same where a file cannot be moved to a name only if that is free."""

    def setUp(self) -> None:
        """A file system that cannot do that."""
        super().setUp()
        self.patch(staging, "rename_exclusively", failing_call(errno.EINVAL))


def failing_call(error: int) -> Callable[..., None]:
    """A call that always fails."""

    def call(*arguments: object) -> None:
        failing_with(error)()

    return call


async def _waiting(awaitable: Awaitable[None]) -> None:
    await awaitable
