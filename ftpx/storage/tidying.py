"""Throwing away partial uploads whose time is over."""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ftpx.errors import StorageError
from ftpx.interfaces import IPartialUploads

__all__ = ["PartialTidying"]

_OFTEN: Final = 10
"""How often in a lifetime something is thrown away, within these bounds in seconds."""
_SHORTEST, _LONGEST = 1.0, 600.0


class PartialTidying:
    """
    Tidies the partial uploads of a storage when it starts, and then again and again.

    :param lifetime: how many seconds a partial upload is kept.
    """

    log = Logger()

    def __init__(self, partials: IPartialUploads, lifetime: float, clock: IReactorTime) -> None:
        self._partials = partials
        self._lifetime = lifetime
        self._clock = clock
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
            await self._partials.tidy_partials(self._lifetime)
        except StorageError as error:
            self.log.warn("uploads that broke off could not be tidied: {error}", error=error)
        except Exception:
            self.log.failure("uploads that broke off could not be tidied")
        if self._running:
            period = min(max(self._lifetime / _OFTEN, _SHORTEST), _LONGEST)
            self._call = self._clock.callLater(period, lambda: Deferred.fromCoroutine(self._tidy()))
