"""Running coroutines of which most never wait."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

__all__ = ["begin"]

_T = TypeVar("_T")


def begin(coroutine: Coroutine[Any, Any, _T]) -> _T | Deferred[_T]:
    """
    Run a coroutine up to its first wait: its result if it ended without one, else what fires with it.

    Most commands end at once, and so cost no Deferred.
    """
    try:
        waiting = coroutine.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    return Deferred.fromCoroutine(_rest(coroutine, waiting))


def _rest(coroutine: Coroutine[Any, Any, _T], waiting: Any) -> Generator[Any, Any, _T]:
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
        except StopIteration as end:
            final: _T = end.value
            return final
