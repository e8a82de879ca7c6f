"""Tests of ftpx.storage.threaded: blocking code as a storage."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Thread
from typing import Any, cast
from unittest import mock

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftpx.errors import (
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.interfaces import (
    Block,
    Entry,
    IBlockingReadableFile,
    IBlockingStorage,
    IBlockingWritableFile,
    ICreationTimes,
    IFreeSpace,
    IModes,
    IReadableFile,
    IServerSideCopy,
    IStorage,
    IStoredDigests,
    ISubtrees,
    ISymbolicLinks,
    ITimes,
    IWritableFile,
    Kind,
    Path,
)
from ftpx.storage.threaded import ThreadedStorage
from ftpx.testing.blocking import BlockingMemoryStorage
from ftpx.testing.pool import InlinePool, SteppedPool
from ftpx.testing.storage import StorageContract

_ENTRY = Entry("a", Kind.FILE, 10)


class ThreadedContractTests(StorageContract, SynchronousTestCase):
    """The contract of storages."""

    def make_storage(self) -> IStorage:
        """A blocking storage in memory."""
        return ThreadedStorage(BlockingMemoryStorage(), InlinePool())


@implementer(IBlockingReadableFile, IBlockingWritableFile, IStoredDigests)
class ScriptedFile:
    """A file whose calls do what the test says, and are noted."""

    def __init__(self, script: ScriptedStorage) -> None:
        self.entry = _ENTRY
        self.offset = 0
        self._script = script

    def read(self, offset: int, size: int) -> bytes:
        """See `IBlockingReadableFile`."""
        return cast("bytes", self._script.made("read", b"x" * size))

    def write(self, block: Block) -> None:
        """See `IBlockingWritableFile`."""
        self._script.blocks.append(block)
        self._script.made("write", None)

    def commit(self) -> Entry:
        """See `IBlockingWritableFile`."""
        return cast("Entry", self._script.made("commit", _ENTRY))

    def abort(self) -> None:
        """See `IBlockingWritableFile`."""
        self._script.made("abort", None)

    def close(self) -> None:
        """See `IBlockingReadableFile`."""
        self._script.made("close", None)

    def stored_digest(self, algorithm: str) -> str | None:
        """See `IStoredDigests`."""
        return algorithm.lower()


class Pages:
    """The pages of a listing."""

    def __init__(self, script: ScriptedStorage, pages: Sequence[object]) -> None:
        self._script = script
        self._pages = iter(pages)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self._script.made("page", None)
        return next(self._pages)

    def close(self) -> None:
        """Let go of them."""
        self._script.made("close", None)


class ScriptedStorage:
    """A blocking storage whose calls do what the test says, and are noted."""

    abilities: Sequence[Any] = (ITimes, ICreationTimes, IModes, ISymbolicLinks, IServerSideCopy, IFreeSpace)

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.blocks: list[Block] = []
        self.pages: Sequence[object] = [[_ENTRY], [_ENTRY]]
        # What a call does, by its name, and what it returns in place of what is expected.
        self.acts: dict[str, Callable[[], object]] = {}

    def made(self, name: str, result: object) -> object:
        """Note a call and do what the test says."""
        self.seen.append(name)
        act = self.acts.get(name)
        acted = None if act is None else act()
        return result if acted is None else acted

    def stat(self, path: Path) -> Entry:
        """See `IBlockingStorage`."""
        return cast("Entry", self.made("stat", _ENTRY))

    def list_directory(self, path: Path) -> Iterator[Any]:
        """See `IBlockingStorage`."""
        self.made("list_directory", None)
        return Pages(self, self.pages)

    def open_read(self, path: Path) -> IBlockingReadableFile:
        """See `IBlockingStorage`."""
        return cast("IBlockingReadableFile", self.made("open_read", ScriptedFile(self)))

    def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IBlockingWritableFile:
        """See `IBlockingStorage`."""
        return cast("IBlockingWritableFile", self.made("open_write", ScriptedFile(self)))

    def __getattr__(self, name: str) -> Callable[..., object]:
        # Every other operation: none of them returns anything, but for the free space.
        def operation(*arguments: object) -> object:
            return self.made(name, 42 if name == "free_space" else None)

        return operation


class ThreadedCase(SynchronousTestCase):
    """A scripted storage, and calls that are made when the test says so."""

    def setUp(self) -> None:
        """Make it."""
        self.blocking = ScriptedStorage()
        self.pool = SteppedPool()
        self.storage: Any = ThreadedStorage(cast("IBlockingStorage", self.blocking), self.pool)

    def begin(self, awaitable: Any) -> Deferred[Any]:
        """Ask for something, and wait for it."""

        async def wait() -> object:
            return await awaitable

        return Deferred.fromCoroutine(wait())

    def result(self, awaitable: Any) -> Any:
        """What something returns."""
        return self.successResultOf(self.begin(awaitable))

    def changes(self) -> dict[str, Callable[[], Any]]:
        """The operations that change something."""
        storage = self.storage
        return {
            "make_directory": lambda: storage.make_directory(("a",)),
            "remove_directory": lambda: storage.remove_directory(("a",)),
            "remove_file": lambda: storage.remove_file(("a",)),
            "rename": lambda: storage.rename(("a",), ("b",)),
            "set_modified": lambda: storage.set_modified(("a",), 0.0),
            "set_created": lambda: storage.set_created(("a",), 0.0),
            "set_mode": lambda: storage.set_mode(("a",), 0o600),
            "make_link": lambda: storage.make_link(("a",), "b"),
            "copy": lambda: storage.copy(("a",), ("b",)),
        }

    def operations(self) -> dict[str, Callable[[], Any]]:
        """All operations."""
        storage = self.storage
        return {
            **self.changes(),
            "stat": lambda: storage.stat(("a",)),
            "list_directory": lambda: anext(storage.list_directory(())),
            "page": lambda: anext(storage.list_directory(())),
            "open_read": lambda: storage.open_read(("a",)),
            "open_write": lambda: storage.open_write(("a",)),
            "free_space": lambda: storage.free_space(()),
        }


class AbilitiesTests(ThreadedCase):
    """What it provides, and what it calls."""

    def test_provided(self) -> None:
        """It provides what the blocking storage names, and nothing else."""
        verifyObject(IStorage, self.storage)
        for ability in self.blocking.abilities:
            verifyObject(ability, self.storage)
        self.blocking.abilities = ()
        poor = ThreadedStorage(cast("IBlockingStorage", self.blocking), self.pool)
        self.assertFalse(any(ability.providedBy(poor) for ability in ScriptedStorage.abilities))

    def test_unknown(self) -> None:
        """An ability that needs more than one blocking call is refused at once."""
        self.blocking.abilities = (ITimes, ISubtrees)
        error = self.assertRaises(ValueError, ThreadedStorage, self.blocking, self.pool)
        self.assertIn("ISubtrees", str(error))

    def test_each_calls_its_own(self) -> None:
        """Each operation is the call of the same name."""
        for name, operation in self.operations().items():
            self.blocking.seen.clear()
            self.result(operation())
            self.assertIn(name, self.blocking.seen)
        self.assertEqual(self.result(self.storage.free_space(())), 42)

    def test_files(self) -> None:
        """Its files are files; what the storage knows of digests is told."""
        source, target = self.result(self.storage.open_read(("a",))), self.result(self.storage.open_write(("a",)))
        verifyObject(IReadableFile, source)
        verifyObject(IWritableFile, target)
        verifyObject(IStoredDigests, source)
        self.assertEqual(source.stored_digest("MD5"), "md5")
        plain = self.result(ThreadedStorage(BlockingMemoryStorage(), self.pool).open_write(("a",)))
        self.result(plain.commit())
        self.assertFalse(IStoredDigests.providedBy(plain))


class ErrorTests(ThreadedCase):
    """What calls raise, and what they should not return."""

    def test_system_errors(self) -> None:
        """An OSError becomes what it means, with a number or without, and its text does not get out."""
        for raised, expected in (
            (PermissionError(errno.EACCES, "secret", "/srv/secret"), PermissionDenied),
            (FileNotFoundError("/srv/secret"), NotFound),
            (TimeoutError("secret:443"), StorageUnavailable),
            (ConnectionResetError("secret:443"), StorageUnavailable),
            (OSError("secret"), StorageFailure),
        ):
            for name, operation in self.operations().items():
                self.blocking.acts = {name: _raises(raised)}
                failure = self.failureResultOf(self.begin(operation()), expected)
                self.assertNotIsInstance(failure.value, OutcomeUnknown)
                self.assertNotIn("secret", str(failure.value))

    def test_errors_of_the_domain(self) -> None:
        """They are handed on as they are, and not logged; StorageUnavailable of a change is no doubt about it."""
        for raised in (NotFound("here"), StorageUnavailable("busy")):
            for name, operation in self.operations().items():
                self.blocking.acts = {name: _raises(raised)}
                self.assertIs(self.failureResultOf(self.begin(operation())).value, raised)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_bugs(self) -> None:
        """Whatever else is raised is logged once, with its traceback, and is a failure of the storage."""
        for raised in (KeyError("secret"), SystemExit(3), StopIteration()):
            for name, operation in self.operations().items():
                if name == "page" and isinstance(raised, StopIteration):
                    continue
                self.blocking.acts = {name: _raises(raised)}
                failure = self.failureResultOf(self.begin(operation()), StorageFailure)
                self.assertEqual(str(failure.value), "the storage failed")
                logged = self.flushLoggedErrors()
                self.assertEqual([type(failure.value) for failure in logged], [type(raised)], name)
                self.assertIsNotNone(logged[0].getTracebackObject())

    def test_nonsense(self) -> None:
        """What is no entry, no page, no block and no offset is a bug, and what was opened is closed."""
        odd = ScriptedFile(self.blocking)
        odd.entry = odd.offset = "none"  # type: ignore[assignment]  # which is the point
        for name, result, then in (
            ("stat", "none", []),
            ("open_read", odd, ["close"]),
            ("open_write", odd, ["abort"]),
        ):
            self.blocking.acts = {name: partial(_given, result)}
            self.blocking.seen.clear()
            self.failureResultOf(self.begin(self.operations()[name]()), StorageFailure)
            self.assertEqual(self.blocking.seen, [name, *then])
            self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.blocking.acts = {}
        self.blocking.pages = [42]
        self.failureResultOf(self.begin(anext(self.storage.list_directory(()))), StorageFailure)
        self.assertEqual(self.blocking.seen[-1], "close")
        source, target = self.result(self.storage.open_read(("a",))), self.result(self.storage.open_write(("a",)))
        self.blocking.acts = {"read": lambda: b"x" * 100, "commit": lambda: "none"}
        self.failureResultOf(self.begin(source.read(0, 5)), StorageFailure)
        self.failureResultOf(self.begin(target.commit()), StorageFailure)
        self.assertEqual(len(self.flushLoggedErrors()), 3)


class ListingTests(ThreadedCase):
    """Listings."""

    async def _pages(self) -> list[Sequence[Entry]]:
        return [page async for page in self.storage.list_directory(())]

    def test_to_the_end(self) -> None:
        """What holds the pages is closed at the end, by the call that finds it."""
        self.assertEqual(len(self.result(self._pages())), 2)
        self.assertEqual(self.blocking.seen, ["list_directory", "page", "page", "page", "close"])
        self.assertEqual(self.pool.calls, 3)

    def test_empty(self) -> None:
        """A directory may have no pages, and a page no entries."""
        self.blocking.pages = []
        self.assertEqual(self.result(self._pages()), [])
        self.blocking.pages = [[], [_ENTRY]]
        self.assertEqual(self.result(self._pages()), [[_ENTRY]])

    def test_large_page(self) -> None:
        """A page of any size is handed on in parts."""
        self.blocking.pages = [[_ENTRY] * 25_000]
        self.assertEqual([len(page) for page in self.result(self._pages())], [10_000, 10_000, 5_000])

    def test_closed_early(self) -> None:
        """A listing that is given up is closed in a thread."""
        listing = self.storage.list_directory(())
        self.result(anext(listing))
        self.pool.waits = True
        self.result(listing.aclose())
        self.assertEqual(self.blocking.seen[-1], "page")
        self.pool.make_next()
        self.assertEqual(self.blocking.seen[-1], "close")

    def test_page_fails(self) -> None:
        """So is one whose page fails, and that is told to the log if it fails as well."""
        self.blocking.acts = {"close": _raises(OSError(errno.EIO, "broken"))}
        listing = self.storage.list_directory(())
        self.result(anext(listing))
        self.blocking.acts["page"] = _raises(OSError(errno.ENOENT, "gone"))
        self.failureResultOf(self.begin(anext(listing)), NotFound)
        self.assertEqual(self.blocking.seen[-1], "close")

    def test_given_up_at_its_page(self) -> None:
        """One whose page hangs is closed by the thread that hangs, when it comes back; nobody waits for that."""
        listing = self.storage.list_directory(())
        self.result(anext(listing))
        self.pool.waits = True
        waiting = self.begin(anext(listing))
        self.blocking.acts = {"page": self.pool.end_wait}
        self.pool.make_next()
        self.failureResultOf(waiting, StorageUnavailable)
        self.assertEqual(self.blocking.seen[-2:], ["page", "close"])
        self.assertEqual(self.pool.waiting, [])

    def test_begun_too_late(self) -> None:
        """A listing that begins when nobody waits any more is closed."""
        self.pool.waits = True
        self.blocking.acts = {"list_directory": self.pool.end_wait}
        waiting = self.begin(anext(self.storage.list_directory(())))
        self.pool.make_next()
        self.failureResultOf(waiting, StorageUnavailable)
        self.assertEqual(self.blocking.seen, ["list_directory", "page", "close"])


class DoubtTests(ThreadedCase):
    """Calls that do not come back in time."""

    def test_changes_under_way(self) -> None:
        """Of a change that a thread has begun nobody knows whether it is made."""
        self.pool.waits = True
        for name, operation in self.changes().items():
            self.blocking.acts = {name: self.pool.end_wait}
            waiting = self.begin(operation())
            self.pool.make_next()
            self.failureResultOf(waiting, OutcomeUnknown)

    def test_changes_not_begun(self) -> None:
        """One that no thread has begun is not made."""
        self.pool.waits = True
        for operation in self.changes().values():
            waiting = self.begin(operation())
            self.pool.end_wait()
            failure = self.failureResultOf(waiting, StorageUnavailable)
            self.assertNotIsInstance(failure.value, OutcomeUnknown)
        self.assertEqual(self.blocking.seen, [])

    def test_opened_too_late(self) -> None:
        """What is opened for nobody is closed, and what is begun for nobody thrown away."""
        self.pool.waits = True
        for name, last in (("open_read", "close"), ("open_write", "abort")):
            self.blocking.acts = {name: self.pool.end_wait}
            waiting = self.begin(self.operations()[name]())
            self.pool.make_next()
            self.failureResultOf(waiting, StorageUnavailable)
            self.assertEqual(self.blocking.seen[-2:], [name, last])

    def test_late_commit(self) -> None:
        """A commit that hangs may yet publish; what throws the rest away comes behind it, in the same thread."""
        target = self.result(self.storage.open_write(("a",)))
        self.pool.waits = True

        def given_up() -> None:
            self.pool.end_wait()
            self.result(target.abort())

        self.blocking.acts = {"commit": given_up}
        waiting = self.begin(target.commit())
        self.pool.make_next()
        self.failureResultOf(waiting, OutcomeUnknown)
        self.assertEqual(self.blocking.seen, ["open_write", "commit", "abort"])
        self.assertEqual(self.pool.waiting, [])

    def test_commit_not_begun(self) -> None:
        """A commit that no thread has begun is none, and the upload is thrown away."""
        target = self.result(self.storage.open_write(("a",)))
        self.pool.waits = True
        waiting = self.begin(target.commit())
        self.pool.end_wait()
        failure = self.failureResultOf(waiting, StorageUnavailable)
        self.assertNotIsInstance(failure.value, OutcomeUnknown)
        self.pool.waits = False
        self.result(target.abort())
        self.assertEqual(self.blocking.seen, ["open_write", "abort"])


class OneAtATimeTests(ThreadedCase):
    """Calls on one file."""

    def setUp(self) -> None:
        """Have two files open."""
        super().setUp()
        self.source = self.result(self.storage.open_read(("a",)))
        self.target = self.result(self.storage.open_write(("a",)))
        self.blocking.seen.clear()
        self.pool.waits = True

    def test_in_line(self) -> None:
        """Calls that are asked for at once are made one behind the other."""
        calls = [self.begin(self.source.read(0, 1)) for _ in range(3)]
        for waiting in calls:
            self.assertEqual(len(self.pool.waiting), 1)
            self.pool.make_next()
            self.assertEqual(self.successResultOf(waiting), b"x")

    def test_closed_while_it_is_read(self) -> None:
        """A file that is closed while a thread reads is closed by that thread; the reactor does not wait."""
        waiting = self.begin(self.source.read(0, 5))

        def closed_meanwhile() -> None:
            waiting.cancel()
            self.source.close()
            self.source.close()
            self.assertEqual(self.blocking.seen, ["read"])

        self.blocking.acts = {"read": closed_meanwhile}
        self.pool.make_next()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual((self.blocking.seen, self.pool.waiting), (["read", "close"], []))

    def test_closed_before_it_is_read(self) -> None:
        """A call that a thread begins though its file was closed meanwhile does not get to the file."""
        waiting = self.begin(self.source.read(0, 5))
        self.source.close()
        self.pool.make_next()
        self.failureResultOf(waiting, StorageFailure)
        self.pool.make_next()
        self.assertEqual(self.blocking.seen, ["close"])

    def test_beside_a_call_that_hangs(self) -> None:
        """A call behind one that hangs is refused: none is made beside it."""
        waiting = self.begin(self.source.read(0, 5))
        others: list[Deferred[Any]] = []

        def read_again() -> None:
            if not others:
                self.pool.end_wait()
                others.append(self.begin(self.source.read(0, 5)))
                self.pool.make_next()

        self.blocking.acts = {"read": read_again}
        self.pool.make_next()
        self.failureResultOf(waiting, StorageUnavailable)
        self.failureResultOf(others[0], StorageUnavailable)
        self.assertEqual(self.blocking.seen, ["read"])

    def test_lost_block(self) -> None:
        """CR10: a file of which a block was lost cannot be published."""
        for act in (self.pool.end_wait, _raises(OSError(errno.EIO, "broken"))):
            self.pool.waits = True
            target = self.target
            self.blocking.acts = {"write": act}
            waiting = self.begin(target.write(b"abc"))
            self.pool.make_next()
            self.failureResultOf(waiting, StorageUnavailable, StorageFailure)
            self.blocking.acts = {}
            self.failureResultOf(self.begin(target.commit()), StorageFailure)
            self.assertNotIn("commit", self.blocking.seen)
            self.pool.waits = False
            self.result(target.abort())
            self.target = self.result(self.storage.open_write(("a",)))

    def test_block_is_a_copy(self) -> None:
        """The memory of a block is its owner's when the wait is over, though a thread may still write."""
        block = bytearray(b"one")
        waiting = self.begin(self.target.write(memoryview(block)))
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        block[:] = b"two"
        self.pool.make_next()
        self.assertEqual(self.blocking.blocks, [b"one"])

    def test_after_the_end(self) -> None:
        """Behind a commit or an abort there is nothing to write, to publish or to throw away."""
        self.pool.waits = False
        self.result(self.target.commit())
        self.result(self.target.abort())
        self.failureResultOf(self.begin(self.target.commit()), StorageFailure)
        other = self.result(self.storage.open_write(("a",)))
        for _ in range(2):
            self.result(other.abort())
        self.failureResultOf(self.begin(other.write(b"x")), StorageFailure)
        self.failureResultOf(self.begin(other.commit()), StorageFailure)
        self.assertEqual(self.blocking.seen, ["commit", "open_write", "abort"])

    def test_closing_fails(self) -> None:
        """An error at the end is told to the log alone."""
        self.pool.waits = False
        self.blocking.acts = {"close": _raises(NotFound("gone")), "abort": _raises(KeyError("bug"))}
        self.source.close()
        self.result(self.target.abort())
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_pool_takes_no_more(self) -> None:
        """Where the pool takes no more calls, a thread of its own closes the file, and just once."""
        threads: list[Thread] = []
        refused = fail(StorageUnavailable("stopped"))
        with (
            mock.patch.object(self.pool, "run", return_value=refused),
            mock.patch("threading.Thread.start", lambda thread: threads.append(thread)),  # noqa: PLW0108 - it binds
        ):
            self.source.close()
            self.source.close()
        (thread,) = threads
        thread.run()
        self.assertEqual(self.blocking.seen, ["close"])


def _given(result: object) -> object:
    return result


def _raises(error: BaseException) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act
