"""Making instances of a filesystem of fsspec."""

from __future__ import annotations

import copy
from typing import Any, Final

from ftpx.errors import ConfigurationError
from ftpx.storage.filesystems.filesystem import Filesystem
from ftpx.storage.filesystems.kinds import ArchiveFilesystem, kind_of_filesystem, may_be_written
from ftpx.storage.filesystems.settings import FilesystemSettings

__all__ = ["Opener"]

# What to install for the protocols that are asked for most; for others, fsspec says it.
_LIBRARIES: Final = {
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
    "webdav": "webdav4",
    "dav": "webdav4",
    "http": "aiohttp requests",
    "https": "aiohttp requests",
    "github": "requests",
}


class Opener:
    """
    Makes instances of one filesystem. Making this object needs no network.

    :raises ConfigurationError: fsspec or the library of the filesystem is missing, or there is no such filesystem.
    """

    def __init__(self, settings: FilesystemSettings) -> None:
        self._settings = settings
        self._url = _whole(settings.url)
        parts = self._url.split("::")
        protocols = [part.partition("://")[0] for part in parts]
        self.protocol = protocols[0]
        implementations = {protocol: _implementation(protocol) for protocol in protocols}
        self.kind: type[Filesystem] = kind_of_filesystem(self.protocol)
        self.writable = may_be_written(self.protocol, implementations[self.protocol])
        #: Whether an instance can be made at the start: nothing of it is on the network.
        self.near = all(kind_of_filesystem(protocol).near for protocol in protocols)

    def open(self) -> Filesystem:
        """A new instance. May block, and raise anything."""
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # it has no types

        # A copy: fsspec takes options out of it.
        options: dict[str, Any] = self.kind.options(copy.deepcopy(self._settings.options))
        filesystem, path = url_to_fs(self._url, **options, skip_instance_cache=True)
        return self.kind(filesystem, path)


def _whole(url: str) -> str:
    """A URL as fsspec has it: an archive of this machine may be named like a directory, ``zip:///srv/archive.zip``."""
    protocol, separator, path = url.partition("://")
    if separator and "::" not in url and issubclass(kind_of_filesystem(protocol), ArchiveFilesystem):
        return f"{protocol}://::file://{path}"
    return url


def _implementation(protocol: str) -> type:
    try:
        from fsspec.registry import get_filesystem_class  # type: ignore[import-untyped]  # it has no types
    except ImportError:
        raise ConfigurationError("fsspec: needs a library that is not installed: pip install 'ftpx[fsspec]'") from None
    try:
        implementation: type = get_filesystem_class(protocol)
    except ImportError as error:
        library = _LIBRARIES.get(protocol)
        advice = f"pip install {library}" if library else str(error)
        raise ConfigurationError(f"fsspec:{protocol}: needs a library that is not installed: {advice}") from None
    except ValueError:
        raise ConfigurationError(f"fsspec: knows no filesystem {protocol!r}") from None
    return implementation
