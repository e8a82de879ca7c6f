"""Tests of ftpx.storage.upload: uploads until they are published."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
import os
import stat
from unittest import mock

from ftpx.errors import (
    AlreadyExists,
    FileChanged,
    NoSpace,
    NotFound,
    PermissionDenied,
    StorageUnavailable,
)
from ftpx.interfaces import IFileDescriptor
from tests.storage.directories import open_beneath
from tests.storage.local_case import LocalCase


class StagingTests(LocalCase):
    """Uploads until they are published."""

    def test_mode_of_new_file(self) -> None:
        """A new file has the mode that the umask gives it."""
        before = os.umask(0o027)
        self.addCleanup(os.umask, before)
        self.put(("a",), b"")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("a")).st_mode), 0o640)

    def test_mode_and_owner_of_old_file(self) -> None:
        """PH23: the next content has mode and owner of the last, but not its set-user-ID bit."""
        self.put(("a",), b"old")
        if os.geteuid() == 0:
            os.chown(self.path("a"), 1234, 2345)
        os.chmod(self.path("a"), 0o6751)
        self.put(("a",), b"new")
        status = os.stat(self.path("a"))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o751)
        if os.geteuid() == 0:
            self.assertEqual((status.st_uid, status.st_gid), (1234, 2345))

    def test_nothing_is_left(self) -> None:
        """Of uploads that ended, whichever way, no name and no descriptor is left."""
        self.put(("a",), b"old")
        before = open_beneath(self.root)
        for offset in (0, 2, None):
            self.put(("a",), b"new", offset=offset)
            target = self.result(self.storage.open_write(("a",), offset=offset))
            self.result(target.write(b"x"))
            self.result(target.abort())
            target = self.result(self.storage.open_write(("b",), exclusive=True))
            os.mkdir(self.path("b"))
            self.assert_fails(target.commit(), AlreadyExists)
            os.rmdir(self.path("b"))
        self.assertEqual(self.real_names(), ["a"])
        self.assertEqual(open_beneath(self.root), before)

    def test_forgotten(self) -> None:
        """An upload that nobody ended is gone with the last reference to it."""
        before = open_beneath(self.root)
        target = self.result(self.storage.open_write(("a",)))
        del target
        self.assertEqual(self.real_names(), [])
        self.assertEqual(open_beneath(self.root), before)

    def test_small(self) -> None:
        """A small file is written by the call that publishes it, and nothing is left to throw away then."""
        self.pool.seen.clear()
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"abc"))
        self.result(target.commit())
        self.result(target.abort())
        self.assertEqual(self.pool.seen, ["begin_upload", "commit"])
        self.assertEqual(self.get(("a",)), b"abc")

    def test_several_small(self) -> None:
        """A second small block takes the first along, and then the next is kept."""
        self.pool.seen.clear()
        target = self.result(self.storage.open_write(("a",)))
        for block in (b"one", b"two", b"three"):
            self.result(target.write(block))
        self.assertEqual(self.pool.seen, ["begin_upload", "write"])
        self.result(target.commit())
        self.assertEqual(self.get(("a",)), b"onetwothree")

    def test_blocks_in_order(self) -> None:
        """Small blocks and large ones, in any order, make the file; no more than one small one is kept."""
        small, large = b"small", os.urandom(65537)
        for blocks in ((small, large), (large, small), (small, small, small), (small, large, small, small, large)):
            self.put(("a",), b"kept ")
            target = self.result(self.storage.open_write(("a",), offset=None))
            for block in blocks:
                self.result(target.write(block))
            self.assertEqual(self.result(target.commit()).size, 5 + sum(map(len, blocks)))
            self.assertEqual(self.get(("a",)), b"kept " + b"".join(blocks))

    def test_small_then_descriptor(self) -> None:
        """What is written by position behind a block that was kept is published with it."""
        self.put(("a",), b"0123456789")
        target = self.result(self.storage.open_write(("a",), offset=4))
        self.result(target.write(b"abc"))
        os.pwrite(IFileDescriptor(target).fileno(), b"xyz", target.offset + 3)
        self.assertEqual(self.result(target.commit()).size, 10)
        self.assertEqual(self.get(("a",)), b"0123abcxyz")

    def test_disk_full_at_the_end(self) -> None:
        """RS05: a small file for which there is no room is not published, and nothing is left of it."""
        self.put(("a",), b"old")
        before = open_beneath(self.root)
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"abc"))
        with mock.patch("os.pwrite", side_effect=OSError(errno.ENOSPC, "full")):
            self.assert_fails(target.commit(), NoSpace)
        self.result(target.abort())
        self.assertEqual((self.get(("a",)), self.real_names(), open_beneath(self.root)), (b"old", ["a"], before))

    def test_commit_refused(self) -> None:
        """RS06: an upload whose commit finds no thread is thrown away by the abort."""
        before = open_beneath(self.root)
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"abc"))
        self.pool.faults = {"commit": StorageUnavailable("full")}
        self.assert_fails(target.commit(), StorageUnavailable)
        self.assertGreater(open_beneath(self.root), before)
        self.result(target.abort())
        self.assertEqual((self.real_names(), open_beneath(self.root)), ([], before))

    def test_descriptor(self) -> None:
        """What the kernel wrote by position, from the offset on, is published."""
        self.put(("a",), b"0123456789")
        target = self.result(self.storage.open_write(("a",), offset=4))
        described = IFileDescriptor(target)
        os.pwrite(described.fileno(), b"xyz", target.offset)
        self.assertIsInstance(described.translate(FileNotFoundError(2, "")), NotFound)
        self.assertEqual(self.result(target.commit()).size, 7)
        self.assertEqual(self.get(("a",)), b"0123xyz")
        source = self.result(self.storage.open_read(("a",)))
        self.assertEqual(os.pread(IFileDescriptor(source).fileno(), 3, 4), b"xyz")
        source.close()

    def test_not_writable(self) -> None:
        """A file that may not be written is not replaced either."""
        self.put(("a",), b"old")
        with mock.patch("os.access", return_value=False):
            self.assert_fails(self.storage.open_write(("a",)), PermissionDenied)
        self.assertEqual(self.get(("a",)), b"old")

    def test_name_is_taken_at_the_last_moment(self) -> None:
        """A file that gets the name between the last look and the publication is replaced, but by no continuation."""
        for offset, expected in ((0, b"new"), (None, b"other")):
            target = self.result(self.storage.open_write(("a",), offset=offset))
            self.result(target.write(b"new"))
            with open(self.path("a"), "wb") as file:
                file.write(b"other")
            with mock.patch("ftpx.storage.upload.present_at", return_value=None):
                if offset is None:
                    self.assert_fails(target.commit(), FileChanged)
                else:
                    self.result(target.commit())
            self.assertEqual((self.get(("a",)), self.real_names()), (expected, ["a"]))
            os.unlink(self.path("a"))

    def test_slices(self) -> None:
        """What is kept of a file is copied a slice a call."""
        self.put(("a",), b"0123456789")
        with mock.patch("ftpx.storage.copying.SLICE", 4):
            self.put(("a",), b"x", offset=9)
        self.assertEqual(self.pool.seen.count("keep"), 3)
        self.assertEqual(self.get(("a",)), b"012345678x")


class NamedStagingTests(StagingTests):
    """The same under hidden names."""

    tmpfile = False

    def test_private(self) -> None:
        """PH21: the hidden file of one that is replaced is nobody else's to read, and is not listed."""
        self.put(("a",), b"old")
        target = self.result(self.storage.open_write(("a",)))
        (folder,) = (name for name in self.real_names() if name != "a")
        self.assertTrue(folder.startswith(".ftpx-upload-"))
        self.assertEqual(stat.S_IMODE(os.stat(self.path(folder)).st_mode), 0o700)
        (hidden,) = self.real_names(folder)
        self.assertEqual(stat.S_IMODE(os.stat(self.path(folder, hidden)).st_mode), 0o600)
        self.assertEqual(self.names(), ["a"])
        self.result(target.abort())
        self.assertEqual(self.real_names(), ["a"])
