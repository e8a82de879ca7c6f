"""Tests of `ftpx.storage.objects.s3_failures`."""

from __future__ import annotations

from botocore import exceptions
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import (
    FileChanged,
    NameRefused,
    NoSpace,
    NotFound,
    NotSupported,
    PermissionDenied,
    StorageError,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.storage.objects.s3_failures import Spoiled, meaning, worth_another_try

_SECRET = "AKIAHUSHHUSH"


def _told(code: str, status: int) -> Exception:
    metadata = {"HTTPStatusCode": status, "RequestId": "", "HostId": "", "HTTPHeaders": {}, "RetryAttempts": 0}
    response = {"Error": {"Code": code, "Message": _SECRET}, "ResponseMetadata": metadata}
    return exceptions.ClientError(response, "PutObject")  # type: ignore[arg-type]  # stubs want a TypedDict


class MeaningTests(SynchronousTestCase):
    """What an error becomes."""

    def test_codes(self) -> None:
        """What the store says, by its code; by its status where there is no code that says more."""
        for code, status, kind, again in (
            ("NoSuchKey", 404, NotFound, False),
            ("404", 404, NotFound, False),
            ("NoSuchBucket", 404, StorageFailure, False),
            ("AccessDenied", 403, PermissionDenied, False),
            ("ExpiredToken", 400, StorageFailure, False),
            ("PreconditionFailed", 412, FileChanged, False),
            ("KeyTooLongError", 400, NameRefused, False),
            ("XMinioStorageFull", 507, NoSpace, False),
            ("NotImplemented", 501, NotSupported, False),
            ("SlowDown", 503, StorageUnavailable, True),
            ("", 503, StorageUnavailable, True),
            ("InternalError", 200, StorageFailure, True),
            ("BadGateway", 502, StorageFailure, True),
            ("PermanentRedirect", 301, StorageFailure, False),
            ("Teapot", 418, StorageFailure, False),
            (f"{_SECRET} <b>", 400, StorageFailure, False),
            ("9" * 5000, 0, StorageFailure, False),
        ):
            error = _told(code, status)
            self.assertIs(type(meaning(error)), kind, code)
            self.assertIs(worth_another_try(error), again, code)
            self.assertNotIn(_SECRET, str(meaning(error)))

    def test_types(self) -> None:
        """What botocore says, by the class of its error."""
        place = {"endpoint_url": f"http://{_SECRET}"}
        for error, kind, again in (
            (exceptions.EndpointConnectionError(**place), StorageFailure, True),
            (exceptions.ConnectTimeoutError(**place), StorageFailure, True),
            (exceptions.ReadTimeoutError(**place), StorageFailure, True),
            (exceptions.ConnectionClosedError(**place), StorageFailure, True),
            (exceptions.SSLError(**place, error=OSError(_SECRET)), StorageFailure, False),
            (exceptions.NoCredentialsError(), StorageFailure, False),
            (exceptions.ParamValidationError(report=_SECRET), NameRefused, False),
            (UnicodeEncodeError("utf-8", _SECRET, 0, 1, ""), NameRefused, False),
        ):
            self.assertIs(type(meaning(error)), kind, error)
            self.assertIs(worth_another_try(error), again, error)
            self.assertNotIn(_SECRET, str(meaning(error)))

    def test_unknown(self) -> None:
        """Any other error is one of the storage, and its text is not told."""
        for error in (KeyError(_SECRET), TypeError(_SECRET), RuntimeError(_SECRET)):
            self.assertIs(type(meaning(error)), StorageFailure)
            self.assertNotIn(_SECRET, str(meaning(error)))

    def test_ours(self) -> None:
        """Errors of the domain stay what they are; a spoiled answer may be right at the next try."""
        for error in (NotFound("a"), StorageError("b"), Spoiled("c")):
            self.assertIs(meaning(error), error)
        self.assertTrue(worth_another_try(Spoiled("c")))
        self.assertFalse(worth_another_try(StorageUnavailable("d")))
