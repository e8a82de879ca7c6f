"""Events in the log: a line for each transfer of a file that is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from ftpx.interfaces import Event, IEventSink, TransferFailed, TransferFinished
from ftpx.wire.paths import render

__all__ = ["EventLog", "escaped"]


@implementer(IEventSink)
class EventLog:
    """
    Notes the end of each transfer.

    :param note: takes a function that makes the line, and the event that it makes it of: where many small files
        move, lines are made in series, later.
    """

    wants = frozenset({TransferFinished, TransferFailed})

    def __init__(self, note: Callable[[Callable[[Any], str], object], object]) -> None:
        self._note = note

    def emit(self, event: Event) -> None:
        """See `IEventSink`."""
        self._note(_line, event)


def _line(event: TransferFinished | TransferFailed) -> str:
    transfer = event.transfer
    who = f"{escaped(transfer.user)} from {transfer.client}"
    what = f'{transfer.direction.value} of "{escaped(render(transfer.path))}"'
    rate = event.octets / event.seconds if event.seconds > 0 else 0.0
    amount = f"{event.octets} octets in {event.seconds:.3f} s, {rate:.0f} octets/s"
    if isinstance(event, TransferFinished):
        return f"transfer {transfer.id} of {who}: {what} finished: {amount}"
    return f"transfer {transfer.id} of {who}: {what} failed: {event.reason}: {amount}; {escaped(event.text)}"


def escaped(text: str) -> str:
    """A text that stays in its line and its quotes: these, and what is not printable, are written as in Python."""
    if text.isprintable() and "\\" not in text and '"' not in text:
        return text
    return "".join(map(_escaped_character, text))


def _escaped_character(character: str) -> str:
    if character in '\\"':
        return f"\\{character}"
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":
        # An octet that is not UTF-8.
        return f"\\x{ord(character) - 0xDC00:02x}"
    return ascii(character)[1:-1]
