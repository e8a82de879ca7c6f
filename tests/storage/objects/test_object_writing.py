"""Files on their way into an object store: what is in memory, what is asked of the store, and what is left behind."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import (
    AlreadyExists,
    FileChanged,
    NotSupported,
    StorageError,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.interfaces import IStagedContent, IWritableFile, Path
from ftpx.storage.objects.resumable import ResumableObjectStorage
from ftpx.testing.pool import SteppedPool
from tests.storage.objects.memory_store import MemoryObjectStore

__all__ = ["ObjectTestCase"]

_T = TypeVar("_T")
_A: Path = ("a",)


async def _wait(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


class ObjectTestCase(SynchronousTestCase):
    """A store with parts of ten octets, a storage on it, and a clock."""

    def setUp(self) -> None:
        """Have an empty store."""
        self.seconds = 1000.0
        self.store = MemoryObjectStore(10, now=lambda: self.seconds)
        self.pool = SteppedPool()
        self.storage = self.make_storage()

    def make_storage(self) -> ResumableObjectStorage:
        """One more server on the store."""
        return ResumableObjectStorage(self.store, self.pool, lambda: self.seconds, lambda: self.seconds)

    def begin(self, awaitable: Awaitable[_T]) -> Deferred[_T]:
        """Begin an operation."""
        return Deferred.fromCoroutine(_wait(awaitable))

    def result(self, awaitable: Awaitable[_T]) -> _T:
        """What an operation returns."""
        return self.successResultOf(self.begin(awaitable))

    def assert_fails(self, awaitable: Awaitable[object], *errors: type[StorageError]) -> None:
        """An operation raises one of these errors."""
        self.failureResultOf(self.begin(awaitable), *errors)

    def open_write(self, path: Path = _A, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file."""
        file: IWritableFile = self.result(self.storage.open_write(path, offset=offset, exclusive=exclusive))
        return file

    def put(self, path: Path, content: bytes, *, offset: int | None = 0) -> None:
        """Write a file."""
        file = self.open_write(path, offset=offset)
        self.result(file.write(content))
        self.result(file.commit())

    def assert_clean(self) -> None:
        """Nothing is left of uploads."""
        self.assertEqual((self.store.uploads, self.store.hidden()), ({}, []))


class WritingTests(ObjectTestCase):
    """How a file is sent."""

    def test_small(self) -> None:
        """What fits into one part goes in one request."""
        for size in (0, 1, 10):
            self.store.calls.clear()
            self.put(_A, b"x" * size)
            self.assertEqual((self.store.asked("put"), self.store.asked("begin_upload")), (["a"], []))
            self.assertEqual(self.store.seen(), {"a": b"x" * size})
        self.assert_clean()

    def test_parts(self) -> None:
        """What does not goes in parts, each once and in order, however it is written."""
        content = bytes(range(35))
        for step in (1, 3, 10, 11, 35):
            self.store.calls.clear()
            file = self.open_write()
            for start in range(0, 35, step):
                self.result(file.write(memoryview(content)[start : start + step]))
            self.result(file.commit())
            self.assertEqual(self.store.asked("put_part"), ["a#1", "a#2", "a#3", "a#4"])
            self.assertEqual(self.store.seen(), {"a": content})
            self.assert_clean()

    def test_whole_parts(self) -> None:
        """A file may end where a part does."""
        self.put(_A, b"x" * 30)
        self.assertEqual(self.store.seen(), {"a": b"x" * 30})
        self.assert_clean()

    def test_two_parts_in_memory(self) -> None:
        """CR12: two parts are on their way, beside each other, and then the writer waits."""
        file = self.open_write()
        self.pool.waits = True
        self.result(file.write(b"1" * 10))
        self.result(file.write(b"2" * 10))
        third = self.begin(file.write(b"3" * 5))
        # Begin the upload, leave a trace of it, send the first part.
        for left in (1, 2, 1):
            self.assertNoResult(third)
            self.pool.make_next()
            self.assertEqual(len(self.pool.waiting), left)
        self.successResultOf(third)
        self.assertEqual(self.store.asked("put_part"), ["a#1"])
        self.pool.make_next()
        self.assertEqual(self.store.asked("put_part"), ["a#1", "a#2"])

    def test_second_stored_first(self) -> None:
        """Of two parts the second may be stored before the first."""
        file = self.open_write()
        self.result(file.write(b"1" * 20))
        self.pool.waits = True
        writing = self.begin(file.write(b"2" * 20))
        self.pool.waiting.reverse()
        self.pool.make_next()
        self.assertNoResult(writing)
        self.pool.make_next()
        self.successResultOf(writing)
        self.pool.waits = False
        self.result(file.commit())
        self.assertEqual(self.store.asked("put_part"), ["a#1", "a#3", "a#2", "a#4"])
        self.assertEqual(self.store.seen(), {"a": b"1" * 20 + b"2" * 20})
        self.assert_clean()

    def test_crowd(self) -> None:
        """CR12: of many uploads at once, most send one part and fill the next meanwhile, so that threads are left."""
        files = [self.open_write((str(number),)) for number in range(10)]
        for file in files:
            self.result(file.write(b"1" * 11))
        self.pool.waits = True
        writing = [self.begin(file.write(b"2" * 20)) for file in files]
        self.assertEqual(len(self.pool.waiting), 14)
        while self.pool.waiting:
            self.pool.make_next()
        self.pool.waits = False
        for each, file in zip(writing, files, strict=True):
            self.successResultOf(each)
            self.result(file.commit())
        self.assertEqual(set(self.store.seen().values()), {b"1" * 11 + b"2" * 20})
        self.assert_clean()

    def test_cancelled_write(self) -> None:
        """Who is cancelled while he waits for room leaves the part alone that is on its way."""
        file = self.open_write()
        self.pool.waits = True
        self.result(file.write(b"1" * 20))
        waiting = self.begin(file.write(b"3"))
        waiting.cancel()
        self.failureResultOf(waiting)
        while self.pool.waiting:
            self.pool.make_next()
        self.pool.waits = False
        self.result(file.commit())
        self.assertEqual(self.store.seen(), {"a": b"1" * 20})

    def test_abort_while_a_part_is_sent(self) -> None:
        """To throw away does not wait for the part that is on its way, and when that has come nothing is left."""
        file = self.open_write()
        self.pool.waits = True
        self.result(file.write(b"1" * 11))
        self.result(file.abort())
        self.assert_fails(file.write(b"x"), StorageFailure)
        while self.pool.waiting:
            self.pool.make_next()
        self.assertEqual(self.store.asked("put_part"), ["a#1"])
        self.assertEqual(self.store.seen(), {})
        self.assert_clean()

    def test_late_begin(self) -> None:
        """An upload that the store begins when nobody waits for it any more is thrown away."""
        file = self.open_write()
        self.store.before["begin_upload"] = self.pool.end_wait
        self.pool.waits = True
        self.result(file.write(b"1" * 11))
        self.pool.make_next()
        self.pool.waits = False
        self.assert_fails(file.write(b"1" * 10), StorageUnavailable)
        self.result(file.abort())
        self.assertEqual(self.store.asked("abort"), ["a"])
        self.assert_clean()

    def test_failed_part(self) -> None:
        """CR10: a part that could not be sent ends the upload; nothing is left, and the old file is whole."""
        self.put(_A, b"old")
        for broken in range(1, 5):
            self.store.fail("put_part", *[None] * (broken - 1), StorageFailure("broken"))
            file = self.open_write()
            self.assert_fails(self._write_all(file), StorageFailure)
            self.result(file.abort())
            self.assertEqual(self.store.seen(), {"a": b"old"})
            self.assert_clean()

    async def _write_all(self, file: IWritableFile) -> None:
        for _ in range(45):
            await file.write(b"x")
        await file.commit()

    def test_failed_trace(self) -> None:
        """What cannot be found again is not begun: without its trace an upload fails, and leaves nothing."""
        self.store.fail("put", StorageFailure("broken"))
        file = self.open_write()
        self.assert_fails(self._write_all(file), StorageFailure)
        self.result(file.abort())
        self.assert_clean()

    def test_failed_complete(self) -> None:
        """CR13: what could not be completed is not there, and leaves nothing."""
        self.put(_A, b"old")
        self.store.fail("complete", StorageFailure("broken"))
        self.assert_fails(self._write_all(self.open_write()), StorageFailure)
        self.assertEqual(self.store.seen(), {"a": b"old"})
        self.assert_clean()

    def test_failed_abort(self) -> None:
        """What the store does not throw away now is thrown away when all is tidied, as soon as it does."""
        file = self.open_write()
        self.result(file.write(b"1" * 25))
        self.store.fail("abort", StorageUnavailable("not now"), StorageUnavailable("still not"))
        self.result(file.abort())
        self.assert_fails(self.storage.tidy_partials(3600), StorageUnavailable)
        self.assertEqual(len(self.store.uploads), 1)
        self.result(self.storage.tidy_partials(3600))
        self.assert_clean()

    def test_failed_removal_of_a_trace(self) -> None:
        """A file that is published stays so, though its trace could not be removed; that goes when all is tidied."""
        file = self.open_write()
        self.result(file.write(b"1" * 25))
        self.store.fail("delete", StorageFailure("broken"))
        self.assertEqual(self.result(file.commit()).size, 25)
        self.assertEqual(len(self.store.hidden()), 1)
        self.result(self.storage.tidy_partials(3600))
        self.assertEqual(self.store.seen(), {"a": b"1" * 25})
        self.assert_clean()

    def test_crash(self) -> None:
        """CR02: of an upload that nobody can go on with, the next server throws away what a crash has left."""
        self.result(self.open_write().write(b"1" * 25))
        self.assertEqual(len(self.store.uploads), 1)
        next_server = self.make_storage()
        self.result(next_server.tidy_partials(3600))
        self.assertEqual(len(self.store.uploads), 1)
        self.seconds += 90_000
        self.result(next_server.tidy_partials(3600))
        self.assert_clean()

    def test_append(self) -> None:
        """What is kept of a file is sent again, in parts too, and what stands is whole meanwhile."""
        content = bytes(range(64))
        for offset in (1, 10, 25, 40):
            self.put(_A, content[:40])
            file = self.open_write(offset=offset)
            self.assertEqual(file.offset, offset)
            self.result(file.write(content[offset:]))
            self.assertEqual(self.store.seen(), {"a": content[:40]})
            self.result(file.commit())
            self.assertEqual(self.store.seen(), {"a": content})
            self.assert_clean()

    def test_read_back(self) -> None:
        """What is kept can be read back however much was sent; what was written, as long as no part has it."""
        self.put(_A, b"0123456789abcde")
        file = self.open_write(offset=12)
        self.result(file.write(b"xyz"))
        staged = IStagedContent(file)
        self.assertEqual(self.result(staged.read_back(0, 100)), b"0123456789abxyz")
        self.result(file.write(b"x" * 20))
        self.assertEqual(self.result(staged.read_back(3, 9)), b"3456789ab")
        self.assert_fails(staged.read_back(12, 1), NotSupported)
        self.result(file.abort())
        self.assert_clean()

    def test_published_by_another_meanwhile(self) -> None:
        """Who continues a file does not take the name from one that came while the last octets were sent."""
        self.put(_A, b"old")
        for offset in (None, 2):
            file = self.open_write(offset=offset)
            self.result(file.write(b"x" * 25))
            self.put(_A, b"another")
            self.assert_fails(file.commit(), FileChanged)
            self.assertEqual(self.store.seen(), {"a": b"another"})
            self.assert_clean()

    def test_exclusive_at_the_last_moment(self) -> None:
        """A name that is taken between the last look and the publication stays with who has it."""
        for size in (3, 25):
            file = self.open_write(exclusive=True)
            self.result(file.write(b"x" * size))
            self.store.before["put" if size == 3 else "complete"] = self._take_name
            self.assert_fails(file.commit(), AlreadyExists)
            self.assertEqual(self.store.seen(), {"a": b"early"})
            self.assert_clean()
            self.result(self.storage.remove_file(_A))

    def _take_name(self) -> None:
        self.store.before.clear()
        self.store.put("a", b"early")

    def test_requests_of_a_small_file(self) -> None:
        """What a small file costs: two looks before it, one more behind it, and one request that stores it."""
        self.result(self.storage.make_directory(("d",)))
        self.store.calls.clear()
        self.put(("d", "a"), b"x")
        self.assertEqual([name for name, _ in self.store.calls], ["look", "list_all", "list_all", "put"])
