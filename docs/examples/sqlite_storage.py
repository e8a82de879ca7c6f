"""``sqlite:FILE``: a storage that keeps its files as rows of a database."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, Sequence

from twisted.plugin import IPlugin
from zope.interface import implementer

from ftpx.errors import (
    AlreadyExists,
    ConfigurationError,
    DirectoryNotEmpty,
    FileChanged,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotFound,
    OffsetBeyondEnd,
    PermissionDenied,
)
from ftpx.interfaces import (
    Block,
    Entry,
    IReadableFile,
    IStorage,
    IStoragePlugin,
    ITimes,
    IWorkerPool,
    IWritableFile,
    Kind,
    Path,
)

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS entries (
        path BLOB PRIMARY KEY,      -- names joined by "/"; the root is empty
        parent BLOB,
        content BLOB,               -- NULL: a directory
        modified REAL NOT NULL
    );
    CREATE INDEX IF NOT EXISTS by_parent ON entries (parent);
    INSERT OR IGNORE INTO entries VALUES (x'', NULL, NULL, 0);
"""
_LONGEST_NAME = 255
_PAGE = 500


def _key(path: Path) -> bytes:
    try:
        return "/".join(path).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise NameRefused("no octets stand for this name") from None


def _entry(key: bytes, content: bytes | None, modified: float) -> Entry:
    name = key.rpartition(b"/")[2].decode("utf-8", "surrogateescape")
    kind = Kind.DIRECTORY if content is None else Kind.FILE
    return Entry(name, kind, size=len(content or b""), modified=modified, version=repr(modified).encode())


class Tree:
    """The rows. Its methods block, so each is called in a thread of the pool."""

    def __init__(self, file: str) -> None:
        self._database = sqlite3.connect(file, check_same_thread=False)
        self._database.executescript(_SCHEMA)
        # The threads of the pool share the connection.
        self.lock = threading.Lock()

    def find(self, path: Path) -> tuple[bytes | None, float]:
        """Content and time of an entry."""
        row: tuple[bytes | None, float] | None = self._database.execute(
            "SELECT content, modified FROM entries WHERE path = ?", [_key(path)]
        ).fetchone()
        if row is not None:
            return row
        if path:
            self.directory(path[:-1])
        raise NotFound("no such file or directory")

    def directory(self, path: Path) -> None:
        """:raises NotFound, NotADirectory: it is none."""
        if self.find(path)[0] is not None:
            raise NotADirectory("not a directory")

    def file(self, path: Path) -> tuple[bytes, float]:
        """:raises NotFound, IsADirectory: it is none."""
        content, modified = self.find(path)
        if content is None:
            raise IsADirectory("is a directory")
        return content, modified

    def free(self, path: Path) -> bool:
        """Whether a new entry can have a path; its directory must be there."""
        if not path:
            raise PermissionDenied("not with the root")
        if len(_key(path[-1:])) > _LONGEST_NAME:
            raise NameRefused("the name is too long")
        self.directory(path[:-1])
        try:
            self.find(path)
        except NotFound:
            return True
        return False

    def page(self, path: Path, behind: bytes) -> Sequence[Entry]:
        """The next entries of a directory, sorted."""
        with self.lock:
            self.directory(path)
            rows = self._database.execute(
                "SELECT path, content, modified FROM entries WHERE parent = ? AND path > ? ORDER BY path LIMIT ?",
                [_key(path), behind, _PAGE],
            ).fetchall()
        return [_entry(*row) for row in rows]

    def stat(self, path: Path) -> Entry:
        """The entry at a path."""
        with self.lock:
            return _entry(_key(path), *self.find(path))

    def read(self, path: Path) -> tuple[Entry, bytes]:
        """A file and its content."""
        with self.lock:
            content, modified = self.file(path)
            return _entry(_key(path), content, modified), content

    def begin(self, path: Path, offset: int | None, exclusive: bool) -> tuple[bytes, float | None]:
        """What is kept of a file that is going to be written, and its time if it is there."""
        with self.lock:
            if self.free(path):
                content, modified = b"", None
            elif exclusive:
                raise AlreadyExists("the name is taken")
            else:
                content, modified = self.file(path)
            if offset is not None and offset > len(content):
                raise OffsetBeyondEnd("the file is shorter")
            return content[:offset], modified

    def publish(self, path: Path, content: bytes, seen: float | None, *, exclusive: bool, continued: bool) -> Entry:
        """Give a file its new content in one step."""
        with self.lock, self._database:
            is_free = self.free(path)
            if exclusive and not is_free:
                raise AlreadyExists("the name was taken meanwhile")
            before = None if is_free else self.file(path)[1]
            if continued and before != seen:
                raise FileChanged("the file was changed meanwhile")
            self._put(path, content)
            return _entry(_key(path), *self.find(path))

    def make_directory(self, path: Path) -> None:
        """Make a directory."""
        with self.lock, self._database:
            if not path or not self.free(path):
                raise AlreadyExists("the name is taken")
            self._put(path, None)

    def _put(self, path: Path, content: bytes | None) -> None:
        row = [_key(path), _key(path[:-1]), content, time.time()]
        self._database.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", row)

    def remove(self, path: Path, kind: Kind) -> None:
        """Remove a file or an empty directory."""
        with self.lock, self._database:
            if kind is Kind.FILE:
                self.file(path)
            else:
                self._removable(path)
            self._database.execute("DELETE FROM entries WHERE path = ?", [_key(path)])

    def _removable(self, path: Path) -> None:
        if not path:
            raise PermissionDenied("not with the root")
        self.directory(path)
        if self._database.execute("SELECT 1 FROM entries WHERE parent = ?", [_key(path)]).fetchone():
            raise DirectoryNotEmpty("the directory is not empty")

    def rename(self, source: Path, destination: Path) -> None:
        """Rename an entry, and with a directory all that is in it."""
        with self.lock, self._database:
            if not source:
                raise PermissionDenied("not with the root")
            is_directory = self.find(source)[0] is None
            if source == destination:
                return
            if destination[: len(source)] == source:
                raise NameRefused("a directory cannot be put into itself")
            if not self.free(destination):
                if is_directory:
                    self._removable(destination)
                else:
                    self.file(destination)
                self._database.execute("DELETE FROM entries WHERE path = ?", [_key(destination)])
            self._move(_key(source), _key(destination), _key(destination[:-1]))

    def _move(self, old: bytes, new: bytes, parent: bytes) -> None:
        self._database.execute("UPDATE entries SET path = ?, parent = ? WHERE path = ?", [new, parent, old])
        # "0" comes behind "/": all that begins with the old path and a slash.
        below = self._database.execute(
            "SELECT path, parent FROM entries WHERE path > ? AND path < ?", [old + b"/", old + b"0"]
        ).fetchall()
        for path, its_parent in below:
            moved = [new + path[len(old) :], new + its_parent[len(old) :], path]
            self._database.execute("UPDATE entries SET path = ?, parent = ? WHERE path = ?", moved)

    def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time."""
        with self.lock, self._database:
            self.find(path)
            self._database.execute("UPDATE entries SET modified = ? WHERE path = ?", [seconds, _key(path)])


@implementer(IReadableFile)
class ReadableRow:
    """The content of a row as it was when the file was opened."""

    def __init__(self, entry: Entry, content: bytes) -> None:
        self.entry = entry
        self._content = content

    async def read(self, offset: int, size: int) -> bytes:
        """Octets of the content; see `IReadableFile`."""
        return self._content[offset : offset + size]

    def close(self) -> None:
        """Let go of the content; see `IReadableFile`."""
        self._content = b""


@implementer(IWritableFile)
class WritableRow:
    """Content that becomes a row when it is complete."""

    def __init__(self, storage: SqliteStorage, path: Path, kept: bytes, seen: float | None, **rules: bool) -> None:
        self.offset = len(kept)
        self._storage = storage
        self._path = path
        self._content = bytearray(kept)
        self._seen = seen
        self._rules = rules

    async def write(self, block: Block) -> None:
        """Add a block; see `IWritableFile`."""
        self._content += block

    async def commit(self) -> Entry:
        """Publish; see `IWritableFile`."""
        tree, pool = self._storage.tree, self._storage.pool
        return await pool.run(lambda: tree.publish(self._path, bytes(self._content), self._seen, **self._rules))

    async def abort(self) -> None:
        """Throw away; see `IWritableFile`."""
        self._content = bytearray()


@implementer(IStorage, ITimes)
class SqliteStorage:
    """A tree of files in a database. Small files: each is read and written as a whole."""

    def __init__(self, file: str, pool: IWorkerPool) -> None:
        self.tree = Tree(file)
        self.pool = pool

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        return await self.pool.run(self.tree.stat, path)

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory; see `IStorage`."""
        behind = b""
        while page := await self.pool.run(self.tree.page, path, behind):
            yield page
            behind = _key((*path, page[-1].name))

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        return ReadableRow(*await self.pool.run(self.tree.read, path))

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; see `IStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        kept, seen = await self.pool.run(self.tree.begin, path, offset, exclusive)
        return WritableRow(self, path, kept, seen, exclusive=exclusive, continued=offset != 0)

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        await self.pool.run(self.tree.make_directory, path)

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        await self.pool.run(self.tree.remove, path, Kind.DIRECTORY)

    async def remove_file(self, path: Path) -> None:
        """Remove a file; see `IStorage`."""
        await self.pool.run(self.tree.remove, path, Kind.FILE)

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; see `IStorage`."""
        await self.pool.run(self.tree.rename, source, destination)

    async def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        await self.pool.run(self.tree.set_modified, path, seconds)


@implementer(IStoragePlugin, IPlugin)
class SqlitePlugin:
    """``--storage sqlite:FILE``"""

    prefix = "sqlite"
    argument_format = "FILE"
    help = "Files as rows of an SQLite database, which is made if it is not there."

    def open_storage(self, arguments: str, pool: IWorkerPool) -> IStorage:
        """Open the database; see `IStoragePlugin`."""
        if not arguments:
            raise ConfigurationError("sqlite: wants the name of a database, as in sqlite:files.db")
        try:
            return SqliteStorage(arguments, pool)
        except sqlite3.Error as error:
            raise ConfigurationError(f"sqlite:{arguments} cannot be opened: {error}") from error
