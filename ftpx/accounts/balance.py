"""How much more may be stored, computed of what is used and set aside. Nothing here waits or asks anybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from ftpx.accounts.policy import AccountPolicy
from ftpx.accounts.profile import Group, Profile
from ftpx.errors import QuotaExceeded

__all__ = [
    "GRACE",
    "LARGEST",
    "NOTHING",
    "Balance",
    "Holder",
    "Limits",
    "Share",
    "grant",
    "home_limits",
    "mount_limits",
]

GRACE: Final = 7 * 24 * 3600.0
"""Seconds for which a soft quota may be exceeded."""

LARGEST: Final = 2**62
"""No number of octets or files is larger than this."""

# Of what is left, one upload takes a quarter ahead, or this, so that others that begin together find some, too.
_PART: Final = 4
_AHEAD: Final = 64 * 1024


@attrs.frozen(kw_only=True)
class Holder:
    """Who has a balance, a user or a group: one of ``user_id`` and ``group_id`` is given. ``whose`` is for people."""

    whose: str
    user_id: int | None = None
    group_id: int | None = None

    @property
    def holder(self) -> tuple[int | None, int | None]:
        """What tells one from the others."""
        return self.user_id, self.group_id


@attrs.frozen(kw_only=True)
class Limits(Holder):
    """What may be stored by a user, or by the members of a group together; ``None``: as much as they like."""

    octets: int | None = None
    octets_soft: int | None = None
    files: int | None = None
    files_soft: int | None = None

    @property
    def limiting(self) -> bool:
        """Whether anything is limited."""
        return any(limit is not None for limit in (self.octets, self.octets_soft, self.files, self.files_soft))


@attrs.frozen
class Share:
    """Octets and files, such as are set aside for one change."""

    octets: int = 0
    files: int = 0


NOTHING: Final = Share()


@attrs.frozen(kw_only=True)
class Balance:
    """
    What a user or a group uses.

    ``held`` is set aside for all changes under way but the one that is looked at. ``octets_soft_since`` and
    ``files_soft_since`` tell since when a soft quota is exceeded, in seconds since the epoch.
    """

    octets: int
    files: int
    octets_soft_since: float | None = None
    files_soft_since: float | None = None
    held: Share = NOTHING

    def limits(self, limits: Limits, now: float) -> tuple[int | None, int | None]:
        """Octets and files that there may be at this moment; ``None``: any number."""
        return (
            _limit(limits.octets, limits.octets_soft, self.octets_soft_since, now),
            _limit(limits.files, limits.files_soft, self.files_soft_since, now),
        )

    def octets_left(self, limits: Limits, now: float) -> int | None:
        """Octets that may be set aside, below 0 if too much is used already; ``None``: any number."""
        octets, _ = self.limits(limits, now)
        return None if octets is None else octets - self.octets - self.held.octets

    def files_left(self, limits: Limits, now: float) -> int | None:
        """Files that may be set aside, below 0 if there are too many already; ``None``: any number."""
        _, files = self.limits(limits, now)
        return None if files is None else files - self.files - self.held.files

    def changed(self, change: Share, limits: Limits, now: float) -> Balance:
        """What it is when so much was added, or below 0: taken away. It never gets below 0."""
        octets = _between(self.octets + change.octets)
        files = _between(self.files + change.files)
        return attrs.evolve(
            self,
            octets=octets,
            files=files,
            octets_soft_since=_since(limits.octets_soft, octets, self.octets_soft_since, now),
            files_soft_since=_since(limits.files_soft, files, self.files_soft_since, now),
        )


def _between(number: int) -> int:
    return min(max(number, 0), LARGEST)


def _since(soft: int | None, used: int, since: float | None, now: float) -> float | None:
    if soft is None or used <= soft:
        return None
    return now if since is None else since


def _limit(hard: int | None, soft: int | None, since: float | None, now: float) -> int | None:
    """What counts now: the soft quota too, when its time is over."""
    limits = [] if hard is None else [hard]
    # A clock that was set back does not give another seven days.
    if soft is not None and since is not None and not since <= now < since + GRACE:
        limits.append(soft)
    return min(limits, default=None)


def grant(parties: Sequence[tuple[Limits, Balance]], own: Share, needed: Share, wanted: int, now: float) -> Share:
    """
    What is set aside for a change: at least what is needed, and octets ahead up to ``wanted`` as there is room.

    :param own: what is set aside for it already, which nobody takes away.
    :raises QuotaExceeded: what is needed is too much for one of the parties.
    """
    octets = max(wanted, needed.octets)
    for limits, balance in parties:
        octets_left, files_left = balance.octets_left(limits, now), balance.files_left(limits, now)
        if files_left is not None and needed.files > max(files_left, own.files):
            raise QuotaExceeded(_refusal(limits.whose, "files", limits.files, limits.files_soft, files_left))
        if octets_left is None:
            continue
        if needed.octets > max(octets_left, own.octets):
            raise QuotaExceeded(_refusal(limits.whose, "octets", limits.octets, limits.octets_soft, octets_left))
        free = octets_left - needed.octets
        octets = min(octets, needed.octets + min(max(free // _PART, _AHEAD), max(free, 0)))
    return Share(max(octets, own.octets), max(needed.files, own.files))


def _refusal(whose: str, what: str, hard: int | None, soft: int | None, left: int) -> str:
    told = " and ".join(
        f"{limit} {what}{kind}"
        for limit, kind in ((hard, ""), (soft, " for longer than seven days"))
        if limit is not None
    )
    return f"The quota of {whose} is {told}; {max(left, 0)} are left."


def _limits(policy: AccountPolicy, whose: str, *, user_id: int | None = None, group_id: int | None = None) -> Limits:
    return Limits(
        whose=whose,
        user_id=user_id,
        group_id=group_id,
        octets=policy.quota,
        octets_soft=policy.quota_soft,
        files=policy.quota_files,
        files_soft=policy.quota_files_soft,
    )


def _of_user(profile: Profile) -> Limits:
    return _limits(profile.user.policy, f"user {profile.user.name}", user_id=profile.user.id)


def _of_group(group: Group) -> Limits:
    return _limits(group.policy, f"group {group.name}", group_id=group.id)


def home_limits(profile: Profile) -> tuple[Limits, ...]:
    """What limits a user's home: the quotas of the user and those of the groups."""
    found = (_of_user(profile), *(_of_group(group) for group in profile.groups))
    return tuple(limits for limits in found if limits.limiting)


def mount_limits(profile: Profile, group: Group | None) -> tuple[Limits, ...]:
    """
    What limits a folder that is mounted in a user's home.

    :param group: the group that the folder comes by; ``None``: it is the user's own.
    """
    if group is None:
        found = [_of_user(profile)]
    else:
        found = [_of_group(member) for member in profile.groups if member.id == group.id]
    return tuple(limits for limits in found if limits.limiting)
