"""A filesystem that does what it is told to, and instances of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from ftpx.storage.filesystems.connections import Connections
from ftpx.storage.filesystems.failures import Troubles
from ftpx.storage.filesystems.filesystem import Filesystem
from ftpx.storage.filesystems.hidden import HiddenNames
from ftpx.storage.filesystems.storage import FilesystemStorage

__all__ = ["Clock", "FakeFilesystem", "FakeFsspec", "make_connections", "make_storage"]


class Clock:
    """Seconds that pass only when they are told to, or ``step`` with each look."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class FakeFsspec:
    """
    As much of fsspec's ``AbstractFileSystem`` as is used.

    ``told`` is what a listing tells, ``files`` what there is; ``faults`` maps the name of a method to what it raises.
    """

    root_marker = "/"

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] | None = None
        self.faults: dict[str, Exception] = {}
        self.files: dict[str, bytes] = {}
        self.directories = {"/top"}
        self.times: dict[str, float] = {}
        self.called: list[str] = []

    def _call(self, name: str) -> None:
        self.called.append(name)
        if name in self.faults:
            raise self.faults[name]

    def _strip_protocol(self, path: str) -> str:
        return path.rstrip("/")

    def invalidate_cache(self) -> None:
        """There is none."""

    def info(self, path: str) -> dict[str, Any]:
        """What is at a path."""
        self._call("info")
        if path in self.directories:
            return {"name": path, "type": "directory", "size": 0}
        if path not in self.files:
            raise FileNotFoundError(path)
        return {"name": path, "type": "file", "size": len(self.files[path]), "mtime": self.times.get(path, 5.0)}

    def ls(self, path: str, *, detail: bool) -> list[dict[str, Any]]:
        """What is in a directory, or what was told to be."""
        self._call("ls")
        if self.told is not None:
            return self.told
        below = [name for name in [*self.files, *self.directories] if name.rpartition("/")[0] == path]
        return [self.info(name) for name in below]

    def open(self, path: str, mode: str) -> Any:
        """A file object."""
        self._call("open")
        if mode == "rb":
            return io.BytesIO(self.files[path])
        self.files[path] = b""
        return _Written(self, path)

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        self._call("rm_file")
        if path not in self.files:
            raise FileNotFoundError(path)
        del self.files[path]

    def mv(self, source: str, destination: str) -> None:
        """Rename, over nothing."""
        self._call("mv")
        if destination in self.files:
            raise FileExistsError(destination)
        self.files[destination] = self.files.pop(source)

    def mkdir(self, path: str, *, create_parents: bool) -> None:
        """Make a directory."""
        self._call("mkdir")
        self.directories.add(path)

    def rmdir(self, path: str) -> None:
        """Remove a directory."""
        self._call("rmdir")
        self.directories.remove(path)


class _Written(io.BytesIO):
    """A file object that is written when it is closed. ``lost``: so many octets at its end are not."""

    lost = 0

    def __init__(self, filesystem: FakeFsspec, path: str) -> None:
        super().__init__()
        self._filesystem = filesystem
        self._path = path

    def close(self) -> None:
        if not self.closed:
            self._filesystem._call("close")
            content = self.getvalue()
            self._filesystem.files[self._path] = content[: len(content) - self.lost]
        super().close()


class FakeFilesystem(Filesystem):
    """Renames over nothing."""

    moves = True

    def __init__(self, filesystem: FakeFsspec) -> None:
        super().__init__(filesystem, "/top")
        self.closed = False

    def close(self) -> None:
        """Note it."""
        self.closed = True


def make_connections(make: Callable[[], Filesystem], clock: Clock, most: int = 2) -> Connections:
    """Instances that are made as they are needed."""
    return Connections(make, most, clock, Troubles("test"))


def make_storage(fsspec: FakeFsspec, clock: Clock, *, writable: bool = True) -> FilesystemStorage:
    """A storage on a fake."""
    numbers = iter(range(1000))
    hidden = HiddenNames(clock, lambda size: next(numbers).to_bytes(size, "big"))
    connections = make_connections(lambda: FakeFilesystem(fsspec), clock)
    return FilesystemStorage(connections, FakeFilesystem, hidden, writable=writable)
