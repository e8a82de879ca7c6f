"""Times as operators write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from ftpx.errors import ConfigurationError

__all__ = ["parse_duration", "parse_moment", "show_moment"]

_DURATION: Final = re.compile("([1-9][0-9]{0,8})([smhd]?)")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> float:
    """
    Seconds, of a text such as ``90``, ``15m``, ``1h`` or ``7d``.

    :raises ConfigurationError: it is none.
    """
    form = _DURATION.fullmatch(text)
    if form is None:
        raise ConfigurationError(f"{text!r} is no time such as 90s, 15m, 1h or 7d.")
    return float(int(form[1]) * _UNITS[form[2]])


def parse_moment(text: str) -> float:
    """
    Seconds since the epoch, of a date with or without a time; in the time zone of this machine if it names none.

    :raises ConfigurationError: it is none.
    """
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise ConfigurationError(f"{text!r} is no moment such as 2027-12-31T12:00 or 2027-12-31T12:00Z.") from None


def show_moment(seconds: float) -> str:
    """A moment, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
