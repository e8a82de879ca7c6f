"""Tests of ftpx.storage.staging and ftpx.storage.copying, where the system can do less than this one."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
import os
import time
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from ftpx.storage import copying, partials, syscalls
from ftpx.storage.staging import Staging, begin_staging
from ftpx.storage.staging_folder import FOLDER
from tests.storage.directories import new_directory


class StagingTests(SynchronousTestCase):
    """Staged files."""

    def setUp(self) -> None:
        """An open directory."""
        self.path = new_directory(self)
        self.directory = os.open(self.path, os.O_PATH | os.O_DIRECTORY)
        self.addCleanup(os.close, self.directory)

    def names(self) -> list[str]:
        """What is in the directory."""
        return sorted(os.listdir(self.path))

    def staged(self) -> list[str]:
        """What is in its staging folder."""
        return sorted(os.listdir(os.path.join(self.path, FOLDER.decode())))

    def begin(self, *, tmpfile: bool) -> Staging:
        """A staged file that may get its name in the directory itself."""
        return begin_staging(self.directory, (self.directory,), 0o600, tmpfile=tmpfile)

    def test_no_tmpfile(self) -> None:
        """Where a file system has no O_TMPFILE, a hidden name is used."""
        real = os.open

        def fail(path: bytes, flags: int, *arguments: int, dir_fd: int) -> int:
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, "no")
            return real(path, flags, *arguments, dir_fd=dir_fd)

        with mock.patch("os.open", side_effect=fail):
            staging = self.begin(tmpfile=True)
        self.assertTrue(staging.named)
        self.assertEqual((self.names(), len(self.staged())), ([FOLDER.decode()], 1))
        staging.close()
        self.assertEqual(self.names(), [])

    def test_no_room(self) -> None:
        """RS05: a file system without room is no reason to try another way."""
        with mock.patch("os.open", side_effect=OSError(errno.ENOSPC, "full")):
            self.assertRaises(OSError, self.begin, tmpfile=True)

    def test_no_exclusive_rename(self) -> None:
        """Where a rename cannot be exclusive, a link is."""
        for error in (errno.EINVAL, errno.ENOSYS):
            first, second = (self.begin(tmpfile=False) for _ in range(2))
            name = b"new%d" % error
            with mock.patch("ftpx.storage.staging.rename_exclusively", side_effect=OSError(error, "no")):
                first.publish_new(self.directory, name)
                self.assertRaises(FileExistsError, second.publish_new, self.directory, name)
            first.close()
            second.close()
        self.assertEqual(self.names(), sorted(f"new{error}" for error in (errno.EINVAL, errno.ENOSYS)))

    def test_linked_and_not_unlinked(self) -> None:
        """A file that has got its name by a link is published, though its other name cannot be taken away."""
        staging = self.begin(tmpfile=False)
        with (
            mock.patch("ftpx.storage.staging.rename_exclusively", side_effect=OSError(errno.EINVAL, "no")),
            mock.patch("os.unlink", side_effect=OSError(errno.EIO, "broken")),
        ):
            staging.publish_new(self.directory, b"new")
        staging.close()
        self.assertEqual(self.names(), sorted([FOLDER.decode(), "new"]))
        partials.tidy(self.directory, 3600, time.time())
        self.assertEqual(self.names(), ["new"])

    def test_broken_unlink(self) -> None:
        """RS06: a file whose name cannot be taken away is closed, and its folder too; the next start takes it away."""
        staging = self.begin(tmpfile=False)
        before = len(os.listdir("/proc/self/fd"))
        with mock.patch("os.unlink", side_effect=OSError(errno.EIO, "broken")):
            self.assertRaises(OSError, staging.close)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before - 2)
        partials.tidy(self.directory, 3600, time.time())
        self.assertEqual(self.names(), [])

    def test_other_places(self) -> None:
        """A file that must have a name gets it only where it can be moved from, also where /proc is not mounted."""
        elsewhere = os.open("/dev/shm", os.O_PATH | os.O_DIRECTORY)
        self.addCleanup(os.close, elsewhere)
        if os.fstat(elsewhere).st_dev == os.fstat(self.directory).st_dev:
            self.skipTest("there is no other file system")
        for place in ("builtins.open", "os.path.lexists"):
            with mock.patch(place, side_effect=FileNotFoundError(errno.ENOENT, "no /proc")):
                staging = begin_staging(self.directory, (elsewhere, self.directory), 0o600, tmpfile=False)
            self.assertEqual(len(self.staged()), 1)
            staging.publish_new(self.directory, b"new")
            staging.close()
            os.unlink(os.path.join(self.path, "new"))
        self.assertRaises(OSError, begin_staging, self.directory, (elsewhere,), 0o600, tmpfile=False)

    def test_broken_rename(self) -> None:
        """RS06: where it breaks, it is not tried otherwise."""
        staging = self.begin(tmpfile=False)
        with mock.patch("ftpx.storage.staging.rename_exclusively", side_effect=OSError(errno.EIO, "no")):
            self.assertRaises(OSError, staging.publish_new, self.directory, b"new")
        staging.close()
        self.assertEqual(self.names(), [])

    def test_somebody_removed_it(self) -> None:
        """A hidden file that somebody has removed does no harm."""
        staging = self.begin(tmpfile=False)
        os.unlink(os.path.join(self.path, FOLDER.decode(), self.staged()[0]))
        staging.close()
        self.assertEqual(self.names(), [])

    def test_hidden_name_is_removed(self) -> None:
        """RS06: a nameless file that cannot take a name leaves no hidden one."""
        staging = self.begin(tmpfile=True)
        os.mkdir(os.path.join(self.path, "d"))
        self.assertRaises(OSError, staging.publish_over, self.directory, b"d")
        staging.close()
        self.assertEqual(self.names(), ["d"])


class CopyingTests(SynchronousTestCase):
    """Copies between descriptors."""

    def setUp(self) -> None:
        """A file and an empty one."""
        path = new_directory(self)
        self.source, self.target = (
            os.open(os.path.join(path, name), os.O_RDWR | os.O_CREAT) for name in ("source", "target")
        )
        self.addCleanup(os.close, self.source)
        self.addCleanup(os.close, self.target)
        self.content = bytes(range(256)) * 40
        os.write(self.source, self.content)

    def copied(self) -> bytes:
        """What was copied."""
        return os.pread(self.target, 100_000, 0)

    def test_without_the_kernel(self) -> None:
        """Where the kernel cannot copy, the octets are read and written."""
        for error in (errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
            os.ftruncate(self.target, 0)
            with (
                mock.patch("os.copy_file_range", side_effect=OSError(error, "no")),
                mock.patch.object(copying, "_BLOCK", 1000),
            ):
                self.assertEqual(copying.copy_slice(self.source, self.target, 0, 100_000), len(self.content))
                self.assertEqual(copying.copy_slice(self.source, self.target, len(self.content), 10), 0)
            self.assertEqual(self.copied(), self.content)

    def test_broken(self) -> None:
        """RS06: where it breaks, it is not tried otherwise."""
        with mock.patch("os.copy_file_range", side_effect=OSError(errno.EIO, "no")):
            self.assertRaises(OSError, copying.copy_slice, self.source, self.target, 0, 10)

    def test_slice(self) -> None:
        """A call copies no more than a slice."""
        with mock.patch.object(copying, "SLICE", 1000):
            self.assertEqual(copying.copy_slice(self.source, self.target, 0, 5000), 1000)
        self.assertEqual(self.copied(), self.content[:1000])


class SystemCallTests(SynchronousTestCase):
    """Where the C library or the kernel has less."""

    def test_no_openat2(self) -> None:
        """A kernel without openat2, or one that forbids it, is told."""
        with mock.patch.object(syscalls, "_syscall", return_value=-1):
            self.assertFalse(syscalls.has_openat2())

    def test_no_function(self) -> None:
        """A C library without a function is as a kernel without it."""
        with mock.patch.object(syscalls, "_libc", object()):
            error = self.assertRaises(OSError, syscalls.rename_exclusively, b"a", b"b", 0, 0)
            self.assertEqual(error.errno, errno.ENOSYS)
            self.assertEqual(syscalls.filesystem_kind(0), 0)
        self.assertEqual(syscalls.filesystem_kind(-1), 0)
