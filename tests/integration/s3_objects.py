"""Objects in memory behind S3's requests, as far as ftpx makes them: the one right answer to each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

import attrs

__all__ = ["Answer", "Request", "S3Objects", "refusal"]


@attrs.frozen
class Request:
    """What came: ``count`` says how many of its operation have come, with it."""

    operation: str
    count: int
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        """The key of the object."""
        return unquote(urlsplit(self.path).path).lstrip("/").partition("/")[2]


@attrs.frozen
class Answer:
    """
    What goes back. ``reset``: the connection breaks instead. ``cut``: it breaks behind so many octets of the content.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = attrs.field(factory=dict)
    reset: bool = False
    cut: int | None = None


def refusal(status: int, code: str) -> Answer:
    """An error as S3 tells it."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>No.</Message></Error>'.encode()
    return Answer(status, body, {"Content-Type": "application/xml"})


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


def _xml(name: str, inner: str) -> Answer:
    return Answer(200, f'<?xml version="1.0"?><{name}>{inner}</{name}>'.encode(), {"Content-Type": "application/xml"})


class S3Objects:
    """The objects in memory, and the one right answer to each request."""

    def __init__(self) -> None:
        # All objects are as old as this.
        self.began = datetime.now(UTC).replace(microsecond=0)
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}

    def answer(self, request: Request) -> Answer:
        method: Callable[[Request], Answer] = getattr(self, f"_{request.operation}")
        return method(request)

    def _PutObject(self, request: Request) -> Answer:
        if request.headers.get("if-none-match") == "*" and request.key in self.objects:
            return refusal(412, "PreconditionFailed")
        self.objects[request.key] = (request.body, _etag(request.body))
        return Answer(headers={"ETag": _etag(request.body)})

    def _CopyObject(self, request: Request) -> Answer:
        source = unquote(request.headers["x-amz-copy-source"]).lstrip("/").partition("/")[2]
        if source not in self.objects:
            return refusal(404, "NoSuchKey")
        if request.headers.get("x-amz-copy-source-if-match", etag := self.objects[source][1]) != etag:
            return refusal(412, "PreconditionFailed")
        self.objects[request.key] = self.objects[source]
        return _xml("CopyObjectResult", f"<ETag>{escape(self.objects[source][1])}</ETag>")

    def _HeadObject(self, request: Request) -> Answer:
        if request.key not in self.objects:
            return Answer(404)
        content, etag = self.objects[request.key]
        return Answer(headers={"ETag": etag, "Content-Length": str(len(content))})

    def _GetObject(self, request: Request) -> Answer:
        if request.key not in self.objects:
            return refusal(404, "NoSuchKey")
        content, etag = self.objects[request.key]
        if request.headers.get("if-match", etag) != etag:
            return refusal(412, "PreconditionFailed")
        first, _, last = request.headers["range"].removeprefix("bytes=").partition("-")
        if int(first) >= len(content):
            return refusal(416, "InvalidRange")
        piece = content[int(first) : int(last) + 1]
        told = f"bytes {first}-{int(first) + len(piece) - 1}/{len(content)}"
        return Answer(206, piece, {"ETag": etag, "Content-Range": told})

    def _DeleteObject(self, request: Request) -> Answer:
        self.objects.pop(request.key, None)
        return Answer(204)

    def _ListObjectsV2(self, request: Request) -> Answer:
        prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter")
        items: dict[str, str] = {}
        for key, (content, etag) in self.objects.items():
            name, slash, _ = key[len(prefix) :].partition("/")
            if not key.startswith(prefix):
                continue
            if delimiter and slash:
                common = f"{prefix}{name}/"
                items[common] = f"<CommonPrefixes><Prefix>{escape(common)}</Prefix></CommonPrefixes>"
            else:
                items[key] = (
                    f"<Contents><Key>{escape(key)}</Key><LastModified>{self.began.isoformat()}</LastModified>"
                    f"<ETag>{escape(etag)}</ETag><Size>{len(content)}</Size></Contents>"
                )
        start, limit = request.query.get("continuation-token", ""), int(request.query.get("max-keys", "1000"))
        found = sorted(key for key in items if key > start)
        more = len(found) > limit
        listed = "".join(items[key] for key in found[:limit])
        following = f"<NextContinuationToken>{escape(found[limit - 1])}</NextContinuationToken>" if more else ""
        return _xml("ListBucketResult", f"<IsTruncated>{str(more).lower()}</IsTruncated>{following}{listed}")

    def _CreateMultipartUpload(self, request: Request) -> Answer:
        identifier = f"upload-{len(self.uploads) + 1}"
        self.uploads[identifier] = {}
        return _xml("InitiateMultipartUploadResult", f"<UploadId>{identifier}</UploadId>")

    def _UploadPart(self, request: Request) -> Answer:
        parts = self.uploads.get(request.query["uploadId"])
        if parts is None:
            return refusal(404, "NoSuchUpload")
        parts[int(request.query["partNumber"])] = request.body
        return Answer(headers={"ETag": _etag(request.body)})

    def _ListParts(self, request: Request) -> Answer:
        parts = self.uploads.get(request.query["uploadId"])
        if parts is None:
            return refusal(404, "NoSuchUpload")
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(_etag(parts[number]))}</ETag>"
            f"<Size>{len(parts[number])}</Size></Part>"
            for number in sorted(parts)
        )
        return _xml("ListPartsResult", f"<IsTruncated>false</IsTruncated>{listed}")

    def _CompleteMultipartUpload(self, request: Request) -> Answer:
        parts = self.uploads.pop(request.query["uploadId"], None)
        if parts is None:
            return refusal(404, "NoSuchUpload")
        wanted = [parts[int(number)] for number in re.findall(rb"<PartNumber>(\d+)</PartNumber>", request.body)]
        digests = b"".join(hashlib.md5(part).digest() for part in wanted)
        etag = f'"{hashlib.md5(digests).hexdigest()}-{len(wanted)}"'
        self.objects[request.key] = (b"".join(wanted), etag)
        return _xml("CompleteMultipartUploadResult", f"<ETag>{escape(etag)}</ETag>")

    def _AbortMultipartUpload(self, request: Request) -> Answer:
        if self.uploads.pop(request.query["uploadId"], None) is None:
            return refusal(404, "NoSuchUpload")
        return Answer(204)
