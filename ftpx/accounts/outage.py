"""What somebody else has to answer, and may not: callers are kept away for a while."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Final

__all__ = ["PAUSE", "Outage"]

PAUSE: Final = 5.0
"""Seconds from a failure until somebody asks again."""


class Outage:
    """
    Whether to ask a server at all. After a failure only one caller in a while tries again; the others do without, so
    that a server which does not answer holds one thread and not all.

    May be used from any thread.

    :param clock: seconds of a clock that only goes forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        # When to ask again; nothing while all is well.
        self._until: float | None = None

    def may_ask(self) -> bool:
        """Whether to ask now. Who is let may be the one that tries, and has to say what came of it."""
        with self._lock:
            if self._until is None:
                return True
            now = self._clock()
            if now < self._until:
                return False
            self._until = now + PAUSE
            return True

    def failed(self) -> None:
        """There was no answer."""
        with self._lock:
            self._until = self._clock() + PAUSE

    def ended(self) -> None:
        """There was an answer."""
        with self._lock:
            self._until = None
