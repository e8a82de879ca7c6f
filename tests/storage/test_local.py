"""Tests of ftpx.storage.local: what the contract does not say."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Awaitable
from typing import Any
from unittest import mock

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import (
    ConfigurationError,
    NameRefused,
    NotADirectory,
    NotARegularFile,
    NotFound,
    NotSupported,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.interfaces import Entry, IFileDescriptor, IStorage, IWritableFile, Kind
from ftpx.storage.descriptor import CLOSING
from ftpx.storage.local import LocalPlugin, open_local
from ftpx.testing.pool import InlinePool, SteppedPool
from tests.storage.directories import new_directory, open_beneath
from tests.storage.local_case import LocalCase


class SpecialFileTests(LocalCase):
    """What is no regular file."""

    def test_others(self) -> None:
        """PH15: a FIFO, a socket and a device are refused at once, and can be seen and removed."""
        os.mkfifo(self.path("fifo"))
        here = os.getcwd()
        os.chdir(self.root)
        self.addCleanup(os.chdir, here)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket")
        names = ["fifo", "socket"]
        if os.geteuid() == 0:
            os.mknod(self.path("device"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
            names.append("device")
        storage: Any = self.storage
        for name in names:
            self.assertEqual(self.result(storage.stat((name,))).kind, Kind.OTHER)
            self.assert_fails(storage.open_read((name,)), NotARegularFile)
            for offset in (0, None):
                self.assert_fails(storage.open_write((name,), offset=offset), NotARegularFile)
            self.assert_fails(storage.copy((name,), ("copy",)), NotARegularFile)
            self.assert_fails(storage.set_mode((name,), 0o777), NotARegularFile)
            self.assert_listing_fails((name,), NotADirectory)
        self.assertEqual(self.names(), sorted(names))
        for name in names:
            self.result(storage.remove_file((name,)))


class HiddenNameTests(LocalCase):
    """Names that ftpx keeps for itself."""

    def test_hidden(self) -> None:
        """PH21: what is being uploaded by somebody is not seen, read, renamed, removed or made by its name."""
        hidden = (".ftpx-upload-1",)
        with open(self.path(*hidden), "w") as file:
            file.write("half")
        self.put(("a",), b"")
        storage: Any = self.storage
        self.assertEqual(self.names(), ["a"])
        for path in (hidden, (*hidden, "x"), ("d", *hidden)):
            for refused in (storage.stat, storage.open_read, storage.remove_file, storage.remove_directory):
                self.assert_fails(refused(path), NotFound)
            self.assert_listing_fails(path, NotFound)
            self.assert_fails(storage.rename(path, ("b",)), NotFound)
            self.assert_fails(storage.set_mode(path, 0o777), NotFound)
            for refused in (storage.open_write, storage.make_directory):
                self.assert_fails(refused(path), NameRefused)
            for call in (storage.rename(("a",), path), storage.copy(("a",), path), storage.make_link(path, "a")):
                self.assert_fails(call, NameRefused)
        self.assertEqual(self.real_names(), [*hidden, "a"])

    def test_names_that_are_none(self) -> None:
        """What is not one name is refused, whoever let it pass."""
        for name in ("", ".", "..", "../secret", "a/b", "a\0b"):
            for call in (
                self.storage.stat((name,)),
                self.storage.remove_file((name,)),
                self.storage.open_write((name,)),
            ):
                self.assert_fails(call, NameRefused)

    def test_long_path(self) -> None:
        """PH12: a path of more octets than the system takes is refused."""
        self.assert_fails(self.storage.stat(("x" * 250,) * 20), NameRefused, NotFound)
        self.assert_fails(self.storage.make_directory(("x" * 250,) * 20), NameRefused, NotFound)


class ReactorThreadTests(LocalCase):
    """What is made in the reactor thread, and what is not."""

    def fast(self) -> bool:
        """Whether the kernel answers from its caches here; where it does not, the pool is asked."""
        self.put(("a",), b"abc")
        self.result(self.storage.stat(("a",)))
        self.pool.seen.clear()
        self.result(self.storage.stat(("a",)))
        return not self.pool.seen

    def test_cached(self) -> None:
        """What is cached costs no thread: neither a stat nor a file that is opened and closed."""
        expected = [] if self.fast() else ["open_read", "close"]
        self.pool.seen.clear()
        self.result(self.storage.open_read(("a",))).close()
        self.assertEqual(self.pool.seen, expected)

    def test_last_name_gone(self) -> None:
        """A file that nothing else holds any more is closed, and so freed, in a thread."""
        self.fast()
        source = self.result(self.storage.open_read(("a",)))
        os.unlink(self.path("a"))
        self.pool.seen.clear()
        number = IFileDescriptor(source).fileno()
        source.close()
        self.assertEqual(self.pool.seen, ["close"])
        self.assertRaises(OSError, os.fstat, number)

    def test_all_else_in_the_pool(self) -> None:
        """Every other call is made in the pool, also those that fail."""
        storage: Any = self.storage
        self.put(("a",), b"abc")
        calls = [
            ("stat", lambda: storage.stat(("none",))),
            ("open_read", lambda: storage.open_read(("none",))),
            ("begin_upload", lambda: storage.open_write(("none", "b"))),
            ("make_directory", lambda: storage.make_directory(("a",))),
            ("remove_directory", lambda: storage.remove_directory(("a",))),
            ("remove_file", lambda: storage.remove_file(("none",))),
            ("rename", lambda: storage.rename(("none",), ("b",))),
            ("scan", lambda: self._pages(("none",))),
            ("subtree", lambda: storage.subtree(("none",))),
            ("set_modified", lambda: storage.set_modified(("none",), 0.0)),
            ("set_mode", lambda: storage.set_mode(("none",), 0o600)),
            ("make_link", lambda: storage.make_link(("a",), "b")),
            ("begin_copy", lambda: storage.copy(("none",), ("b",))),
            ("free_space", lambda: storage.free_space(("none",))),
            ("begin_owned", lambda: storage.begin_upload(("none", "b"), "alice")),
            ("continue_owned", lambda: storage.continue_upload(("none", "b"), "alice", None)),
            ("partial_size", lambda: storage.partial_size(("none", "b"), "alice")),
            ("discard_partial", lambda: storage.discard_partial(("none", "b"), "alice")),
        ]
        for name, call in calls:
            self.pool.seen.clear()
            self.failureResultOf(Deferred.fromCoroutine(call()))
            self.assertEqual(self.pool.seen, [name])

    def test_pool_full(self) -> None:
        """A file that cannot be closed in a thread, since there is none, is closed all the same."""
        self.fast()
        source = self.result(self.storage.open_read(("a",)))
        number = IFileDescriptor(source).fileno()
        os.unlink(self.path("a"))
        self.pool.faults["close"] = StorageUnavailable("full")
        source.close()
        for thread in threading.enumerate():
            if thread.name == CLOSING:
                thread.join(30)
        self.assertRaises(OSError, os.fstat, number)


class AttributeTests(LocalCase):
    """Times and modes."""

    def test_time_of_access_stays(self) -> None:
        """Only the time of the modification is set, to the nanosecond as far as a float goes."""
        storage: Any = self.storage
        self.put(("a",), b"")
        os.utime(self.path("a"), (1000, 2000))
        self.result(storage.set_modified(("a",), -1.5))
        status = os.stat(self.path("a"))
        self.assertEqual((status.st_atime_ns, status.st_mtime_ns), (1000 * 10**9, -15 * 10**8))

    def test_no_time(self) -> None:
        """A time that cannot be kept is refused."""
        storage: Any = self.storage
        self.put(("a",), b"")
        for seconds in (float("inf"), float("nan"), 1e300):
            self.assert_fails(storage.set_modified(("a",), seconds), NotSupported)

    def test_directory(self) -> None:
        """Directories have times and modes too, links have those of what they lead to."""
        storage: Any = self.storage
        os.mkdir(self.path("d"))
        os.symlink("d", self.path("link"))
        self.result(storage.set_modified(("link",), 1000.0))
        self.result(storage.set_mode(("link",), 0o700))
        entry = self.result(storage.stat(("d",)))
        self.assertEqual((entry.modified, entry.mode), (1000.0, 0o700))

    def test_without_proc(self) -> None:
        """Where /proc is not mounted a mode cannot be set, and uploads are staged under a hidden name."""
        storage: Any = self.storage
        self.put(("a",), b"x")
        with mock.patch("os.path.lexists", return_value=False):
            self.assert_fails(storage.set_mode(("a",), 0o700), NotSupported)
            target = self.result(storage.open_write(("b",)))
            self.assertEqual(len(self.real_names()), 2)
            self.result(target.commit())
        self.assertEqual(self.real_names(), ["a", "b"])


class PluginTests(SynchronousTestCase):
    """``local:DIR``"""

    def test_missing(self) -> None:
        """A root that is not there, or no directory, is named."""
        directory = new_directory(self)
        file = os.path.join(directory, "file")
        open(file, "w").close()
        for path in (os.path.join(directory, "none"), file):
            error = self.assertRaises(ConfigurationError, LocalPlugin().open_storage, path, InlinePool())
            self.assertIn(path, str(error))

    def test_no_directory(self) -> None:
        """It needs a directory, with a path that the system takes."""
        for arguments in ("", "a\0b"):
            self.assertRaises(ConfigurationError, LocalPlugin().open_storage, arguments, InlinePool())

    def test_relative(self) -> None:
        """A relative path, or one from the home directory, is that of start-up whatever becomes of it later."""
        directory = new_directory(self)
        os.mkdir(os.path.join(directory, "d"))
        self.patch(os, "environ", {**os.environ, "HOME": directory})
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(directory)
        storages = [LocalPlugin().open_storage(path, InlinePool()) for path in ("d", "./d/../d", "~/d")]
        os.chdir("/")
        entries: list[Entry] = [
            self.successResultOf(Deferred.fromCoroutine(_stat_root(storage))) for storage in storages
        ]
        self.assertEqual(len({entry.identity for entry in entries}), 1)
        self.assertRaises(ConfigurationError, LocalPlugin().open_storage, "~/none", InlinePool())


async def _stat_root(storage: IStorage) -> Entry:
    return await storage.stat(())


class CancellationTests(LocalCase):
    """A wait that is given up while a thread is at work."""

    def make_storage(self) -> IStorage:
        """An empty directory behind a pool that waits."""
        super().make_storage()
        self.stepped = SteppedPool()
        return open_local(self.root, self.stepped, openat2=False)

    def test_opened_too_late(self) -> None:
        """What is opened for somebody who does not wait any more is closed again, and nothing is left of it."""
        self.put(("a",), b"abc")
        before = open_beneath(self.root)
        for begin in (
            lambda: self.storage.open_read(("a",)),
            lambda: self.storage.open_write(("a",)),
            lambda: self.storage.open_write(("a",), offset=None),
            lambda: anext(self.storage.list_directory(())),
        ):
            self.stepped.waits = True
            waiting = Deferred.fromCoroutine(_wait(begin()))
            waiting.cancel()
            self.failureResultOf(waiting, CancelledError)
            self.stepped.make_next()
            self.assertEqual((self.stepped.waiting, open_beneath(self.root)), ([], before))
        self.assertEqual(self.real_names(), ["a"])

    def test_begun_too_late(self) -> None:
        """An upload that nobody waits for any more is thrown away, and one that was to go on is kept again."""
        storage: Any = self.storage
        file = self.result(storage.begin_upload(("a",), "alice"))
        self.result(file.write(b"0123456789"))
        self.result(file.suspend())
        before = open_beneath(self.root)
        for begin, kept in (
            (lambda: storage.begin_upload(("a",), "alice"), 10),
            (lambda: storage.continue_upload(("a",), "alice", None), 10),
            (lambda: storage.continue_upload(("a",), "alice", 4), 4),
            (lambda: storage.continue_upload(("none",), "alice", 4), 4),
        ):
            self.stepped.waits = True
            waiting = Deferred.fromCoroutine(_wait(begin()))
            waiting.cancel()
            self.failureResultOf(waiting, CancelledError)
            self.stepped.make_next()
            self.assertEqual((self.stepped.waiting, open_beneath(self.root)), ([], before))
            self.stepped.waits = False
            self.assertEqual(self.result(storage.partial_size(("a",), "alice")), kept)

    def test_suspended_behind_a_write(self) -> None:
        """An upload that breaks off while a thread writes is kept with what that thread writes."""
        storage: Any = self.storage
        before = open_beneath(self.root)
        file = self.result(storage.begin_upload(("a",), "alice"))
        self.result(file.write(b"0123456789"))
        self.stepped.waits = True
        writing = Deferred.fromCoroutine(_wait(file.write(b"x" * 100_000)))
        writing.cancel()
        self.failureResultOf(writing, CancelledError)
        suspended = Deferred.fromCoroutine(_wait(file.suspend()))
        self.stepped.make_next()
        self.stepped.make_next()
        self.successResultOf(suspended)
        self.stepped.waits = False
        self.result(file.abort())
        self.assertEqual(open_beneath(self.root), before)
        self.assertEqual(self.result(storage.partial_size(("a",), "alice")), 100_010)

    def test_suspended_before_a_write(self) -> None:
        """If that thread never came to it, what came before is kept, without a gap."""
        storage: Any = self.storage
        file = self.result(storage.begin_upload(("a",), "alice"))
        self.result(file.write(b"0123456789"))
        self.stepped.waits = True
        writing = Deferred.fromCoroutine(_wait(file.write(b"x" * 100_000)))
        writing.cancel()
        self.failureResultOf(writing, CancelledError)
        self.stepped.waiting.clear()
        suspended = Deferred.fromCoroutine(_wait(file.suspend()))
        self.stepped.make_next()
        self.successResultOf(suspended)
        self.stepped.waits = False
        self.assertEqual(self.result(storage.partial_size(("a",), "alice")), 10)

    def test_page_too_late(self) -> None:
        """A listing that is left while a page is read is closed after that page."""
        self.put(("a",), b"abc")
        before = open_beneath(self.root)
        self.stepped.waits = True
        waiting = Deferred.fromCoroutine(_wait(anext(self.storage.list_directory(()))))
        self.stepped.make_next()
        waiting.cancel()
        self.assertEqual(len(self.stepped.waiting), 2)
        self.stepped.make_next()
        self.stepped.make_next()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(open_beneath(self.root), before)

    def test_prefix_too_late(self) -> None:
        """An upload that is given up while the kept part is copied is thrown away after that."""
        self.put(("a",), b"abc")
        before = open_beneath(self.root)
        self.stepped.waits = True
        waiting = Deferred.fromCoroutine(_wait(self.storage.open_write(("a",), offset=None)))
        self.stepped.make_next()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.stepped.make_next()
        self.stepped.make_next()
        self.assertEqual((self.real_names(), open_beneath(self.root)), (["a"], before))

    def committing(self) -> tuple[IWritableFile, Deferred[object]]:
        """A small file, and the wait for its publication."""
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"new"))
        self.stepped.waits = True
        return target, Deferred.fromCoroutine(_wait(target.commit()))

    def test_commit_never_made(self) -> None:
        """An upload whose commit is given up while it waits for a thread is thrown away by the abort."""
        self.put(("a",), b"old")
        before = open_beneath(self.root)
        target, waiting = self.committing()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.stepped.waiting.clear()
        aborted = Deferred.fromCoroutine(_wait(target.abort()))
        self.stepped.make_next()
        self.successResultOf(aborted)
        self.stepped.waits = False
        self.assertEqual((self.get(("a",)), open_beneath(self.root)), (b"old", before))

    def test_commit_under_way(self) -> None:
        """A commit that is given up while a thread makes it publishes all, and the abort does nothing to that."""
        before = open_beneath(self.root)
        target, waiting = self.committing()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        aborted = Deferred.fromCoroutine(_wait(target.abort()))
        self.stepped.make_next()
        self.stepped.make_next()
        self.successResultOf(aborted)
        self.stepped.waits = False
        self.assertEqual((self.get(("a",)), open_beneath(self.root)), (b"new", before))

    def test_after_the_end(self) -> None:
        """A call that comes after the close does not touch a descriptor that may be another file's by now."""
        self.put(("a",), b"abc")
        source = self.result(self.storage.open_read(("a",)))
        target = self.result(self.storage.open_write(("a",)))
        source.close()
        self.result(target.abort())
        self.assert_fails(source.read(0, 3), StorageFailure)
        self.assert_fails(target.write(b"x"), StorageFailure)
        self.assert_fails(target.commit(), StorageFailure)


async def _wait(awaitable: Awaitable[object]) -> object:
    return await awaitable
