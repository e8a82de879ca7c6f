"""Tests of ftpx.data.page_cache."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from ftpx.data import page_cache
from ftpx.data.page_cache import cached_pages, pages_of

_PAGE = mmap.PAGESIZE


class PagesTests(SynchronousTestCase):
    """Counting pages."""

    def test_count(self) -> None:
        """A part lies in every page that it touches."""
        for offset, size, pages in (
            (0, 0, 0),
            (0, 1, 1),
            (0, _PAGE, 1),
            (0, _PAGE + 1, 2),
            (_PAGE - 1, 2, 2),
            (_PAGE, _PAGE, 1),
            (1, 3 * _PAGE, 4),
        ):
            self.assertEqual(pages_of(offset, size), pages, (offset, size))


class CachedTests(SynchronousTestCase):
    """Asking the kernel."""

    def _answer(self, number: int) -> None:
        def refuse(*arguments: object) -> int:
            ctypes.set_errno(number)
            return -1

        self.patch(page_cache, "_syscall", refuse)

    def test_written(self) -> None:
        """What was just written is in memory, and a hole is not."""
        with tempfile.TemporaryFile() as file:
            os.pwrite(file.fileno(), bytes(4 * _PAGE), 0)
            os.ftruncate(file.fileno(), 16 * _PAGE)
            cached = cached_pages(file.fileno(), 0, 4 * _PAGE)
            if cached is None:
                self.skipTest("this kernel has no cachestat")
            self.assertEqual(cached, 4)
            self.assertEqual(cached_pages(file.fileno(), 0, 16 * _PAGE), 4)

    def test_not_known(self) -> None:
        """A kernel that does not have the call, or does not tell this user, is no error."""
        for number in (errno.ENOSYS, errno.EPERM):
            self._answer(number)
            self.assertIsNone(cached_pages(0, 0, 1))

    def test_error(self) -> None:
        """Anything else is one."""
        self._answer(errno.EFAULT)
        self.assertRaises(OSError, cached_pages, 0, 0, 1)
