"""From what a filesystem of fsspec tells of a file to an `Entry`. Each has its own keys and its own types."""

from __future__ import annotations

import calendar
import math
import stat
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import Any, Final

from ftpx.interfaces import Entry, Kind

__all__ = ["Info", "entry_of", "fingerprint", "kind_of", "size_of", "type_of_mode"]

Info = Mapping[str, Any]

_KINDS: Final = {
    "file": Kind.FILE,
    "directory": Kind.DIRECTORY,
    "dir": Kind.DIRECTORY,
    "link": Kind.LINK,
    "symlink": Kind.LINK,
}

_TYPES: Final = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}

# Where the time of the last modification is; the first that is there. Where nothing is modified, but replaced (in
# memory, in object stores), the time of creation is it.
_MODIFIED: Final = (
    "mtime",
    "modified",
    "last_modified",
    "LastModified",
    "Last-Modified",
    "updated",
    "modify",
    "modifiedTime",
    "date_time",
    "created",
)
_MILLISECONDS: Final = ("modificationTime", "modification_time")

# What changes with the content for certain; and what some make of the size and a time in whole seconds.
_VERSIONS: Final = ("ETag", "CRC", "generation", "md5Hash", "crc32c", "sha", "checksum", "version_id")
_HINTS: Final = (*_VERSIONS, "etag", "ino")

# Beyond the year 9999 no fact of a file can tell the time.
_LATEST: Final = 253402300800.0


def _seconds(value: object) -> float | None:
    """Seconds since the epoch, of whatever may stand for a time. A time without a zone is UTC."""
    try:
        match value:
            case bool() | None:
                return None
            case int() | float():
                seconds = float(value)
            case datetime():
                seconds = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
            case tuple() | list():
                seconds = float(calendar.timegm((*[int(part) for part in value[:6]], 0, 0, 0)))
            case str():
                return _seconds(_parsed(value))
            case _:
                return None
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and abs(seconds) < _LATEST else None


def _parsed(text: str) -> datetime:
    """:raises ValueError: it is no time."""
    if len(text) == 14 and text.isdecimal() and text.isascii():
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)


def _modified(info: Info) -> float | None:
    for key in _MODIFIED:
        if (seconds := _seconds(info.get(key))) is not None:
            return seconds
    for key in _MILLISECONDS:
        milliseconds = info.get(key)
        if isinstance(milliseconds, int | float):
            return _seconds(milliseconds / 1000)
    return None


def kind_of(info: Info) -> Kind:
    """What it is; a symbolic link is one whatever it leads to."""
    if info.get("islink"):
        return Kind.LINK
    return _KINDS.get(str(info.get("type")), Kind.OTHER)


def type_of_mode(mode: int) -> str:
    """The type that fsspec has for what stat(2) tells."""
    return _TYPES.get(stat.S_IFMT(mode), "other")


def size_of(info: Info) -> int | None:
    """Octets; ``None`` if the filesystem does not know."""
    size = info.get("size")
    return size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None


def _marks(info: Info, keys: Sequence[str]) -> list[str]:
    return [f"{key}={info[key]}" for key in keys if info.get(key)]


def fingerprint(info: Info) -> bytes:
    """Another one if the content was seen to change: of the same size within one tick of a coarse clock, it is not."""
    told = [str(size_of(info)), repr(_modified(info)), *_marks(info, _HINTS)]
    return blake2b("\n".join(told).encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _version(info: Info, modified: float | None) -> bytes | None:
    """A version only where it changes for certain: times in whole seconds are too coarse to tell."""
    fine = modified is not None and not modified.is_integer()
    return fingerprint(info) if fine or _marks(info, _VERSIONS) else None


def entry_of(name: str, info: Info) -> Entry:
    """The entry of a name."""
    kind = kind_of(info)
    modified = _modified(info)
    mode = info.get("mode")
    plain = kind is Kind.FILE
    target = info.get("destination")
    return Entry(
        name,
        kind,
        size=(size_of(info) or 0) if plain else 0,
        modified=modified,
        mode=stat.S_IMODE(mode) if isinstance(mode, int) else None,
        owner=_number(info.get("uid")),
        group=_number(info.get("gid")),
        version=_version(info, modified) if plain else None,
        target=(target if isinstance(target, str) else "") if kind is Kind.LINK else None,
    )


def _number(value: object) -> str | None:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
