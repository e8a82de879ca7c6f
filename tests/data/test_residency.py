"""Whether a file is in memory."""

from __future__ import annotations

import errno
import os
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from ftpx.data import residency
from ftpx.data.residency import Residency


class ResidencyTests(SynchronousTestCase):
    """A file of two megabytes whose pages answer as a test says."""

    def setUp(self) -> None:
        file = tempfile.TemporaryFile()  # noqa: SIM115
        self.addCleanup(file.close)
        file.write(bytes(2 << 20))
        file.flush()
        self.descriptor = file.fileno()
        self.asked: list[int] = []
        self.answer: OSError | None = None
        self.cold: set[int] = set()
        self.patch(residency, "_NOWAIT", 8)
        self.patch(os, "preadv", self.preadv)
        self.cached: int | None = None
        self.patch(residency, "cached_pages", lambda descriptor, offset, size: self.cached)

    def preadv(self, descriptor: int, blocks: list[bytearray], offset: int, flags: int) -> int:
        """Answer for a page."""
        self.asked.append(offset)
        if self.answer is not None:
            raise self.answer
        if offset in self.cold:
            raise BlockingIOError
        return len(blocks[0])

    def memory(self, yes: bool) -> None:
        """Whether the file system keeps everything in memory."""
        self.patch(residency, "_is_memory", lambda descriptor: yes)

    def test_all(self) -> None:
        """All pages are asked for in one call, behind the first, and not again for a part of them."""
        self.cached = 256
        pages = Residency(self.descriptor)
        self.assertTrue(pages.covers(0, 1 << 20))
        self.assertTrue(pages.covers(5000, (1 << 20) - 5000))
        self.assertEqual(self.asked, [0])

    def test_hole(self) -> None:
        """One page that is not in memory makes the window cold, wherever it is."""
        self.cached = 255
        self.assertFalse(Residency(self.descriptor).covers(0, 1 << 20))

    def test_samples(self) -> None:
        """Where the system cannot be asked for all, a page in every 128 KiB is, and the last."""
        pages = Residency(self.descriptor)
        self.assertTrue(pages.covers(0, 1 << 20))
        self.assertEqual(sorted(set(self.asked)), [*range(0, 1 << 20, 128 << 10), (1 << 20) - 1])
        asked = len(self.asked)
        self.assertTrue(pages.covers(5000, (1 << 20) - 5000))
        self.assertEqual(len(self.asked), asked)

    def test_cold(self) -> None:
        """A page that is not in memory makes the window cold."""
        for page in (0, 128 << 10, (1 << 20) - 1):
            self.cold = {page}
            self.assertFalse(Residency(self.descriptor).covers(0, 1 << 20))

    def test_read(self) -> None:
        """A small file is read if that does not wait."""
        self.assertEqual(Residency(self.descriptor).read(0, 100), bytes(100))
        self.cold = {0}
        self.assertIsNone(Residency(self.descriptor).read(0, 100))

    def test_file_system_that_does_not_say(self) -> None:
        """A file system that cannot answer is cold, unless it is one that has no disk."""
        self.answer = OSError(errno.EOPNOTSUPP, "not supported")
        for memory in (False, True):
            self.memory(memory)
            pages = Residency(self.descriptor)
            self.assertEqual(pages.covers(0, 1 << 20), memory)
            self.assertEqual(pages.covers(0, 1 << 20), memory)
            self.assertEqual(Residency(self.descriptor).read(0, 3), bytes(3) if memory else None)

    def test_broken_disk(self) -> None:
        """Any other error is one of the disk."""
        self.answer = OSError(errno.EIO, "broken")
        self.assertRaises(OSError, Residency(self.descriptor).covers, 0, 100)

    def test_system_that_does_not_know(self) -> None:
        """Where the kernel cannot be asked, nothing is taken to be in memory."""
        self.patch(residency, "_NOWAIT", None)
        self.memory(False)
        self.assertFalse(Residency(self.descriptor).covers(0, 100))
        self.assertEqual(self.asked, [])


class MountTests(SynchronousTestCase):
    """The kinds of file systems."""

    def test_known(self) -> None:
        """A mount that is not there, or a descriptor, is not memory."""
        self.assertFalse(residency._mount_is_memory(b"no such mount"))
        self.assertFalse(residency._is_memory(1 << 20))

    def test_memory(self) -> None:
        """A file system in memory is known as one."""
        if not os.path.ismount("/dev/shm"):
            self.skipTest("no /dev/shm")
        with tempfile.TemporaryFile(dir="/dev/shm") as file:
            self.assertTrue(residency._is_memory(file.fileno()))
