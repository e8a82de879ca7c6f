"""The names of what is in the trash; all that has to be known of it is in them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import attrs

from ftpx.interfaces import Path

__all__ = ["LONGEST_STEMS", "Kept", "directory_name", "origin", "parse_kept"]

#: How many octets of a name are in that of its versions: less where a storage does not take that many.
LONGEST_STEMS: Final = (220, 100, 30)

_GAP: Final = "..."
_TIME: Final = "%Y%m%d-%H%M%S"
_FORM: Final = re.compile(r"(?P<name>.+)~(?P<time>[0-9]{8}-[0-9]{6})-(?P<token>[0-9a-f]{12})", re.DOTALL)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen
class Kept:
    """A version in the trash: the name that it had, and when it went, in whole seconds since the epoch."""

    name: str
    moment: float
    token: str

    def text(self, longest: int) -> str:
        """The name in the trash; of a long name, so many octets, with the beginning and the end."""
        time = datetime.fromtimestamp(self.moment, UTC).strftime(_TIME)
        return f"{_shortened(self.name, longest)}~{time}-{self.token}"


def _shortened(name: str, longest: int) -> str:
    octets = name.encode("utf-8", "surrogateescape")
    if len(octets) <= longest:
        return name
    end = longest // 4
    begin = longest - end - len(_GAP)
    # Half of a character is no part of a name.
    return _GAP.join(part.decode("utf-8", "ignore") for part in (octets[:begin], octets[-end:]))


def parse_kept(text: str) -> Kept | None:
    """What the name of a version says, if it is one."""
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    try:
        time = datetime.strptime(form["time"], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Kept(form["name"], (time - _EPOCH).total_seconds(), form["token"])


def directory_name(name: str) -> str:
    """The name that a directory has in the trash: its own, unless that could be the name of a version."""
    return f"{name}~" if parse_kept(name.rstrip("~")) is not None else name


def origin(path: Path) -> Path:
    """Where what is at a path of the trash, as seen from the trash, has been."""
    names = [_directory_origin(name) for name in path]
    kept = parse_kept(path[-1]) if path else None
    if kept is not None:
        names[-1] = kept.name
    return tuple(names)


def _directory_origin(name: str) -> str:
    return name[:-1] if name.endswith("~") and directory_name(name[:-1]) != name[:-1] else name
