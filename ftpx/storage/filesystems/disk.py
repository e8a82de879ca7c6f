"""``file:`` of fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import ClassVar

from zope.interface.interface import InterfaceClass

from ftpx.interfaces import IModes, ITimes
from ftpx.storage.filesystems.entries import Info, type_of_mode
from ftpx.storage.filesystems.filesystem import Filesystem

__all__ = ["DiskFilesystem"]


class DiskFilesystem(Filesystem):
    """``file:``, a directory of this machine. Renames go past fsspec, which copies where it cannot rename."""

    near = True
    moves = True
    links = True
    abilities: ClassVar[Sequence[InterfaceClass]] = (IModes, ITimes)

    def real_path(self, path: str) -> str:
        """The path without symbolic links."""
        return os.path.realpath(path)

    def _info(self, path: str, status: os.stat_result) -> Info:
        kind = type_of_mode(status.st_mode)
        return {
            "type": kind,
            "size": status.st_size,
            "mtime": status.st_mtime,
            "mode": status.st_mode,
            "uid": status.st_uid,
            "gid": status.st_gid,
            "ino": status.st_ino,
            "destination": os.readlink(path) if kind == "link" else None,
        }

    def info(self, path: str) -> Info:
        """What is at a path, the link if it is one."""
        return self._info(path, os.lstat(path))

    def target(self, path: str) -> Info:
        """What a symbolic link leads to."""
        return self._info(path, os.stat(path))

    def infos(self, path: str) -> Iterator[tuple[str, Info]]:
        """What is in a directory, as it comes."""
        with os.scandir(path) as found:
            for entry in found:
                try:
                    yield entry.name, self._info(entry.path, entry.stat(follow_symlinks=False))
                except FileNotFoundError:
                    # It was there a moment ago.
                    continue

    def replace(self, source: str, destination: str) -> None:
        """Give a file the name of another, in one step."""
        os.replace(source, destination)

    def place(self, source: str, destination: str) -> None:
        """Give a file a name that must be free, in one step."""
        os.link(source, destination)
        os.unlink(source)

    def move_directory(self, source: str, destination: str) -> None:
        """Give a directory a name that is free."""
        os.rename(source, destination)

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory."""
        os.rmdir(path)

    def set_mode(self, path: str, mode: int) -> None:
        """Set permission bits."""
        os.chmod(path, mode)

    def set_modified(self, path: str, seconds: float) -> None:
        """Set the time of the last modification."""
        os.utime(path, (seconds, seconds))
