"""From what stat(2) says to an `Entry`."""

from __future__ import annotations

import os
import stat

from ftpx.errors import IsADirectory, NotARegularFile
from ftpx.interfaces import Entry, Kind

__all__ = ["entry_of", "identity_of", "require_regular", "version_of"]

_KINDS = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.DIRECTORY, stat.S_IFLNK: Kind.LINK}


def identity_of(status: os.stat_result) -> bytes:
    """The same for two names of one file."""
    return b"%x.%x" % (status.st_dev, status.st_ino)


def version_of(status: os.stat_result) -> bytes:
    """Another one whenever the content may have changed."""
    return b"%x.%x.%x" % (status.st_mtime_ns, status.st_ctime_ns, status.st_size)


def entry_of(name: str, status: os.stat_result, target: str | None = None) -> Entry:
    """The entry of a name, with the owner and group in numbers: their names may take the network to find out."""
    mode = status.st_mode
    return Entry(
        name,
        _KINDS.get(stat.S_IFMT(mode), Kind.OTHER),
        status.st_size,
        status.st_mtime,
        None,
        stat.S_IMODE(mode),
        status.st_nlink,
        str(status.st_uid),
        str(status.st_gid),
        identity_of(status),
        version_of(status),
        target,
    )


def require_regular(status: os.stat_result) -> None:
    """:raises IsADirectory, NotARegularFile: it is not a file with content."""
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectory("is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise NotARegularFile("not a regular file")
