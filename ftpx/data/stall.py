"""The rule that ends transfers whose peer does not take part."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from ftpx.data.stream import Time
from ftpx.errors import DataConnectionError

__all__ = ["MINIMUM_RATE", "StallWatch"]

MINIMUM_RATE = 64
"""Octets a second that a peer must at least move, on average over the time it is given."""


class StallWatch:
    """
    Calls back when less than `MINIMUM_RATE` was moved over a window of time.

    One delayed call a window, however many blocks move. Time in which the transfer waited for the storage does
    not count: the window is longer by as much.

    :param timeout: the window, in seconds.
    :param progress: how many octets the peer has got or given so far; may raise `DataConnectionError`.
    :param stalled: called once, with that error or with ``None`` for a stall.
    """

    def __init__(
        self,
        clock: Time,
        timeout: float,
        progress: Callable[[], int],
        stalled: Callable[[DataConnectionError | None], None],
    ) -> None:
        self._clock = clock
        self._timeout = timeout
        self._progress = progress
        self._stalled = stalled
        self._call: IDelayedCall | None = None
        self._seen = 0
        self._excused = 0.0
        self._paused: float | None = None

    def start(self) -> None:
        """From here on the peer's time runs. Further calls change nothing."""
        if self._call is None:
            self._call = self._clock.callLater(self._timeout, self._judge)

    def pause(self) -> None:
        """The transfer waits for the storage."""
        if self._call is not None:
            self._paused = self._clock.seconds()

    def resume(self) -> None:
        """The transfer goes on."""
        if self._paused is not None:
            self._excused += self._clock.seconds() - self._paused
            self._paused = None

    def stop(self) -> None:
        """The transfer is over."""
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _judge(self) -> None:
        if self._paused is not None:
            self.resume()
            self._paused = self._clock.seconds()
        if self._excused > 0:
            longer, self._excused = self._excused, 0.0
            self._call = self._clock.callLater(longer, self._judge)
            return
        try:
            progress = self._progress()
        except DataConnectionError as error:
            self._stalled(error)
            return
        if progress - self._seen < MINIMUM_RATE * self._timeout:
            self._stalled(None)
            return
        self._seen = progress
        self._call = self._clock.callLater(self._timeout, self._judge)
