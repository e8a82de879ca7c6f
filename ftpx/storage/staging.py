"""Files that are written out of sight and get their name in one step."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from ftpx.errors import NotSupported
from ftpx.storage.staged_names import StagedName, passing_name
from ftpx.storage.staging_folder import StagingFolder
from ftpx.storage.syscalls import rename_exclusively

__all__ = ["Staging", "begin_staging", "lock", "path_of_descriptor"]

_T = TypeVar("_T")

_FLAGS: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY
# What a file system, or a kernel, says that has no O_TMPFILE.
_NO_TMPFILE: Final = frozenset([errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT])
# What they say that cannot rename only to a free name.
_NO_EXCLUSIVE_RENAME: Final = frozenset([errno.EINVAL, errno.ENOSYS])
# What is said of a place that a name cannot be given in, or cannot be moved from: another one may do.
_NOT_HERE: Final = frozenset([errno.EACCES, errno.ELOOP, errno.ENOTDIR, errno.EPERM, errno.EROFS, errno.EXDEV])


def path_of_descriptor(descriptor: int) -> bytes:
    """
    A path that leads to exactly what is open.

    :raises NotSupported: /proc is not mounted.
    """
    path = b"/proc/self/fd/%d" % descriptor
    if not os.path.lexists(path):
        raise NotSupported("this needs /proc")
    return path


def lock(descriptor: int) -> bool:
    """
    Mark an open file as in use, until it is closed or this process ends, however it ends.

    :return: false if somebody else has it in use, or the file system knows no such marks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Staging:
    """
    A file in a directory that nobody sees yet.

    It has no name at all (O_TMPFILE) as long as that will do: then nothing is left of it, whatever happens. Where it
    needs one, to be kept or to take another's away, it gets it in a `StagingFolder`.

    :param places: open directories where that folder may be, the best first; they must stay open.
    """

    def __init__(self, places: Sequence[int], descriptor: int) -> None:
        self._places = places
        self._folder: StagingFolder | None = None
        self._name = b""
        self.descriptor = descriptor

    @property
    def named(self) -> bool:
        """Whether it has a name in a staging folder."""
        return self._folder is not None

    def give_name(self, name: StagedName) -> None:
        """Give it a name in a staging folder, or another one there."""
        octets = name.octets()
        if self._folder is None:
            path = path_of_descriptor(self.descriptor)
            lock(self.descriptor)

            def link(folder: StagingFolder) -> None:
                os.link(path, octets, dst_dir_fd=folder.descriptor, follow_symlinks=True)

            self._folder, _ = _in_folder(self._places, link)
        else:
            os.rename(self._name, octets, src_dir_fd=self._folder.descriptor, dst_dir_fd=self._folder.descriptor)
        self._name = octets

    def adopt(self, folder: StagingFolder, name: bytes) -> None:
        """Take it as what it is: a file that has a name in a folder, which belongs to this object from now on."""
        self._folder, self._name = folder, name

    def publish_new(self, directory: int, name: bytes) -> None:
        """:raises FileExistsError: the name is taken."""
        if self._folder is None:
            os.link(path_of_descriptor(self.descriptor), name, dst_dir_fd=directory, follow_symlinks=True)
            return
        folder = self._folder.descriptor
        try:
            rename_exclusively(self._name, name, folder, directory)
        except OSError as error:
            if error.errno not in _NO_EXCLUSIVE_RENAME:
                raise
            os.link(self._name, name, src_dir_fd=folder, dst_dir_fd=directory, follow_symlinks=False)
            # It is published; a name that stays is thrown away at the next tidying.
            with suppress(OSError):
                os.unlink(self._name, dir_fd=folder)
        self._let_go()

    def publish_over(self, directory: int, name: bytes) -> None:
        """Take the name, away from the file that may have it."""
        if self._folder is None:
            # A file without a name cannot take one away.
            self.give_name(passing_name())
        assert self._folder is not None  # noqa: S101 - it has just got one
        os.rename(self._name, name, src_dir_fd=self._folder.descriptor, dst_dir_fd=directory)
        self._let_go()

    def keep(self) -> StagingFolder | None:
        """Leave it where it is, for later; the folder, which belongs to the caller now."""
        folder, self._folder = self._folder, None
        return folder

    def close(self) -> None:
        """Close the file; if it was not published or kept, nothing is left of it."""
        try:
            if self._folder is not None:
                with suppress(FileNotFoundError):
                    os.unlink(self._name, dir_fd=self._folder.descriptor)
        finally:
            self._let_go()
            os.close(self.descriptor)

    def _let_go(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.remove_if_empty()
            folder.close()


def _in_folder(places: Sequence[int], use: Callable[[StagingFolder], _T]) -> tuple[StagingFolder, _T]:
    """Do something in the first staging folder where it can be done; the folder, open, and the result."""
    failed: OSError | None = None
    for place in places:
        try:
            return StagingFolder.use(place, use)
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            failed = error
    raise failed or OSError(errno.EACCES, os.strerror(errno.EACCES))


def _mount_of(directory: int) -> tuple[int, bytes]:
    """What differs between directories if no name can be moved from one to the other."""
    identifier = b""
    with suppress(OSError), open(b"/proc/self/fdinfo/%d" % directory, "rb") as lines:
        identifier = next((line for line in lines if line.startswith(b"mnt_id:")), b"")
    return os.fstat(directory).st_dev, identifier


def begin_staging(directory: int, places: Sequence[int], mode: int, *, tmpfile: bool) -> Staging:
    """
    A new, empty file out of sight.

    :param directory: where it is to appear; what directories pass on to new files, it has from this one.
    :param places: see `Staging`.
    :param mode: its permission bits, less those that the process's umask takes away.
    :param tmpfile: whether it may be without a name, where the file system can do that.
    """
    if tmpfile:
        try:
            descriptor = os.open(b".", os.O_TMPFILE | _FLAGS, mode, dir_fd=directory)
        except OSError as error:
            if error.errno not in _NO_TMPFILE:
                raise
        else:
            try:
                path_of_descriptor(descriptor)
            except NotSupported:
                os.close(descriptor)
            else:
                return Staging(places, descriptor)
    name = passing_name().octets()

    def create(folder: StagingFolder) -> int:
        return os.open(name, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | _FLAGS, mode, dir_fd=folder.descriptor)

    # Unlike a nameless file, this one shows only when it is to be published that it cannot be moved.
    mount = _mount_of(directory)
    folder, descriptor = _in_folder([place for place in places if _mount_of(place) == mount], create)
    lock(descriptor)
    staging = Staging(places, descriptor)
    staging.adopt(folder, name)
    return staging
