"""A listening socket that stands ready before it is asked for."""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from ftpx.data.reset import close_by_reset
from ftpx.data.stream import Time
from ftpx.errors import NoFreePort

__all__ = ["SpareListener"]

_BURST = 0.1
"""Seconds between two requests for one address within which a third is expected."""

_KEPT = 1.0
"""Seconds that a spare is kept for."""

Opened = tuple[socket.socket, int]


class SpareListener:
    """
    Opens listeners. While requests for one address follow close upon each other and each is used, as it is
    when many small files are transferred, the next listener is opened in the time between them.

    :param open_listener: opens a listener on an address; see `ftpx.data.listening.open_listener`.
    """

    def __init__(self, clock: Time, open_listener: Callable[[str], Opened]) -> None:
        self._clock = clock
        self._open = open_listener
        self._host = ""
        self._last = float("-inf")
        self._used = False
        self._spare: Opened | None = None
        self._timer: IDelayedCall | None = None

    def take(self, host: str) -> Opened:
        """
        A listener on a local address, and its port.

        :raises NoFreePort: there is none.
        """
        now = self._clock.seconds()
        burst = self._used and host == self._host and now - self._last < _BURST
        spare = self._spare if host == self._host else None
        if spare is not None:
            self._spare = None
            _turn_away(spare[0])
        elif self._spare is not None:
            self._drop()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._clock.callLater(0, self._prepare) if burst else None
        self._host, self._last, self._used = host, now, False
        return self._open(host) if spare is None else spare

    def used(self) -> None:
        """Be told that a connection came to a listener."""
        self._used = True

    def _prepare(self) -> None:
        try:
            self._spare = self._open(self._host)
        except NoFreePort:
            return
        self._timer = self._clock.callLater(_KEPT, self._drop)

    def _drop(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            spare[0].close()


def _turn_away(listener: socket.socket) -> None:
    """Close the connections of those who came before anybody was invited."""
    while True:
        try:
            stranger, _ = listener.accept()
        except OSError:
            return
        close_by_reset(stranger)
