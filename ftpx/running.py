"""Running coroutines: those of which most never wait, and those that nothing interrupts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["begin", "to_the_end"]

_T = TypeVar("_T")

_log = Logger()


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


def to_the_end(coroutine: Coroutine[Any, Any, _T], discard: Callable[[_T], object] | None = None) -> Deferred[_T]:
    """
    Run a coroutine that is never cancelled: whoever waits for it may be, and it goes on.

    :param discard: called with the result if nobody waits for it any more.
    """
    inner = Deferred.fromCoroutine(coroutine)
    outer: Deferred[_T] = Deferred()

    def deliver(result: _T | Failure) -> None:
        if not outer.called:
            outer.callback(result)
        elif isinstance(result, Failure):
            _log.debug("nobody waits for {error} any more", error=result.value)
        elif discard is not None:
            discard(result)

    inner.addBoth(deliver)
    return outer
