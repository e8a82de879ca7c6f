"""Events as lines of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from ftpx.interfaces import Event, TransferFailed, TransferFinished, TransferProgress, TransferStarted
from ftpx.wire.paths import render

__all__ = ["EventsDropped", "line_of"]

# What JSON allows in a text and a reader of lines, a terminal or UTF-8 does not: C1, line ends of Unicode, marks that
# turn the direction of text, and surrogates. JSON itself has escaped C0.
_TO_ESCAPE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]")

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_LATEST = 253_402_300_799.0
"""The last second of the year 9999."""


@attrs.frozen(slots=True)
class EventsDropped:
    """So many events are missing here, as they could not be written in time."""

    time: float
    count: int


def _started(event: TransferStarted) -> dict[str, Any]:
    return {}


def _progress(event: TransferProgress) -> dict[str, Any]:
    return {
        "octets": event.octets,
        "rate": round(event.rate),
        "average": round(event.average),
        "expected_end": None if event.expected_end is None else _time(event.expected_end),
    }


def _finished(event: TransferFinished) -> dict[str, Any]:
    return {
        "octets": event.octets,
        "seconds": round(event.seconds, 6),
        "stored": event.size,
        "algorithm": event.algorithm,
        "digest": event.digest,
    }


def _failed(event: TransferFailed) -> dict[str, Any]:
    return {
        "octets": event.octets,
        "seconds": round(event.seconds, 6),
        "reason": event.reason,
        "text": event.text,
    }


# What each kind is called, and what it has beside what all have.
_KINDS: Mapping[type[Event], tuple[str, Callable[[Any], dict[str, Any]]]] = {
    TransferStarted: ("transfer started", _started),
    TransferProgress: ("transfer progress", _progress),
    TransferFinished: ("transfer finished", _finished),
    TransferFailed: ("transfer failed", _failed),
}


def line_of(event: Event | EventsDropped) -> bytes:
    """An event as one line of JSON with its line feed, in UTF-8; what a terminal might act on is escaped."""
    text = _ENCODER.encode(_values(event))
    if not text.isprintable():
        text = _TO_ESCAPE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.encode() + b"\n"


def _values(event: Event | EventsDropped) -> dict[str, Any]:
    if isinstance(event, EventsDropped):
        return {"event": "events dropped", "time": _time(event.time), "count": event.count}
    name, more = _KINDS[type(event)]
    transfer = event.transfer
    return {
        "event": name,
        "time": _time(event.time),
        "id": transfer.id,
        "user": transfer.user,
        "client": transfer.client,
        "verb": transfer.verb,
        "direction": transfer.direction.value,
        "path": render(transfer.path),
        "protected": transfer.protected,
        "started": _time(transfer.started),
        "size": transfer.size,
        **more(event),
    }


def _time(seconds: float) -> str:
    # A large file that hardly moves is expected to end in a year that cannot be written.
    return datetime.fromtimestamp(min(seconds, _LATEST), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
