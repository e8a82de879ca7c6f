"""How many octets may be moved in a day and in a month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from ftpx.accounts.balance import Holder
from ftpx.accounts.policy import AccountPolicy
from ftpx.accounts.profile import Profile
from ftpx.interfaces import Direction

__all__ = ["TRAFFIC_ITEMS", "TrafficLimits", "traffic_limits"]

TRAFFIC_ITEMS: Final = {
    Direction.UPLOAD: ("upload_day", "upload_month"),
    Direction.DOWNLOAD: ("download_day", "download_month"),
}
"""The items of a policy that limit a direction: of a day and of a month."""


@attrs.frozen(kw_only=True)
class TrafficLimits(Holder):
    """
    Octets that a user, or the members of a group together, may move in one direction in a day and in a month (UTC);
    ``None``: as many as they like.
    """

    day: int | None
    month: int | None


def traffic_limits(profile: Profile, direction: Direction) -> Sequence[TrafficLimits]:
    """What limits the transfers of a user; nothing if nothing does."""
    user = profile.user
    found = [
        _limits(user.policy, direction, whose=f"user {user.name}", user_id=user.id),
        *(_limits(group.policy, direction, whose=f"group {group.name}", group_id=group.id) for group in profile.groups),
    ]
    return [limits for limits in found if limits.day is not None or limits.month is not None]


def _limits(
    policy: AccountPolicy, direction: Direction, *, whose: str, user_id: int | None = None, group_id: int | None = None
) -> TrafficLimits:
    day, month = (getattr(policy, item) for item in TRAFFIC_ITEMS[direction])
    return TrafficLimits(whose=whose, user_id=user_id, group_id=group_id, day=day, month=month)
