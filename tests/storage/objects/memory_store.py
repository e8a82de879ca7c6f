"""An object store in memory that can be gone on with, tells what it was asked, and fails when it is told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from hashlib import md5
from itertools import count
from typing import Any

import attrs
from zope.interface import implementer

from ftpx.errors import AlreadyExists, FileChanged, NotFound, StorageFailure
from ftpx.storage.objects.store import IObjectUpload, IResumableObjectStore, ObjectEntry, ObjectPage, UploadPart

__all__ = ["MemoryObjectStore", "ObjectUpload"]


@attrs.define
class _Object:
    content: bytes
    modified: float
    etag: str


@attrs.define
class _Parts:
    """An upload as the store has it."""

    key: str
    parts: dict[int, tuple[str, bytes]] = attrs.field(factory=dict)


@implementer(IResumableObjectStore)
class MemoryObjectStore:
    """
    Objects in a dictionary.

    ``calls`` are the operations that were asked for, with the key. ``faults`` maps an operation to what its next calls
    raise, ``None`` for one that goes well; ``before`` to what is called before each.
    """

    def __init__(self, part_size: int = 1 << 20, marker: str = "", now: Callable[[], float] = lambda: 0.0) -> None:
        self.part_size = part_size
        self.directory_marker = marker
        self.objects: dict[str, _Object] = {}
        self.uploads: dict[str, _Parts] = {}
        self.calls: list[tuple[str, str]] = []
        self.faults: dict[str, deque[Exception | None]] = {}
        self.before: dict[str, Callable[[], object]] = {}
        self._now = now
        self._numbers = count(1)

    def fail(self, operation: str, *errors: Exception | None) -> None:
        """Have the next calls of an operation fail."""
        self.faults[operation] = deque(errors)

    def asked(self, operation: str) -> list[str]:
        """The keys of the calls of an operation."""
        return [key for name, key in self.calls if name == operation]

    def called(self, operation: str, key: str) -> None:
        """Note a call, and fail if it is to."""
        self.calls.append((operation, key))
        if operation in self.before:
            self.before[operation]()
        waiting = self.faults.get(operation)
        error = waiting.popleft() if waiting else None
        if error is not None:
            raise error

    def seen(self) -> dict[str, bytes]:
        """All objects that are not ftpx's own."""
        return {key: found.content for key, found in self.objects.items() if not key.startswith(".ftpx-")}

    def hidden(self) -> list[str]:
        """The keys of ftpx's own objects."""
        return sorted(key for key in self.objects if key.startswith(".ftpx-upload-"))

    def _entry(self, key: str) -> ObjectEntry:
        found = self.objects.get(key)
        if found is None:
            raise NotFound("no such object")
        return ObjectEntry(key, len(found.content), found.modified, found.etag, _md5(found.content))

    def head(self, key: str) -> ObjectEntry:
        """See `IObjectStore.head`."""
        self.called("head", key)
        return self._entry(key)

    def look(self, key: str) -> tuple[ObjectEntry | None, bool]:
        """See `IObjectStore.look`."""
        self.called("look", key)
        if key in self.objects:
            return self._entry(key), False
        return None, any(other.startswith(f"{key}/") for other in self.objects)

    def open(self, key: str, size: int) -> tuple[ObjectEntry, bytes]:
        """See `IObjectStore.open`."""
        self.called("open", key)
        return self._entry(key), self.objects[key].content[:size]

    def list_page(self, prefix: str, start: str | None = None, limit: int = 1000) -> ObjectPage:
        """See `IObjectStore.list_page`."""
        self.called("list_page", prefix)
        found = self._page(self._cut(prefix), start, limit)
        # The marker of a directory is an object of it, and a beginning in the directory above.
        objects = [entry for entry in found.objects if entry.key == prefix or not entry.key.endswith("/")]
        beginnings = [entry.key for entry in found.objects if entry not in objects]
        return ObjectPage(objects, sorted([*found.prefixes, *beginnings]), found.next)

    def list_all(self, prefix: str, start: str | None = None, limit: int = 1000) -> ObjectPage:
        """See `IObjectStore.list_all`."""
        self.called("list_all", prefix)
        return self._page((key for key in self.objects if key.startswith(prefix)), start, limit)

    def _cut(self, prefix: str) -> set[str]:
        keys = (key for key in self.objects if key.startswith(prefix))
        parts = ((key[len(prefix) :].partition("/"), key) for key in keys)
        return {prefix + first + slash for (first, slash, _), _key in parts}

    def _page(self, keys: Iterable[str], start: str | None, limit: int) -> ObjectPage:
        wanted = sorted((key for key in keys if start is None or key > start), key=str.encode)
        page, more = wanted[:limit], len(wanted) > limit
        objects = [self._entry(key) for key in page if key in self.objects]
        return ObjectPage(objects, [key for key in page if key not in self.objects], page[-1] if more else None)

    def read(self, entry: ObjectEntry, offset: int, size: int) -> bytes:
        """See `IObjectStore.read`."""
        self.called("read", entry.key)
        if self._entry(entry.key).etag != entry.etag:
            raise FileChanged("the object is another one now")
        return self.objects[entry.key].content[offset : offset + size]

    def put(self, key: str, content: bytes, *, exclusive: bool = False) -> ObjectEntry:
        """See `IObjectStore.put`."""
        self.called("put", key)
        if exclusive and key in self.objects:
            raise AlreadyExists("the key is taken")
        self.objects[key] = _Object(bytes(content), self._now(), f"e{next(self._numbers)}")
        return self._entry(key)

    def begin_upload(self, key: str) -> IObjectUpload:
        """See `IObjectStore.begin_upload`."""
        self.called("begin_upload", key)
        identifier = f"u{next(self._numbers)}"
        self.uploads[identifier] = _Parts(key)
        return ObjectUpload(self, key, identifier)

    def resume_upload(self, key: str, identifier: str) -> IObjectUpload:
        """See `IResumableObjectStore.resume_upload`."""
        self.called("resume_upload", key)
        if identifier not in self.uploads or self.uploads[identifier].key != key:
            raise NotFound("no such upload")
        return ObjectUpload(self, key, identifier)

    def copy(self, source: ObjectEntry, key: str) -> ObjectEntry:
        """See `IObjectStore.copy`."""
        self.called("copy", source.key)
        if self._entry(source.key).etag != source.etag:
            raise FileChanged("the object is another one now")
        self.objects[key] = _Object(self.objects[source.key].content, self._now(), f"e{next(self._numbers)}")
        return self._entry(key)

    def delete(self, key: str) -> None:
        """See `IObjectStore.delete`."""
        self.called("delete", key)
        self.objects.pop(key, None)


@implementer(IObjectUpload)
class ObjectUpload:
    """An upload to the store. It completes with the parts that it knows, which must be those that are there."""

    def __init__(self, store: MemoryObjectStore, key: str, identifier: str) -> None:
        self.identifier = identifier
        self._store = store
        self._key = key
        self._over = False
        known = store.uploads[identifier].parts
        self._known = {number: UploadPart(number, len(content), etag) for number, (etag, content) in known.items()}

    @property
    def parts(self) -> list[UploadPart]:
        """See `IObjectUpload`."""
        leading: list[UploadPart] = []
        while (part := self._known.get(len(leading) + 1)) is not None:
            leading.append(part)
        return leading

    def _there(self) -> _Parts:
        there = self._store.uploads.get(self.identifier)
        if there is None:
            raise NotFound("no such upload")
        return there

    def put_part(self, number: int, content: Any) -> UploadPart:
        """See `IObjectUpload.put_part`."""
        self._store.called("put_part", f"{self._key}#{number}")
        etag = f"p{next(self._store._numbers)}"
        self._there().parts[number] = (etag, bytes(content))
        part = self._known[number] = UploadPart(number, len(content), etag)
        return part

    def _content(self) -> Iterator[bytes]:
        there = self._there().parts
        for place, part in enumerate(self.parts, 1):
            etag, content = there[part.number]
            last = place == len(self.parts)
            if part.number != place or etag != part.etag or (not last and len(content) != self._store.part_size):
                raise StorageFailure("a part is another one")
            yield content

    def complete(self, *, exclusive: bool = False) -> ObjectEntry:
        """See `IObjectUpload.complete`."""
        self._store.called("complete", self._key)
        if not self.parts:
            raise StorageFailure("there are no parts")
        content = b"".join(self._content())
        if exclusive and self._key in self._store.objects:
            raise AlreadyExists("the key is taken")
        self._over = True
        del self._store.uploads[self.identifier]
        self._store.objects[self._key] = _Object(content, self._store._now(), f"e{next(self._store._numbers)}")
        return self._store._entry(self._key)

    def abort(self) -> None:
        """See `IObjectUpload.abort`."""
        self._store.called("abort", self._key)
        if not self._over:
            self._over = True
            self._store.uploads.pop(self.identifier, None)


def _md5(content: bytes) -> str:
    return md5(content, usedforsecurity=False).hexdigest()
