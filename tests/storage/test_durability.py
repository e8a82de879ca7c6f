"""What a local storage has on disk, and when."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
import os
import stat
from typing import Any
from unittest import mock

from ftpx.errors import StorageFailure
from tests.storage.partials_case import CONTENT, LocalPartialsCase, traced


class DurabilityTests(LocalPartialsCase):
    """CR04: what is on disk, and when."""

    def durably(self, file: Any) -> list[str]:
        """Publish it, and what was done in which order."""
        calls: list[str] = []
        with traced(calls):
            self.result(file.commit_durably())
        return calls

    def named(self, *calls: str) -> list[str]:
        """What is done, with the link that a nameless file gets first, where it is one."""
        return [call for call in calls if self.tmpfile or call != "link"]

    def test_new(self) -> None:
        """A new file has its content on disk before its name, and its name before it is told."""
        give = "link" if self.tmpfile else "rename_exclusively"
        file = self.result(self.storage.open_write(("a",)))
        self.result(file.write(CONTENT))
        self.assertEqual(self.durably(file), ["fsync content", give, "fsync directory"])

    def test_over(self) -> None:
        """So has one that replaces another, which is there until then."""
        self.put(("a",), b"old")
        file = self.result(self.storage.open_write(("a",)))
        self.result(file.write(CONTENT))
        self.assertEqual(self.durably(file), self.named("fsync content", "link", "rename", "fsync directory"))

    def test_continued(self) -> None:
        """So has one that broke off."""
        self.make_directory(("d",))
        self.leave(path=("d", "a"))
        file = self.resume(4, ("d", "a"))
        self.assertEqual(self.durably(file), ["fsync content", "rename_exclusively", "fsync directory"])
        self.leave(path=("d", "a"))
        file = self.resume(4, ("d", "a"))
        self.assertEqual(self.durably(file), ["fsync content", "rename", "fsync directory"])

    def test_last_block(self) -> None:
        """The last block is written before, and the directory is the right one."""
        self.make_directory(("d",))
        seen: list[object] = []
        real = os.fsync

        def fsync(descriptor: int) -> None:
            status = os.fstat(descriptor)
            seen.append(os.pread(descriptor, 99, 0) if stat.S_ISREG(status.st_mode) else status.st_ino)
            real(descriptor)

        file: Any = self.begin(CONTENT, ("d", "a"))
        self.result(file.write(b"last"))
        with mock.patch("os.fsync", side_effect=fsync):
            self.result(file.commit_durably())
        self.assertEqual(seen, [CONTENT + b"last", os.stat(self.path("d")).st_ino])

    def test_only_if_wanted(self) -> None:
        """What need not be on disk waits for none."""
        calls: list[str] = []
        with traced(calls):
            self.publish(CONTENT)
            self.leave()
        self.assertFalse([call for call in calls if "sync" in call])

    def test_content_not_on_disk(self) -> None:
        """What cannot be had on disk is not published."""
        self.put(("a",), b"old")
        file: Any = self.begin(CONTENT)
        with mock.patch("os.fsync", side_effect=OSError(errno.EIO, "broken")):
            self.assert_fails(file.commit_durably(), StorageFailure)
        self.assertEqual((self.get(("a",)), self.real_names()), (b"old", ["a"]))

    def test_directory_not_readable(self) -> None:
        """Where the directory may be written and not read, all is synced instead."""
        real = os.open

        def open_(path: Any, flags: int, *arguments: int, dir_fd: int | None = None) -> int:
            if path == b"." and not flags & os.O_PATH and flags & os.O_TMPFILE != os.O_TMPFILE:
                raise PermissionError(errno.EACCES, "no")
            return real(path, flags, *arguments, dir_fd=dir_fd)

        file: Any = self.begin(CONTENT)
        with mock.patch("os.open", side_effect=open_), mock.patch("os.sync") as sync:
            self.result(file.commit_durably())
        sync.assert_called_once_with()
        self.assertEqual(self.get(("a",)), CONTENT)


class NamedDurabilityTests(DurabilityTests):
    """The same where every staged file has a name."""

    tmpfile = False
