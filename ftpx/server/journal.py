"""What is logged about sessions, without anybody waiting for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["DELAY", "MAXIMUM_ENTRIES", "Journal"]

DELAY = 0.1
"""Seconds that an entry waits for others at most."""

MAXIMUM_ENTRIES = 100


class Journal:
    """
    Entries of the log that are written a little later, several together.

    To format and write an entry takes longer than to answer most commands, and in a series it takes a
    quarter of the time that it takes alone.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._entries: list[tuple[str | Callable[[Any], str], Any]] = []
        self._timer: IDelayedCall | None = None

    def info(self, format: str, **values: Any) -> None:
        """Note an entry; see `Logger.info`. The values must not change any more."""
        self._note(format, values)

    def later(self, text: Callable[[Any], str], value: object) -> None:
        """Note an entry whose text a function makes of a value when it is written; the value must not change."""
        self._note(text, value)

    def _note(self, format: str | Callable[[Any], str], values: Any) -> None:
        self._entries.append((format, values))
        if self._timer is None:
            self._timer = self._clock.callLater(DELAY, self.flush)
        elif len(self._entries) >= MAXIMUM_ENTRIES:
            self.flush()

    def flush(self) -> None:
        """Write what there is."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        entries, self._entries = self._entries, []
        for format, values in entries:
            if isinstance(format, str):
                self.log.info(format, **values)
            else:
                # To put values into a format takes Twisted half as long as all else of an entry.
                self.log.info(format(values).replace("{", "{{").replace("}", "}}"))
