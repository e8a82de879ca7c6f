"""Copying between two descriptors in slices; the kernel shares the blocks where the file system can."""

from __future__ import annotations

import errno
import os
from typing import Final

__all__ = ["SLICE", "copy_slice", "write_all"]

#: How many octets are copied in one call at most, so that a thread is free again after it.
SLICE: Final = 64 * 1024 * 1024

_BLOCK: Final = 1024 * 1024
# What copy_file_range(2) says where two files can only be copied by reading and writing.
_READ_AND_WRITE: Final = frozenset([errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS])


def copy_slice(source: int, destination: int, position: int, size: int) -> int:
    """Copy up to ``size`` octets, `SLICE` at most, to the same position. How many it were; 0 at the end."""
    wanted = min(size, SLICE)
    try:
        return os.copy_file_range(source, destination, wanted, position, position)
    except OSError as error:
        if error.errno not in _READ_AND_WRITE:
            raise
    copied = 0
    while copied < wanted:
        block = os.pread(source, min(_BLOCK, wanted - copied), position + copied)
        if not block:
            break
        write_all(destination, block, position + copied)
        copied += len(block)
    return copied


def write_all(descriptor: int, block: bytes | bytearray | memoryview, position: int) -> None:
    """Write a whole block at a position."""
    rest = memoryview(block)
    while rest:
        written = os.pwrite(descriptor, rest, position)
        position += written
        rest = rest[written:]
