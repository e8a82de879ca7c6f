"""A multipart upload of S3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from zope.interface import implementer

from ftpx.errors import AlreadyExists, FileChanged, NoSpace, NotFound, NotSupported, StorageFailure
from ftpx.storage.objects.s3_calls import S3Calls, entry_of, is_md5, md5_in_hex, md5_of, plain_etag
from ftpx.storage.objects.s3_failures import Spoiled
from ftpx.storage.objects.store import IObjectUpload, ObjectEntry, UploadPart

if TYPE_CHECKING:
    from ftpx.storage.objects.s3_store import S3Store

__all__ = ["MOST_PARTS", "S3Upload"]

MOST_PARTS: Final = 10_000
# A part that was on its way when an upload was aborted may come to the store after that.
_MOST_ABORTS: Final = 5


@implementer(IObjectUpload)
class S3Upload:
    """
    Parts by number; see `IObjectUpload`.

    :param parts: those that the store has. One behind a missing one is not sent again, if the same octets come for it.
    """

    def __init__(
        self, store: S3Store, calls: S3Calls, key: str, identifier: str, parts: Iterable[UploadPart] = ()
    ) -> None:
        self._store = store
        self._calls = calls
        self._key = key
        self._parts: dict[int, UploadPart] = {}
        self._found = {part.number: part for part in parts}
        while (part := self._found.pop(len(self._parts) + 1, None)) is not None:
            self._parts[part.number] = part
        self._ended = False
        self.identifier: str | None = identifier

    @property
    def parts(self) -> Sequence[UploadPart]:
        """What the store has of it; see `IObjectUpload`."""
        leading: list[UploadPart] = []
        while (part := self._parts.get(len(leading) + 1)) is not None:
            leading.append(part)
        return leading

    def put_part(self, number: int, content: bytes | memoryview) -> UploadPart:
        """Send a part; see `IObjectUpload.put_part`."""
        self._check(number)
        found = self._found.pop(number, None)
        if found is not None and found.size == len(content) and found.etag == md5_in_hex(content):
            return self._keep(number, found.size, found.etag)
        send = self._calls.send("upload_part", self._key, content, UploadId=self.identifier, PartNumber=number)
        return self._keep(number, len(content), plain_etag(self._calls.attempt(send, lasting=True)))

    def copy_part(self, number: int, source: ObjectEntry, start: int, end: int) -> UploadPart:
        """Have the store take octets of another object for a part."""
        self._check(number)
        answer = self._calls.make(
            "upload_part_copy",
            self._key,
            lasting=True,
            UploadId=self.identifier,
            PartNumber=number,
            CopySource=self._calls.source(source.key),
            CopySourceRange=f"bytes={start}-{end - 1}",
            **self._store.unchanged("CopySourceIfMatch", source),
        )
        return self._keep(number, end - start, plain_etag(answer["CopyPartResult"]))

    def _check(self, number: int) -> None:
        if number > MOST_PARTS:
            raise NoSpace("The file has more parts than the object store takes; larger parts (part_size=) allow more.")

    def _keep(self, number: int, size: int, etag: str) -> UploadPart:
        part = self._parts[number] = UploadPart(number, size, etag)
        return part

    def complete(self, *, exclusive: bool = False) -> ObjectEntry:
        """Publish the object; see `IObjectUpload.complete`."""
        if not self._parts:
            # S3 has no upload without parts, but one of an empty part.
            self.put_part(1, b"")
        parts = self.parts
        if len(parts) != len(self._parts):
            raise StorageFailure("A part of the upload is missing.")
        entry = self._publish(parts, exclusive=exclusive)
        self._ended = True
        return entry

    def _publish(self, parts: Sequence[UploadPart], *, exclusive: bool) -> ObjectEntry:
        if not exclusive:
            return self._verified(parts, self._complete(parts, {}))
        # Who does not know the condition, and does not say so, is asked first.
        self._store.refuse_existing(self._key)
        try:
            return self._verified(parts, self._complete(parts, {"IfNoneMatch": "*"}))
        except FileChanged:
            raise AlreadyExists("There is an object of that name.") from None
        except NotSupported:
            return self._verified(parts, self._complete(parts, {}))

    def _complete(self, parts: Sequence[UploadPart], condition: dict[str, str]) -> str:
        """Make the object of its parts; its entity tag as the store gives it, or as it must be."""
        listed = [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in parts]

        def complete(number: int) -> str:
            try:
                answer = self._calls.once(
                    "complete_multipart_upload",
                    self._key,
                    UploadId=self.identifier,
                    MultipartUpload={"Parts": listed},
                    **condition,
                )
            except Exception:
                # An answer that was lost may have been the one that said that it is done.
                if number and (etag := self._done(parts)):
                    return etag
                raise
            expected = _etag_of(parts)
            etag = plain_etag(answer)
            if not self._keyed(answer) and expected and _has_form(etag, parts) and etag != expected:
                self._withdraw(etag)
                raise StorageFailure("The object store has made something else of the parts than was sent.")
            return etag or expected

        return self._calls.attempt(complete, lasting=True)

    @staticmethod
    def _keyed(answer: dict[str, object]) -> bool:
        """Whether the store encrypts with a key, so that no entity tag is an MD5."""
        return md5_of({**answer, "ETag": f'"{"0" * 32}"'}) is None

    def _done(self, parts: Sequence[UploadPart]) -> str:
        """The entity tag of the object if it is what the parts make; empty if not."""
        found = plain_etag(self._calls.found(self._key))
        return found if found == _etag_of(parts) else ""

    def _verified(self, parts: Sequence[UploadPart], etag: str) -> ObjectEntry:
        """The object's entry, once it is seen that it is what was sent."""

        def look(number: int) -> Mapping[str, Any]:
            answer: Mapping[str, Any] = self._calls.once("head_object", self._key)
            # It may be that somebody has replaced it since: it stays, but nobody is told that it is what was sent.
            if etag and plain_etag(answer) != etag:
                raise Spoiled("The object is not the one that was sent.")
            return answer

        entry = entry_of(self._key, self._calls.attempt(look))
        if entry.size != sum(part.size for part in parts):
            self._withdraw(entry.etag)
            raise StorageFailure("The object has another size than what was sent.")
        return entry

    def _withdraw(self, etag: str) -> None:
        """
        Remove an object that is not what was sent. What it has replaced is gone already; that nothing has the name is
        better than that others take wrong octets for the file.
        """
        if self._store.head(self._key).etag == etag:
            self._store.delete(self._key)

    def abort(self) -> None:
        """Throw all parts away; see `IObjectUpload.abort`."""
        for _ in range(_MOST_ABORTS):
            if self._ended:
                return
            try:
                self._calls.make("abort_multipart_upload", self._key, UploadId=self.identifier)
                listed = self._calls.make("list_parts", self._key, UploadId=self.identifier, MaxParts=1)
                self._ended = not listed.get("Parts")
            except NotFound:
                self._ended = True
        if not self._ended:
            raise StorageFailure("The object store does not let go of an upload's parts.")


def _etag_of(parts: Sequence[UploadPart]) -> str:
    """The entity tag that S3 gives to an object of these parts; empty if those of the parts are no MD5s."""
    if not all(is_md5(part.etag) for part in parts):
        return ""
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{md5_in_hex(digests)}-{len(parts)}"


def _has_form(etag: str, parts: Sequence[UploadPart]) -> bool:
    digest, _, count = etag.partition("-")
    return is_md5(digest) and count == str(len(parts))
