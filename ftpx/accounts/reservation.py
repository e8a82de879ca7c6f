"""Room that is set aside in the ledger for one change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import attrs
from twisted.internet.defer import Deferred, DeferredLock
from zope.interface import implementer

from ftpx.accounts.balance import NOTHING, Limits, Share
from ftpx.accounts.database.ledger import Operation, Outcome, PlaceTaken, Wish, release, set_aside, settle, take_over
from ftpx.accounts.ledger import Ledger
from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IReservation
from ftpx.running import to_the_end

__all__ = ["LOCK_PATIENCE", "Reservation"]

LOCK_PATIENCE: Final = 3.0
"""Seconds for which a place may be locked by somebody else."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25

_T = TypeVar("_T")


@implementer(IReservation)
class Reservation:
    """
    Room for one change; see `IReservation`. All that it is asked is one transaction, and none where nobody is limited.

    Whoever waits for it may be cancelled: what was begun in the database goes on to its end, and `release` comes
    behind it.

    :param limits: the present ones of all who are charged.
    """

    def __init__(self, ledger: Ledger, limits: Callable[[], Sequence[Limits]]) -> None:
        self._ledger = ledger
        self._limits = limits
        self._operation = ledger.operation()
        self._share = NOTHING
        self._charged: frozenset[object] = frozenset()
        self._ended = False
        self._turn = DeferredLock()

    @property
    def octets(self) -> int:
        """Octets that are set aside."""
        return self._share.octets

    async def extend(self, needed: int, wanted: int, files: int = 0) -> None:
        """See `IReservation`."""
        await self._in_turn(lambda: self._set_aside(Wish(Share(needed, files), wanted)))

    async def begin(self, needed: Share, places: Sequence[str]) -> None:
        """Set room aside and lock places, at once; see `IQuotas.reserve`."""
        pause = _SHORTEST_PAUSE
        deadline = self._ledger.clock.seconds() + LOCK_PATIENCE
        while True:
            try:
                await self._in_turn(lambda: self._set_aside(Wish(needed, needed.octets, tuple(places))))
            except PlaceTaken:
                if self._ledger.clock.seconds() >= deadline:
                    raise StorageUnavailable("somebody else is changing that, too") from None
            else:
                return
            await self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def lock(self, places: Sequence[str]) -> None:
        """See `IReservation`."""
        await self.begin(NOTHING, places)

    async def try_lock(self, place: str) -> bool:
        """See `IReservation`."""
        try:
            await self._in_turn(lambda: self._set_aside(Wish(places=(place,))))
        except PlaceTaken:
            return False
        return True

    async def take_over(self, octets: int, files: int) -> None:
        """See `IReservation`."""
        await self._in_turn(lambda: self._take_over(Share(octets, files)))

    async def settle(self, octets: int, files: int, *, certain: bool = True) -> None:
        """See `IReservation`."""
        await self._in_turn(lambda: self._settle(Outcome(Share(octets, files), certain)))

    async def release(self) -> None:
        """See `IReservation`."""
        await self._in_turn(self._release)

    async def _in_turn(self, work: Callable[[], Awaitable[_T]]) -> _T:
        return await to_the_end(self._alone(work))

    async def _alone(self, work: Callable[[], Awaitable[_T]]) -> _T:
        await self._turn.acquire()
        try:
            return await work()
        finally:
            self._turn.release()

    async def _set_aside(self, wish: Wish) -> None:
        if self._ended:
            raise StorageUnavailable("what was set aside is given back")
        limits = self._limits()
        known = frozenset(limit.holder for limit in limits) <= self._charged
        enough = max(wish.wanted, wish.needed.octets) <= self._share.octets and wish.needed.files <= self._share.files
        if known and enough and not wish.places:
            return
        if not limits and not self._operation.begun:
            self._share = Share(
                max(self.octets, wish.wanted, wish.needed.octets), max(self._share.files, wish.needed.files)
            )
            return
        operation = self._operation
        if not operation.begun:
            # If this fails, whatever comes of it later has a name of its own.
            self._operation = self._ledger.operation()
        done = await self._ledger.write(
            set_aside, operation, limits, wish, self._ledger.now(), discard=lambda _: self._undo(operation)
        )
        self._share = done.share
        self._charged |= {limit.holder for limit in limits}
        self._operation = attrs.evolve(operation, begun=True, balances=done.balances)

    def _undo(self, operation: Operation) -> None:
        """The database has begun it although we were told that it had not."""
        if not operation.begun:
            Deferred.fromCoroutine(self._ledger.owe(operation.id, release, operation))

    async def _take_over(self, taken: Share) -> None:
        if self._operation.begun:
            await self._ledger.write(take_over, self._operation, self._limits(), taken, self._ledger.now())
        self._share = Share(self._share.octets + taken.octets, self._share.files + taken.files)

    async def _settle(self, outcome: Outcome) -> None:
        if self._ended:
            return
        self._ended = True
        if self._operation.begun:
            operation, now = self._operation, self._ledger.now()
            await self._ledger.owe(operation.id, settle, operation, self._limits(), outcome, now)

    async def _release(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self._operation.begun:
            await self._ledger.owe(self._operation.id, release, self._operation)

    async def _sleep(self, seconds: float) -> None:
        passed: Deferred[None] = Deferred()
        call = self._ledger.clock.callLater(seconds, passed.callback, None)
        try:
            await passed
        finally:
            if call.active():
                call.cancel()
