"""How much a user may store in one part of the tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zope.interface import implementer

from ftpx.accounts.balance import Balance, Limits, Share
from ftpx.accounts.database.balances import octets_left, read_balances
from ftpx.accounts.database.traffic import read_traffic
from ftpx.accounts.ledger import Ledger
from ftpx.accounts.reservation import Reservation
from ftpx.accounts.traffic_limits import TrafficLimits
from ftpx.interfaces import Direction, IQuotas

__all__ = ["Quotas", "storage_lines", "traffic_lines"]


@implementer(IQuotas)
class Quotas:
    """
    The quotas of a user, and of the groups, for one part of the tree; see `IQuotas`.

    Both functions are called at every use, so that what an operator changes counts at once.

    :param limits: of all who are charged for what is stored there.
    :param largest_file: octets that a file may have.
    """

    def __init__(
        self, ledger: Ledger, limits: Callable[[], Sequence[Limits]], largest_file: Callable[[], int | None]
    ) -> None:
        self._ledger = ledger
        self._limits = limits
        self._largest_file = largest_file

    @property
    def largest_file(self) -> int | None:
        """Octets that a file may have."""
        return self._largest_file()

    @property
    def limited(self) -> bool:
        """Whether there is anything to ask for."""
        return self._largest_file() is not None or bool(self._limits())

    async def reserve(self, octets: int, files: int, places: Sequence[str] = ()) -> Reservation:
        """Set room aside; see `IQuotas`."""
        reservation = Reservation(self._ledger, self._limits)
        if octets or files or places:
            try:
                await reservation.begin(Share(octets, files), places)
            except BaseException:
                await reservation.release()
                raise
        return reservation

    async def available(self) -> int | None:
        """Octets that can still be stored; see `IQuotas`."""
        limits = self._limits()
        return await self._ledger.read(octets_left, limits, self._ledger.now()) if limits else None


async def storage_lines(ledger: Ledger, limits: Sequence[Limits]) -> list[str]:
    """What is used of quotas, in lines for people."""
    if not limits:
        return []
    return [_line(known, balance) for known, balance in await ledger.read(read_balances, limits)]


def _line(limits: Limits, balance: Balance) -> str:
    told = ", ".join(
        [
            *_used(balance.octets, limits.octets, limits.octets_soft, "octets"),
            *_used(balance.files, limits.files, limits.files_soft, "files"),
        ]
    )
    return f"{limits.whose}: {told}"


def _used(used: int, hard: int | None, soft: int | None, what: str) -> list[str]:
    if hard is None and soft is None:
        return []
    softly = "" if soft is None else f" (for at most seven days more than {soft})"
    return [f"{used}{'' if hard is None else f' of {hard}'} {what} stored{softly}"]


async def traffic_lines(ledger: Ledger, limits: Sequence[TrafficLimits], direction: Direction) -> list[str]:
    """What was moved of what may be, in lines for people."""
    if not limits:
        return []
    lines = []
    for known, moved in await ledger.read(read_traffic, limits, direction, ledger.now()):
        told = ", ".join(
            f"{number} of {limit} octets to {direction.value} this {period}"
            for number, limit, period in zip(moved, (known.day, known.month), ("day", "month"), strict=True)
            if limit is not None
        )
        lines.append(f"{known.whose}: {told}")
    return lines
