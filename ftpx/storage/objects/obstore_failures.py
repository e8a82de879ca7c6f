"""The one table from obstore's errors to those of ftpx's domain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ftpx.errors import (
    AlreadyExists,
    FileChanged,
    NameRefused,
    NotFound,
    NotSupported,
    PermissionDenied,
    StorageError,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.storage.failures import ERRORS

__all__ = ["obstore_errors"]

# By the names of their types, so that this module needs no obstore. A text of obstore is not handed on: it holds paths.
_BY_TYPE: Final[dict[str, tuple[type[StorageError], str]]] = {
    "FileNotFoundError": (NotFound, "There is no such object."),
    "AlreadyExistsError": (AlreadyExists, "There is an object of that name."),
    "PreconditionError": (FileChanged, "The object was changed meanwhile."),
    "PermissionDeniedError": (PermissionDenied, "The object store does not allow that."),
    "UnauthenticatedError": (StorageFailure, "The object store does not accept the credentials."),
    "InvalidPathError": (NameRefused, "The object store can have no such name."),
    "ValueError": (NameRefused, "The object store can have no such name."),
    "UnicodeEncodeError": (NameRefused, "The object store can have no such name."),
    "NotSupportedError": (NotSupported, "The object store cannot do that."),
    "NotImplementedError": (NotSupported, "The object store cannot do that."),
}
# What a GenericError tells only by its text.
_BY_TEXT: Final[list[tuple[re.Pattern[str], type[StorageError], str]]] = [
    (re.compile(r"trailing '/#"), NameRefused, "The object store can have no such name."),
    (re.compile(r"\b(?:429|503)\b"), StorageUnavailable, "The object store is too busy."),
]
_SYSTEM_ERROR: Final = re.compile(r"os error (\d+)")
_BROKE: Final = "The object store does not answer, or not as it should."


def _meaning(error: Exception) -> StorageError:
    name = type(error).__name__
    if name in _BY_TYPE:
        kind, text = _BY_TYPE[name]
        return kind(text)
    text = str(error)
    for pattern, kind, meaning in _BY_TEXT:
        if pattern.search(text):
            return kind(meaning)
    number = _SYSTEM_ERROR.search(text)
    return ERRORS.get(int(number[1]) if number else 0, StorageFailure)(_BROKE)


@contextmanager
def obstore_errors() -> Iterator[None]:
    """Raise what an error of obstore means instead of it."""
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        # Not chained: the text of obstore's errors holds paths and addresses.
        raise _meaning(error) from None
