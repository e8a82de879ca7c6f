"""``smb:`` of fsspec, by the library smbprotocol."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from zope.interface.interface import InterfaceClass

from ftpx.errors import DirectoryNotEmpty, NameRefused
from ftpx.interfaces import ITimes
from ftpx.storage.filesystems.entries import Info, type_of_mode
from ftpx.storage.filesystems.filesystem import Filesystem, plain_name

__all__ = ["SmbFilesystem"]

_TIMEOUT: Final = 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# STATUS_ACCESS_DENIED and STATUS_SHARING_VIOLATION
_IN_USE: Final = frozenset({0xC0000022, 0xC0000043})
_DIRECTORY: Final = 0x10
# What Windows takes for something else, or away; a server of another kind makes a name of its own of it.
_NEVER_IN_NAMES: Final = frozenset('\\:*?"<>|' + "".join(map(chr, range(32))))
_NEVER_LAST: Final = (" ", ".")
_DEVICES: Final = re.compile(
    r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL
)


class SmbFilesystem(Filesystem):
    """
    A share of an SMB server.

    To the server, names that differ in case only are one, and some have a short one as well. Rights and quotas go by
    names; so each name of a path is compared with what the server has, and none but that one reaches a file.

    All instances use one connection to the server, which is made again when it is lost.
    """

    moves = True
    abilities: ClassVar[Sequence[InterfaceClass]] = (ITimes,)

    def __init__(self, filesystem: Any, root: str) -> None:
        import smbclient  # type: ignore[import-untyped]  # it has no types

        from ftpx.storage.filesystems.smb_names import is_exact

        super().__init__(filesystem, root)
        self._client = smbclient
        self._is_exact = is_exact
        self._port = {"port": filesystem._port}

    @classmethod
    def options(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Time limits; and who reads a file is not in the way of who renames or replaces it. See `Filesystem`."""
        return {"timeout": _TIMEOUT, "register_session_retries": 0, "share_access": "rwd", **given}

    def path(self, names: Sequence[str]) -> str:
        """The path of something; see `Filesystem`."""
        for name in names:
            if name.endswith(_NEVER_LAST) or not _NEVER_IN_NAMES.isdisjoint(name) or _DEVICES.fullmatch(name):
                raise NameRefused("the filesystem cannot keep this name")
        return super().path(names)

    def require_exact(self, names: Sequence[str]) -> None:
        """Refuse what the server has in another form; see `Filesystem`."""
        if not self._is_exact(self._unc(self.path(())), names, **self._port):
            raise NameRefused("the filesystem has that name in another form")

    def _unc(self, path: str) -> str:
        """A path as Windows has it."""
        return f"\\\\{self.filesystem.host}{path}".replace("/", "\\")

    def infos(self, path: str) -> Iterator[tuple[str, Info]]:
        """What is in a directory, by pages of the server and with no request for each thing; see `Filesystem`."""
        with self._client.scandir(self._unc(path), **self._port) as entries:
            for entry in entries:
                told = entry.smb_info
                if plain_name(entry.name) is None:
                    continue
                kind = "directory" if told.file_attributes & _DIRECTORY else "file"
                if entry.is_symlink():
                    kind = "link"
                modified = told.last_write_time.timestamp()
                yield entry.name, {"type": kind, "size": told.end_of_file, "mtime": modified, "ino": entry.inode()}

    def info(self, path: str) -> Info:
        """What is at a path, as a listing tells it; see `Filesystem`."""
        told = self._client.stat(self._unc(path), follow_symlinks=False, **self._port)
        modified = _EPOCH + timedelta(microseconds=told.st_mtime_ns // 1000)
        kind = type_of_mode(told.st_mode)
        return {"type": kind, "size": told.st_size, "mtime": modified.timestamp(), "ino": told.st_ino}

    def replace(self, source: str, destination: str) -> None:
        """
        Give a file the name of another, or a name that is free, in one step; but not where the other is open: that one
        steps aside.
        """
        try:
            self._client.replace(self._unc(source), self._unc(destination), **self._port)
        except OSError as error:
            if getattr(error, "ntstatus", 0) not in _IN_USE:
                raise
            self.replace_aside(source, destination)

    def remove_file(self, path: str) -> None:
        """Remove anything but a directory."""
        self._client.remove(self._unc(path), **self._port)

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory; see `Filesystem`."""
        if next(self.infos(path), None) is not None:
            raise DirectoryNotEmpty("the directory is not empty")
        self._client.rmdir(self._unc(path), **self._port)

    def set_modified(self, path: str, seconds: float) -> None:
        """Set the time of the last modification."""
        self._client.utime(self._unc(path), times=(seconds, seconds), **self._port)
