"""
Opening names beneath one directory, so that nothing leads out of it: no ``..``, no symbolic link,
however they are changed while we look.

`KernelBeneath` leaves that to openat2(2). `WalkBeneath` goes name by name, opens each without
following a link, and follows links itself. Either can do without links: then there is nothing behind them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from ftpx.storage.names import Names
from ftpx.storage.syscalls import (
    RESOLVE_BENEATH,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
    filesystem_kind,
    openat2,
    openat2_cached,
)

__all__ = ["DIRECTORY", "Beneath", "KernelBeneath", "Root", "WalkBeneath", "in_parent"]

#: How a directory is opened that only serves to reach what is in it.
DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

_CONFINED: Final = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS
_MOST_LINKS: Final = 40
_TRIES: Final = 16

# Where what is cached is opened without any wait: ext4, xfs, btrfs, tmpfs, overlayfs, f2fs.
_LOCAL_KINDS: Final = frozenset([0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0x794C7630, 0xF2F52010])


class Root:
    """The descriptor of the directory that all is beneath; closed when nothing refers to it any more."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)


class Beneath(Protocol):
    """A way to open names beneath a root."""

    @property
    def root(self) -> Root:
        """The directory."""

    @property
    def follows(self) -> bool:
        """Whether links are followed."""

    def open(self, names: Names, flags: int) -> int:
        """
        Open the thing that names lead to; a descriptor. Links are followed as long as they stay beneath.

        :raises OSError: EXDEV where a link leads out; where none is followed, ENOENT at any link.
        """

    def open_now(self, names: Names, flags: int) -> int:
        """The same if it can be done without any wait, else -1."""

    def at(self, root: Root) -> Beneath:
        """The same way to open names, beneath another directory."""

    def without_links(self) -> Beneath:
        """The same way to open names beneath the same directory, with no link followed."""


class KernelBeneath:
    """The kernel confines: openat2(2) with RESOLVE_BENEATH."""

    def __init__(self, root: Root, *, follows: bool = True) -> None:
        self.root = root
        self.follows = follows
        self._resolve = _CONFINED if follows else _CONFINED | RESOLVE_NO_SYMLINKS
        self._nearby = filesystem_kind(root.descriptor) in _LOCAL_KINDS

    def open(self, names: Names, flags: int) -> int:
        """Open the thing that names lead to; see `Beneath`."""
        path = b"/".join(names) or b"."
        for _ in range(_TRIES):
            try:
                return openat2(self.root.descriptor, path, flags | os.O_CLOEXEC, self._resolve)
            except OSError as error:
                if error.errno == errno.ELOOP and not self.follows:
                    raise _nothing() from None
                # A rename elsewhere while ".." of a link was followed: the kernel asks to try again.
                if error.errno != errno.EAGAIN:
                    raise
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def open_now(self, names: Names, flags: int) -> int:
        """Open what is in the kernel's caches, on the file system of the root and if that is a local one."""
        if not self._nearby:
            return -1
        path = b"/".join(names) or b"."
        return openat2_cached(self.root.descriptor, path, flags | os.O_CLOEXEC, self._resolve | RESOLVE_NO_XDEV)

    def at(self, root: Root) -> KernelBeneath:
        """The same beneath another directory."""
        return KernelBeneath(root, follows=self.follows)

    def without_links(self) -> KernelBeneath:
        """The same, where the kernel follows no link."""
        return KernelBeneath(self.root, follows=False)


class WalkBeneath:
    """Each name is opened by itself and without following a link; links are read and walked likewise."""

    def __init__(self, root: Root, *, follows: bool = True) -> None:
        self.root = root
        self.follows = follows

    def open(self, names: Names, flags: int) -> int:
        """Open the thing that names lead to; see `Beneath`."""
        return _Walk(self.root.descriptor, names, flags | os.O_CLOEXEC, follows=self.follows).open()

    def open_now(self, names: Names, flags: int) -> int:
        """Never: only the kernel knows what needs no wait."""
        return -1

    def at(self, root: Root) -> WalkBeneath:
        """The same beneath another directory."""
        return WalkBeneath(root, follows=self.follows)

    def without_links(self) -> WalkBeneath:
        """The same, where a link ends the walk."""
        return WalkBeneath(self.root, follows=False)


class _Walk:
    """One walk from the root: where it stands, the real names that led there and those still to go."""

    def __init__(self, root: int, names: Names, flags: int, *, follows: bool) -> None:
        self._root = root
        self._follows = follows
        self._flags = flags
        self._to_go = list(reversed(names))
        self._passed: list[bytes] = []
        self._links = 0
        self._here = -1

    def open(self) -> int:
        try:
            self._here = os.open(b".", DIRECTORY, dir_fd=self._root)
            while self._to_go:
                name = self._to_go.pop()
                if name == b"..":
                    self._go_up()
                elif name not in {b"", b"."}:
                    target = self._link(name)
                    if target is not None:
                        self._follow(target)
                    elif self._to_go:
                        self._enter(name)
                    else:
                        return self._open_last(name)
            return os.open(b".", self._flags, dir_fd=self._here)
        finally:
            if self._here >= 0:
                os.close(self._here)

    def _link(self, name: bytes) -> bytes | None:
        """The target of a link that has to be followed."""
        if not self._to_go and self._flags & os.O_NOFOLLOW:
            return None
        try:
            return os.readlink(name, dir_fd=self._here)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return None
            raise

    def _follow(self, target: bytes) -> None:
        if not self._follows:
            raise _nothing()
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if target.startswith(b"/"):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        self._to_go.extend(reversed(target.split(b"/")))

    def _enter(self, name: bytes) -> None:
        there = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=self._here)
        os.close(self._here)
        self._here = there
        self._passed.append(name)

    def _go_up(self) -> None:
        """Back to the parent: by the names from the root, since ".." of a directory that was moved leads elsewhere."""
        if not self._passed:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        self._links += 1
        names, self._passed = self._passed[:-1], []
        os.close(self._here)
        self._here = -1
        self._here = os.open(b".", DIRECTORY, dir_fd=self._root)
        for name in names:
            self._enter(name)

    def _open_last(self, name: bytes) -> int:
        descriptor = os.open(name, self._flags | os.O_NOFOLLOW, dir_fd=self._here)
        if self._flags & os.O_PATH and not self._flags & os.O_NOFOLLOW and self._is_link(descriptor):
            # It became a link between our look and our opening of it.
            os.close(descriptor)
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return descriptor

    @staticmethod
    def _is_link(descriptor: int) -> bool:
        return os.fstat(descriptor).st_mode & 0o170000 == 0o120000


def _nothing() -> OSError:
    return OSError(errno.ENOENT, os.strerror(errno.ENOENT))


@contextmanager
def in_parent(beneath: Beneath, names: Names) -> Iterator[tuple[int, bytes]]:
    """The directory that the last name is in, open as long as the context is, and that name."""
    if len(names) == 1:
        yield beneath.root.descriptor, names[0]
        return
    parent = beneath.open(names[:-1], DIRECTORY)
    try:
        yield parent, names[-1]
    finally:
        os.close(parent)
