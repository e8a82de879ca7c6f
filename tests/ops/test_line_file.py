"""A file that lines are appended to."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from ftpx.ops.line_file import Appended, LineFile


class _Case(SynchronousTestCase):
    """A file in a directory of its own."""

    def setUp(self) -> None:
        """Open a new file."""
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.path = self.folder / "lines"
        self.file = LineFile(str(self.path))
        self.addCleanup(self.file.close)
        self.file.open()

    def append(self, *lines: bytes) -> None:
        """Append lines, which works."""
        self.assertEqual(self.file.append(lines), Appended(len(lines)))


class LineFileTests(_Case):
    """A file that others may rotate."""

    def test_new_file_is_private(self) -> None:
        """A new file is for its owner alone, whatever the umask."""
        self.file.close()
        self.path.unlink()
        before = os.umask(0)
        try:
            self.file.open()
        finally:
            os.umask(before)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_appends(self) -> None:
        """What is there stays, and so does its mode."""
        self.path.write_bytes(b"old\n")
        self.path.chmod(0o640)
        self.append(b"a\n", b"b\n")
        self.append()
        self.append(b"c\n")
        self.assertEqual(self.path.read_bytes(), b"old\na\nb\nc\n")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o640)

    def test_truncated_meanwhile(self) -> None:
        """A file that somebody has emptied goes on from its new end."""
        self.append(b"a\n")
        os.truncate(self.path, 0)
        self.append(b"b\n")
        self.assertEqual(self.path.read_bytes(), b"b\n")

    def test_moved_away(self) -> None:
        """A file that was moved away gets no more lines; the next ones go into a new one of the name."""
        self.append(b"a\n")
        self.path.rename(self.folder / "lines.1")
        self.append(b"b\n")
        self.assertEqual(((self.folder / "lines.1").read_bytes(), self.path.read_bytes()), (b"a\n", b"b\n"))

    def test_replaced(self) -> None:
        """The same if there is a new file of the name already."""
        self.append(b"a\n")
        self.path.rename(self.folder / "lines.1")
        self.path.write_bytes(b"mine\n")
        self.append(b"b\n")
        self.assertEqual(self.path.read_bytes(), b"mine\nb\n")

    def test_folder_removed(self) -> None:
        """CR17: without its folder there is an error, and no line is counted; with it all goes on."""
        self.append(b"a\n")
        self.path.unlink()
        self.folder.rmdir()
        for _ in range(2):
            appended = self.file.append([b"b\n"])
            self.assertEqual(appended.lines, 0)
            self.assertIsInstance(appended.error, FileNotFoundError)
        self.folder.mkdir()
        self.append(b"b\n")
        self.assertEqual(self.path.read_bytes(), b"b\n")

    def test_open_fails(self) -> None:
        """A name that is a directory's cannot be opened, and neither can a FIFO that nobody reads."""
        self.assertRaises(IsADirectoryError, LineFile(str(self.folder)).open)
        os.mkfifo(self.folder / "fifo")
        self.assertRaises(OSError, LineFile(str(self.folder / "fifo")).open)

    def test_no_descriptor_is_left(self) -> None:
        """Opening again and again, and a name that moves, leave one descriptor."""
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            self.file.open()
            self.path.unlink()
            self.append(b"a\n")
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
        self.file.close()
        self.file.close()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before - 1)


class FullDiskTests(_Case):
    """Writes that take a part only, or nothing, as on a disk that is full."""

    def fill_up(self, room: int) -> None:
        """From here on there is room for so many octets."""
        self.room = room
        write = os.write

        def limited(descriptor: int, octets: memoryview) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            written = write(descriptor, octets[: self.room])
            self.room -= written
            return written

        patch = mock.patch("ftpx.ops.line_file.os.write", limited)
        patch.start()
        self.addCleanup(patch.stop)

    def test_line_is_completed(self) -> None:
        """A line that went in by half is completed as soon as there is room, whatever comes behind it."""
        self.fill_up(5)
        lines = [b"one\n", b"two\n", b"three\n"]
        appended = self.file.append(lines)
        self.assertEqual((appended.lines, self.path.read_bytes()), (1, b"one\nt"))
        assert appended.error is not None
        self.assertEqual(appended.error.errno, errno.ENOSPC)
        self.assertEqual(self.file.append(lines[1:]).lines, 0)
        self.room = 100
        self.append(*lines[1:], b"four\n")
        self.assertEqual(self.path.read_bytes(), b"one\ntwo\nthree\nfour\n")

    def test_line_begins_again_in_a_new_file(self) -> None:
        """A line that went in by half is whole in the next file."""
        self.fill_up(2)
        self.assertEqual(self.file.append([b"one\n"]).lines, 0)
        self.path.rename(self.folder / "lines.1")
        self.room = 100
        self.append(b"one\n", b"two\n")
        self.assertEqual(self.path.read_bytes(), b"one\ntwo\n")

    def test_short_writes(self) -> None:
        """Writes that take one octet each make whole lines too."""
        write = os.write
        with mock.patch("ftpx.ops.line_file.os.write", lambda descriptor, octets: write(descriptor, octets[:1])):
            self.append(b"one\n", b"two\n")
        self.assertEqual(self.path.read_bytes(), b"one\ntwo\n")
