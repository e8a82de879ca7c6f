"""The time that a data connection may take to come about."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ftpx.data.stream import Time
from ftpx.errors import DataConnectionError, DataConnectionNotOpened

__all__ = ["HANDSHAKE_LIMIT", "OPENING_LIMIT", "within"]

OPENING_LIMIT = 30.0
"""Seconds that a peer gets to connect at most, however long a transfer may stall."""

HANDSHAKE_LIMIT = 10.0
"""Seconds that a peer gets for its part of a handshake, once there is a connection and a transfer."""


async def within(clock: Time, seconds: float, opened: Deferred[None], late: DataConnectionError | None = None) -> None:
    """
    Wait for what has to come before the first octet.

    :raises DataConnectionNotOpened: it did not come in time; or what is given as ``late``.
    """
    late = late or DataConnectionNotOpened("no data connection in time")
    timer = clock.callLater(seconds, opened.errback, late)
    try:
        await opened
    finally:
        if timer.active():
            timer.cancel()
