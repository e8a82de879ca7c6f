"""Pages of a listing of S3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ftpx.storage.objects.s3_calls import S3Calls, plain_etag
from ftpx.storage.objects.s3_failures import Spoiled
from ftpx.storage.objects.store import ObjectEntry, ObjectPage

__all__ = ["list_objects"]

# S3 gives no more at once.
_MOST: Final = 1000


def list_objects(calls: S3Calls, prefix: str, start: str | None, limit: int, *, deep: bool) -> ObjectPage:
    """A page of the objects below a prefix: of all of them if it is ``deep``, else of those of one directory."""
    parameters: dict[str, Any] = {"Prefix": calls.root + prefix, "MaxKeys": min(limit, _MOST)}
    if not deep:
        parameters["Delimiter"] = "/"
    if start is not None:
        parameters["ContinuationToken"] = start
    return calls.attempt(
        lambda number: _page(calls.once("list_objects_v2", **parameters), calls.root, prefix, start, deep=deep)
    )


def _page(answer: Mapping[str, Any], root: str, prefix: str, start: str | None, *, deep: bool) -> ObjectPage:
    objects = [
        ObjectEntry(item["Key"], item["Size"], item["LastModified"].timestamp(), plain_etag(item))
        for item in answer.get("Contents", [])
        # Some stores make an object of what stands before all keys.
        if not root or item["Key"] != root
    ]
    prefixes = [item["Prefix"] for item in answer.get("CommonPrefixes", [])]
    below = len(root) + len(prefix)
    wrong = [entry for entry in objects if entry.size < 0 or (not deep and "/" in entry.key[below:].rstrip("/"))]
    # An object's own key may end in a slash: that of a directory.
    names = [*(entry.key for entry in objects), *prefixes]
    following = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
    if wrong or not all(name.startswith(root + prefix) for name in names):
        raise Spoiled("The object store lists something else than it was asked for.")
    if answer.get("IsTruncated") and following in {None, start}:
        raise Spoiled("The object store's listing has no end.")
    return ObjectPage(
        [_relative(entry, root) for entry in objects], [name[len(root) :] for name in prefixes], following
    )


def _relative(entry: ObjectEntry, root: str) -> ObjectEntry:
    return ObjectEntry(entry.key[len(root) :], entry.size, entry.modified, entry.etag) if root else entry
