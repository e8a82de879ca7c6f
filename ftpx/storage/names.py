"""Names as a file system keeps them: octets, checked once before any of them is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ftpx.errors import NameRefused, NotFound
from ftpx.interfaces import Path

__all__ = ["HIDDEN_PREFIX", "LONGEST_NAME", "Names", "is_hidden", "names_to_read", "names_to_write", "octets", "text"]

Names = Sequence[bytes]

LONGEST_NAME: Final = 255
HIDDEN_PREFIX: Final = ".ftpx-upload-"

_SPECIAL: Final = frozenset(["", ".", ".."])


def octets(name: str) -> bytes:
    """
    A name as octets.

    :raises NameRefused: it is not one name, or no octets stand for it.
    """
    if name in _SPECIAL or "/" in name or "\0" in name:
        raise NameRefused("not a name")
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise NameRefused("no octets stand for this name") from None


def text(name: bytes) -> str:
    """A name from a disk; octets that are not UTF-8 survive."""
    return name.decode("utf-8", "surrogateescape")


def is_hidden(path: Path) -> bool:
    """Whether a name of the path belongs to ftpx: an upload that is not complete."""
    # Not any(): a generator for each of many small files would be noticed.
    return bool([name for name in path if name.startswith(HIDDEN_PREFIX)])


def names_to_read(path: Path) -> list[bytes]:
    """:raises NotFound: the path leads to something that nobody is to see."""
    if is_hidden(path):
        raise NotFound("no such file or directory")
    return [octets(name) for name in path]


def names_to_write(path: Path) -> list[bytes]:
    """:raises NameRefused: the path holds a name that ftpx keeps for itself."""
    if is_hidden(path):
        raise NameRefused("a reserved name")
    return [octets(name) for name in path]
