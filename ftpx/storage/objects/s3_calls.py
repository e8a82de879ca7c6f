"""Calls of one bucket: each with its retries, and with errors of ftpx's domain."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ftpx.storage.objects.retrying import LASTING, PROMPT, Retries
from ftpx.storage.objects.s3_failures import Spoiled, meaning, worth_another_try
from ftpx.storage.objects.s3_octets import RequestOctets
from ftpx.storage.objects.store import ObjectEntry

if TYPE_CHECKING:
    from botocore.client import BaseClient

__all__ = ["S3Calls", "entry_of", "is_md5", "md5_in_hex", "md5_of", "plain_etag", "quoted_etag"]

_T = TypeVar("_T")
_Answer = Mapping[str, Any]

_MD5: Final = re.compile(r"[0-9a-f]{32}")


def plain_etag(answer: _Answer) -> str:
    """The entity tag (RFC 9110) in an answer, without quotes; empty if there is none."""
    etag = str(answer.get("ETag", ""))
    return etag[1:-1] if len(etag) > 1 and etag[0] == etag[-1] == '"' else etag


def quoted_etag(etag: str) -> str:
    """An entity tag as it stands in a condition."""
    return etag if etag.startswith("W/") else f'"{etag}"'


def is_md5(etag: str) -> bool:
    """Whether an entity tag has the form of an MD5."""
    return _MD5.fullmatch(etag) is not None


def md5_in_hex(content: bytes | memoryview) -> str:
    """The MD5 of octets, as an entity tag has it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def md5_of(answer: _Answer) -> str | None:
    """The MD5 that an answer's entity tag is; ``None`` if it is something else: of parts, or encrypted with a key."""
    etag = plain_etag(answer)
    keyed = str(answer.get("ServerSideEncryption", "")).startswith("aws:kms") or "SSECustomerAlgorithm" in answer
    return etag if is_md5(etag) and not keyed else None


def entry_of(key: str, answer: _Answer) -> ObjectEntry:
    """The object that an answer to a look at it tells of."""
    modified = answer["LastModified"].timestamp()
    return ObjectEntry(key, answer["ContentLength"], modified, plain_etag(answer), md5_of(answer))


class S3Calls:
    """
    Makes the calls of a client, in any thread.

    :param root: before all keys; empty, or with a ``/`` at its end.
    """

    def __init__(self, client: BaseClient, bucket: str, root: str, retries: Retries) -> None:
        self._client = client
        self._bucket = bucket
        self._retries = retries
        self.root = root

    def make(self, operation: str, key: str | None = None, *, lasting: bool = False, **parameters: object) -> Any:
        """The answer to a call, by the name that botocore gives it."""
        return self.attempt(lambda number: self.once(operation, key, **parameters), lasting=lasting)

    def attempt(self, function: Callable[[int], _T], *, lasting: bool = False) -> _T:
        """What a function returns that makes calls `once`; it is given the number of the try, from 0."""
        try:
            return self._retries.call(LASTING if lasting else PROMPT, function, worth_another_try)
        except Exception as error:
            # Not chained: the texts of botocore hold addresses and what was sent.
            raise meaning(error) from None

    def once(self, operation: str, key: str | None = None, **parameters: object) -> Any:
        """One call, with the errors of botocore."""
        if key is not None:
            parameters["Key"] = self.root + key
        return getattr(self._client, operation)(Bucket=self._bucket, **parameters)

    def source(self, key: str) -> dict[str, str]:
        """An object as what to copy from."""
        return {"Bucket": self._bucket, "Key": self.root + key}

    def found(self, key: str) -> _Answer:
        """The answer to one look at an object; nothing if there is none or the look fails."""
        try:
            answer: _Answer = self.once("head_object", key)
        except Exception:
            return {}
        return answer

    def send(
        self, operation: str, key: str, content: bytes | memoryview, **parameters: object
    ) -> Callable[[int], _Answer]:
        """
        One call that sends octets, to be tried by `attempt`. Both ends compare their MD5: the store before it takes
        them, and its entity tag is looked at here.
        """
        digest = md5_in_hex(content)
        checksum = base64.b64encode(bytes.fromhex(digest)).decode("ascii")

        def send(number: int) -> _Answer:
            body = RequestOctets(content, self._retries.clock)
            try:
                answer: _Answer = self.once(operation, key, Body=body, ContentMD5=checksum, **parameters)
            except Exception:
                # An answer that was lost may have been the one that said that it is there.
                answer = self.found(key) if number and "IfNoneMatch" in parameters else {}
                if md5_of(answer) != digest:
                    raise
            if md5_of(answer) not in {None, digest}:
                raise Spoiled("The object store has got other octets than were sent.")
            return answer

        return send
