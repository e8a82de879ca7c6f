"""Running coroutines of which most never wait."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

__all__ = ["begin"]


def begin(coroutine: Coroutine[Any, Any, None]) -> Deferred[None] | None:
    """
    Run a coroutine up to its first wait: ``None`` if it ended without one, else what fires when it ends.

    Most commands end at once, and so cost no Deferred.
    """
    try:
        waiting = coroutine.send(None)
    except StopIteration:
        return None
    return Deferred.fromCoroutine(_rest(coroutine, waiting))


def _rest(coroutine: Coroutine[Any, Any, None], waiting: Any) -> Generator[Any, Any, None]:
    """What is left of a coroutine that waits."""
    while True:
        try:
            result = yield waiting
        except BaseException as error:
            # Whatever comes, cancellation and the end of the generator too, is the coroutine's affair.
            step = partial(coroutine.throw, error)
        else:
            step = partial(coroutine.send, result)
        try:
            waiting = step()
        except StopIteration:
            return
