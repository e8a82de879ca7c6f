"""How much of a file is in memory: cachestat(2), which Python's ``os`` has not."""

from __future__ import annotations

import ctypes
import errno
import mmap
import struct
from typing import Any, Final

__all__ = ["cached_pages", "pages_of"]

# The number is the same on every architecture: it was added (in Linux 6.5) after they were unified.
_CACHESTAT: Final = 451
_RANGE: Final = struct.Struct("=QQ")
_ANSWER: Final = struct.Struct("=5Q")
# What is said where nobody can know: no such call, or not for this user or this file.
_UNKNOWN: Final = frozenset({errno.EBADF, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


def _prototype() -> Any:
    # This keeps the interpreter's lock: the call does not wait.
    function = ctypes.PyDLL(None, use_errno=True).syscall
    function.argtypes = [ctypes.c_long, ctypes.c_uint, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint]
    function.restype = ctypes.c_long
    return function


_syscall = _prototype()


def pages_of(offset: int, size: int) -> int:
    """How many pages a part of a file lies in."""
    return (offset + size - 1) // mmap.PAGESIZE - offset // mmap.PAGESIZE + 1 if size else 0


def cached_pages(descriptor: int, offset: int, size: int) -> int | None:
    """How many pages of a part of a file are in memory; ``None`` if the system does not tell."""
    answer = ctypes.create_string_buffer(_ANSWER.size)
    if _syscall(_CACHESTAT, descriptor, _RANGE.pack(offset, size), answer, 0) < 0:
        number = ctypes.get_errno()
        if number in _UNKNOWN:
            return None
        raise OSError(number, "cachestat failed")
    cached: int = _ANSWER.unpack(answer.raw)[0]
    return cached
