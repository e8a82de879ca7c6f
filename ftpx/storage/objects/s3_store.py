"""S3, and the many stores that speak as it does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from zope.interface import implementer

from ftpx.errors import AlreadyExists, FileChanged, NameRefused, NotFound, NotSupported, StorageFailure
from ftpx.storage.objects.looking import look_twice
from ftpx.storage.objects.s3_calls import S3Calls, entry_of, md5_of, plain_etag, quoted_etag
from ftpx.storage.objects.s3_failures import Spoiled
from ftpx.storage.objects.s3_listing import list_objects
from ftpx.storage.objects.s3_octets import AnswerOctets
from ftpx.storage.objects.s3_upload import MOST_PARTS, S3Upload
from ftpx.storage.objects.store import (
    IObjectUpload,
    IResumableObjectStore,
    ObjectEntry,
    ObjectPage,
    UploadPart,
)

__all__ = ["S3Store"]

# S3 copies larger objects only in parts.
_MOST_AT_ONCE: Final = 5 << 30
_COPIED_PART: Final = 1 << 30
_FIRST_OCTETS: Final = re.compile(r"bytes 0-[0-9]+/([0-9]{1,19})")


@implementer(IResumableObjectStore)
class S3Store:
    """An `IResumableObjectStore` on a bucket of S3, or on the part of it below a prefix."""

    directory_marker: Final = ""

    def __init__(self, calls: S3Calls, *, part_size: int, copied_at_once: int = _MOST_AT_ONCE) -> None:
        self._calls = calls
        self._copied_at_once = copied_at_once
        self.part_size = part_size

    def head(self, key: str) -> ObjectEntry:
        """See `IObjectStore.head`."""
        answer = self._calls.make("head_object", _checked(key))
        return entry_of(key, answer)

    def look(self, key: str) -> tuple[ObjectEntry | None, bool]:
        """See `IObjectStore.look`: one request, unless other keys begin with this one."""
        page = list_objects(self._calls, _checked(key), None, 1, deep=True)
        found = page.objects[0] if page.objects else None
        if found is not None and found.key == key:
            return found, False
        if found is not None and found.key.startswith(f"{key}/"):
            return None, True
        return (None, False) if found is None and page.next is None else look_twice(self, key)

    def open(self, key: str, size: int) -> tuple[ObjectEntry, bytes]:
        """See `IObjectStore.open`: one request, unless the object is empty."""
        try:
            return self._calls.attempt(lambda number: self._begin_to_read(_checked(key), size))
        except FileChanged:
            # There is no first octet.
            found = self.head(key)
            return found, self.read(found, 0, size)

    def _begin_to_read(self, key: str, size: int) -> tuple[ObjectEntry, bytes]:
        answer = self._calls.once("get_object", key, Range=f"bytes=0-{size - 1}")
        with closing(answer["Body"]) as body:
            entry = entry_of(key, {**answer, "ContentLength": _whole_size(answer)})
            return entry, _read_range(body, answer, entry, 0, min(size, entry.size))

    def list_page(self, prefix: str, start: str | None = None, limit: int = 1000) -> ObjectPage:
        """See `IObjectStore.list_page`."""
        return list_objects(self._calls, prefix, start, limit, deep=False)

    def list_all(self, prefix: str, start: str | None = None, limit: int = 1000) -> ObjectPage:
        """See `IObjectStore.list_all`."""
        return list_objects(self._calls, prefix, start, limit, deep=True)

    def read(self, entry: ObjectEntry, offset: int, size: int) -> bytes:
        """See `IObjectStore.read`."""
        end = min(entry.size, offset + size)
        if offset >= end:
            return b""

        def fetch(number: int) -> bytes:
            answer = self._calls.once(
                "get_object", entry.key, Range=f"bytes={offset}-{end - 1}", **self.unchanged("IfMatch", entry)
            )
            with closing(answer["Body"]) as body:
                return _read_range(body, answer, entry, offset, end)

        return self._calls.attempt(fetch, lasting=True)

    def put(self, key: str, content: bytes, *, exclusive: bool = False) -> ObjectEntry:
        """See `IObjectStore.put`."""
        if not exclusive:
            return self._put(key, content, {})
        self.refuse_existing(key)
        try:
            return self._put(key, content, {"IfNoneMatch": "*"})
        except FileChanged:
            raise AlreadyExists("There is an object of that name.") from None
        except NotSupported:
            return self._put(key, content, {})

    def _put(self, key: str, content: bytes, condition: dict[str, str]) -> ObjectEntry:
        send = self._calls.send("put_object", _checked(key), content, **condition)
        answer = self._calls.attempt(send, lasting=True)
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
        try:
            modified = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return self.head(key)
        return ObjectEntry(key, len(content), modified, plain_etag(answer), md5_of(answer))

    def refuse_existing(self, key: str) -> None:
        """:raises AlreadyExists: there is an object of that key."""
        try:
            self.head(key)
        except NotFound:
            return
        raise AlreadyExists("There is an object of that name.")

    def begin_upload(self, key: str) -> IObjectUpload:
        """See `IObjectStore.begin_upload`."""
        return self._begin(key)

    def _begin(self, key: str) -> S3Upload:
        answer = self._calls.make("create_multipart_upload", _checked(key))
        return S3Upload(self, self._calls, key, answer["UploadId"])

    def resume_upload(self, key: str, identifier: str) -> IObjectUpload:
        """See `IResumableObjectStore.resume_upload`."""
        parts: list[UploadPart] = []
        marker: int | None = 0
        while marker is not None and len(parts) <= MOST_PARTS:
            answer = self._calls.make("list_parts", _checked(key), UploadId=identifier, PartNumberMarker=marker)
            parts += [
                UploadPart(part["PartNumber"], part["Size"], plain_etag(part)) for part in answer.get("Parts", [])
            ]
            marker = answer.get("NextPartNumberMarker") if answer.get("IsTruncated") and answer.get("Parts") else None
        return S3Upload(self, self._calls, key, identifier, parts)

    def copy(self, source: ObjectEntry, key: str) -> ObjectEntry:
        """See `IObjectStore.copy`."""
        if source.size > self._copied_at_once:
            return self._copy_in_parts(source, key)
        self._calls.make(
            "copy_object",
            _checked(key),
            lasting=True,
            CopySource=self._calls.source(source.key),
            **self.unchanged("CopySourceIfMatch", source),
        )
        entry = self.head(key)
        if entry.size != source.size:
            raise StorageFailure("The copy has another size than the object.")
        return entry

    def _copy_in_parts(self, source: ObjectEntry, key: str) -> ObjectEntry:
        upload = self._begin(key)
        size = max(min(_COPIED_PART, self._copied_at_once), -(-source.size // MOST_PARTS))
        try:
            for number, start in enumerate(range(0, source.size, size), 1):
                upload.copy_part(number, source, start, min(source.size, start + size))
            return upload.complete()
        except BaseException:
            upload.abort()
            raise

    def delete(self, key: str) -> None:
        """See `IObjectStore.delete`."""
        try:
            self._calls.make("delete_object", _checked(key))
        except NotFound:
            return

    @staticmethod
    def unchanged(condition: str, entry: ObjectEntry) -> dict[str, str]:
        """The condition that an object is still the one of its entry."""
        return {condition: quoted_etag(entry.etag)} if entry.etag else {}


def _checked(key: str) -> str:
    if not key:
        raise NameRefused("The object store can have no such name.")
    return key


def _whole_size(answer: Mapping[str, Any]) -> int:
    """The size of the object of which an answer has the beginning."""
    told = answer.get("ContentRange", "")
    if not told and answer["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.OK:
        return int(answer["ContentLength"])
    found = _FIRST_OCTETS.fullmatch(told)
    if found is None:
        raise _others()
    return int(found[1])


def _read_range(body: AnswerOctets, answer: Mapping[str, Any], entry: ObjectEntry, start: int, end: int) -> bytes:
    """The octets of an answer, if they are those that were asked for, and of the object as it was."""
    if plain_etag(answer) != entry.etag:
        raise FileChanged("The object was changed meanwhile.")
    told = answer.get("ContentRange")
    whole = told is None and (start, end) == (0, entry.size) and answer.get("ContentLength") == end
    if not whole and told != f"bytes {start}-{end - 1}/{entry.size}":
        raise _others()
    # One more shows that there is too much.
    content = body.read(end - start + 1)
    if len(content) != end - start:
        raise Spoiled("The object store sent another number of octets than it was asked for.")
    return content


def _others() -> Spoiled:
    return Spoiled("The object store sent other octets than it was asked for.")
