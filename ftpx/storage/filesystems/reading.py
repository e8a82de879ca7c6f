"""A file of a filesystem that is being read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from ftpx.errors import FileChanged, StorageError
from ftpx.interfaces import Entry, IBlockingReadableFile
from ftpx.storage.filesystems.connections import Lease
from ftpx.storage.filesystems.filesystem import Filesystem

__all__ = ["ReadableFile", "read_exactly"]


def read_exactly(filesystem: Filesystem, file: Any, offset: int, size: int) -> bytes:
    """
    All of a part of a file.

    :raises FileChanged: the file ends before.
    """
    blocks: list[bytes] = []
    while size > 0:
        block = filesystem.read(file, offset, size)
        if not block or len(block) > size:
            raise FileChanged("the file became shorter")
        blocks.append(block)
        offset += len(block)
        size -= len(block)
    return b"".join(blocks)


@implementer(IBlockingReadableFile)
class ReadableFile:
    """
    An open file.

    Where it is read by its name, another file may take the place of the one that was opened. That is looked for when
    the end is read: who reads on to the end is told, rather than to have a mixture of two files.

    :param is_same: whether its name is still that of the file that was opened.
    """

    def __init__(self, lease: Lease, file: Any, entry: Entry, is_same: Callable[[Filesystem], bool]) -> None:
        self.entry = entry
        self._lease = lease
        self._file = file
        self._is_same = is_same

    def read(self, offset: int, size: int) -> bytes:
        """Octets of the file; see `IReadableFile`."""
        wanted = min(size, self.entry.size - offset)
        if wanted <= 0:
            return b""
        return self._lease.call(lambda filesystem: self._read(filesystem, offset, wanted))

    def _read(self, filesystem: Filesystem, offset: int, size: int) -> bytes:
        block = read_exactly(filesystem, self._file, offset, size)
        at_end = offset + size == self.entry.size
        if at_end and filesystem.by_range(self._file) and not self._is_same(filesystem):
            raise FileChanged("the file was changed meanwhile")
        return block

    def close(self) -> None:
        """Let go of the file; see `IReadableFile`."""
        try:
            # Whatever it says: nothing is lost with what was only read.
            with contextlib.suppress(StorageError):
                self._lease.call(lambda filesystem: self._file.close())
        finally:
            self._lease.end()
