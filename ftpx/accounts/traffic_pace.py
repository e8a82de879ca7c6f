"""The pace of a transfer whose user may move so many octets in a day or a month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import uuid4

from twisted.internet.defer import Deferred

from ftpx.accounts.database.traffic import TakenOctets, give_back, take
from ftpx.accounts.ledger import Ledger
from ftpx.accounts.traffic_limits import TrafficLimits
from ftpx.interfaces import Direction
from ftpx.pacing import GrantedPace

__all__ = ["traffic_pace"]

_FIRST: Final = 1024 * 1024
_LARGEST: Final = 16 * 1024 * 1024


class _Traffic:
    """The octets that were taken for one transfer."""

    def __init__(self, ledger: Ledger, limits: Callable[[], Sequence[TrafficLimits]], direction: Direction) -> None:
        self._ledger = ledger
        self._limits = limits
        self._direction = direction
        self._taken: list[TakenOctets] = []
        self._octets = 0

    async def take(self, needed: int) -> int:
        """Take the next block; how many octets are granted then."""
        wanted = max(needed - self._octets, min(max(self._octets, _FIRST), _LARGEST))
        ledger = self._ledger
        taken = await ledger.write(
            take,
            self._limits(),
            self._direction,
            wanted,
            ledger.now(),
            discard=lambda late: self._return(late, late.octets),
        )
        self._taken.append(taken)
        self._octets += taken.octets
        return self._octets

    def end(self, moved: int, granted: int) -> None:
        """Give back what did not move, of the last blocks first."""
        unused = granted - moved
        while unused > 0 and self._taken:
            last = self._taken.pop()
            self._return(last, min(unused, last.octets))
            unused -= last.octets

    def _return(self, taken: TakenOctets, octets: int) -> None:
        if taken.balances:
            Deferred.fromCoroutine(self._ledger.owe(uuid4().hex, give_back, taken, octets))


async def traffic_pace(
    ledger: Ledger, limits: Callable[[], Sequence[TrafficLimits]], direction: Direction
) -> GrantedPace | None:
    """
    The pace of a transfer that begins, with its first octets; ``None``: nothing limits it.

    It must be ended, whether anything moved or not: then the octets that did not move are given back.

    :param limits: the present ones of all who are charged; see `ftpx.accounts.traffic_limits.traffic_limits`.
    :raises QuotaExceeded: none are left of the day or the month.
    :raises StorageUnavailable: the accounts cannot be asked now.
    """
    if not limits():
        return None
    traffic = _Traffic(ledger, limits, direction)
    return GrantedPace(await traffic.take(1), traffic.take, traffic.end)
