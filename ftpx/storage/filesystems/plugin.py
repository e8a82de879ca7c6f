"""``fsspec:URL``: a filesystem of the library fsspec."""

from __future__ import annotations

import os
import time

from zope.interface import alsoProvides, implementer

from ftpx.errors import ConfigurationError
from ftpx.interfaces import IStorage, IStoragePlugin, IStoragePool, IWithoutLinks, Kind
from ftpx.storage.filesystems.connections import Connections
from ftpx.storage.filesystems.entries import kind_of
from ftpx.storage.filesystems.failures import Troubles
from ftpx.storage.filesystems.hidden import HiddenNames
from ftpx.storage.filesystems.opening import Opener
from ftpx.storage.filesystems.settings import FORMAT, FilesystemSettings, read_settings
from ftpx.storage.filesystems.storage import FilesystemStorage
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.storage.threaded import ThreadedStorage

__all__ = ["FsspecPlugin", "ThreadedFilesystem", "open_filesystem", "plugin"]


class ThreadedFilesystem(ThreadedStorage):
    """A filesystem with its calls made in threads. Where links can be told, they can be left unfollowed."""

    def __init__(self, filesystem: FilesystemStorage, pool: IStoragePool) -> None:
        super().__init__(filesystem, pool)
        self._filesystem = filesystem
        if filesystem.has_links:
            alsoProvides(self, IWithoutLinks)

    def without_links(self) -> IStorage:
        """The same, in which no path leads over a symbolic link; see `IWithoutLinks`."""
        return ThreadedFilesystem(self._filesystem.without_links(), self._pool)


def _try(opener: Opener) -> None:
    """:raises ConfigurationError: there is no directory to serve."""
    try:
        filesystem = opener.open()
        root = filesystem.target(filesystem.path(()))
        filesystem.close()
    except Exception as error:
        raise ConfigurationError(f"fsspec:{opener.protocol}: it cannot be opened: {error}") from error
    if kind_of(root) is not Kind.DIRECTORY:
        raise ConfigurationError(f"fsspec:{opener.protocol}: what the URL names is no directory")


def open_filesystem(settings: FilesystemSettings, pool: IStoragePool) -> IStorage:
    """
    A filesystem as a storage. What is on this machine is opened now, everything else when it is first used.

    :raises ConfigurationError: it cannot be.
    """
    opener = Opener(settings)
    most = 1 if opener.kind.single else settings.connections or opener.kind.connections
    troubles = Troubles(f"fsspec:{opener.protocol}")
    connections = Connections(opener.open, most, time.monotonic, troubles)
    hidden = HiddenNames(time.time, os.urandom)
    blocking = FilesystemStorage(connections, opener.kind, hidden, writable=opener.writable)
    if opener.near:
        _try(opener)
    storage = ThreadedFilesystem(blocking, pool)
    return storage if opener.writable else ReadOnlyStorage(storage)


@implementer(IStoragePlugin)
class FsspecPlugin:
    """``fsspec:URL``."""

    prefix = "fsspec"
    argument_format = FORMAT
    help = (
        "Any filesystem that the library fsspec knows, as far as it can: sftp://user@host/dir, webdav://, smb://,"
        " zip:///path/to.zip, memory:// and others. What fits in no URL, passwords among it, is in a file:"
        " options=FILE, which holds JSON or TOML."
    )

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """Open the filesystem; see `IStoragePlugin`."""
        return open_filesystem(read_settings(arguments), pool)


plugin = FsspecPlugin()
