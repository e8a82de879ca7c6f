"""What tests of what operators are told share: events, and a sink that remembers them."""

from __future__ import annotations

from typing import Any

import attrs
from zope.interface import implementer

from ftpx.interfaces import (
    Direction,
    Event,
    FileTransfer,
    IEventSink,
    TransferFailed,
    TransferFinished,
    TransferProgress,
    TransferStarted,
)
from ftpx.testing.server import EPOCH

__all__ = ["ALL_KINDS", "FACTS", "HOSTILE_NAME", "Sink", "failed", "finished", "progress", "started"]

ALL_KINDS: frozenset[type[Event]] = frozenset({TransferStarted, TransferProgress, TransferFinished, TransferFailed})

HOSTILE_NAME = 'a\r\n{id} "b" \\ \x1b[31m\x9b\u202e\u2028\udcff\ud800'
"""Line ends, a format, quotes, escapes for terminals, marks of direction, and what is no UTF-8."""

FACTS = FileTransfer(
    id=7,
    user="alice",
    client="192.0.2.1",
    verb="RETR",
    direction=Direction.DOWNLOAD,
    path=("pub", "a.txt"),
    protected=True,
    started=EPOCH,
    size=1000,
)


def started(**facts: Any) -> TransferStarted:
    """A transfer has started."""
    return TransferStarted(time=EPOCH, transfer=attrs.evolve(FACTS, **facts))


def progress(*, expected_end: float | None = None, **facts: Any) -> TransferProgress:
    """A transfer is under way."""
    transfer = attrs.evolve(FACTS, **facts)
    return TransferProgress(
        time=EPOCH + 2, transfer=transfer, octets=200, rate=100.4, average=99.6, expected_end=expected_end
    )


def finished(*, digest: str | None = None, **facts: Any) -> TransferFinished:
    """A transfer is complete."""
    return TransferFinished(
        time=EPOCH + 4,
        transfer=attrs.evolve(FACTS, **facts),
        octets=1000,
        seconds=4.0,
        size=1000,
        algorithm=None if digest is None else "SHA-256",
        digest=digest,
    )


def failed(*, text: str = "The client has sent ABOR.", **facts: Any) -> TransferFailed:
    """A transfer has broken off."""
    transfer = attrs.evolve(FACTS, **facts)
    return TransferFailed(time=EPOCH + 4, transfer=transfer, octets=300, seconds=1.5, reason="aborted", text=text)


@implementer(IEventSink)
class Sink:
    """Remembers what it is told, or fails with ``fault``."""

    def __init__(self, wants: frozenset[type[Event]] = ALL_KINDS) -> None:
        self.wants = wants
        self.events: list[Event] = []
        self.fault: Exception | None = None

    def emit(self, event: Event) -> None:
        """See `IEventSink`."""
        self.events.append(event)
        if self.fault is not None:
            raise self.fault

    @property
    def kinds(self) -> list[type[Event]]:
        """The classes of the events, in order."""
        return [type(event) for event in self.events]
