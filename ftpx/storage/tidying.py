"""What is done to storages again and again: throwing away what has expired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ftpx.errors import StorageError
from ftpx.interfaces import IPartialUploads

__all__ = ["PartialTidying", "Tidying"]

_PERIOD: Final = 600.0
"""How many seconds apart."""
_OFTEN: Final = 10
"""How often in a lifetime partial uploads are thrown away, within these bounds in seconds."""
_SHORTEST, _LONGEST = 1.0, _PERIOD


class Tidying:
    """
    Tidies something when it starts, and then again and again, never twice at a time.

    :param tidy: does it, such as `ITidied.tidy` of a storage.
    :param what: what is said in the log to be tidied.
    :param period: seconds from the end of one tidying to the next.
    """

    log = Logger()

    def __init__(
        self, tidy: Callable[[], Awaitable[None]], what: str, clock: IReactorTime, period: float = _PERIOD
    ) -> None:
        self._call_tidy = tidy
        self._what = what
        self._clock = clock
        self._period = period
        self._running = False
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Begin."""
        self._running = True
        Deferred.fromCoroutine(self._tidy())

    def stop(self) -> None:
        """Stop; a call under way ends by itself."""
        self._running = False
        if self._call is not None and self._call.active():
            self._call.cancel()

    async def _tidy(self) -> None:
        try:
            await self._call_tidy()
        except StorageError as error:
            self.log.warn("{what} could not be tidied: {error}", what=self._what, error=error)
        except Exception:
            self.log.failure("{what} could not be tidied", what=self._what)
        if self._running:
            self._call = self._clock.callLater(self._period, lambda: Deferred.fromCoroutine(self._tidy()))


class PartialTidying(Tidying):
    """
    Tidies the partial uploads of a storage.

    :param lifetime: how many seconds a partial upload is kept.
    """

    def __init__(self, partials: IPartialUploads, lifetime: float, clock: IReactorTime) -> None:
        period = min(max(lifetime / _OFTEN, _SHORTEST), _LONGEST)
        super().__init__(partial(partials.tidy_partials, lifetime), "uploads that broke off", clock, period)
