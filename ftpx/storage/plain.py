"""
The rules that all trees of files have in common, around seven short operations: the least that one can write.

`PlainStorage` is a blocking storage without them. It knows which errors there are and which of them comes first, keeps
what is uploaded until it is complete, and lets nobody change the tree between a look and what is done because of it.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from tempfile import SpooledTemporaryFile
from threading import RLock
from typing import BinaryIO, Final, cast

from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    FileChanged,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotFound,
    OffsetBeyondEnd,
    PermissionDenied,
    StorageFailure,
)
from ftpx.interfaces import (
    Block,
    Entry,
    IBlockingReadableFile,
    IBlockingStorage,
    IBlockingWritableFile,
    Kind,
    Path,
)
from ftpx.storage.names import LONGEST_NAME

__all__ = ["PlainStorage"]

_PAGE: Final = 1000
_IN_MEMORY: Final = 1024 * 1024
"""Octets of an upload that are kept in memory; what is more waits in a temporary file."""


@implementer(IBlockingStorage)
class PlainStorage(ABC):
    """
    A tree of files and directories, by what a subclass says and does.

    What that is asked for is checked already: a directory that something is put into is there, what is removed is a
    file or an empty directory and not the root. Its calls are made one at a time. What is put there has a name that is
    Unicode, of up to 255 octets in UTF-8.
    """

    abilities: Sequence[InterfaceClass] = ()

    def __init__(self) -> None:
        self._turn = RLock()

    # What a subclass says and does

    @abstractmethod
    def find(self, path: Path) -> Entry | None:
        """What is there, if anything is. The root is. ``version`` should change with the content."""

    @abstractmethod
    def page(self, path: Path, behind: str, limit: int) -> Sequence[Entry]:
        """Up to so many entries of a directory, sorted by name: the first whose names come behind one."""

    @abstractmethod
    def open(self, path: Path) -> BinaryIO:
        """The content of a file, as it is now and stays for who has it open."""

    @abstractmethod
    def put(self, path: Path, content: BinaryIO, size: int) -> None:
        """Store a file, also over another one."""

    @abstractmethod
    def make(self, path: Path) -> None:
        """Make a directory."""

    @abstractmethod
    def remove(self, path: Path) -> None:
        """Remove a file or an empty directory."""

    @abstractmethod
    def move(self, source: Path, destination: Path) -> None:
        """Give a file, or a directory with all that is in it, another path, which nothing has."""

    def step(self) -> AbstractContextManager[object]:
        """Around each change. If it fails in between, what was done of it should be undone."""
        return nullcontext()

    # The operations of a storage

    def stat(self, path: Path) -> Entry:
        """See `IBlockingStorage`."""
        with self._turn:
            return self._present(path)

    def list_directory(self, path: Path) -> Iterator[Sequence[Entry]]:
        """See `IBlockingStorage`."""
        behind = ""
        while entries := self._page(path, behind):
            yield entries
            behind = entries[-1].name

    def open_read(self, path: Path) -> IBlockingReadableFile:
        """See `IBlockingStorage`."""
        with self._turn:
            return _ReadableFile(self._file(path), self.open(path))

    def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IBlockingWritableFile:
        """See `IBlockingStorage`."""
        return _WritableFile(self, path, offset, exclusive=exclusive)

    def make_directory(self, path: Path) -> None:
        """See `IBlockingStorage`."""
        with self._turn, self.step():
            if self._place(path) is not None:
                raise AlreadyExists("the name is taken")
            self.make(path)

    def remove_directory(self, path: Path) -> None:
        """See `IBlockingStorage`."""
        with self._turn, self.step():
            self._removable(path, self._present(path), Kind.DIRECTORY)
            self.remove(path)

    def remove_file(self, path: Path) -> None:
        """See `IBlockingStorage`."""
        with self._turn, self.step():
            self._removable(path, self._present(path), Kind.FILE)
            self.remove(path)

    def rename(self, source: Path, destination: Path) -> None:
        """See `IBlockingStorage`."""
        if not source or not destination:
            raise PermissionDenied("not with the root")
        with self._turn, self.step():
            kind, present = self._present(source).kind, self._place(destination)
            if source == destination:
                return
            if destination[: len(source)] == source:
                raise NameRefused("a directory cannot be put into itself")
            if present is not None:
                self._removable(destination, present, kind)
                self.remove(destination)
            self.move(source, destination)

    # The rules

    def _page(self, path: Path, behind: str) -> Sequence[Entry]:
        with self._turn:
            self._directory(path)
            return self.page(path, behind, _PAGE)

    def _look(self, path: Path) -> Entry | None:
        if path:
            with suppress(UnicodeEncodeError):
                path[-1].encode()
                return self.find(path)
            return None
        return self.find(path)

    def _present(self, path: Path) -> Entry:
        entry = self._look(path)
        if entry is None:
            # What a file stands in the way of is told apart from what is just not there.
            for length in range(len(path)):
                self._directory(path[:length])
            raise NotFound("no such file or directory")
        return entry

    def _directory(self, path: Path) -> None:
        if self._present(path).kind is not Kind.DIRECTORY:
            raise NotADirectory("not a directory")

    def _file(self, path: Path) -> Entry:
        entry = self._present(path)
        if entry.kind is not Kind.FILE:
            raise IsADirectory("is a directory")
        return entry

    def _place(self, path: Path) -> Entry | None:
        """What is at a path where something is to be put, which must be possible."""
        if path:
            self._directory(path[:-1])
            try:
                octets = path[-1].encode()
            except UnicodeEncodeError:
                raise NameRefused("the name is not Unicode") from None
            if len(octets) > LONGEST_NAME:
                raise NameRefused("the name is too long")
        return self.find(path)

    def _removable(self, path: Path, entry: Entry, kind: Kind) -> None:
        """:raises StorageError: what is there is not of that kind, or the root, or a directory with something in it."""
        if kind is Kind.FILE and entry.kind is Kind.DIRECTORY:
            raise IsADirectory("is a directory")
        if kind is Kind.DIRECTORY and entry.kind is not Kind.DIRECTORY:
            raise NotADirectory("not a directory")
        if not path:
            raise PermissionDenied("not with the root")
        if entry.kind is Kind.DIRECTORY and self.page(path, "", 1):
            raise DirectoryNotEmpty("the directory is not empty")


@implementer(IBlockingReadableFile)
class _ReadableFile:
    """A file that is open."""

    def __init__(self, entry: Entry, content: BinaryIO) -> None:
        self.entry = entry
        self._content = content

    def read(self, offset: int, size: int) -> bytes:
        """See `IBlockingReadableFile`."""
        if offset >= self.entry.size:
            return b""
        self._content.seek(offset)
        return self._content.read(min(size, self.entry.size - offset))

    def close(self) -> None:
        """See `IBlockingReadableFile`."""
        self._content.close()


@implementer(IBlockingWritableFile)
class _WritableFile:
    """A file that waits until it is complete."""

    def __init__(self, storage: PlainStorage, path: Path, offset: int | None, *, exclusive: bool) -> None:
        self._storage = storage
        self._path = path
        self._exclusive = exclusive
        self._continues = offset != 0
        with storage._turn:
            self._before = self._replaceable()
            size = 0 if self._before is None else self._before.size
            self.offset = size if offset is None else offset
            if self.offset > size:
                raise OffsetBeyondEnd("the file is shorter")
            kept = storage.open(path) if self.offset else None
        self._content = cast(BinaryIO, SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115  commit and abort close it
        if kept is not None:
            with kept:
                shutil.copyfileobj(kept, self._content)
            self._content.truncate(self.offset)
            self._content.seek(self.offset)

    def _replaceable(self) -> Entry | None:
        """What the file replaces, if it replaces something."""
        present = self._storage._place(self._path)
        if present is not None and self._exclusive:
            raise AlreadyExists("the name is taken")
        if present is not None and present.kind is not Kind.FILE:
            raise IsADirectory("is a directory")
        return present

    def write(self, block: Block) -> None:
        """See `IBlockingWritableFile`."""
        if self._content.closed:
            raise StorageFailure("the upload is closed")
        self._content.write(block)

    def commit(self) -> Entry:
        """See `IBlockingWritableFile`."""
        if self._content.closed:
            raise StorageFailure("the upload is closed")
        with self._content as content, self._storage._turn, self._storage.step():
            if self._continues and _state(self._replaceable()) != _state(self._before):
                raise FileChanged("the file was changed meanwhile")
            self._replaceable()
            size = content.tell()
            content.seek(0)
            self._storage.put(self._path, content, size)
            return self._storage._file(self._path)

    def abort(self) -> None:
        """See `IBlockingWritableFile`."""
        self._content.close()


def _state(entry: Entry | None) -> object:
    """What tells a file from another one, and from its own next content."""
    return None if entry is None else (entry.identity, entry.version, entry.size, entry.modified)
