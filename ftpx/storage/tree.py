"""What a local storage does to its directory, as the threads of a pool do it: every call here may block."""

from __future__ import annotations

import errno
import math
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Final

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    IsADirectory,
    NameRefused,
    NotFound,
    NotSupported,
    OffsetBeyondEnd,
    PermissionDenied,
)
from ftpx.interfaces import Entry
from ftpx.storage.beneath import DIRECTORY, Beneath, Root, in_parent
from ftpx.storage.descriptor import Descriptor
from ftpx.storage.entries import entry_of, require_regular
from ftpx.storage.listing import DirectoryScan
from ftpx.storage.names import HIDDEN_PREFIX, Names, text
from ftpx.storage.staging import begin_staging, path_of_descriptor
from ftpx.storage.upload import Target, Upload, present_at

__all__ = ["Tree"]

#: A FIFO must not make us wait, a terminal must not become ours.
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_SCAN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK
_MOST_LINKS: Final = 8
_NEW_FILE: Final = 0o666
_PRIVATE: Final = 0o600
# Where the thing itself cannot be had, but what has its name may be a link that can be told of.
_PERHAPS_A_LINK: Final = frozenset([errno.ENOENT, errno.ENOTDIR, errno.EXDEV, errno.ELOOP, errno.EACCES])


def _title(names: Names) -> str:
    return text(names[-1]) if names else ""


class Tree:
    """
    A directory and what is beneath it.

    :param tmpfile: whether uploads may be staged without a name.
    :param continuing: shared by all trees of one storage; see `Target`.
    """

    def __init__(self, beneath: Beneath, *, tmpfile: bool, continuing: Lock) -> None:
        self._beneath = beneath
        self._tmpfile = tmpfile
        self._continuing = continuing

    @contextmanager
    def _opened(self, names: Names, flags: int) -> Iterator[int]:
        descriptor = self._beneath.open(names, flags)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def stat(self, names: Names) -> Entry:
        """The entry, of what a link leads to if that is here, else of the link."""
        try:
            with self._opened(names, os.O_PATH) as descriptor:
                return entry_of(_title(names), os.fstat(descriptor))
        except OSError as error:
            if not names or error.errno not in _PERHAPS_A_LINK:
                raise
            link = self._link(names)
            if link is None:
                raise
            return link

    def _link(self, names: Names) -> Entry | None:
        with suppress(OSError), in_parent(self._beneath, names) as (parent, name):
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                return entry_of(_title(names), status, text(os.readlink(name, dir_fd=parent)))
        return None

    def stat_now(self, names: Names) -> Entry | None:
        """The entry if it can be had without any wait."""
        descriptor = self._beneath.open_now(names, os.O_PATH)
        if descriptor < 0:
            return None
        try:
            return entry_of(_title(names), os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def open_read(self, names: Names) -> tuple[Descriptor, Entry]:
        """A regular file, open for reading."""
        return self._readable(names, self._beneath.open(names, _READ))

    def open_read_now(self, names: Names) -> tuple[Descriptor, Entry] | None:
        """The same if it can be had without any wait."""
        descriptor = self._beneath.open_now(names, _READ)
        return None if descriptor < 0 else self._readable(names, descriptor)

    @staticmethod
    def _readable(names: Names, number: int) -> tuple[Descriptor, Entry]:
        descriptor = Descriptor(number)
        try:
            status = os.fstat(number)
            require_regular(status)
        except BaseException:
            descriptor.close()
            raise
        return descriptor, entry_of(_title(names), status)

    def scan(self, names: Names) -> DirectoryScan:
        """Begin to list a directory."""
        return DirectoryScan(self._beneath.open(names, _SCAN))

    def subtree(self, names: Names) -> Tree:
        """A directory as a tree of its own."""
        root = Root(self._beneath.open(names, DIRECTORY))
        return Tree(self._beneath.at(root), tmpfile=self._tmpfile, continuing=self._continuing)

    def make_directory(self, names: Names) -> None:
        """Make a directory."""
        with in_parent(self._beneath, names) as (parent, name):
            os.mkdir(name, dir_fd=parent)

    def remove_directory(self, names: Names) -> None:
        """Remove an empty directory."""
        with in_parent(self._beneath, names) as (parent, name):
            os.rmdir(name, dir_fd=parent)

    def remove_file(self, names: Names) -> None:
        """Remove anything but a directory."""
        with in_parent(self._beneath, names) as (parent, name):
            os.unlink(name, dir_fd=parent)

    def rename(self, source: Names, destination: Names) -> None:
        """Give an entry another name."""
        with in_parent(self._beneath, source) as (here, old), in_parent(self._beneath, destination) as (there, new):
            try:
                os.rename(old, new, src_dir_fd=here, dst_dir_fd=there)
            except FileExistsError:
                # Some file systems say so of a directory that is not empty.
                raise DirectoryNotEmpty("the directory is not empty") from None

    def make_link(self, names: Names, target: bytes) -> None:
        """Make a symbolic link."""
        if any(part.startswith(HIDDEN_PREFIX.encode()) for part in target.split(b"/")):
            raise NameRefused("a reserved name")
        with in_parent(self._beneath, names) as (parent, name):
            os.symlink(target, name, dir_fd=parent)

    def set_modified(self, names: Names, seconds: float) -> None:
        """Set the time of the last modification, and leave that of the last access."""
        if not math.isfinite(seconds):
            raise NotSupported("not a time")
        whole = math.floor(seconds)
        modified = whole * 1_000_000_000 + round((seconds - whole) * 1_000_000_000)

        def change(path: bytes, status: os.stat_result) -> None:
            try:
                os.utime(path, ns=(status.st_atime_ns, modified))
            except OverflowError:
                raise NotSupported("a time that cannot be kept") from None

        self._change(names, change)

    def set_mode(self, names: Names, mode: int) -> None:
        """Set the permission bits; never those that give a program rights."""
        self._change(names, lambda path, _status: os.chmod(path, mode & 0o777))

    def _change(self, names: Names, change: Callable[[bytes, os.stat_result], None]) -> None:
        """Change a file or directory by a path that leads to the very thing that was opened beneath the root."""
        with self._opened(names, os.O_PATH) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISDIR(status.st_mode):
                require_regular(status)
            change(path_of_descriptor(descriptor), status)

    def free_space(self, names: Names) -> int:
        """Octets that a user without privileges could still store."""
        with self._opened(names, DIRECTORY) as descriptor:
            status = os.fstatvfs(descriptor)
            return status.f_bavail * status.f_frsize

    def begin_upload(self, names: Names, offset: int | None, exclusive: bool) -> Upload:
        """Stage the next content of a file that keeps the first ``offset`` octets of the present one."""
        directory, name = self._place(names, follow=not exclusive)
        source = -1
        try:
            present = self._replaceable(directory, name, exclusive=exclusive)
            keep = 0
            if offset != 0 and present is not None:
                source = os.open(name, _READ | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
                present = os.fstat(source)
                require_regular(present)
                keep = present.st_size if offset is None else offset
            if (offset or 0) > (0 if present is None else present.st_size):
                raise OffsetBeyondEnd("the file is shorter")
            target = Target(directory, name, _title(names), present, exclusive, offset != 0, self._continuing)
            return self._staged(target, source, keep)
        except BaseException:
            _close_all(directory, source)
            raise

    def begin_copy(self, source: Names, destination: Names) -> Upload:
        """Stage the content of another file; it is all there when `Upload.keep` says so."""
        original = self._beneath.open(source, _READ)
        directory = -1
        try:
            status = os.fstat(original)
            require_regular(status)
            directory, name = self._place(destination, follow=True)
            present = self._replaceable(directory, name, exclusive=False)
            target = Target(directory, name, _title(destination), present, False, False, self._continuing)
            return self._staged(target, original, status.st_size)
        except BaseException:
            _close_all(directory, original)
            raise

    def _staged(self, target: Target, source: int, keep: int) -> Upload:
        # What replaces a file gets its mode only at the end; until then it is nobody else's business.
        mode = _NEW_FILE if target.present is None else _PRIVATE
        return Upload(target, begin_staging(target.directory, mode, tmpfile=self._tmpfile), source, keep)

    @staticmethod
    def _replaceable(directory: int, name: bytes, *, exclusive: bool) -> os.stat_result | None:
        """What has the name now, if it is a file that may be written."""
        present = present_at(directory, name)
        if present is None:
            return None
        if exclusive:
            raise AlreadyExists("the name is taken")
        require_regular(present)
        if not os.access(name, os.W_OK, dir_fd=directory, effective_ids=True):
            raise PermissionDenied("the file may not be written")
        return present

    def _place(self, names: Names, *, follow: bool) -> tuple[int, bytes]:
        """
        The directory, opened, and the name in it where a file is to appear: of a link, where it leads.

        Link by link, since what is replaced must be the last thing and no link to it; the kernel
        confines each step.
        """
        path = list(names)
        for _ in range(_MOST_LINKS):
            if path[-1] in {b"", b".", b".."}:
                raise IsADirectory("is a directory")
            if path[-1].startswith(HIDDEN_PREFIX.encode()):
                raise NotFound("no such file or directory")
            directory = self._beneath.open(path[:-1], DIRECTORY)
            try:
                target = os.readlink(path[-1], dir_fd=directory) if follow else None
            except OSError:
                target = None
            if target is None:
                return directory, path[-1]
            os.close(directory)
            if target.startswith(b"/"):
                raise PermissionDenied("the link leads elsewhere")
            path[-1:] = target.split(b"/")
        raise PermissionDenied("too many links")


def _close_all(*descriptors: int) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)
