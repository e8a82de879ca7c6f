"""The names of marks, which hide what the lower storage has under a name."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from ftpx.errors import NameRefused, NotFound
from ftpx.interfaces import Path

__all__ = ["PREFIX", "digest_of", "is_reserved", "mark_of", "marked", "reserved_to_read", "reserved_to_write"]

PREFIX: Final = ".ftpx-overlay-"

_SIZE: Final = 16
_FORM: Final = re.compile(re.escape(PREFIX) + f"([0-9a-f]{{{2 * _SIZE}}})")


def digest_of(name: str) -> bytes:
    """What stands for a name: names may be too long to be a part of another."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_SIZE).digest()


def mark_of(path: Path) -> Path:
    """Where the mark is that hides a path, which is not the root."""
    return (*path[:-1], PREFIX + digest_of(path[-1]).hex())


def marked(name: str) -> bytes | None:
    """What stands for the name that a mark hides, if this is the name of a mark."""
    form = _FORM.fullmatch(name)
    return None if form is None else bytes.fromhex(form[1])


def is_reserved(path: Path) -> bool:
    """Whether a name of the path is kept for marks: nobody sees those."""
    return bool([name for name in path if name.startswith(PREFIX)])


def reserved_to_read(path: Path) -> None:
    """:raises NotFound: the path leads to a mark."""
    if is_reserved(path):
        raise NotFound("no such file or directory")


def reserved_to_write(path: Path) -> None:
    """:raises NameRefused: the path holds a name that is kept for marks."""
    if is_reserved(path):
        raise NameRefused("a reserved name")
