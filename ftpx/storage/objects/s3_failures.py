"""The one table from what S3 says, and from what botocore raises, to the errors of ftpx's domain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs
from twisted.logger import Logger

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

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

__all__ = ["Spoiled", "meaning", "worth_another_try"]

_log = Logger()


class Spoiled(StorageFailure):
    """An answer is not what it must be; the next may be."""


@attrs.frozen
class _Failure:
    """What a code means: the error, its text, and whether to try again."""

    kind: type[StorageError]
    text: str
    again: bool = False


_GONE: Final = _Failure(NotFound, "There is no such object.")
_CREDENTIALS: Final = _Failure(StorageFailure, "The object store does not accept the server's credentials.")
_ELSEWHERE: Final = _Failure(
    StorageFailure, "The object store is elsewhere: look at the address's endpoint and region."
)
_CHANGED: Final = _Failure(FileChanged, "The object was changed meanwhile.")
_DENIED: Final = _Failure(PermissionDenied, "The object store does not allow that.")
_NAME: Final = _Failure(NameRefused, "The object store can have no such name.")
_FULL: Final = _Failure(NoSpace, "The object store is full, or the object is too large for it.")
_UNKNOWN: Final = _Failure(NotSupported, "The object store cannot do that.")
_BUSY: Final = _Failure(StorageUnavailable, "The object store is too busy.", again=True)
_BROKEN: Final = _Failure(StorageFailure, "The object store broke while doing that.", again=True)
_MISSED: Final = _Failure(StorageFailure, "Something else happens to that object at the same time.", again=True)
_DAMAGED: Final = _Failure(StorageFailure, "What was sent came to the object store damaged.", again=True)
_SILENT: Final = _Failure(StorageFailure, "The object store does not answer.", again=True)
_UNTRUSTED: Final = _Failure(StorageFailure, "The object store's certificate is not trusted, or it speaks no TLS.")
_ODD: Final = _Failure(StorageFailure, "The object store does not answer as one does.", again=True)

_BY_CODE: Final[dict[str, _Failure]] = {
    **dict.fromkeys(["NoSuchKey", "NoSuchUpload", "NotFound"], _GONE),
    "NoSuchBucket": _Failure(StorageFailure, "The object store has no such bucket."),
    **dict.fromkeys(["AccessDenied", "AllAccessDisabled", "InvalidObjectState"], _DENIED),
    **dict.fromkeys(
        [
            "AccountProblem",
            "AuthorizationHeaderMalformed",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidSecurity",
            "InvalidToken",
            "NotSignedUp",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
        ],
        _CREDENTIALS,
    ),
    **dict.fromkeys(["PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException"], _ELSEWHERE),
    **dict.fromkeys(["PreconditionFailed", "InvalidRange"], _CHANGED),
    **dict.fromkeys(["KeyTooLongError", "InvalidURI", "XMinioInvalidObjectName"], _NAME),
    **dict.fromkeys(
        [
            "EntityTooLarge",
            "InsufficientStorage",
            "QuotaExceeded",
            "XMinioStorageFull",
            "XMinioAdminBucketQuotaExceeded",
        ],
        _FULL,
    ),
    **dict.fromkeys(["NotImplemented", "MethodNotAllowed"], _UNKNOWN),
    **dict.fromkeys(
        [
            "SlowDown",
            "ServiceUnavailable",
            "Throttling",
            "ThrottlingException",
            "RequestLimitExceeded",
            "TooManyRequests",
        ],
        _BUSY,
    ),
    **dict.fromkeys(["InternalError", "RequestTimeout", "RequestTimeoutException"], _BROKEN),
    **dict.fromkeys(["ConditionalRequestConflict", "OperationAborted"], _MISSED),
    **dict.fromkeys(["BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch"], _DAMAGED),
}
# Where there is no code that says more: an answer to HEAD has no body, and a proxy knows no codes.
_BY_STATUS: Final[dict[int, _Failure]] = {
    **dict.fromkeys([301, 302, 303, 307, 308], _ELSEWHERE),
    401: _CREDENTIALS,
    403: _DENIED,
    404: _GONE,
    405: _UNKNOWN,
    408: _BROKEN,
    409: _MISSED,
    412: _CHANGED,
    413: _FULL,
    414: _NAME,
    416: _CHANGED,
    429: _BUSY,
    500: _BROKEN,
    501: _UNKNOWN,
    502: _BROKEN,
    503: _BUSY,
    504: _BROKEN,
    507: _FULL,
}
# By the names of botocore's classes, of which the error is one or descends from it; the nearest counts.
_BY_TYPE: Final[dict[str, _Failure]] = {
    "SSLError": _UNTRUSTED,
    "ConnectionError": _SILENT,
    "HTTPClientError": _SILENT,
    "IncompleteReadError": _SILENT,
    "NoCredentialsError": _CREDENTIALS,
    "CredentialRetrievalError": _CREDENTIALS,
    "TokenRetrievalError": _CREDENTIALS,
    "ParamValidationError": _NAME,
    "UnicodeEncodeError": _NAME,
    "ResponseParserError": _ODD,
    # urllib3's, from a body that breaks off.
    "HTTPError": _SILENT,
    "OSError": _SILENT,
}
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,63}")


def _told(error: ClientError) -> _Failure:
    """What an answer of the store means."""
    response = error.response
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    found = _BY_CODE.get(code) or _BY_STATUS.get(status)
    if found is None and code.isdecimal():
        found = _BY_STATUS.get(int(code[:4]))
    if found is not None:
        return found
    named = code if _CODE.fullmatch(code) else f"status {status}"
    return _Failure(StorageFailure, f"The object store refuses that ({named}).")


def _failure(error: Exception) -> _Failure:
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        return _told(error)
    for kind in type(error).__mro__:
        if kind.__name__ in _BY_TYPE:
            return _BY_TYPE[kind.__name__]
    # Its text is not written: it may hold what was sent.
    _log.error("an object store made {kind} happen", kind=type(error).__name__)
    return _ODD


def worth_another_try(error: Exception) -> bool:
    """Whether what failed may succeed when it is tried again."""
    return isinstance(error, Spoiled) or (not isinstance(error, StorageError) and _failure(error).again)


def meaning(error: Exception) -> StorageError:
    """What an error means here. Its text holds nothing of what was sent or answered but a code."""
    if isinstance(error, StorageError):
        return error
    failure = _failure(error)
    return failure.kind(failure.text)
