"""The pace of a transfer that is granted its octets in blocks: by a quota, or by what may be moved in a day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpx.errors import FtpxError, StorageFailure
from ftpx.interfaces import IPace

__all__ = ["GrantedPace"]

# Seconds between two looks whether the next block was granted.
_SHORTEST_LOOK: Final = 0.001
_LONGEST_LOOK: Final = 0.05

_log = Logger()


@implementer(IPace)
class GrantedPace:
    """
    A pace without a rate: a transfer moves as fast as it can, up to what was granted so far; see `IPace`.

    The next block is asked for when half of the last one has moved. If that is refused, it is asked for once more when
    all has moved, and if that is refused too, the transfer may move one more octet: with none it would not find out
    that it is at its end. If it moves that one, it has ended with the error.

    :param granted: how many octets are granted from the beginning.
    :param grow: called with how many octets are needed, from the beginning of the transfer; how many are granted then.
        Raises an `FtpxError` if they are not.
    :param ended: called once, with how many octets have moved and how many were granted, when the transfer is over and
        nothing is asked for any more.
    """

    def __init__(
        self,
        granted: int,
        grow: Callable[[int], Awaitable[int]],
        ended: Callable[[int, int], object] = lambda moved, granted: None,
    ) -> None:
        self._granted = granted
        self._block = granted
        self._grow = grow
        self._ended: Callable[[int, int], object] | None = ended
        self._over: int | None = None
        self._asking = False
        self._ahead = True
        self._refusal: FtpxError | None = None
        self._look = _SHORTEST_LOOK

    def allowed(self, moved: int) -> int:
        """See `IPace`."""
        if self._refusal is not None:
            if moved > self._granted:
                raise self._refusal
            return self._granted + 1
        spent = moved >= self._granted
        if not self._asking and (spent or (self._ahead and self._granted - moved <= self._block // 2)):
            self._asking = True
            Deferred.fromCoroutine(self._ask(spent)).addErrback(self._broken)
        # The answer may have come at once.
        return self._granted + (self._refusal is not None)

    def wait(self) -> float:
        """See `IPace`."""
        look, self._look = self._look, min(2 * self._look, _LONGEST_LOOK)
        return look

    def end(self, moved: int) -> None:
        """See `IPace`."""
        if self._over is None:
            self._over = moved
            self._tell_end()

    async def _ask(self, spent: bool) -> None:
        try:
            granted = await self._grow(self._granted + 1)
        except FtpxError as error:
            self._ahead = False
            if spent:
                self._refusal = error
        else:
            self._block = granted - self._granted
            self._granted = granted
            self._look = _SHORTEST_LOOK
        finally:
            self._asking = False
            self._tell_end()

    def _broken(self, failure: Failure) -> None:
        _log.failure("what a transfer may move could not be found out", failure)
        self._refusal = StorageFailure("what the transfer may move could not be found out")

    def _tell_end(self) -> None:
        if self._over is not None and not self._asking and self._ended is not None:
            ended, self._ended = self._ended, None
            ended(self._over, self._granted)
