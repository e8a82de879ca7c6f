"""Whether reading a part of a file would wait for a disk."""

from __future__ import annotations

import errno
import os
from functools import lru_cache

from ftpx.data.page_cache import cached_pages, pages_of

__all__ = ["Residency"]

_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)
_LOOK = 128 * 1024
"""Systems read ahead as much, so where one page is in memory, its neighbours most often are."""
_IN_MEMORY = frozenset({b"tmpfs", b"ramfs", b"devtmpfs"})


@lru_cache(maxsize=64)
def _mount_is_memory(mount: bytes) -> bool:
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            fields, _, kind = line.partition(b" - ")
            if fields.split(b" ", 1)[0] == mount:
                return kind.split(b" ", 1)[0] in _IN_MEMORY
    return False


def _is_memory(descriptor: int) -> bool:
    """
    Whether the file system keeps everything in memory.

    It is asked for by the number of the mount, because fstat and fstatfs wait for the server of a network one.
    """
    try:
        information = os.open(f"/proc/self/fdinfo/{descriptor}", os.O_RDONLY)
        try:
            text = os.read(information, 512)
        finally:
            os.close(information)
        _, _, behind = text.partition(b"mnt_id:")
        return _mount_is_memory(behind.partition(b"\n")[0].strip())
    except OSError:
        return False


class Residency:
    """What is known about one open file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # None: the file system answers for each page, or has not been asked yet.
        self._always: bool | None = None if _NOWAIT is not None else _is_memory(descriptor)
        self._known = 0

    def read(self, offset: int, size: int) -> bytes | None:
        """The octets, fewer at the end of the file; ``None`` if that would wait."""
        if self._always is None:
            block = bytearray(size)
            read = self._now(block, offset)
            if read is not None:
                return bytes(memoryview(block)[:read])
        return os.pread(self._descriptor, size, offset) if self._always else None

    def covers(self, offset: int, size: int) -> bool:
        """Whether a part is in memory: all of it, or where the system does not tell that, a page in every so many."""
        if self._always is not None:
            return self._always
        if offset + size <= self._known:
            return True
        # Only this tells whether the file system answers without a wait; it is asked even if all pages are there.
        page = bytearray(1)
        if not self._resident(page, offset):
            return bool(self._always)
        cached = cached_pages(self._descriptor, offset, size)
        if cached is None:
            last = offset + size - 1
            covered = all(self._resident(page, place) for place in (*range(offset, last, _LOOK), last))
        else:
            covered = cached >= pages_of(offset, size)
        if covered:
            self._known = offset + size
        return covered

    def _resident(self, page: bytearray, offset: int) -> bool:
        return self._now(page, offset) is not None

    def _now(self, block: bytearray, offset: int) -> int | None:
        try:
            return os.preadv(self._descriptor, [block], offset, _NOWAIT or 0)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}:
                raise
        self._always = _is_memory(self._descriptor)
        return None
