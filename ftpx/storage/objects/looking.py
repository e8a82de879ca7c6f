"""What is there, found out by heads and listings. Every call blocks."""

from __future__ import annotations

from ftpx.errors import NotFound
from ftpx.storage.objects.store import IObjectStore, ObjectEntry

__all__ = ["first_below", "look_twice"]


def first_below(store: IObjectStore, prefix: str, count: int) -> list[str]:
    """Some of the keys that begin with a prefix: so many, or all."""
    found: list[str] = []
    start: str | None = None
    while True:
        page = store.list_all(prefix, start, count)
        found += [entry.key for entry in page.objects]
        # A store may give an empty page before the last.
        if len(found) >= count or page.next is None:
            return found
        start = page.next


def look_twice(store: IObjectStore, key: str) -> tuple[ObjectEntry | None, bool]:
    """`IObjectStore.look` in two requests."""
    try:
        return store.head(key), False
    except NotFound:
        return None, bool(first_below(store, f"{key}/", 1))
