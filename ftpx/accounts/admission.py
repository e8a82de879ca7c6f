"""Whether a user may log in now, from there: the rules apart from the password."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address
from typing import Final

import attrs

from ftpx.accounts.access import Decision
from ftpx.accounts.policy import AccountPolicy
from ftpx.accounts.profile import Profile

__all__ = ["Circumstances", "admission", "first_objection"]


@attrs.frozen
class Circumstances:
    """
    How somebody comes: ``address`` is the client's, ``None``: nobody asks; ``secured``: by TLS; ``now`` is in seconds
    since the epoch.
    """

    now: float
    address: str | None
    secured: bool


_Objection = Callable[[AccountPolicy, Circumstances], str | None]


def _expired(policy: AccountPolicy, how: Circumstances) -> str | None:
    return "expires" if policy.expires is not None and how.now >= policy.expires else None


def _not_from_there(policy: AccountPolicy, how: Circumstances) -> str | None:
    if not policy.addresses or how.address is None:
        return None
    try:
        address = ip_address(how.address)
    except ValueError:
        # A UNIX socket: whoever gets there has been let in by the system.
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return None if any(address in network for network in policy.addresses) else "addresses"


def _not_at_this_time(policy: AccountPolicy, how: Circumstances) -> str | None:
    if not policy.hours:
        return None
    local = datetime.fromtimestamp(how.now, UTC).astimezone()
    return None if any(hours.hold(local) for hours in policy.hours) else "hours"


def _in_clear(policy: AccountPolicy, how: Circumstances) -> str | None:
    return "tls" if policy.tls and not how.secured else None


_OBJECTIONS: Final[tuple[_Objection, ...]] = (_expired, _not_from_there, _not_at_this_time, _in_clear)


def _objections(profile: Profile, how: Circumstances) -> Iterator[tuple[str, str]]:
    """The items that stand against a login, each with how it is written and whose it is."""
    if profile.user.disabled:
        yield "disabled", f"user {profile.user.name} is disabled"
    for whose, policy in profile.named:
        for objection in _OBJECTIONS:
            item = objection(policy, how)
            if item is not None:
                yield item, f"{item} {', '.join(policy.texts()[item])} of {whose}"


def first_objection(profile: Profile, how: Circumstances) -> tuple[str, str] | None:
    """What stands against a login: the name of the item, or ``disabled``, and the rule for people; or nothing."""
    return next(_objections(profile, how), None)


def admission(profile: Profile, how: Circumstances) -> Decision:
    """Whether the user may be logged in, and the rule that says so."""
    objection = first_objection(profile, how)
    return Decision(True, "nothing stands against it") if objection is None else Decision(False, objection[1])
