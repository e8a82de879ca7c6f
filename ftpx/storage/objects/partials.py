"""Uploads to an object store that broke off. Every call here blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import attrs

from ftpx.errors import AlreadyExists, FileReplaced, StorageUnavailable
from ftpx.storage.objects.journal import NOBODY, Found, Place, Record, State, Trace
from ftpx.storage.objects.known import Content, KnownUploads, Life
from ftpx.storage.objects.reading import read_exactly
from ftpx.storage.objects.store import IObjectUpload, IResumableObjectStore, ObjectEntry
from ftpx.storage.objects.tree import ObjectTree
from ftpx.storage.partials import MOST_PARTIALS, may_append, may_continue, under_way

__all__ = ["Claim", "Partials"]

#: What no version of a file is: a store may give the same one to the same content.
_NOTHING: Final = "nothing that stands"
#: Seconds after which uploads are thrown away of which nothing was heard, and nothing else is known.
_SILENCE: Final = 86_400.0
_MOST_LEFT: Final = 1000


@attrs.frozen
class Claim:
    """
    An upload that nobody but us goes on with, from ``offset`` on: its parts, and the octets behind them.

    ``kept`` is where what is kept can be read, an object and at which of its octets that begins; parts cannot be.
    """

    unique: str
    generation: int
    record: Record
    upload: IObjectUpload | None
    tail: bytes
    offset: int
    replaces: str | None
    kept: tuple[ObjectEntry, int] | None


class Partials(KnownUploads):
    """
    What is kept in a store, and what becomes of it.

    :param now: the seconds since the epoch.
    :param clock: seconds that only grow.
    """

    def __init__(
        self, store: IResumableObjectStore, tree: ObjectTree, now: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        super().__init__(store, clock)
        self._tree = tree
        self._now = now
        self._left: list[Callable[[], object]] = []

    def _kept_at(self, place: Place) -> tuple[Found | None, bool]:
        """What was kept last, and whether somebody elsewhere may be writing there."""
        kept, perhaps = None, False
        for found in self.journal.at(place):
            if self.life(found) is Life.PERHAPS:
                perhaps = True
            elif kept is None:
                kept = found
        return kept, perhaps

    def size(self, key: str, place: Place) -> int | None:
        """
        Octets kept, where nothing has the key.

        Of an upload that may be under way at another server this tells what that has sent: if it is not, its owner goes
        on there as soon as that is certain.
        """
        others = (found for found in self.journal.at(place) if found.newest.unique not in self._writing)
        found = next(others, None)
        if found is None:
            return None
        if self._tree.file(key) is not None or self._tree.has_below(key):
            return None
        content = self.content(found)
        return None if content is None else content.size or None

    # Going on

    def claim(self, key: str, place: Place, offset: int | None, exclusive: bool, busy: bool) -> Claim | None:
        """
        Take what is kept, up to an offset, to go on with it.

        :param busy: somebody here writes to the place.
        :raises FileReplaced, OffsetBeyondEnd, StorageUnavailable: see `IPartialUploads`.
        """
        present = self._tree.present(key, exclusive=exclusive)
        replaces = None if present is None else present.etag
        found, perhaps = self._kept_at(place)
        content = None if found is None else self.content(found)
        if found is None or content is None:
            if busy or perhaps:
                return self._occupied(busy, appending=offset is None and present is not None)
            return None
        same_file = found.record.replaces == replaces
        if offset is None and present is not None:
            may_append(content.size, same_file=same_file)
            return None
        if busy or perhaps:
            return self._occupied(busy, appending=False)
        may_continue(offset, content.size, same_file=same_file or present is None)
        return self._take(place, found, content, content.size if offset is None else offset, replaces)

    @staticmethod
    def _occupied(busy: bool, *, appending: bool) -> None:
        """Somebody may be writing."""
        if appending:
            return
        if busy:
            raise under_way()
        raise StorageUnavailable("an upload of another server to that name may still be under way")

    def _take(self, place: Place, found: Found, content: Content, offset: int, replaces: str | None) -> Claim:
        upload, octets = content.upload, content.octets
        if offset < octets:
            if offset:
                raise FileReplaced(_FOR_GOOD.format(octets=octets, size=content.size))
            upload, octets = None, 0
        tail = b""
        if content.tail is not None and offset > octets:
            trace, start = content.tail
            tail = read_exactly(self._store, trace.entry, start, offset - octets)
        unique, generation = found.newest.unique, found.newest.generation + 1
        identifier = None if upload is None else upload.identifier
        record = Record(State.UNDER_WAY, found.record.key, identifier, replaces, octets, self.writer)
        self.begin(unique)
        try:
            self.journal.write(place, unique, generation, record, new=True)
        except AlreadyExists:
            self.end(unique)
            raise under_way() from None
        except BaseException:
            self.end(unique)
            raise
        if upload is None and content.upload is not None:
            self._abort_later(content.upload)
        kept = None if content.tail is None or octets or not offset else (content.tail[0].entry, content.tail[1])
        return Claim(unique, generation, record, upload, tail, offset, replaces, kept)

    # Keeping and throwing away

    def keep(self, place: Place, unique: str, generation: int, record: Record, tail: bytes) -> None:
        """Write down what is kept now, in place of what was kept before; of an owner's others, the oldest go."""
        self.journal.write(place, unique, generation, record, tail)
        others: list[tuple[Trace, ...]] = []
        for traces in self.journal.traces(place.owner):
            if traces[0].unique == unique:
                self.journal.forget(traces[1:])
            elif traces[0].place == place:
                self._drop_over(traces)
            else:
                others.append(traces)
        others.sort(key=lambda traces: traces[0].entry.modified, reverse=True)
        for traces in others[MOST_PARTIALS - 1 :]:
            self._drop_over(traces)

    def is_ours(self, place: Place, unique: str, generation: int) -> bool:
        """Whether nobody else has gone on with an upload."""
        for traces in self.journal.traces(place.owner, place.path):
            if traces[0].unique == unique:
                return traces[0].generation == generation
        return True

    def supersede(self, place: Place) -> None:
        """Another upload was published from its start: what was kept must not be continued any more, and says so."""
        told = False
        for found in self.journal.at(place):
            if self.life(found) is Life.PERHAPS:
                continue
            if told or not self.octets_of(found):
                self.drop(found)
                continue
            told = True
            record = attrs.evolve(found.record, state=State.KEPT, upload=None, octets=0, replaces=_NOTHING)
            newest = found.newest
            self.journal.write(place, newest.unique, newest.generation + 1, record)
            self.abort(found.record)
            self.journal.forget(found.traces)

    def discard(self, place: Place) -> bool:
        """Throw away what is kept at a place; whether there was content."""
        content = False
        for found in self.journal.at(place):
            if self.life(found) is Life.OVER:
                content = bool(self.octets_of(found)) or content
                self.drop(found)
        return content

    def leave(self, work: Callable[[], object]) -> None:
        """Something is still to be thrown away: try it when all is tidied."""
        with self._lock:
            self._left = [*self._left[1 - _MOST_LEFT :], work]

    def tidy(self, lifetime: float) -> None:
        """Throw away what is too old, and what nobody can go on with."""
        with self._lock:
            left, self._left = self._left, []
        for number, work in enumerate(left):
            try:
                work()
            except BaseException:
                with self._lock:
                    self._left += left[number:]
                raise
        for traces in self.journal.traces():
            newest = traces[0]
            # From here on the time of those that are silent runs.
            self._leases.has_ended(newest.entry.key, newest.entry.etag)
            age = self._now() - newest.entry.modified
            if newest.place.owner == NOBODY or not lifetime or age >= lifetime:
                self._drop_over(traces, silent=age >= max(lifetime, _SILENCE))

    def _drop_over(self, traces: tuple[Trace, ...], *, silent: bool = False) -> None:
        """Throw an upload away if it is over for certain, or ``silent`` ones too."""
        found = self.journal.look(traces)
        if found is None:
            self.journal.forget(traces)
            return
        life = self.life(found)
        if life is Life.OVER or (silent and life is Life.SILENT):
            self.drop(found)

    def _abort_later(self, upload: IObjectUpload) -> None:
        try:
            upload.abort()
        except StorageUnavailable:
            self.leave(partial(upload.abort))


_FOR_GOOD: Final = (
    "The first {octets} octets of this upload are stored for good, of {size} that have come: "
    "continue it behind as many as SIZE tells, or send it from the start, without REST."
)
