"""What the user of a database may use besides room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from zope.interface import implementer

from ftpx.accounts.presence import Presence, Slot
from ftpx.accounts.profile import Profile
from ftpx.interfaces import Direction, IAllowance, IPace, ITransferAllowance

__all__ = ["Allowance"]

_RATES: Final[Mapping[Direction, str]] = {Direction.UPLOAD: "rate_up", Direction.DOWNLOAD: "rate_down"}


@implementer(ITransferAllowance)
class _TransferAllowance:
    """A transfer that was counted in; see `ITransferAllowance`."""

    def __init__(self, slot: Slot, pace: IPace | None) -> None:
        self._slot = slot
        self.pace = pace

    def end(self, moved: int) -> None:
        """See `ITransferAllowance`."""
        if self.pace is not None:
            self.pace.end(moved)
        self._slot.release()


@implementer(IAllowance)
class Allowance:
    """
    Transfers at once, octets a day and a month, and rates; see `IAllowance`.

    :param profile: the profile as it is now.
    :param address: the client's.
    :param traffic: the pace of a transfer whose octets count by the day or the month, or ``None`` if they do not.
        Raises `QuotaExceeded` if they are used up.
    :param quota_lines: see `IAllowance.quota_lines`.
    """

    def __init__(
        self,
        profile: Callable[[], Profile],
        address: str,
        presence: Presence,
        traffic: Callable[[Direction], Awaitable[IPace | None]],
        quota_lines: Callable[[], Awaitable[Sequence[str]]],
    ) -> None:
        self._profile = profile
        self._address = address
        self._presence = presence
        self._traffic = traffic
        self._quota_lines = quota_lines
        self._rates: dict[Direction, Sequence[tuple[str, int | None]]] = {}
        self._rates_of: Profile | None = None

    async def begin_transfer(self, direction: Direction) -> _TransferAllowance:
        """See `IAllowance`."""
        slot = await self._presence.begin_transfer(self._profile(), self._address)
        try:
            pace = await self._traffic(direction)
        except BaseException:
            slot.release()
            raise
        return _TransferAllowance(slot, pace)

    def rates(self, direction: Direction) -> Sequence[tuple[str, int | None]]:
        """See `IAllowance`. The same object as long as nothing has changed."""
        profile = self._profile()
        if profile is not self._rates_of:
            self._rates = {one: _rates(profile, item) for one, item in _RATES.items()}
            self._rates_of = profile
        return self._rates[direction]

    async def quota_lines(self) -> Sequence[str]:
        """See `IAllowance`."""
        return await self._quota_lines()


def _rates(profile: Profile, item: str) -> Sequence[tuple[str, int | None]]:
    return (
        (f"user:{profile.user.name}", getattr(profile.user.policy, item)),
        *((f"group:{group.name}", getattr(group.policy, item)) for group in profile.groups),
    )
