"""Tests of ftpx.storage.failures: a disk that breaks, at every step."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
import os
from typing import Any
from unittest import mock

from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import (
    NoSpace,
    PermissionDenied,
    QuotaExceeded,
    StorageError,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.interfaces import IStorage
from ftpx.storage.failures import ERRORS, storage_error
from ftpx.storage.local import open_local
from ftpx.testing.pool import FaultyPool
from ftpx.testing.storage import StorageCase
from tests.storage.directories import new_directory, open_beneath

CASES = {
    errno.ENOSPC: NoSpace,
    errno.EDQUOT: QuotaExceeded,
    errno.EIO: StorageFailure,
    errno.EROFS: PermissionDenied,
    errno.EACCES: PermissionDenied,
    errno.EMFILE: StorageUnavailable,
    errno.ESTALE: StorageFailure,
}


class TableTests(SynchronousTestCase):
    """From errno to the domain."""

    def test_every_errno(self) -> None:
        """Every error of the system is one of the domain, and its text holds no path."""
        for number in errno.errorcode:
            error = storage_error(OSError(number, "text", "/srv/private", None, "/srv/other"))
            self.assertIsInstance(error, ERRORS.get(number, StorageFailure))
            self.assertEqual(str(error), os.strerror(number))

    def test_without_errno(self) -> None:
        """An error without a number is a failure."""
        self.assertIsInstance(storage_error(OSError("text")), StorageFailure)


class BrokenDiskTests(StorageCase, SynchronousTestCase):
    """Every call of a local storage fails, one after the other."""

    def make_storage(self) -> IStorage:
        """An empty directory behind a pool that can be made to fail."""
        self.root = new_directory(self)
        self.pool = FaultyPool()
        return open_local(self.root, self.pool, openat2=False)

    def assert_breaks(self, step: str, call: Any) -> None:
        """A step of an operation that breaks is an error of the domain, of the right kind, without a path."""
        for number, expected in CASES.items():
            self.pool.faults = {step: OSError(number, "broken", self.root)}
            error: StorageError = self.failureResultOf(_fired(call()), expected).value
            self.assertNotIn(self.root, str(error))
            self.pool.faults = {}

    async def _write(self, offset: int | None = 0) -> None:
        target = await self.storage.open_write(("a",), offset=offset)
        try:
            # One small block is kept, a second one is written.
            await target.write(b"new")
            await target.write(b"er")
            await target.commit()
        finally:
            await target.abort()

    def test_upload(self) -> None:
        """RS05, RS06: an upload that breaks at any step leaves the old file whole and nothing else."""
        self.put(("a",), b"old")
        for step in ("begin_upload", "write", "commit"):
            self.assert_breaks(step, self._write)
        for step in ("begin_upload", "keep", "write", "commit"):
            self.assert_breaks(step, lambda: self._write(None))
        self.assertEqual(self.get(("a",)), b"old")
        self.assertEqual(os.listdir(self.root), ["a"])

    def test_system_calls_of_an_upload(self) -> None:
        """RS05, RS06: the same where the system's own calls break: writing, closing, publishing."""
        self.put(("a",), b"old")
        before = open_beneath(self.root)
        for name in ("pwrite", "dup", "fchmod", "rename", "link"):
            for number, expected in CASES.items():
                with mock.patch(f"os.{name}", side_effect=OSError(number, "broken", self.root)):
                    self.assert_fails(self._write(), expected)
        self.assertEqual(self.get(("a",)), b"old")
        self.assertEqual(os.listdir(self.root), ["a"])
        self.assertEqual(open_beneath(self.root), before)

    def test_short_writes(self) -> None:
        """A write that takes less than a block is continued."""
        pwrite = os.pwrite
        with mock.patch("os.pwrite", side_effect=lambda number, block, at: pwrite(number, block[:2], at)):
            self.put(("a",), b"0123456789")
        self.assertEqual(self.get(("a",)), b"0123456789")

    def test_download(self) -> None:
        """RS06: a download that breaks says so."""
        self.put(("a",), b"old")
        self.assert_breaks("stat", lambda: self.storage.stat(("a",)))
        self.assert_breaks("open_read", lambda: self.storage.open_read(("a",)))
        source = self.result(self.storage.open_read(("a",)))
        self.addCleanup(source.close)
        self.assert_breaks("use", lambda: source.read(0, 3))

    def test_short_reads(self) -> None:
        """A read that returns less than a block is continued, up to the end."""
        self.put(("a",), b"0123456789")
        pread = os.pread
        with mock.patch("os.pread", side_effect=lambda number, size, at: pread(number, min(size, 3), at)):
            self.assertEqual(self.get(("a",)), b"0123456789")

    def test_close(self) -> None:
        """RS06: a close that breaks is logged, and nobody is told."""
        self.put(("a",), b"old")
        source = self.result(self.storage.open_read(("a",)))
        self.pool.faults = {"close": OSError(errno.EIO, "broken")}
        with capturedLogs() as events:
            source.close()
        self.pool.faults = {}
        self.assertEqual([formatEvent(event) for event in events], ["A file could not be closed: broken"])
        self.assertEqual(events[0]["log_level"], LogLevel.warn)

    def test_listing(self) -> None:
        """RS06: a listing that breaks at its first page or at a later one says so."""
        self.put(("a",), b"")
        self.assert_breaks("scan", lambda: self._pages(()))
        self.assert_breaks("page", lambda: self._pages(()))
        with mock.patch("os.scandir", side_effect=OSError(errno.EIO, "broken")):
            self.assert_listing_fails((), StorageFailure)

    def test_others(self) -> None:
        """RS06: so does every other operation."""
        storage: Any = self.storage
        self.put(("a",), b"")
        for step, call in (
            ("make_directory", lambda: storage.make_directory(("d",))),
            ("remove_directory", lambda: storage.remove_directory(("d",))),
            ("remove_file", lambda: storage.remove_file(("a",))),
            ("rename", lambda: storage.rename(("a",), ("b",))),
            ("begin_copy", lambda: storage.copy(("a",), ("b",))),
            ("commit", lambda: storage.copy(("a",), ("b",))),
            ("set_mode", lambda: storage.set_mode(("a",), 0o600)),
            ("set_modified", lambda: storage.set_modified(("a",), 0.0)),
            ("free_space", lambda: storage.free_space(())),
            ("subtree", lambda: storage.subtree(())),
        ):
            self.assert_breaks(step, call)
        self.assertEqual(self.names(), ["a"])


def _fired(awaitable: Any) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(awaitable)
