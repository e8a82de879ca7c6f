"""``--storage sqlite:FILE``: files and directories as rows of a table."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, cast

from ftpx.interfaces import Entry, Kind, Path
from ftpx.storage.plain import PlainStorage
from ftpx_sqlite.database import Database

__all__ = ["SqliteStorage"]

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS nodes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        parent TEXT,            -- the path of its directory
        name TEXT NOT NULL,
        content BLOB,           -- NULL: a directory
        modified REAL NOT NULL,
        UNIQUE (parent, name)
    );
    INSERT OR IGNORE INTO nodes VALUES (1, NULL, '', NULL, 0);
"""
_NODE = "SELECT name, id, length(content), modified FROM nodes WHERE "


def _entry(name: str, id: int, size: int | None, modified: float) -> Entry:
    # Each new content is a new row, so the row tells it from any other.
    key = b"%d" % id
    return Entry(name, Kind.DIRECTORY if size is None else Kind.FILE, size or 0, modified, identity=key, version=key)


def _text(path: Path) -> str:
    return "".join(f"/{name}" for name in path)


def _row(path: Path) -> tuple[str | None, str]:
    return (_text(path[:-1]), path[-1]) if path else (None, "")


class SqliteStorage(PlainStorage):
    """Files of up to a gigabyte, which is as much as SQLite puts into a row."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self._database = Database(file, _SCHEMA)

    def step(self) -> AbstractContextManager[object]:
        """A transaction."""
        return self._database.transaction()

    def find(self, path: Path) -> Entry | None:
        """A row."""
        rows = self._database.execute(_NODE + "parent IS ? AND name = ?", *_row(path))
        return _entry(*rows[0]) if rows else None

    def page(self, path: Path, behind: str, limit: int) -> Sequence[Entry]:
        """Some rows of a directory."""
        query = _NODE + "parent = ? AND name > ? ORDER BY name LIMIT ?"
        return [_entry(*row) for row in self._database.execute(query, _text(path), behind, limit)]

    def open(self, path: Path) -> BinaryIO:
        """The content of a row."""
        [(id,)] = self._database.execute("SELECT id FROM nodes WHERE parent = ? AND name = ?", *_row(path))
        return self._database.open_blob("nodes", "content", id)

    def put(self, path: Path, content: BinaryIO, size: int) -> None:
        """A new row with its content, which is written piece by piece."""
        insert = "INSERT OR REPLACE INTO nodes VALUES (NULL, ?, ?, zeroblob(?), ?) RETURNING id"
        [(id,)] = self._database.execute(insert, *_row(path), size, time.time())
        with self._database.blob("nodes", "content", id) as blob:
            shutil.copyfileobj(content, cast(BinaryIO, blob))

    def make(self, path: Path) -> None:
        """A row without content."""
        self._database.execute("INSERT INTO nodes VALUES (NULL, ?, ?, NULL, ?)", *_row(path), time.time())

    def remove(self, path: Path) -> None:
        """No row any more."""
        self._database.execute("DELETE FROM nodes WHERE parent = ? AND name = ?", *_row(path))

    def move(self, source: Path, destination: Path) -> None:
        """Another path, also for all that is below."""
        update = "UPDATE nodes SET parent = ?, name = ? WHERE parent = ? AND name = ?"
        self._database.execute(update, *_row(destination), *_row(source))
        # "0" comes behind "/": all directories from the old path on down.
        below = "UPDATE nodes SET parent = ? || substr(parent, ?) WHERE parent = ? OR parent > ? AND parent < ?"
        old = _text(source)
        self._database.execute(below, _text(destination), len(old) + 1, old, f"{old}/", f"{old}0")
