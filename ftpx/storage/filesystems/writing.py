"""A file that is being written to a filesystem: under a hidden name, until it is whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Final

import attrs
from zope.interface import implementer

from ftpx.errors import (
    AlreadyExists,
    FileChanged,
    IsADirectory,
    NotARegularFile,
    OffsetBeyondEnd,
    OutcomeUnknown,
    StorageError,
    StorageFailure,
)
from ftpx.interfaces import Block, Entry, IBlockingWritableFile, IModes, Kind, Path
from ftpx.storage.filesystems.connections import Connections, Lease
from ftpx.storage.filesystems.entries import fingerprint, size_of
from ftpx.storage.filesystems.failures import is_answer
from ftpx.storage.filesystems.filesystem import Filesystem
from ftpx.storage.filesystems.looking import Found, Look
from ftpx.storage.filesystems.reading import read_exactly
from ftpx.storage.filesystems.turns import Turns

__all__ = ["Target", "WritableFile"]

_BLOCK: Final = 1024 * 1024


@attrs.frozen
class Target:
    """
    What a file is to become.

    ``mark`` is the fingerprint of the file that it continues, ``None`` if there was none, and ``change`` the number of
    the last change of its name; they count only where the new one is ``continued``. ``hidden`` is the name that it has
    meanwhile, in the same directory.
    """

    names: Path
    hidden: Path
    exclusive: bool
    continued: bool
    mark: bytes | None
    change: int


def _require_file(found: Found | None) -> None:
    if found is not None and found.kind is Kind.DIRECTORY:
        raise IsADirectory("is a directory")
    if found is not None and found.kind is Kind.OTHER:
        raise NotARegularFile("not a regular file")


def _mark(found: Found | None) -> bytes | None:
    return None if found is None else fingerprint(found.info)


@implementer(IBlockingWritableFile)
class WritableFile:
    """
    A file under a hidden name, open on one instance of the filesystem.

    :param done: called when its hidden name is used no more.
    """

    def __init__(
        self,
        connections: Connections,
        look: Look,
        turns: Turns,
        names: Path,
        hidden: Path,
        *,
        offset: int | None,
        exclusive: bool,
        done: Callable[[], None],
    ) -> None:
        self._connections = connections
        self._look = look
        self._turns = turns
        self._done = done
        self._open = True
        self._file: Any = None
        self._hidden_path: str | None = None
        self._lease: Lease = connections.lease()
        try:
            self._target, self.offset = self._lease.call(
                lambda filesystem: self._begin(filesystem, names, hidden, offset, exclusive=exclusive)
            )
        except BaseException:
            self.abort()
            raise
        self._size = self.offset

    def _begin(
        self, filesystem: Filesystem, names: Path, hidden: Path, offset: int | None, *, exclusive: bool
    ) -> tuple[Target, int]:
        change = self._turns.change(names)
        present = self._look.find_any(filesystem, names)
        if present is not None and exclusive:
            raise AlreadyExists("the name is taken")
        _require_file(present)
        size = 0 if present is None else size_of(present.info) or 0
        kept = size if offset is None else offset
        if kept > size:
            raise OffsetBeyondEnd("the file is shorter")
        target = Target(names, hidden, exclusive, offset != 0, _mark(present), change)
        path = filesystem.path(target.hidden)
        self._file = filesystem.open_to_write(path)
        self._hidden_path = path
        if kept and present is not None:
            self._keep(filesystem, present, kept)
        return target, kept

    def _keep(self, filesystem: Filesystem, present: Found, size: int) -> None:
        """Copy the first octets of the present file."""
        if present.kind is not Kind.FILE:
            raise NotARegularFile("not a regular file")
        source = filesystem.open_to_read(present.path)
        try:
            for offset in range(0, size, _BLOCK):
                filesystem.write(self._file, read_exactly(filesystem, source, offset, min(_BLOCK, size - offset)))
        finally:
            source.close()
        if fingerprint(filesystem.info(present.path)) != _mark(present):
            raise FileChanged("the file was changed meanwhile")

    def write(self, block: Block) -> None:
        """Add a block; see `IWritableFile`."""
        self._require_open()
        content = bytes(block)
        if content:
            self._lease.call(lambda filesystem: filesystem.write(self._file, content))
            self._size += len(content)

    def commit(self) -> Entry:
        """Publish; see `IWritableFile`."""
        self._require_open()
        try:
            with self._turns.changing(self._target.names):
                if self._target.continued and self._turns.change(self._target.names) != self._target.change:
                    raise FileChanged("the file was changed meanwhile")
                entry = self._lease.call(self._publish)
        except BaseException:
            self.abort()
            raise
        self._hidden_path = None
        self._end()
        return entry

    def _publish(self, filesystem: Filesystem) -> Entry:
        target, hidden = self._target, filesystem.path(self._target.hidden)
        file, self._file = self._file, None
        file.close()
        written = size_of(filesystem.info(hidden))
        if written is not None and written != self._size:
            # Some filesystems lose errors, and some lose octets. Nobody is told that they were stored.
            raise StorageFailure("the filesystem did not keep all of the file")
        present = self._look.find_any(filesystem, target.names)
        if present is not None and target.exclusive:
            raise AlreadyExists("the name is taken")
        _require_file(present)
        if target.continued and _mark(present) != target.mark:
            raise FileChanged("the file was changed meanwhile")
        mode = None if present is None else present.entry("").mode
        if mode is not None and IModes in filesystem.abilities:
            filesystem.set_mode(hidden, mode & 0o777)
        path = filesystem.path(target.names)
        try:
            if target.exclusive:
                filesystem.place(hidden, path)
            else:
                filesystem.replace(hidden, path)
            return self._look.find(filesystem, target.names).entry(target.names[-1])
        except Exception as error:
            if is_answer(error):
                raise
            raise OutcomeUnknown("the filesystem did not say whether the file was stored") from error

    def abort(self) -> None:
        """Throw away; see `IWritableFile`."""
        if not self._open:
            return
        file, self._file = self._file, None
        hidden, self._hidden_path = self._hidden_path, None
        try:
            # Where the filesystem cannot be reached now, the hidden file stays, and is removed when it is old.
            with contextlib.suppress(StorageError):
                if file is not None:
                    self._lease.call(lambda filesystem: file.close())
            with contextlib.suppress(StorageError):
                if hidden is not None:
                    self._connections.call(lambda filesystem: filesystem.remove_file(hidden))
        finally:
            self._end()

    def _end(self) -> None:
        self._open = False
        self._lease.end()
        self._done()

    def _require_open(self) -> None:
        if not self._open:
            raise StorageFailure("the upload is closed")
