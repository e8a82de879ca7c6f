"""Tests of ftpx.storage.staging and ftpx.storage.copying, where the system can do less than this one."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
import os
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from ftpx.storage import copying, syscalls
from ftpx.storage.staging import NamedStaging, NamelessStaging, begin_staging
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

    def test_no_tmpfile(self) -> None:
        """Where a file system has no O_TMPFILE, a hidden name is used."""
        real = os.open

        def fail(path: bytes, flags: int, *arguments: int, dir_fd: int) -> int:
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, "no")
            return real(path, flags, *arguments, dir_fd=dir_fd)

        with mock.patch("os.open", side_effect=fail):
            staging = begin_staging(self.directory, 0o600, tmpfile=True)
        self.assertIsInstance(staging, NamedStaging)
        self.assertEqual(len(self.names()), 1)
        staging.close()
        self.assertEqual(self.names(), [])

    def test_no_room(self) -> None:
        """RS05: a file system without room is no reason to try another way."""
        with mock.patch("os.open", side_effect=OSError(errno.ENOSPC, "full")):
            self.assertRaises(OSError, begin_staging, self.directory, 0o600, tmpfile=True)

    def test_no_exclusive_rename(self) -> None:
        """Where a rename cannot be exclusive, a link is."""
        for error in (errno.EINVAL, errno.ENOSYS):
            first, second = (begin_staging(self.directory, 0o600, tmpfile=False) for _ in range(2))
            name = b"new%d" % error
            with mock.patch("ftpx.storage.staging.rename_exclusively", side_effect=OSError(error, "no")):
                first.publish_new(name)
                self.assertRaises(FileExistsError, second.publish_new, name)
            first.close()
            second.close()
        self.assertEqual(self.names(), sorted(f"new{error}" for error in (errno.EINVAL, errno.ENOSYS)))

    def test_broken_rename(self) -> None:
        """RS06: where it breaks, it is not tried otherwise."""
        staging = begin_staging(self.directory, 0o600, tmpfile=False)
        with mock.patch("ftpx.storage.staging.rename_exclusively", side_effect=OSError(errno.EIO, "no")):
            self.assertRaises(OSError, staging.publish_new, b"new")
        staging.close()
        self.assertEqual(self.names(), [])

    def test_somebody_removed_it(self) -> None:
        """A hidden file that somebody has removed does no harm."""
        staging = begin_staging(self.directory, 0o600, tmpfile=False)
        os.unlink(os.path.join(self.path, self.names()[0]))
        staging.close()

    def test_hidden_name_is_removed(self) -> None:
        """RS06: a nameless file that cannot take a name leaves no hidden one."""
        staging = begin_staging(self.directory, 0o600, tmpfile=True)
        self.assertIsInstance(staging, (NamelessStaging, NamedStaging))
        os.mkdir(os.path.join(self.path, "d"))
        self.assertRaises(OSError, staging.publish_over, b"d")
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
            error = self.assertRaises(OSError, syscalls.rename_exclusively, b"a", b"b", 0)
            self.assertEqual(error.errno, errno.ENOSYS)
            self.assertEqual(syscalls.filesystem_kind(0), 0)
        self.assertEqual(syscalls.filesystem_kind(-1), 0)
