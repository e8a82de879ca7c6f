"""``--event-sink sqlite-uploads:FILE``: a row of a table for each upload that is published."""

from __future__ import annotations

import sqlite3

from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger
from twisted.plugin import IPlugin
from zope.interface import implementer

from ftpx.errors import ConfigurationError, StorageUnavailable
from ftpx.interfaces import Direction, Event, IEventSink, IEventSinkPlugin, IWorkerPool, TransferFinished
from ftpx_sqlite.database import connect

__all__ = ["UploadTable", "UploadTablePlugin"]

_SCHEMA = "CREATE TABLE IF NOT EXISTS uploads (time REAL, user TEXT, client TEXT, path TEXT, size INTEGER, digest TEXT)"


@implementer(IEventSink)
class UploadTable:
    """Notes uploads by the thread of the pool, which is also what bounds how many wait."""

    log = Logger()
    wants = frozenset({TransferFinished})

    def __init__(self, database: sqlite3.Connection, pool: IWorkerPool) -> None:
        self._database = database
        self._pool = pool
        self._lost = 0

    def emit(self, event: Event) -> None:
        """See `IEventSink`."""
        if isinstance(event, TransferFinished) and event.transfer.direction is Direction.UPLOAD:
            ensureDeferred(self._note(event))

    async def _note(self, event: TransferFinished) -> None:
        try:
            await self._pool.run(self._insert, event)
        except (sqlite3.Error, StorageUnavailable) as error:
            self._lose(error)
        else:
            if self._lost:
                self.log.info("uploads are noted again; {count} were not", count=self._lost)
            self._lost = 0

    def _lose(self, error: Exception) -> None:
        self._lost += 1
        if self._lost == 1:
            # Said once, and not for each of thousands.
            self.log.error("an upload was not noted, and maybe more: {reason}", reason=str(error))

    def _insert(self, event: TransferFinished) -> None:
        """In the thread: add the row."""
        transfer = event.transfer
        # Names that are not UTF-8 are no text to SQLite.
        path = "/".join(("", *transfer.path)).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        row = [event.time, transfer.user, transfer.client, path, event.size, event.digest]
        self._database.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?)", row)


@implementer(IEventSinkPlugin, IPlugin)
class UploadTablePlugin:
    """Makes the sink from the command line."""

    prefix = "sqlite-uploads"
    argument_format = "FILE"
    help = "A row of the table uploads of an SQLite database for each upload that is published."

    def open_sink(self, arguments: str, pool: IWorkerPool) -> IEventSink:
        """See `IEventSinkPlugin.open_sink`."""
        try:
            database = connect(arguments)
            database.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise ConfigurationError(f"sqlite-uploads:{arguments} cannot be opened: {error}") from error
        return UploadTable(database, pool)
