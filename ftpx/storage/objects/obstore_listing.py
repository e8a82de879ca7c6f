"""Pages of a listing, made of what obstore lists: everything below a prefix, or all of one directory at once."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from ftpx.storage.objects.store import ObjectEntry, ObjectPage

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

__all__ = ["ObstoreListing", "entry_of"]

# Behind all keys that begin with what stands before it.
_LAST: Final = chr(0x10FFFF)
# A request gives no more.
_CHUNK: Final = 1000


def entry_of(meta: ObjectMeta, key: str) -> ObjectEntry:
    """What obstore knows of an object, under the key that it has here."""
    # Of one object a listing may tell its entity tag without quotes, and all else with them.
    etag = (meta["e_tag"] or "").strip('"')
    return ObjectEntry(key, meta["size"], meta["last_modified"].timestamp(), etag)


@attrs.frozen
class ObstoreListing:
    """
    Lists a store of obstore by pages.

    ``ordered``: the store lists by the order of keys, and from any key on, so that a page costs no more than itself.
    The stores that do not, a directory and the memory, look through the whole directory for each page and keep the
    first of what comes behind ``start``.
    """

    store: ObjectStore
    root: str
    ordered: bool

    def page(self, prefix: str, start: str | None, limit: int, *, deep: bool) -> ObjectPage:
        """A page of a listing, of all that is below the prefix if it is ``deep``."""
        # One more than the page has tells whether it is the last.
        found = list(self._first(self._items(prefix, start, deep=deep), start, limit + 1))
        page, more = found[:limit], len(found) > limit
        return ObjectPage(
            [item for item in page if isinstance(item, ObjectEntry)],
            [item for item in page if isinstance(item, str)],
            _name(page[-1]) if more else None,
        )

    def _first(self, items: Iterable[ObjectEntry | str], start: str | None, count: int) -> Iterable[ObjectEntry | str]:
        if self.ordered:
            return (item for item, _ in zip(items, range(count), strict=False))
        return heapq.nsmallest(count, (item for item in items if start is None or _name(item) > start), key=_name)

    def _items(self, prefix: str, start: str | None, *, deep: bool) -> Iterator[ObjectEntry | str]:
        if self.ordered:
            return self._grouped(prefix, start, deep=deep)
        return self._everything(prefix) if deep else self._directory(prefix)

    # Where keys have no order

    def _everything(self, prefix: str) -> Iterator[ObjectEntry]:
        for chunk in self._chunks(prefix, None):
            yield from (entry_of(meta, self._key(meta)) for meta in chunk)

    def _directory(self, prefix: str) -> Iterator[ObjectEntry | str]:
        import obstore

        found = obstore.list_with_delimiter(self.store, self.root + prefix or None)
        yield from (entry_of(meta, self._key(meta)) for meta in found["objects"])
        yield from (path[len(self.root) :] + "/" for path in found["common_prefixes"])

    # Where they have one

    def _grouped(self, prefix: str, start: str | None, *, deep: bool) -> Iterator[ObjectEntry | str]:
        """What is below a prefix, by order; of a directory in it only its name, once."""
        group = start if start is not None and start.endswith("/") else None
        chunks = self._from(prefix, start)
        while (chunk := next(chunks, None)) is not None:
            for meta in chunk:
                key = self._key(meta)
                if group is not None and key.startswith(group):
                    continue
                name, slash, _ = key[len(prefix) :].partition("/")
                if deep or not slash:
                    yield entry_of(meta, key)
                else:
                    group = f"{prefix}{name}/"
                    yield group
            if chunk and group is not None and self._key(chunk[-1]).startswith(group):
                # More of a directory whose name is all that is wanted: go on behind it.
                chunks = self._from(prefix, group)

    def _from(self, prefix: str, start: str | None) -> Iterator[Sequence[ObjectMeta]]:
        if start is None:
            return self._chunks(prefix, None)
        return self._chunks(prefix, self.root + start + (_LAST if start.endswith("/") else ""))

    def _chunks(self, prefix: str, offset: str | None) -> Iterator[Sequence[ObjectMeta]]:
        import obstore

        for chunk in obstore.list(self.store, self.root + prefix or None, offset=offset, chunk_size=_CHUNK):
            # A service that does not know how to begin in the middle begins at the beginning, and does not say so.
            yield [meta for meta in chunk if offset is None or meta["path"] > offset]

    def _key(self, meta: ObjectMeta) -> str:
        return meta["path"][len(self.root) :]


def _name(item: ObjectEntry | str) -> str:
    return item if isinstance(item, str) else item.key
