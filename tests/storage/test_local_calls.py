"""Tests of ftpx.storage.local: which calls have a deadline, and what is said of those that miss it."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import OutcomeUnknown, StorageUnavailable
from ftpx.interfaces import IStorage, IWorkerPool
from ftpx.storage.local import open_local
from ftpx.storage.tree import Tree
from ftpx.storage.upload import Upload
from ftpx.testing.pool import InlinePool, SteppedPool
from tests.storage.directories import new_directory, open_beneath


class _Kind(InlinePool):
    """Calls of one kind, which are noted."""

    def __init__(self, kind: str, seen: list[str]) -> None:
        super().__init__()
        self._kind = kind
        self._seen = seen

    def run(self, function: Callable[..., Any], *arguments: object, discard: Any = None) -> Deferred[Any]:
        """Note the call, and make it."""
        self._seen.append(self._kind)
        return super().run(function, *arguments, discard=discard)


class _Kinds(_Kind):
    """A pool that notes of which kind each call is."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        super().__init__("prompt", self.seen)

    @property
    def patient(self) -> IWorkerPool:
        """Without a deadline."""
        return _Kind("patient", self.seen)

    def allowing(self, *, longer: float = 1, ongoing: bool = False) -> IWorkerPool:
        """With another one."""
        return _Kind(("long " if longer > 1 else "") + ("ongoing" if ongoing else "new"), self.seen)


class KindsTests(SynchronousTestCase):
    """Which calls may take how long."""

    def setUp(self) -> None:
        """A storage with a file of three letters, whose content no call finds in the caches of the kernel."""
        self.pool = _Kinds()
        self.storage: Any = open_local(new_directory(self), self.pool, openat2=False)
        self.result(self.storage.make_directory(("d",)))
        self.result(self._store(("a",), 0))

    def result(self, awaitable: Any) -> Any:
        """What something returns."""

        async def wait() -> object:
            return await awaitable

        return self.successResultOf(Deferred.fromCoroutine(wait()))

    async def _store(self, path: tuple[str, ...], offset: int | None) -> None:
        target = await self.storage.open_write(path, offset=offset)
        await target.write(b"abc")
        await target.write(b"def")
        await target.commit()

    async def _read(self) -> bytes:
        source = await self.storage.open_read(("a",))
        content: bytes = await source.read(0, 3)
        source.close()
        return content

    async def _listing(self) -> int:
        return len([page async for page in self.storage.list_directory(())])

    async def _suspend(self, *, abort: bool) -> None:
        target = await self.storage.begin_upload(("b",), "alice")
        await target.write(b"abc")
        await (target.abort() if abort else target.suspend())

    def test_table(self) -> None:
        """What publishes or copies may take long, and what is under way is not refused."""
        storage = self.storage
        for operation, kinds in (
            (lambda: storage.stat(("a",)), ["prompt"]),
            (lambda: storage.make_directory(("e",)), ["prompt"]),
            (lambda: storage.remove_directory(("e",)), ["prompt"]),
            (lambda: storage.rename(("a",), ("c",)), ["prompt"]),
            (lambda: storage.rename(("c",), ("a",)), ["prompt"]),
            (lambda: storage.set_mode(("a",), 0o600), ["prompt"]),
            (self._listing, ["prompt", "ongoing", "ongoing", "patient"]),
            (self._read, ["prompt", "ongoing", "patient"]),
            (lambda: self._store(("a",), 0), ["prompt", "ongoing", "long ongoing"]),
            (lambda: self._store(("a",), None), ["prompt", "long ongoing", "ongoing", "long ongoing"]),
            (lambda: storage.copy(("a",), ("b",)), ["prompt", "long ongoing", "long ongoing"]),
            (lambda: self._suspend(abort=False), ["prompt", "long ongoing"]),
            (lambda: self._suspend(abort=True), ["prompt", "long ongoing"]),
            (lambda: storage.tidy_partials(100.0), ["patient"]),
        ):
            self.pool.seen.clear()
            self.result(operation())
            self.assertEqual(self.pool.seen, kinds)

    def test_descriptors(self) -> None:
        """Calls on descriptors have no deadline: these are closed when the wait is over, and then none may use them."""
        source = self.result(self.storage.open_read(("a",)))
        target = self.result(self.storage.open_write(("a",)))
        for file in (source, target):
            self.pool.seen.clear()
            self.result(file.pool.run(int))
            self.assertEqual(self.pool.seen, ["patient"])
        source.close()
        self.result(target.abort())


class LateTests(SynchronousTestCase):
    """Calls that miss their deadline."""

    def setUp(self) -> None:
        """A storage with a file, whose calls are made when the test says so."""
        self.pool = SteppedPool()
        self.root = new_directory(self)
        self.storage: Any = open_local(self.root, self.pool, openat2=False)
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"old"))
        self.result(target.commit())

    def begin(self, awaitable: Any) -> Deferred[Any]:
        """Ask for something."""

        async def wait() -> object:
            return await awaitable

        return Deferred.fromCoroutine(wait())

    def result(self, awaitable: Any) -> Any:
        """What something returns."""
        return self.successResultOf(self.begin(awaitable))

    def hanging(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function for whose result nobody waits any more when it is there."""

        def call(*arguments: object) -> object:
            self.pool.end_wait()
            return function(*arguments)

        return call

    def test_changes(self) -> None:
        """Of a change that a thread has begun nobody knows; one that was not begun is not made."""
        storage = self.storage
        self.pool.waits = True
        for name, change in (
            ("make_directory", lambda: storage.make_directory(("d",))),
            ("rename", lambda: storage.rename(("a",), ("b",))),
            ("remove_file", lambda: storage.remove_file(("b",))),
            ("remove_directory", lambda: storage.remove_directory(("d",))),
        ):
            waiting = self.begin(change())
            late_thread = self.pool.waiting[0][1]
            self.pool.end_wait()
            failure = self.failureResultOf(waiting, StorageUnavailable)
            self.assertNotIsInstance(failure.value, OutcomeUnknown)
            # A thread that was about to begin it does not.
            self.assertRaises(StorageUnavailable, late_thread)
            with mock.patch.object(Tree, name, self.hanging(getattr(Tree, name))):
                waiting = self.begin(change())
                self.pool.make_next()
                self.failureResultOf(waiting, OutcomeUnknown)
        self.pool.waits = False
        self.assertEqual(self.result(anext(self._entries(), [])), [])

    async def _entries(self) -> Any:
        async for page in self.storage.list_directory(()):
            yield page

    def test_late_commit(self) -> None:
        """CR10: an upload whose publication comes late is not told as stored; it is whole, and nothing stays open."""
        before = open_beneath(self.root)
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"newer"))
        self.pool.waits = True
        with mock.patch.object(Upload, "_publish", self.hanging(Upload._publish)):
            waiting = self.begin(target.commit())
            self.pool.make_next()
        self.failureResultOf(waiting, OutcomeUnknown)
        self.result(target.abort())
        self.assertEqual((self.pool.waiting, open_beneath(self.root)), ([], before))
        self.pool.waits = False
        source = self.result(self.storage.open_read(("a",)))
        self.assertEqual(self.result(source.read(0, 10)), b"newer")
        source.close()

    def test_late_copy(self) -> None:
        """A copy whose publication was never begun leaves nothing behind."""
        before = open_beneath(self.root)
        self.pool.waits = True
        waiting = self.begin(self.storage.copy(("a",), ("b",)))
        # One begins it, and the last one publishes.
        self.pool.make_next()
        self.pool.make_next()
        self.pool.end_wait()
        self.failureResultOf(waiting, StorageUnavailable)
        self.pool.make_next()
        self.assertEqual((self.pool.waiting, open_beneath(self.root)), ([], before))

    def test_behind_a_write_that_hangs(self) -> None:
        """What ends an upload behind a write that hangs is not waited for, and keeps what came when that comes back."""
        target = self.result(self.storage.begin_upload(("b",), "alice"))
        self.result(target.write(b"abc"))
        self.pool.waits = True
        waiting = self.begin(target.write(b"x" * 100_000))
        write = Upload._write

        def hanging(upload: Upload, blocks: Any) -> None:
            waiting.cancel()
            suspended = self.begin(target.suspend())
            self.assertNoResult(suspended)
            self.pool.waiting[0][0].errback(StorageUnavailable("no answer in time"))
            self.successResultOf(suspended)
            write(upload, blocks)

        with mock.patch.object(Upload, "_write", hanging):
            self.pool.make_next()
        self.failureResultOf(waiting, CancelledError)
        self.pool.make_next()
        self.pool.waits = False
        self.assertEqual(self.result(self.storage.partial_size(("b",), "alice")), 100_003)

    def test_storage(self) -> None:
        """It is a storage."""
        self.assertTrue(IStorage.providedBy(self.storage))
