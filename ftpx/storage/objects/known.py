"""What is known of the uploads in an object store: who writes them, and how much has come. Every call here blocks."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Lock

import attrs

from ftpx.errors import NotFound
from ftpx.storage.objects.journal import Found, Journal, Record, State, Trace
from ftpx.storage.objects.store import IObjectUpload, IResumableObjectStore
from ftpx.storage.objects.writers import Leases, Writer

__all__ = ["Content", "KnownUploads", "Life"]


class Life(enum.Enum):
    """What is known of who writes an upload: it is over, nothing was heard for long, or somebody may be at it."""

    OVER = enum.auto()
    SILENT = enum.auto()
    PERHAPS = enum.auto()


@attrs.frozen
class Content:
    """What has come of an upload."""

    upload: IObjectUpload | None
    octets: int
    tail: tuple[Trace, int] | None

    @property
    def size(self) -> int:
        """Octets in parts and behind them."""
        return self.octets + (0 if self.tail is None else self.tail[0].entry.size - self.tail[1])


class KnownUploads:
    """
    The uploads that the journal of a store knows.

    :param clock: seconds that only grow.
    """

    def __init__(self, store: IResumableObjectStore, clock: Callable[[], float]) -> None:
        self.journal = Journal(store)
        self.writer = Writer.here()
        self._store = store
        self._leases = Leases(clock)
        self._lock = Lock()
        self._writing: set[str] = set()

    def begin(self, unique: str) -> None:
        """An upload is being written here."""
        with self._lock:
            self._writing.add(unique)

    def end(self, unique: str) -> None:
        """It is not any more."""
        with self._lock:
            self._writing.discard(unique)

    def life(self, found: Found) -> Life:
        """Whether somebody writes an upload."""
        record = found.record
        entry = found.newest.entry
        if record.state is State.KEPT:
            return Life.OVER
        if record.writer.instance == self.writer.instance:
            return Life.PERHAPS if found.newest.unique in self._writing else Life.OVER
        if record.writer.has_ended():
            return Life.OVER
        return Life.SILENT if self._leases.has_ended(entry.key, entry.etag) else Life.PERHAPS

    def content(self, found: Found) -> Content | None:
        """What the store has of an upload; ``None``: it does not know it any more."""
        record = found.record
        upload = None
        if record.upload is not None:
            try:
                upload = self._store.resume_upload(record.key, record.upload)
            except NotFound:
                return None
        octets = 0 if upload is None else sum(part.size for part in upload.parts)
        return Content(upload, octets, self.journal.tail(found, octets))

    def octets(self, owner: str, path: str = "") -> int:
        """Octets kept for an owner, or at a place, whether a file has the key or not."""
        return sum(map(self.octets_of, self._over(owner, path)))

    def octets_of(self, found: Found) -> int:
        """Octets that an upload has in the store."""
        if found.record.state is State.KEPT:
            return found.record.octets + found.newest.entry.size - found.header
        content = self.content(found)
        return 0 if content is None else content.size

    def _over(self, owner: str, path: str) -> Iterator[Found]:
        for traces in self.journal.traces(owner, path):
            found = self.journal.look(traces)
            if found is not None and self.life(found) is not Life.PERHAPS:
                yield found

    def drop(self, found: Found) -> None:
        """Throw an upload away, and then what tells of it."""
        self.abort(found.record)
        self.journal.forget(found.traces)

    def abort(self, record: Record) -> None:
        """Throw the parts of an upload away."""
        if record.upload is not None:
            with suppress(NotFound):
                self._store.resume_upload(record.key, record.upload).abort()
