"""
A file system in memory whose requests wait when they are told to: FUSE, spoken to the kernel without any library.

Run as a program with a directory to mount on. It is told on its standard input, a line each: ``hold REQUEST NAME``
(an asterisk is any name) makes such requests wait from now on, ``release`` answers those that wait and lets all others
through. It says on its standard output ``ready``, and ``held REQUEST NAME`` for each request that begins to wait.

Nothing is cached by the kernel but the content of files that are open, so what a server asks for comes here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import stat
import struct
import sys
import time
from collections.abc import Callable
from typing import Final

__all__ = ["main"]

_DEVICE: Final = "/dev/fuse"
_MOST: Final = (1 << 20) + 65536
_WRITE: Final = 1 << 20
_PAGES: Final = _WRITE // 4096

_NOSUID_NODEV: Final = 2 | 4
_IN: Final = struct.Struct("<IIQQIIIHH")
_OUT: Final = struct.Struct("<IiQ")
_ATTRIBUTES: Final = struct.Struct("<QQQQQQIIIIIIIIII")
_ENTRY: Final = struct.Struct("<QQQQII")
_INIT: Final = struct.Struct("<IIIIHHIIHHII24x")
_SETATTR: Final = struct.Struct("<IIQQQQQQIIIIIIII")
_BIG_WRITES_AND_PAGES: Final = 1 << 5 | 1 << 22
_NEW_SIZE, _NEW_MODE, _NEW_TIME, _NEW_TIME_NOW = 8, 1, 32, 256

_NAMES: Final = {
    1: "LOOKUP", 2: "FORGET", 3: "GETATTR", 4: "SETATTR", 9: "MKDIR", 10: "UNLINK", 11: "RMDIR", 12: "RENAME",
    14: "OPEN", 15: "READ", 16: "WRITE", 17: "STATFS", 18: "RELEASE", 20: "FSYNC", 25: "FLUSH", 26: "INIT",
    27: "OPENDIR", 28: "READDIR", 29: "RELEASEDIR", 30: "FSYNCDIR", 35: "CREATE", 36: "INTERRUPT", 38: "DESTROY",
    42: "BATCH_FORGET", 45: "RENAME2",
}  # fmt: skip
_UNANSWERED: Final = frozenset({"FORGET", "INTERRUPT", "BATCH_FORGET"})
# Where the name that a request is about stands in it; the others are about the name of their node.
_NAME_AT: Final = {"LOOKUP": 0, "MKDIR": 8, "UNLINK": 0, "RMDIR": 0, "RENAME": 8, "CREATE": 16, "RENAME2": 16}


class _Node:
    """A file or a directory."""

    def __init__(self, number: int, name: bytes, mode: int) -> None:
        self.number = number
        self.name = name
        self.mode = mode
        self.links = 1
        self.modified = time.time_ns()
        self.content = bytearray()
        self.children: dict[bytes, _Node] = {}

    def attributes(self) -> bytes:
        seconds, rest = divmod(self.modified, 1_000_000_000)
        size = len(self.content)
        times = (seconds, seconds, seconds, rest, rest, rest)
        blocks = (size + 511) // 512
        return _ATTRIBUTES.pack(self.number, size, blocks, *times, self.mode, self.links, 0, 0, 0, 4096, 0)


class _Request:
    """What the kernel asks."""

    def __init__(self, message: bytes) -> None:
        _, code, self.unique, self.node, *_ = _IN.unpack_from(message)
        self.kind = _NAMES.get(code, str(code))
        self.body = message[_IN.size :]

    def numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack_from("<" + form, self.body)

    def names(self, start: int) -> list[bytes]:
        return self.body[start:].split(b"\0")[:-1]


class _FileSystem:
    """Answers requests: each method is one of them, named as it, and returns the answer or raises `OSError`."""

    def __init__(self) -> None:
        self._last = 1
        self._nodes = {1: _Node(1, b"/", stat.S_IFDIR | 0o755)}

    def about(self, request: _Request) -> bytes:
        """The name that a request is about."""
        start = _NAME_AT.get(request.kind)
        if start is not None:
            return request.names(start)[0]
        node = self._nodes.get(request.node)
        return b"/" if node is None else node.name

    def answer(self, request: _Request) -> bytes:
        """:raises OSError: the request is refused, or unknown."""
        method: Callable[[_Request], bytes] | None = getattr(self, "_" + request.kind.lower(), None)
        if method is None:
            raise OSError(errno.ENOSYS, "unknown")
        return method(request)

    def _entry(self, node: _Node) -> bytes:
        return _ENTRY.pack(node.number, 0, 0, 0, 0, 0) + node.attributes()

    def _child(self, parent: int, name: bytes) -> _Node:
        found = self._nodes[parent].children.get(name)
        if found is None:
            raise OSError(errno.ENOENT, "missing")
        return found

    def _add(self, parent: int, name: bytes, mode: int) -> _Node:
        directory = self._nodes[parent]
        if name in directory.children:
            raise OSError(errno.EEXIST, "taken")
        self._last += 1
        node = self._nodes[self._last] = directory.children[name] = _Node(self._last, name, mode)
        directory.modified = time.time_ns()
        return node

    def _drop(self, parent: int, name: bytes) -> bytes:
        self._child(parent, name).links -= 1
        del self._nodes[parent].children[name]
        return b""

    def _init(self, request: _Request) -> bytes:
        _, _, readahead, _ = request.numbers("IIII")
        return _INIT.pack(7, 31, readahead, _BIG_WRITES_AND_PAGES, 16, 12, _WRITE, 1, _PAGES, 0, 0, 0)

    def _lookup(self, request: _Request) -> bytes:
        return self._entry(self._child(request.node, request.names(0)[0]))

    def _getattr(self, request: _Request) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + self._nodes[request.node].attributes()

    def _setattr(self, request: _Request) -> bytes:
        valid, _, _, size, _, _, modified, _, _, rest, _, mode, *_ = _SETATTR.unpack_from(request.body)
        node = self._nodes[request.node]
        if valid & _NEW_MODE:
            node.mode = stat.S_IFMT(node.mode) | mode & 0o7777
        if valid & _NEW_SIZE:
            del node.content[size:]
            node.content.extend(bytes(size - len(node.content)))
            node.modified = time.time_ns()
        if valid & _NEW_TIME:
            node.modified = time.time_ns() if valid & _NEW_TIME_NOW else modified * 1_000_000_000 + rest
        return self._getattr(request)

    def _mkdir(self, request: _Request) -> bytes:
        mode, umask = request.numbers("II")
        return self._entry(self._add(request.node, request.names(8)[0], stat.S_IFDIR | mode & ~umask))

    def _unlink(self, request: _Request) -> bytes:
        return self._drop(request.node, request.names(0)[0])

    def _rmdir(self, request: _Request) -> bytes:
        if self._child(request.node, request.names(0)[0]).children:
            raise OSError(errno.ENOTEMPTY, "not empty")
        return self._unlink(request)

    def _rename(self, request: _Request) -> bytes:
        return self._move(request, request.numbers("Q")[0], 0, *request.names(8))

    def _rename2(self, request: _Request) -> bytes:
        parent, flags = request.numbers("QI")
        return self._move(request, parent, flags, *request.names(16))

    def _move(self, request: _Request, parent: int, flags: int, old: bytes, new: bytes) -> bytes:
        node = self._child(request.node, old)
        children = self._nodes[parent].children
        if flags and new in children:
            raise OSError(errno.EEXIST, "taken")
        if new in children:
            children[new].links -= 1
        del self._nodes[request.node].children[old]
        children[new], node.name = node, new
        return b""

    def _open(self, request: _Request) -> bytes:
        return struct.pack("<QII", 0, 0, 0)

    _opendir = _open

    def _create(self, request: _Request) -> bytes:
        _, mode, umask = request.numbers("III")
        return self._entry(self._add(request.node, request.names(16)[0], mode & ~umask)) + self._open(request)

    def _read(self, request: _Request) -> bytes:
        _, offset, size = request.numbers("QQI")
        return bytes(self._nodes[request.node].content[offset : offset + size])

    def _write(self, request: _Request) -> bytes:
        _, offset, size = request.numbers("QQI")
        node = self._nodes[request.node]
        node.content.extend(bytes(max(0, offset - len(node.content))))
        node.content[offset : offset + size] = request.body[40 : 40 + size]
        node.modified = time.time_ns()
        return struct.pack("<II", size, 0)

    def _readdir(self, request: _Request) -> bytes:
        _, offset, size = request.numbers("QQI")
        listing = b""
        for position, (name, node) in enumerate(list(self._nodes[request.node].children.items())[offset:], offset + 1):
            record = struct.pack("<QQII", node.number, position, len(name), node.mode >> 12) + name
            record += bytes(-len(record) % 8)
            if len(listing) + len(record) > size:
                break
            listing += record
        return listing

    def _statfs(self, request: _Request) -> bytes:
        return struct.pack("<QQQQQIIII24x", 1 << 20, 1 << 19, 1 << 19, 1000, 1000, 4096, 255, 4096, 0)

    def _nothing(self, request: _Request) -> bytes:
        return b""

    _release = _releasedir = _flush = _fsync = _fsyncdir = _destroy = _nothing


class _Server:
    """Reads requests and answers them, at once or later."""

    def __init__(self, device: int) -> None:
        self._device = device
        self._files = _FileSystem()
        self._rules: set[tuple[str, bytes]] = set()
        self._held: list[_Request] = []
        self._told = b""

    def run(self) -> None:
        """Serve until the file system is unmounted or the standard input ends."""
        while True:
            ready, _, _ = select.select([self._device, 0], [], [])
            if 0 in ready and not self._listen():
                return
            if self._device in ready:
                try:
                    self._take(_Request(os.read(self._device, _MOST)))
                except OSError as error:
                    if error.errno == errno.ENODEV:
                        return
                    # ENOENT: the request was given up before it was read.
                    if error.errno not in {errno.ENOENT, errno.EAGAIN, errno.EINTR}:
                        raise

    def _listen(self) -> bool:
        block = os.read(0, 65536)
        *lines, self._told = (self._told + block).split(b"\n")
        for line in lines:
            match line.split(b" ", 2):
                case [b"hold", kind, name]:
                    self._rules.add((kind.decode("ascii"), name))
                    _say(b"holding")
                case _:
                    self._rules.clear()
                    held, self._held = self._held, []
                    for request in held:
                        self._answer(request)
                    _say(b"released")
        return bool(block)

    def _take(self, request: _Request) -> None:
        if request.kind in _UNANSWERED:
            return
        if self._rules:
            name = self._files.about(request)
            if self._rules & {(request.kind, name), (request.kind, b"*")}:
                self._held.append(request)
                _say(b"held " + request.kind.encode("ascii") + b" " + name)
                return
        self._answer(request)

    def _answer(self, request: _Request) -> None:
        number, answer = 0, b""
        try:
            answer = self._files.answer(request)
        except OSError as error:
            number = -(error.errno or errno.EIO)
        try:
            os.write(self._device, _OUT.pack(_OUT.size + len(answer), number, request.unique) + answer)
        except OSError as error:
            # ENOENT: nobody waits for it any more.
            if error.errno != errno.ENOENT:
                raise


def _say(line: bytes) -> None:
    os.write(1, line + b"\n")


def main(directory: str) -> None:
    """:raises OSError: the file system cannot be mounted here."""
    device = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    place = os.fsencode(directory)
    if libc.mount(b"ftpx-slow", place, b"fuse", ctypes.c_ulong(_NOSUID_NODEV), options.encode("ascii")) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    _say(b"ready")
    _Server(device).run()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError as error:
        sys.exit(f"no FUSE here: {error}")
