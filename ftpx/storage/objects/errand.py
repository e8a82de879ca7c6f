"""Something that is done to its end, whoever waits for it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["Errand"]


class Errand:
    """
    A coroutine that runs to its end. Any number may wait for it; one who is cancelled waits no more, and it goes on.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.done = False
        self._error: BaseException | None = None
        self._waiting: list[Deferred[None]] = []
        Deferred.fromCoroutine(coroutine).addBoth(self._end)

    def _end(self, result: Failure | None) -> None:
        self.done = True
        if isinstance(result, Failure):
            self._error = result.value
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.called:
                waiter.callback(None)

    async def wait(self) -> None:
        """Wait for the end. Raises what the coroutine raised, every time."""
        await self.ended()
        if self._error is not None:
            raise self._error

    async def ended(self) -> None:
        """Wait for the end, whether good or bad."""
        if not self.done:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            await waiter
