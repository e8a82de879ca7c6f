"""
What a store is told of uploads under way, and of those that broke off. Every call blocks.

For each there is an object below a hidden prefix, ``OWNER/PATH/UNIQUE.GENERATION``. Owner and path are hashes. It says
which upload of the store it is, who writes it and what it is to replace, and has the octets that are no whole part yet
behind that. Who goes on with an upload writes the next generation, on condition that nobody has done so before.
"""

from __future__ import annotations

import enum
import json
import re
import secrets
from collections.abc import Iterator
from typing import Final

import attrs

from ftpx.errors import FileChanged, NotFound, StorageUnavailable
from ftpx.storage.objects.keys import STAGING
from ftpx.storage.objects.reading import read_exactly
from ftpx.storage.objects.store import IObjectStore, ObjectEntry
from ftpx.storage.objects.writers import Writer
from ftpx.storage.staged_names import PartialKey

__all__ = ["NOBODY", "Found", "Journal", "Place", "Record", "State", "Trace", "place_of"]

#: The owner of uploads that nobody can go on with.
NOBODY: Final = "nobody"
_FORM: Final = re.compile(
    re.escape(STAGING)
    + r"(?P<owner>[0-9a-f]{16}|nobody)/(?P<path>[0-9a-f]{32})/(?P<unique>[0-9a-f]{16})\.(?P<generation>[0-9]{6})"
)
_LONGEST_HEADER: Final = 8192
_MOST_LOOKS: Final = 5


class State(enum.Enum):
    """Whether somebody writes, or wrote when the server ended; or the upload broke off."""

    UNDER_WAY = "under way"
    KEPT = "kept"


@attrs.frozen
class Record:
    """
    What is known of an upload to a key.

    ``upload`` is what the store knows it by if it has parts, ``replaces`` the version that had the key when it began.
    ``octets`` are in parts; what stands behind the record comes after them. ``beat`` grows while it is written.
    """

    state: State
    key: str
    upload: str | None
    replaces: str | None
    octets: int
    writer: Writer
    beat: int = 0

    def dump(self) -> bytes:
        """The record as a line."""
        values = {**attrs.asdict(self), "state": self.state.value}
        return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def load(cls, line: bytes) -> Record:
        """:raises ValueError: it is no record."""
        try:
            values = json.loads(line)
            writer = Writer(**values.pop("writer"))
            record = cls(state=State(values.pop("state")), writer=writer, **values)
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError("no record of an upload") from error
        texts = (record.key, writer.instance, writer.processes, writer.started)
        optional = (record.upload, record.replaces)
        numbers = (record.octets, record.beat, writer.process)
        good = all(isinstance(text, str) for text in texts)
        good = good and all(text is None or isinstance(text, str) for text in optional)
        if not (good and all(type(number) is int and number >= 0 for number in numbers)):
            raise ValueError("no record of an upload")
        return record


@attrs.frozen
class Trace:
    """An object of the journal by its name."""

    entry: ObjectEntry
    place: PartialKey
    unique: str
    generation: int


@attrs.frozen
class Found:
    """
    All that is known of one upload: the traces, the newest first, and the record of that.

    ``header`` is how many octets of the newest trace are the record.
    """

    traces: tuple[Trace, ...]
    record: Record
    header: int

    @property
    def newest(self) -> Trace:
        """The trace that counts."""
        return self.traces[0]


Place = PartialKey


def place_of(owner: str | None, key: str) -> Place:
    """Where the uploads of an owner to a key stand."""
    place = PartialKey.of(owner or "", [key.encode()])
    return attrs.evolve(place, owner=NOBODY) if owner is None else place


@attrs.frozen
class Journal:
    """The records in a store."""

    store: IObjectStore

    @staticmethod
    def name(place: Place, unique: str, generation: int) -> str:
        """The key of a trace."""
        return f"{STAGING}{place.owner}/{place.path}/{unique}.{generation:06d}"

    @staticmethod
    def unique() -> str:
        """What no other upload is called."""
        return secrets.token_hex(8)

    def write(
        self, place: Place, unique: str, generation: int, record: Record, tail: bytes = b"", *, new: bool = False
    ) -> None:
        """
        Write a trace.

        :param new: :raises AlreadyExists: somebody was faster.
        """
        self.store.put(self.name(place, unique, generation), record.dump() + tail, exclusive=new)

    def traces(self, owner: str = "", path: str = "") -> Iterator[tuple[Trace, ...]]:
        """The traces of each upload: of all, of an owner, or of a place."""
        prefix = STAGING + "".join(f"{part}/" for part in (owner, path) if part)
        group: list[Trace] = []
        start: str | None = None
        while True:
            page = self.store.list_all(prefix, start)
            for entry in page.objects:
                trace = _trace(entry)
                if trace is None:
                    continue
                if group and (group[0].place, group[0].unique) != (trace.place, trace.unique):
                    yield _newest_first(group)
                    group = []
                group.append(trace)
            if page.next is None:
                break
            start = page.next
        if group:
            yield _newest_first(group)

    def look(self, traces: tuple[Trace, ...]) -> Found | None:
        """Read the newest trace; ``None``: it is gone, or no record."""
        newest = traces[0].entry
        for _ in range(_MOST_LOOKS):
            try:
                beginning = read_exactly(self.store, newest, 0, min(newest.size, _LONGEST_HEADER))
                line, end, _rest = beginning.partition(b"\n")
                found = (attrs.evolve(traces[0], entry=newest), *traces[1:])
                return Found(found, Record.load(line), len(line) + len(end)) if end else None
            except FileChanged:
                # Who writes it has renewed it.
                newest = self._again(newest)
            except (NotFound, ValueError):
                return None
        raise StorageUnavailable("the record of an upload is being written")

    def _again(self, entry: ObjectEntry) -> ObjectEntry:
        try:
            return self.store.head(entry.key)
        except NotFound:
            return entry

    def at(self, place: Place) -> list[Found]:
        """The uploads at a place, that which was written last first."""
        found = [self.look(traces) for traces in self.traces(place.owner, place.path)]
        known = [each for each in found if each is not None]
        return sorted(known, key=lambda each: (each.newest.entry.modified, each.newest.unique), reverse=True)

    def tail(self, found: Found, octets: int) -> tuple[Trace, int] | None:
        """Which trace has what stands behind so many octets of an upload, and from where on."""
        for trace in found.traces:
            each = found if trace is found.newest else self.look((trace,))
            if each is not None and each.record.octets == octets and trace.entry.size > each.header:
                return trace, each.header
        return None

    def remove(self, place: Place, unique: str) -> None:
        """Forget an upload. The newest trace goes last: without it, older ones would count."""
        for traces in self.traces(place.owner, place.path):
            if traces[0].unique == unique:
                self.forget(traces)

    def forget(self, traces: tuple[Trace, ...]) -> None:
        """Remove traces, the newest last."""
        for trace in reversed(traces):
            self.store.delete(trace.entry.key)


def _trace(entry: ObjectEntry) -> Trace | None:
    form = _FORM.fullmatch(entry.key)
    if form is None:
        return None
    return Trace(entry, Place(form["owner"], form["path"]), form["unique"], int(form["generation"]))


def _newest_first(group: list[Trace]) -> tuple[Trace, ...]:
    return tuple(sorted(group, key=lambda trace: trace.generation, reverse=True))
