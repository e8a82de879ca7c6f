"""The table of uploads."""

from __future__ import annotations

import sqlite3
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.errors import ConfigurationError
from ftpx.interfaces import Direction, FileTransfer, IEventSink, IEventSinkPlugin, TransferFinished
from ftpx.testing.pool import FaultyPool
from ftpx_sqlite.database import connect
from ftpx_sqlite.uploads import UploadTablePlugin


def _finished(direction: Direction = Direction.UPLOAD, path: tuple[str, ...] = ("in", "a.txt")) -> TransferFinished:
    transfer = FileTransfer(
        id=1, user="alice", client="192.0.2.1", verb="STOR", direction=direction, path=path, protected=True,
        started=1000.0, size=None,
    )  # fmt: skip
    return TransferFinished(time=1002.0, transfer=transfer, octets=3, seconds=1.0, size=3, algorithm=None, digest=None)


class UploadTableTests(SynchronousTestCase):
    """A sink that is told of transfers, and the table that comes of it."""

    def setUp(self) -> None:
        """Open the sink, with a pool that uses no thread and fails when it is told to."""
        self.file, self.pool = self.mktemp(), FaultyPool()
        self.sink = UploadTablePlugin().open_sink(self.file, self.pool)

    def rows(self) -> list[tuple[Any, ...]]:
        """What is in the table."""
        return connect(self.file).execute("SELECT * FROM uploads").fetchall()

    def test_provided(self) -> None:
        """Plugin and sink provide what they say."""
        verifyObject(IEventSinkPlugin, UploadTablePlugin())
        verifyObject(IEventSink, self.sink)

    def test_upload(self) -> None:
        """An upload is noted, and a download is not."""
        self.sink.emit(_finished())
        self.sink.emit(_finished(Direction.DOWNLOAD))
        self.assertEqual(self.rows(), [(1002.0, "alice", "192.0.2.1", "/in/a.txt", 3, None)])

    def test_name_without_text(self) -> None:
        """A name that is not UTF-8 is noted with escapes."""
        self.sink.emit(_finished(path=("\udcff",)))
        self.assertEqual([row[3] for row in self.rows()], ["/\\xff"])

    def test_failing(self) -> None:
        """A database that fails is said once, and nobody else is hurt; when it works again, uploads are noted."""
        said: list[str] = []
        self.patch(self.sink, "log", _Log(said))
        self.pool.faults["_insert"] = sqlite3.OperationalError("disk I/O error")
        for _ in range(3):
            self.sink.emit(_finished())
        self.pool.faults.clear()
        self.sink.emit(_finished())
        self.assertEqual((len(self.rows()), said), (1, ["disk I/O error", "3"]))

    def test_not_opened(self) -> None:
        """A file that cannot be opened is an error of the configuration."""
        self.assertRaises(ConfigurationError, UploadTablePlugin().open_sink, "/does/not/exist", FaultyPool())


class _Log:
    """What is said, without the texts around it."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def error(self, text: str, reason: str) -> None:
        """Note why."""
        self._said.append(reason)

    def info(self, text: str, count: int) -> None:
        """Note how many."""
        self._said.append(str(count))
