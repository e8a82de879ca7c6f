"""A filesystem of fsspec as a storage. Its calls block."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from operator import attrgetter

from zope.interface import implementer

from ftpx.errors import (
    AlreadyExists,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotARegularFile,
    NotFound,
    NotSupported,
    PermissionDenied,
    StorageError,
)
from ftpx.interfaces import Entry, IBlockingReadableFile, IBlockingStorage, IBlockingWritableFile, Kind, Path
from ftpx.storage.filesystems import moving
from ftpx.storage.filesystems.connections import PATIENCE, Connections, Lease
from ftpx.storage.filesystems.entries import Info, entry_of, fingerprint, size_of
from ftpx.storage.filesystems.filesystem import Filesystem
from ftpx.storage.filesystems.hidden import HiddenNames
from ftpx.storage.filesystems.looking import Look
from ftpx.storage.filesystems.reading import ReadableFile
from ftpx.storage.filesystems.turns import Turns
from ftpx.storage.filesystems.writing import WritableFile
from ftpx.storage.listing import PAGE_SIZE
from ftpx.storage.names import LONGEST_NAME, is_hidden, names_to_read, names_to_write, octets

__all__ = ["FilesystemStorage"]


def _to_read(path: Path) -> None:
    """:raises NotFound, NameRefused: nothing can be there."""
    names_to_read(path)
    if any(len(octets(name)) > LONGEST_NAME for name in path):
        raise NotFound("no such file or directory")


def _to_write(path: Path) -> None:
    """:raises NameRefused: something in the path cannot be a name."""
    names_to_write(path)
    if any(len(octets(name)) > LONGEST_NAME for name in path):
        raise NameRefused("the name is too long")


def _not_root(path: Path) -> None:
    if not path:
        raise PermissionDenied("not with the root")


@implementer(IBlockingStorage)
class FilesystemStorage:
    """
    All of a filesystem that is below one directory.

    :param connections: the instances of the filesystem.
    :param kind: what they are.
    :param writable: whether what crashes have left of uploads may be removed.
    """

    def __init__(
        self, connections: Connections, kind: type[Filesystem], hidden: HiddenNames, *, writable: bool = True
    ) -> None:
        self.abilities = kind.abilities
        self._connections = connections
        self._kind = kind
        self._hidden = hidden
        self._writable = writable
        self._look = Look()
        self._turns = Turns(PATIENCE)

    @property
    def has_links(self) -> bool:
        """Whether there may be symbolic links that can be told."""
        return self._kind.links

    def without_links(self) -> FilesystemStorage:
        """The same storage, in which no link is followed. What is done by the one, the other knows of."""
        unfollowing = copy.copy(self)
        unfollowing._look = Look(follows=False)
        return unfollowing

    # Looking

    def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        _to_read(path)
        return self._connections.call(lambda fs: self._look.follow(fs, path).entry(path[-1] if path else ""))

    def list_directory(self, path: Path) -> Iterator[Sequence[Entry]]:
        """The entries of a directory; see `IBlockingStorage`."""
        _to_read(path)
        lease = self._connections.lease()
        at_end = False
        try:
            infos = lease.call(lambda fs: fs.infos(self._look.require_directory(fs, path).path))
            while not at_end:
                batch = lease.call(lambda _: list(islice(infos, PAGE_SIZE)))
                at_end = len(batch) < PAGE_SIZE
                self._tidy(lease, path, batch)
                page = [entry_of(name, info) for name, info in batch if not is_hidden((name,))]
                if page:
                    yield sorted(page, key=attrgetter("name"))
        finally:
            lease.end(spoiled=self._kind.listing_lingers and not at_end)

    def _tidy(self, lease: Lease, directory: Path, found: Sequence[tuple[str, Info]]) -> None:
        """Remove what crashes have left of uploads."""
        for left in self._hidden.left_over(directory, found) if self._writable else ():
            with contextlib.suppress(StorageError):
                lease.call(partial(self._remove_left, left))

    def _remove_left(self, path: Path, fs: Filesystem) -> None:
        fs.remove_file(self._look.path(fs, path))

    def open_read(self, path: Path) -> IBlockingReadableFile:
        """Open a file; see `IStorage`."""
        _to_read(path)
        lease = self._connections.lease()
        try:
            return lease.call(lambda fs: self._open(fs, lease, path))
        except BaseException:
            lease.end()
            raise

    def _open(self, fs: Filesystem, lease: Lease, path: Path) -> ReadableFile:
        change = self._turns.change(path)
        found = self._look.follow(fs, path)
        if found.kind is Kind.LINK:
            raise NotFound("no such file or directory")
        if found.kind is Kind.DIRECTORY:
            raise IsADirectory("is a directory")
        if found.kind is not Kind.FILE or size_of(found.info) is None:
            raise NotARegularFile("not a file of a known size")
        file = fs.open_to_read(found.path)
        mark = fingerprint(found.info)

        def is_same(fs: Filesystem) -> bool:
            return self._turns.change(path) == change and fingerprint(fs.target(found.path)) == mark

        return ReadableFile(lease, file, found.entry(path[-1]), is_same)

    # Changing

    def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IBlockingWritableFile:
        """Begin to write a file; see `IStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        _to_write(path)
        hidden = self._hidden.new(path[:-1])
        return WritableFile(
            self._connections,
            self._look,
            self._turns,
            path,
            hidden,
            offset=offset,
            exclusive=exclusive,
            done=lambda: self._hidden.done(hidden),
        )

    def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        if not path:
            raise AlreadyExists("the root is there")
        _to_write(path)
        with self._turns.changing(path):
            self._connections.call(lambda fs: self._make_directory(fs, path))

    def _make_directory(self, fs: Filesystem, path: Path) -> None:
        if self._look.find_any(fs, path) is not None:
            raise AlreadyExists("the name is taken")
        fs.make_directory(fs.path(path))
        made = self._look.find_any(fs, path)
        if made is None or made.kind is not Kind.DIRECTORY:
            raise NotSupported("the filesystem keeps no empty directories")

    def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        _not_root(path)
        _to_read(path)
        with self._turns.changing(path):
            self._connections.call(lambda fs: self._remove_directory(fs, path))

    def _remove_directory(self, fs: Filesystem, path: Path) -> None:
        found = self._look.find(fs, path)
        if found.kind is not Kind.DIRECTORY:
            raise NotADirectory("not a directory")
        fs.remove_directory(found.path)

    def remove_file(self, path: Path) -> None:
        """Remove anything but a directory; see `IStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        _to_read(path)
        with self._turns.changing(path):
            self._connections.call(lambda fs: self._remove_file(fs, path))

    def _remove_file(self, fs: Filesystem, path: Path) -> None:
        found = self._look.find(fs, path)
        if found.kind is Kind.DIRECTORY:
            raise IsADirectory("is a directory")
        fs.remove_file(found.path)

    def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; see `IStorage`."""
        _not_root(source)
        _not_root(destination)
        _to_read(source)
        _to_write(destination)
        with self._turns.changing(source, destination):
            self._connections.call(lambda fs: moving.rename(fs, self._look, source, destination))

    # Abilities

    def copy(self, source: Path, destination: Path) -> None:
        """Copy a file; see `IServerSideCopy`."""
        _not_root(destination)
        _to_read(source)
        _to_write(destination)
        hidden = self._hidden.new(destination[:-1])
        try:
            with self._turns.changing(destination):
                self._connections.call(lambda fs: moving.copy(fs, self._look, source, destination, hidden))
        finally:
            self._hidden.done(hidden)

    def set_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits; see `IModes`."""
        _to_read(path)
        self._connections.call(lambda fs: fs.set_mode(self._to_set(fs, path), mode & 0o777))

    def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        _to_read(path)
        self._connections.call(lambda fs: fs.set_modified(self._to_set(fs, path), seconds))

    def _to_set(self, fs: Filesystem, path: Path) -> str:
        found = self._look.follow(fs, path)
        if found.kind is Kind.LINK:
            raise NotFound("no such file or directory")
        return found.path
