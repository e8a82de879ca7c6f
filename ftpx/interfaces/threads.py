"""Where calls are made that may block."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from zope.interface import Interface

__all__ = ["IWorkerPool"]

_T = TypeVar("_T")


class IWorkerPool(Interface):
    """A bounded set of threads for calls that may block."""

    def run(
        function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Awaitable[_T]:
        """
        Call a function in a thread of the pool.

        :param discard: called in the thread with the result if nobody waits for it any more
            because the wait was cancelled; here what the function opened is closed again.
        :raises StorageUnavailable: too many calls are waiting already.
        """
