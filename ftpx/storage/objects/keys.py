"""From paths to keys, and back from keys to names."""

from __future__ import annotations

import re
from typing import Final

from ftpx.errors import NameRefused, NotFound
from ftpx.interfaces import Path
from ftpx.storage.names import LONGEST_NAME

__all__ = ["HIDDEN_PREFIX", "LONGEST_KEY", "STAGING", "is_name", "key_to_read", "key_to_write", "parent_of"]

#: Octets that a key may have in S3.
LONGEST_KEY: Final = 1024
#: What names of ftpx's own begin with. Nobody sees them.
HIDDEN_PREFIX: Final = ".ftpx-"
#: Below which what is known of uploads under way stands, and of those that broke off.
STAGING: Final = ".ftpx-upload-staging/"

# Some stores take a backslash for a slash, so that one name would be another path; and control characters come back
# from listings as others.
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\/]")
_SPECIAL: Final = frozenset(["", ".", ".."])


def is_name(name: str) -> bool:
    """Whether a part of a key is a name that can be used, and is not one of ftpx's own."""
    return not (name in _SPECIAL or name.startswith(HIDDEN_PREFIX) or _UNFIT.search(name)) and _is_text(name)


def _is_text(name: str) -> bool:
    # Most names are, and this asks no more than a bit of the string.
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def key_to_read(path: Path) -> str:
    """:raises NotFound: no object that anybody sees can have the key."""
    key = "/".join(path)
    if not all(map(is_name, path)) or len(key.encode()) > LONGEST_KEY:
        raise NotFound("no such file or directory")
    return key


def key_to_write(path: Path, room: int) -> str:
    """
    The key of something new.

    :param room: octets that something in it may need besides, if it is a directory.
    :raises NameRefused: a name of the path cannot be kept, or is one of ftpx's own.
    """
    key = "/".join(path)
    if not all(map(is_name, path)):
        raise NameRefused("a reserved name, or one that not every store keeps")
    if any(len(name.encode()) > LONGEST_NAME for name in path) or len(key.encode()) + room > LONGEST_KEY:
        raise NameRefused("the name is too long")
    return key


def parent_of(key: str) -> str:
    """What the keys of a directory's entries begin with; empty for the root."""
    return key[: key.rfind("/") + 1]
