"""Tests of ftpx.storage.staging_folder: where staged files have names."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any
from unittest import SkipTest, mock

from ftpx.errors import DirectoryNotEmpty, NameRefused, NotFound, PermissionDenied, StorageUnavailable
from ftpx.interfaces import IPartialFile, IPartialUploads
from ftpx.storage.staged_names import PartialKey, StagedName, State, parse_staged_name
from ftpx.storage.staging_folder import FOLDER
from tests.integration.mounts import small_file_system
from tests.storage.directories import open_beneath
from tests.storage.partials_case import CONTENT, HIDDEN, LocalPartialsCase

BOB = 1234


@contextmanager
def bound(source: str, target: str) -> Iterator[None]:
    """A directory that can be reached by another one, too."""
    if os.geteuid() != 0 or not _run("mount", "--bind", source, target):
        raise SkipTest("this user may not mount")
    try:
        yield
    finally:
        _run("umount", "--lazy", target)


def _run(*arguments: str) -> bool:
    return subprocess.run(arguments, capture_output=True, timeout=20, check=False).returncode == 0


class StagingFolderTests(LocalPartialsCase):
    """The folder in which staged files have names."""

    def ends(self, path: tuple[str, ...]) -> list[Callable[[IPartialFile], object]]:
        """All ways in which an upload is over and nothing is kept of it."""

        def suspend(file: IPartialFile) -> None:
            self.result(file.suspend())
            self.assertEqual((self.states(), self.kept(path)), ([State.PARTIAL], len(CONTENT)))

        def suspend_and_discard(file: IPartialFile) -> None:
            suspend(file)
            self.assertTrue(self.discard(path))

        def suspend_and_tidy(file: IPartialFile) -> None:
            suspend(file)
            self.tidy(0)

        def suspend_and_commit(file: IPartialFile) -> None:
            suspend(file)
            again = self.resume(4, path)
            self.assertEqual(self.states(), [State.UNDER_WAY])
            self.result(again.commit())

        def suspend_and_abort(file: IPartialFile) -> None:
            suspend(file)
            self.result(self.resume(4, path).abort())

        def commit(file: IPartialFile) -> None:
            self.result(file.commit())

        def commit_over(file: IPartialFile) -> None:
            self.put(path, b"old")
            self.result(file.commit())
            self.assertEqual(self.get(path), CONTENT)

        def abort(file: IPartialFile) -> None:
            self.result(file.abort())

        return [
            commit,
            commit_over,
            abort,
            suspend_and_discard,
            suspend_and_tidy,
            suspend_and_commit,
            suspend_and_abort,
        ]

    def test_only_as_long_as_something_is_in_it(self) -> None:
        """The folder is in the root, private, and there only while a staged file has a name."""
        self.make_directory(("d",))
        for path in (("a",), ("d", "a")):
            for end in self.ends(path):
                file = self.begin(CONTENT, path)
                self.assertEqual((self.real_names(), self.real_names("d")), ([HIDDEN, "d"], []))
                self.assertEqual(stat.S_IMODE(os.stat(self.path(HIDDEN)).st_mode), 0o700)
                self.assertEqual(self.states(), [State.UNDER_WAY])
                end(file)
                self.assertNotIn(HIDDEN, self.real_names())
                if path in {(*path[:-1], name) for name in self.names(path[:-1])}:
                    self.result(self.storage.remove_file(path))

    def test_small_without_a_name(self) -> None:
        """A small upload has no name before it breaks off, where the file system can do that."""
        if not self.tmpfile:
            raise SkipTest("only where files may be without a name")
        file = self.begin()
        self.result(file.write(CONTENT))
        self.assertEqual(self.real_names(), [])
        self.result(file.suspend())
        self.assertEqual(self.states(), [State.PARTIAL])
        file = self.begin(path=("b",))
        self.result(file.write(CONTENT))
        self.result(file.commit())
        self.assertEqual(self.names(), ["b"])

    def test_others_stay(self) -> None:
        """What others have in the folder stays, and the folder with it."""
        self.leave()
        other = self.begin(CONTENT, ("b",))
        self.discard()
        self.assertEqual(self.states(), [State.UNDER_WAY])
        self.result(other.commit())
        self.assertEqual(self.real_names(), ["b"])

    def test_strangers_in_it(self) -> None:
        """What has no name of ours, or is no file, is not touched."""
        key = PartialKey.of("alice", [b"a"])
        os.mkdir(self.path(HIDDEN), 0o700)
        open(self.path(HIDDEN, "stranger"), "w").close()
        os.mkdir(self.path(HIDDEN, StagedName(State.PARTIAL, key).octets().decode()))
        os.mkfifo(self.path(HIDDEN, StagedName(State.UNDER_WAY, key).octets().decode()))
        os.symlink(self.secret, self.path(HIDDEN, StagedName(State.PARTIAL, key).octets().decode()))
        before = self.staged()
        self.assert_nothing_kept()
        self.tidy(0)
        self.publish(b"whole")
        self.assertEqual(self.staged(), before)
        self.result(self.storage.remove_file(("a",)))
        self.leave()
        self.assertEqual(self.kept(), 10)
        self.discard()
        self.assertEqual(self.staged(), before)

    def assert_falls_back(self) -> None:
        """An upload to a directory is staged in that directory, and can be kept and continued there."""
        os.mkdir(self.path("d"))
        path = ("d", "a")
        self.put(path, b"old")
        self.put(path, b"other")
        self.result(self.storage.remove_file(path))
        file = self.begin(CONTENT, path)
        self.assertEqual((self.real_names("d"), self.states("d")), ([HIDDEN], [State.UNDER_WAY]))
        self.assertEqual(stat.S_IMODE(os.stat(self.path("d", HIDDEN)).st_mode), 0o700)
        self.result(file.suspend())
        self.assertEqual(self.kept(path), 10)
        self.assertEqual(self.names(("d",)), [])
        self.result(self.resume(4, path).suspend())
        self.assertTrue(self.discard(path))
        self.assertEqual(self.real_names("d"), [])
        self.leave(path=path)
        self.publish(b"whole", path)
        self.result(self.storage.remove_file(path))
        self.assertIsNone(self.kept(path))
        self.publish(b"whole", path)
        self.assertEqual(self.real_names("d"), ["a"])

    def assert_refused(self) -> None:
        """An upload to the root itself, that needs a name, is refused, and nothing is left or lost."""
        os.mkdir(self.path("b"))
        os.rmdir(self.path("b"))
        with open(self.path("a"), "w") as file:
            file.write("old")
        before = self.real_names()
        if self.tmpfile:
            target = self.result(self.storage.open_write(("a",)))
            self.assert_fails(target.commit(), PermissionDenied)
            partial = self.begin()
            self.assert_fails(self.filled(partial), PermissionDenied)
            self.assert_fails(partial.suspend(), PermissionDenied)
            self.put(("b",), b"needs no name")
            self.result(self.storage.remove_file(("b",)))
        else:
            self.assert_fails(self.storage.open_write(("a",)), PermissionDenied)
            self.assert_fails(self.ability(IPartialUploads).begin_upload(("a",), "alice"), PermissionDenied)
        self.assertEqual((self.real_names(), self.get(("a",))), (before, b"old"))
        self.assertIsNone(self.kept())
        self.assertFalse(self.discard())
        self.tidy(0)

    @staticmethod
    async def filled(file: IPartialFile) -> None:
        """Write more than stays in memory."""
        await file.write(CONTENT)
        await file.write(CONTENT)

    def test_link_in_its_place(self) -> None:
        """A symbolic link in its place is not followed."""
        outside = os.path.join(os.path.dirname(self.root), "outside")
        os.mkdir(outside)
        os.symlink(outside, self.path(HIDDEN))
        self.assert_refused()
        self.assert_falls_back()
        self.assertEqual(os.listdir(outside), [])
        self.assertTrue(os.path.islink(self.path(HIDDEN)))

    def test_no_folder_in_its_place(self) -> None:
        """A file, or a FIFO, in its place stays what it is."""
        for make in (lambda path: open(path, "x").close(), os.mkfifo):
            make(self.path(HIDDEN))
            self.assert_refused()
            self.assert_falls_back()
            os.unlink(self.path(HIDDEN))
            os.unlink(self.path("d", "a"))
            os.rmdir(self.path("d"))
            os.unlink(self.path("a"))

    def test_folder_of_somebody_else(self) -> None:
        """A folder that others may write to, or that is somebody else's, is not used, nor what is in it."""
        for mode, owner in ((0o777, None), (0o770, None), (0o700, BOB)):
            if owner is not None and os.geteuid() != 0:
                raise SkipTest("only root can give a folder away")
            os.mkdir(self.path(HIDDEN))
            os.chmod(self.path(HIDDEN), mode)
            trap = StagedName(State.PARTIAL, PartialKey.of("alice", [b"a"])).octets().decode()
            with open(self.path(HIDDEN, trap), "w") as file:
                file.write("trap")
            if owner is not None:
                os.chown(self.path(HIDDEN), owner, owner)
            self.assertIsNone(self.result(self.ability(IPartialUploads).continue_upload(("a",), "alice", None)))
            self.assert_refused()
            self.assert_falls_back()
            self.assertEqual(self.staged(), [trap])
            os.unlink(self.path(HIDDEN, trap))
            os.rmdir(self.path(HIDDEN))
            os.unlink(self.path("d", "a"))
            os.rmdir(self.path("d"))
            os.unlink(self.path("a"))

    def root_not_writable(self) -> Any:
        """Let no folder be made in the root."""
        real, root = os.mkdir, os.stat(self.root).st_ino

        def mkdir(path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
            if path == FOLDER and dir_fd is not None and os.fstat(dir_fd).st_ino == root:
                raise OSError(errno.EACCES, "no")
            real(path, mode, dir_fd=dir_fd)

        return mock.patch("os.mkdir", side_effect=mkdir)

    def test_root_not_writable(self) -> None:
        """Where no folder can be made in the root, it is made in the directory of the upload."""
        with self.root_not_writable():
            self.assert_falls_back()

    def test_tidied_elsewhere(self) -> None:
        """A folder that is not in the root is tidied when somebody uploads there."""
        os.mkdir(self.path("d"))
        with self.root_not_writable():
            self.tidy(100)
            self.leave(path=("d", "old"))
            (old,) = self.staged("d")
            os.utime(self.path("d", HIDDEN, old), (0, 0))
            self.leave(path=("d", "new"))
            self.assertEqual((self.states("d"), self.kept(("d", "old"))), ([State.PARTIAL], None))

    def test_directory_is_removed(self) -> None:
        """A directory that holds nothing but partial uploads is empty to its clients, unless one is being written."""
        os.mkdir(self.path("d"))
        with self.root_not_writable():
            file = self.begin(CONTENT, ("d", "a"))
            self.write(file, CONTENT)
            if self.states("d"):
                self.assert_fails(self.storage.remove_directory(("d",)), DirectoryNotEmpty)
            self.result(file.suspend())
            self.leave(path=("d", "b"))
            self.assertEqual(self.real_names("d"), [HIDDEN])
            self.result(self.storage.remove_directory(("d",)))
            self.assertEqual(self.real_names(), [])

    def test_nowhere(self) -> None:
        """Where no folder can be made at all, what needs none is published, and the rest refused."""
        for number in (errno.EACCES, errno.EROFS, errno.EPERM):
            with mock.patch("os.mkdir", side_effect=OSError(number, "no")), mock.patch("os.rmdir"):
                target: Any = None
                if self.tmpfile:
                    self.publish_small()
                    target = self.begin()
                    self.result(target.write(CONTENT))
                    self.assert_fails(target.suspend(), PermissionDenied)
                else:
                    self.assert_fails(self.ability(IPartialUploads).begin_upload(("a",), "alice"), PermissionDenied)
            self.assert_nothing_kept()

    def publish_small(self) -> None:
        """Publish a new file in one block."""
        file = self.begin()
        self.result(file.write(CONTENT))
        self.result(file.commit())
        self.result(self.storage.remove_file(("a",)))

    def test_another_file_system(self) -> None:
        """In a directory on another file system uploads are staged, kept, continued and published there."""
        os.mkdir(self.path("d"))
        with small_file_system(FilePath(self.path("d")), 1_000_000):
            before = open_beneath(self.root)
            path = ("d", "a")
            for content in (b"new", b"newer"):
                self.put(path, content)
                self.assertEqual(self.get(path), content)
            self.leave(path=path)
            self.assertEqual((self.states(), self.states("d")), ([], [State.PARTIAL]))
            file = self.resume(4, path)
            self.write(file, b"x")
            self.result(file.commit())
            self.assertEqual((self.get(path), self.real_names("d")), (b"0123x", ["a"]))
            storage: Any = self.storage
            self.result(storage.copy(path, ("b",)))
            self.result(storage.copy(("b",), ("d", "c")))
            self.assertEqual((self.real_names(), self.real_names("d")), (["b", "d"], ["a", "c"]))
            self.assertEqual(open_beneath(self.root), before)

    def test_same_file_system_mounted_twice(self) -> None:
        """So they are in a directory of the same file system that is mounted again."""
        os.mkdir(self.path("d"))
        os.mkdir(self.path("e"))
        with bound(self.path("e"), self.path("d")):
            path = ("d", "a")
            for content in (b"new", b"newer"):
                self.put(path, content)
                self.assertEqual(self.get(path), content)
            self.leave(path=path)
            self.result(self.resume(4, path).commit())
            self.assertEqual((self.get(path), self.real_names("d")), (b"0123", ["a"]))

    def test_somebody_removes_it(self) -> None:
        """A folder that is removed between its making and its use is made again."""
        real = os.open
        times = 3

        def open_(path: Any, flags: int, *arguments: int, dir_fd: int | None = None) -> int:
            nonlocal times
            if path == FOLDER and times and os.path.isdir(self.path(HIDDEN)):
                times -= 1
                os.rmdir(self.path(HIDDEN))
            return real(path, flags, *arguments, dir_fd=dir_fd)

        with mock.patch("os.open", side_effect=open_):
            self.leave()
        self.assertEqual((times, self.kept()), (0, 10))

    def test_somebody_removes_it_late(self) -> None:
        """So is one that is removed when it was opened already."""
        before = self.opened
        name = "link" if self.tmpfile else "open"
        real = getattr(os, name)
        times = 3

        def use(*arguments: Any, **named: Any) -> Any:
            nonlocal times
            if times and parse_staged_name(arguments[self.tmpfile]) is not None:
                times -= 1
                os.rmdir(self.path(HIDDEN))
            return real(*arguments, **named)

        with mock.patch.object(os, name, side_effect=use):
            file = self.begin(CONTENT)
        self.result(file.suspend())
        self.assertEqual((times, self.kept(), open_beneath(self.root)), (0, 10, before))

    def test_somebody_always_removes_it(self) -> None:
        """If that happens again and again, the storage cannot do it now; nothing is left open, and nothing hangs."""
        real = os.mkdir

        def mkdir(path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
            real(path, mode, dir_fd=dir_fd)
            os.rmdir(path, dir_fd=dir_fd)

        with mock.patch("os.mkdir", side_effect=mkdir):
            if self.tmpfile:
                file = self.begin()
                self.assert_fails(self.filled(file), StorageUnavailable)
                self.assert_fails(file.suspend(), StorageUnavailable)
            else:
                self.assert_fails(self.ability(IPartialUploads).begin_upload(("a",), "alice"), StorageUnavailable)
        self.assertEqual(self.real_names(), [])

    def test_no_path_leads_there(self) -> None:
        """No path leads into the folder, and no link can be made that does."""
        self.leave()
        (name,) = self.staged()
        storage: Any = self.storage
        self.put(("b",), b"")
        self.make_directory(("d",))
        for path in ((HIDDEN,), (HIDDEN, name), (HIDDEN, "x"), ("d", HIDDEN, name), (name,)):
            hidden = path != (name,)
            for refused in (storage.stat, storage.open_read, storage.remove_file, storage.remove_directory):
                self.assert_fails(refused(path), NotFound)
            if hidden:
                self.assert_fails(storage.partial_size(path, "alice"), NotFound)
                self.assert_fails(storage.discard_partial(path, "alice"), NotFound)
                self.assert_fails(storage.begin_upload(path, "alice"), NameRefused)
                self.assert_fails(storage.continue_upload(path, "alice", None), NameRefused)
                self.assert_fails(storage.open_write(path), NameRefused)
                self.assert_fails(storage.rename(("b",), path), NameRefused)
                self.assert_fails(storage.make_directory(path), NameRefused)
                self.assert_fails(storage.subtree(path), NotFound)
                self.assert_fails(storage.make_link(("link",), "/".join(path)), NameRefused)
        self.assertEqual((self.names(), self.kept()), (["b", "d"], 10))

    def test_link_to_a_file(self) -> None:
        """An upload by the name of a link is kept for that name, and replaces what the link leads to."""
        self.make_directory(("d",))
        os.symlink("d/real", self.path("link"))
        self.leave(path=("link",))
        self.assertEqual((self.kept(("link",)), self.kept(("d", "real"))), (10, None))
        self.result(self.resume(4, ("link",)).commit())
        self.assertEqual((self.get(("d", "real")), os.readlink(self.path("link"))), (b"0123", "d/real"))

    def test_mode(self) -> None:
        """What is published has the mode of the file that it replaces, else the one that the umask leaves."""
        before = os.umask(0o022)
        self.addCleanup(os.umask, before)
        self.leave()
        self.result(self.resume(None).commit())
        self.assertEqual(stat.S_IMODE(os.stat(self.path("a")).st_mode), 0o644)
        os.chmod(self.path("a"), 0o640)
        self.leave()
        self.result(self.resume(4).commit())
        self.assertEqual(stat.S_IMODE(os.stat(self.path("a")).st_mode), 0o640)
        self.leave()
        self.result(self.storage.remove_file(("a",)))
        self.result(self.resume(4).commit())
        self.assertEqual(stat.S_IMODE(os.stat(self.path("a")).st_mode), 0o644)

    def test_subtree(self) -> None:
        """A directory as a storage has the partial uploads of that directory, and its names in the root's folder."""
        self.make_directory(("d",))
        self.make_directory(("d", "e"))
        self.leave(path=("d", "a"))
        self.leave(b"x", path=("d", "e", "a"))
        outer = self.storage
        self.storage = self.result(self.ability(IPartialUploads).subtree(("d",)))
        self.assertEqual((self.kept(), self.kept(("e", "a"))), (10, 1))
        self.storage = self.result(self.ability(IPartialUploads).subtree(("e",)))
        self.assertEqual(self.kept(), 1)
        self.leave(b"xy", ("b",))
        self.storage = outer
        self.assertEqual((self.kept(("d", "e", "b")), self.kept()), (2, None))
        self.assertEqual((self.real_names("d"), self.real_names("d", "e")), (["e"], []))


class NamedStagingFolderTests(StagingFolderTests):
    """The same where every staged file has a name."""

    tmpfile = False


class WalkStagingFolderTests(StagingFolderTests):
    """The same, walked name by name."""

    openat2 = False
