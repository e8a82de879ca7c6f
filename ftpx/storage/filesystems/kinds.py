"""Which filesystems of fsspec are known to do something better than most, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from zope.interface.interface import InterfaceClass

from ftpx.interfaces import IServerSideCopy
from ftpx.storage.filesystems.disk import DiskFilesystem
from ftpx.storage.filesystems.filesystem import Filesystem
from ftpx.storage.filesystems.sftp import SftpFilesystem
from ftpx.storage.filesystems.smb import SmbFilesystem
from ftpx.storage.filesystems.webdav import WebdavFilesystem

__all__ = ["ArchiveFilesystem", "kind_of_filesystem", "may_be_written"]


class MemoryFilesystem(Filesystem):
    """``memory:``: all instances share one tree, and all who open a file share one object with one position."""

    single = True
    near = True
    abilities: ClassVar[Sequence[InterfaceClass]] = (IServerSideCopy,)

    def __init__(self, filesystem: Any, root: str) -> None:
        super().__init__(filesystem, root)
        if not filesystem.exists(root):
            filesystem.makedirs(root)

    def make_directory(self, path: str) -> None:
        """Make a directory."""
        if self.filesystem.exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        super().make_directory(path)


class ArchiveFilesystem(Filesystem):
    """``zip:`` and others: each instance holds the list of all that is in the archive."""

    connections = 2
    near = True


class MovingFilesystem(Filesystem):
    """A filesystem with a way to rename of its own, which takes names as they are."""

    moves = True


_KINDS: Final[dict[str, type[Filesystem]]] = {
    "file": DiskFilesystem,
    "local": DiskFilesystem,
    "memory": MemoryFilesystem,
    "zip": ArchiveFilesystem,
    "tar": ArchiveFilesystem,
    "libarchive": ArchiveFilesystem,
    "sftp": SftpFilesystem,
    "ssh": SftpFilesystem,
    "webdav": WebdavFilesystem,
    "dav": WebdavFilesystem,
    "smb": SmbFilesystem,
    "ftp": MovingFilesystem,
    "hdfs": MovingFilesystem,
    "arrow_hdfs": MovingFilesystem,
    "webhdfs": MovingFilesystem,
    "dbfs": MovingFilesystem,
}

# Those that cannot be written although they have the methods, or not so that a file appears when it is whole.
_READ_ONLY: Final = frozenset(
    ["zip", "tar", "libarchive", "http", "https", "github", "git", "gist", "data", "reference"]
)


def kind_of_filesystem(protocol: str) -> type[Filesystem]:
    """The class for a filesystem of fsspec, by its protocol."""
    return _KINDS.get(protocol, Filesystem)


def may_be_written(protocol: str, implementation: Any) -> bool:
    """Whether files can be stored on a filesystem and removed, as far as its class tells."""
    from fsspec.asyn import AsyncFileSystem  # type: ignore[import-untyped]  # it has no types
    from fsspec.spec import AbstractFileSystem  # type: ignore[import-untyped]  # it has no types

    if protocol in _READ_ONLY:
        return False
    if issubclass(implementation, AsyncFileSystem):
        return implementation._rm_file is not AsyncFileSystem._rm_file
    return implementation._rm is not AbstractFileSystem._rm or implementation.rm_file is not AbstractFileSystem.rm_file
