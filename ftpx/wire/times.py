"""Times: as in MDTM and MLSx facts (RFC 3659 section 2.3) and as in listings. All are UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache

from ftpx.errors import ArgumentError

__all__ = ["format_time", "list_time", "parse_time"]

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY = 86400
_HALF_YEAR = 31556952 // 2
# What four digits of a year can say; a disk may hold other times.
_EARLIEST = float((date.min.toordinal() - _EPOCH_DAY) * _DAY)
_LATEST = float((date.max.toordinal() - _EPOCH_DAY + 1) * _DAY - 1)

_TIME_VALUE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(\.[0-9]+)?")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Tables, because a directory has many entries, and strftime is slow and follows the locale.
_MINUTES = tuple(f"{minute // 60:02d}{minute % 60:02d}" for minute in range(1440))
_SECONDS = tuple(f"{second:02d}" for second in range(60))
_CLOCK = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(1440))


def parse_time(text: str) -> float:
    """
    Seconds since the epoch from ``YYYYMMDDHHMMSS[.fraction]``. A leap second is the second before it.

    :raises ArgumentError: it is not of this form, or there is no such time.
    """
    match = _TIME_VALUE.fullmatch(text)
    if match is None:
        raise ArgumentError("A time is wanted as YYYYMMDDHHMMSS.")
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    try:
        whole = datetime(year, month, day, hour, minute, 59 if second == 60 else second, tzinfo=UTC)
    except ValueError:
        raise ArgumentError("There is no such time.") from None
    return whole.timestamp() + float(match[7] or 0)


def format_time(seconds: float, fraction: bool = False) -> str:
    """
    ``YYYYMMDDHHMMSS``, with ``.`` and six digits if a fraction is wanted.

    Times before the year 1 or after 9999 become the first or the last that can be written.
    """
    if not _EARLIEST <= seconds <= _LATEST:
        seconds = _clamped(seconds)
    if fraction:
        whole, part = divmod(seconds, 1)
        carry, microseconds = divmod(round(part * 1_000_000), 1_000_000)
        return f"{format_time(whole + carry)}.{microseconds:06d}"
    day, second = divmod(int(seconds // 1), _DAY)
    return _compact_date(day) + _MINUTES[second // 60] + _SECONDS[second % 60]


def list_time(seconds: float, now: float) -> str:
    """
    The twelve characters that `ls -l` shows: ``Jan  5 13:37`` for the last half year, else ``Jan  5  2019``.

    A time up to a day after ``now`` counts as recent: clocks differ.
    """
    if not _EARLIEST <= seconds <= _LATEST:
        seconds = _clamped(seconds)
    day, second = divmod(int(seconds // 1), _DAY)
    month_day, year = _list_date(day)
    return month_day + (_CLOCK[second // 60] if now - _HALF_YEAR < seconds <= now + _DAY else year)


def _clamped(seconds: float) -> float:
    # In this order a NaN becomes the earliest time.
    return min(_LATEST, max(_EARLIEST, seconds))


@lru_cache(maxsize=4096)
def _compact_date(day: int) -> str:
    value = date.fromordinal(day + _EPOCH_DAY)
    return f"{value.year:04d}{value.month:02d}{value.day:02d}"


@lru_cache(maxsize=4096)
def _list_date(day: int) -> tuple[str, str]:
    value = date.fromordinal(day + _EPOCH_DAY)
    return f"{_MONTHS[value.month - 1]} {value.day:2d} ", f" {value.year:04d}"
