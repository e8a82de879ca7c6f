"""Files that are written out of sight and get their name in one step."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from typing import Final, Protocol

from ftpx.errors import NotSupported
from ftpx.storage.names import HIDDEN_PREFIX
from ftpx.storage.syscalls import rename_exclusively

__all__ = ["NamedStaging", "NamelessStaging", "Staging", "begin_staging", "path_of_descriptor"]

_FLAGS: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY
# What a file system, or a kernel, says that has no O_TMPFILE.
_NO_TMPFILE: Final = frozenset([errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT])
# What they say that cannot rename only to a free name.
_NO_EXCLUSIVE_RENAME: Final = frozenset([errno.EINVAL, errno.ENOSYS])


class Staging(Protocol):
    """A file in a directory that nobody sees yet. ``directory`` must stay open as long as it is used."""

    @property
    def descriptor(self) -> int:
        """Where its content is written."""

    def publish_new(self, name: bytes) -> None:
        """:raises FileExistsError: the name is taken."""

    def publish_over(self, name: bytes) -> None:
        """Take the name, away from the file that may have it."""

    def close(self) -> None:
        """Close the file; if it has got no name, nothing is left of it."""


def path_of_descriptor(descriptor: int) -> bytes:
    """
    A path that leads to exactly what is open.

    :raises NotSupported: /proc is not mounted.
    """
    path = b"/proc/self/fd/%d" % descriptor
    if not os.path.lexists(path):
        raise NotSupported("this needs /proc")
    return path


def _hidden_name() -> bytes:
    return HIDDEN_PREFIX.encode() + secrets.token_hex(16).encode()


class NamelessStaging:
    """A file that has no name at all (O_TMPFILE): whatever happens, nothing of it is left."""

    def __init__(self, directory: int, descriptor: int, path: bytes) -> None:
        self._directory = directory
        self._path = path
        self.descriptor = descriptor

    def publish_new(self, name: bytes) -> None:
        """Give it its first name."""
        os.link(self._path, name, dst_dir_fd=self._directory, follow_symlinks=True)

    def publish_over(self, name: bytes) -> None:
        """A file without a name cannot take one away, so it gets a hidden one first."""
        hidden = _hidden_name()
        self.publish_new(hidden)
        try:
            os.rename(hidden, name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        except BaseException:
            os.unlink(hidden, dir_fd=self._directory)
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


class NamedStaging:
    """A file under a hidden name, where the file system knows no other way."""

    def __init__(self, directory: int, descriptor: int, name: bytes) -> None:
        self._directory = directory
        self._name = name
        self._published = False
        self.descriptor = descriptor

    def publish_new(self, name: bytes) -> None:
        """Take a free name."""
        try:
            rename_exclusively(self._name, name, self._directory)
        except OSError as error:
            if error.errno not in _NO_EXCLUSIVE_RENAME:
                raise
            os.link(self._name, name, src_dir_fd=self._directory, dst_dir_fd=self._directory, follow_symlinks=False)
            os.unlink(self._name, dir_fd=self._directory)
        self._published = True

    def publish_over(self, name: bytes) -> None:
        """Take a name, free or not."""
        os.rename(self._name, name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        self._published = True

    def close(self) -> None:
        """Close the file and remove the hidden name."""
        try:
            if not self._published:
                with suppress(FileNotFoundError):
                    os.unlink(self._name, dir_fd=self._directory)
        finally:
            os.close(self.descriptor)


def begin_staging(directory: int, mode: int, *, tmpfile: bool) -> Staging:
    """
    A new, empty file out of sight in an open directory.

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
                return NamelessStaging(directory, descriptor, path_of_descriptor(descriptor))
            except NotSupported:
                os.close(descriptor)
    name = _hidden_name()
    descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | _FLAGS, mode, dir_fd=directory)
    return NamedStaging(directory, descriptor, name)
