"""The time that a data connection may take to come about."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ftpx.data.stream import Time
from ftpx.errors import DataConnectionNotOpened

__all__ = ["OPENING_LIMIT", "within"]

OPENING_LIMIT = 30.0
"""Seconds that a peer gets at most, however long a transfer may stall."""


async def within(clock: Time, seconds: float, opened: Deferred[None]) -> None:
    """
    Wait for a connection.

    :raises DataConnectionNotOpened: it did not come in time.
    """
    timer = clock.callLater(seconds, opened.errback, DataConnectionNotOpened("no data connection in time"))
    try:
        await opened
    finally:
        if timer.active():
            timer.cancel()
