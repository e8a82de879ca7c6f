"""Counting again, now and then and when there is a reason, what is stored; by one server at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ftpx.accounts.balance import Share
from ftpx.accounts.database.ledger import PlaceTaken, Wish, release, set_aside
from ftpx.accounts.database.recounts import CountOutdated, DueBalance, due_balances, write_count
from ftpx.accounts.database.traffic import drop_old
from ftpx.accounts.ledger import Ledger
from ftpx.errors import StorageError

__all__ = ["Count", "Recounting"]

Count = Callable[[int | None, int | None], Awaitable[tuple[int, int]]]
"""Octets and files of a user, or of a group, by the number of the one or the other."""

# Seconds between two looks for what is to be counted.
_PERIOD: Final = 5.0
# Seconds after which everything is counted again.
_OLD: Final = 24 * 3600.0
# Seconds in which all servers have heard of a new quota and account for what is done from then on.
_SETTLING: Final = 6.0
# Seconds between two times that old days and months are forgotten.
_DROPPING: Final = 3600.0
# Balances that are looked at at a time.
_MOST: Final = 100
# Who changes all the time is left alone for longer and longer after a count that did not hold, up to so many seconds.
_LONGEST_PAUSE: Final = 600.0

_log = Logger()


class Recounting:
    """
    Counts what is stored, for balances that somebody wants counted and those that were not for a day.

    A count is taken only if nothing was accounted for while it was made and nothing was half done; if not, it is made
    again later.

    :param count: looks at all that is charged to a user or a group.
    """

    def __init__(self, ledger: Ledger, count: Count, clock: IReactorTime) -> None:
        self._ledger = ledger
        self._count = count
        self._clock = clock
        self._looking = LoopingCall(self.look)
        self._looking.clock = clock
        self._pauses: dict[int, tuple[float, float]] = {}
        self._dropped = -_DROPPING
        self._round: Deferred[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._looking.start(_PERIOD, now=False)

    def stop(self) -> None:
        """Do not look any more; a count under way is broken off."""
        if self._looking.running:
            self._looking.stop()
        if self._round is not None:
            self._round.cancel()

    def look(self) -> Deferred[None]:
        """Count what is to be counted. Does not raise; fires when it is done."""
        self._round = Deferred.fromCoroutine(self._count_due())
        return self._round.addErrback(lambda failure: _log.debug("counting broke off: {why}", why=failure.value))

    async def _count_due(self) -> None:
        ledger, clock = self._ledger, self._clock
        if clock.seconds() >= self._dropped + _DROPPING:
            self._dropped = clock.seconds()
            await ledger.write(drop_old, ledger.now())
        all_due = await ledger.read(due_balances, ledger.now() - _OLD, _MOST)
        waiting = {due.id: self._pauses.get(due.id, (clock.seconds() + _SETTLING, _SETTLING)) for due in all_due}
        self._pauses = waiting
        for due in all_due:
            if clock.seconds() >= waiting[due.id][0]:
                await self._count_alone(due)

    async def _count_alone(self, due: DueBalance) -> None:
        """Count, unless another server does."""
        ledger = self._ledger
        operation = ledger.operation()
        try:
            await ledger.write(set_aside, operation, (), Wish(places=(due.place,)), ledger.now())
        except PlaceTaken:
            return
        try:
            await self._count_one(due)
        finally:
            await ledger.owe(operation.id, release, operation)

    async def _count_one(self, due: DueBalance) -> None:
        try:
            counted = Share(*await self._count(due.user_id, due.group_id))
            before = await self._ledger.write(write_count, due, counted, self._ledger.now())
        except CountOutdated:
            self._pause(due)
        except StorageError as error:
            self._pause(due)
            _log.warn("What {whose} has could not be counted: {reason}", whose=_whose(due), reason=str(error))
        else:
            self._pauses.pop(due.id, None)
            if before != counted:
                _log.warn(
                    "{whose} had {before} in the ledger, and {counted} were counted.",
                    whose=_whose(due),
                    before=_told(before),
                    counted=_told(counted),
                )

    def _pause(self, due: DueBalance) -> None:
        pause = min(2 * self._pauses[due.id][1], _LONGEST_PAUSE)
        self._pauses[due.id] = self._clock.seconds() + pause, pause


def _whose(due: DueBalance) -> str:
    return f"user {due.user_id}" if due.user_id is not None else f"group {due.group_id}"


def _told(share: Share | None) -> str:
    return "what is no number" if share is None else f"{share.octets} octets in {share.files} files"
