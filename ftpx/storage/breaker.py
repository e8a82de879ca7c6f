"""A circuit breaker: who has not answered for a while is not asked for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["CircuitBreaker"]

_SHORTEST: Final = 5.0
_LONGEST: Final = 60.0
_SPREAD: Final = 0.2
"""Pauses are up to this part of them shorter or longer, so that several servers do not ask in step."""


class CircuitBreaker:
    """
    Closed, all calls are made. When ``most`` calls in a row were late it opens: none is made until a pause is over.
    Then one is let through as a probe; if that one is late, another pause begins, twice as long, up to a minute. If it
    comes back in time, the circuit is closed again. What came back with an error came back.

    A late call counts only if no other came back all the time that it was under way: one that hangs says nothing of a
    storage that answers others.

    :param seconds: the time.
    :param random: numbers from 0 to 1.
    """

    def __init__(self, seconds: Callable[[], float], random: Callable[[], float], most: int) -> None:
        self._seconds = seconds
        self._random = random
        self._most = most
        self._late = 0
        self._pause = 0.0
        self._next_probe = 0.0
        self._probing = False
        self.closed = True
        self.signs = 0
        """How many signs of life there were."""

    def came_back(self) -> None:
        """Calls have come back, late or in time. An open circuit is probed now and not after its pause."""
        self.signs += 1
        self._late = 0
        if not self.closed:
            self._next_probe = self._seconds()

    def was_late(self, signs: int) -> bool:
        """
        A call was not answered in time.

        :param signs: the number of `signs` when it began.
        :return: whether the circuit is open because of it.
        """
        if not self.closed or signs != self.signs:
            return False
        self._late += 1
        if self._late < self._most:
            return False
        self.closed = False
        self._pause = _SHORTEST
        self._wait()
        return True

    def admits(self) -> bool:
        """Whether a call is let through an open circuit: it is the probe then, and `probed` has to be called."""
        if self._probing or self._seconds() < self._next_probe:
            return False
        self._probing = True
        return True

    def probed(self, in_time: bool | None) -> None:
        """
        The probe is over.

        :param in_time: ``None``: it was given up, and says nothing.
        """
        self._probing = False
        if in_time:
            self.closed = True
            self._late = 0
        elif in_time is not None:
            self._pause = min(2 * self._pause, _LONGEST)
            self._wait()

    def _wait(self) -> None:
        self._next_probe = self._seconds() + self._pause * (1 + _SPREAD * (2 * self._random() - 1))
