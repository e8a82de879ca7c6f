"""Waiting for something to become true, with an end to the patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["eventually"]

_T = TypeVar("_T")


def eventually(
    look: Callable[[], _T], *, seconds: float = 10.0, pause: float = 0.02, what: str = "what was waited for"
) -> _T:
    """
    Ask again and again until the answer is true, and return it.

    :raises AssertionError: it was not true within the time.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what} (last answer: {answer!r})")
        time.sleep(pause)
