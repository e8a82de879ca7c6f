"""How fast octets move now."""

from __future__ import annotations

from collections import deque

__all__ = ["WINDOW", "Meter"]

WINDOW = 5
"""From how many of the last looks the present rate is taken."""


class Meter:
    """
    The rate of something that grows, looked at from time to time.

    Times are in seconds, from ``began`` on; what grows begins with 0.
    """

    __slots__ = ("_looks",)

    def __init__(self, began: float) -> None:
        self._looks = deque([(began, 0)], WINDOW)

    def look(self, now: float, octets: int) -> None:
        """Remember how far it is."""
        self._looks.append((now, octets))

    def rate(self, now: float, octets: int) -> float:
        """Octets a second since the oldest of the last looks."""
        then, before = self._looks[0]
        return (octets - before) / (now - then) if now > then else 0.0
