"""The system calls that Python's ``os`` has not: openat2(2), renameat2(2) and the kind of a file system."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from functools import lru_cache
from typing import Any, Final

__all__ = [
    "RESOLVE_BENEATH",
    "RESOLVE_CACHED",
    "RESOLVE_NO_MAGICLINKS",
    "RESOLVE_NO_SYMLINKS",
    "RESOLVE_NO_XDEV",
    "filesystem_kind",
    "has_openat2",
    "openat2",
    "openat2_cached",
    "rename_exclusively",
]

RESOLVE_NO_XDEV: Final = 0x01
RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_NO_SYMLINKS: Final = 0x04
RESOLVE_BENEATH: Final = 0x08
RESOLVE_CACHED: Final = 0x20

# The number is the same on every architecture: it was added after they were unified.
_OPENAT2: Final = 437
_OPEN_HOW: Final = struct.Struct("=QQQ")
_RENAME_NOREPLACE: Final = 1

_libc = ctypes.CDLL(None, use_errno=True)
# This one keeps the interpreter's lock: for calls that cannot block, made in the reactor thread,
# which would otherwise have to win the lock back from the threads of a pool.
_libc_locked = ctypes.PyDLL(None, use_errno=True)


def _prototype(function: Any) -> Any:
    function.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]
    function.restype = ctypes.c_long
    return function


_syscall = _prototype(_libc.syscall)
_syscall_locked = _prototype(_libc_locked.syscall)


@lru_cache(maxsize=64)
def _open_how(flags: int, mode: int, resolve: int) -> bytes:
    return _OPEN_HOW.pack(flags, mode, resolve)


def openat2(directory: int, path: bytes, flags: int, resolve: int, mode: int = 0) -> int:
    """
    Open a path beneath a directory; a descriptor.

    :raises OSError: EXDEV if the path leads out of it, ENOSYS where the kernel is older than Linux 5.6.
    """
    how = _open_how(flags, mode, resolve)
    descriptor: int = _syscall(_OPENAT2, directory, path, how, len(how))
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return descriptor


def openat2_cached(directory: int, path: bytes, flags: int, resolve: int) -> int:
    """Open what needs no disk and no waiting: a descriptor, or -1 where that is not so or it fails."""
    how = _open_how(flags, 0, resolve | RESOLVE_CACHED)
    descriptor: int = _syscall_locked(_OPENAT2, directory, path, how, len(how))
    return descriptor


def has_openat2() -> bool:
    """Whether the kernel has openat2(2), and no filter of system calls forbids it."""
    try:
        os.close(openat2(-100, b"/", os.O_PATH | os.O_CLOEXEC, RESOLVE_NO_MAGICLINKS))
    except (OSError, AttributeError):
        return False
    return True


def rename_exclusively(source: bytes, destination: bytes, source_directory: int, directory: int) -> None:
    """
    Move an entry of a directory to another, under a name that must not be taken yet.

    :raises OSError: EEXIST, or EINVAL or ENOSYS where the system cannot do this.
    """
    function = getattr(_libc, "renameat2", None)
    if function is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if function(source_directory, source, directory, destination, _RENAME_NOREPLACE) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def filesystem_kind(descriptor: int) -> int:
    """The magic number of the file system that a descriptor is on, 0 if it cannot be told."""
    function = getattr(_libc, "fstatfs", None)
    if function is None:
        return 0
    answer = ctypes.create_string_buffer(512)
    if function(descriptor, answer) < 0:
        return 0
    # f_type is the first field of struct statfs, at most a long.
    return int(ctypes.c_long.from_buffer(answer).value) & 0xFFFFFFFF
