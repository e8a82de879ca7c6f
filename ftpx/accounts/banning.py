"""When failed logins become bans, and how long those are: rules without a clock and without a database."""

from __future__ import annotations

from typing import Final, Protocol

import attrs
from zope.interface import implementer

from ftpx.accounts.names import identity_of, is_name
from ftpx.accounts.sources import source_of
from ftpx.interfaces import IBans

__all__ = [
    "Ban",
    "BanRules",
    "NoBans",
    "Score",
    "address_subject",
    "ban_after",
    "login_subject",
    "name_subject",
    "next_score",
]

_FORGOTTEN_AFTER: Final = 16
"""Halvings after which nothing of a score is left."""


class BanRules(Protocol):
    """
    The settings that rule bans; times in seconds.

    An address is banned at a score of ``ban_failures``; at ``ban_name_failures`` a name counts as under attack. A score
    grows by 1 with each failure and halves every ``ban_window``. The first ban lasts ``ban_first``, each further one
    ``ban_factor`` times as long, up to ``ban_longest``; after that time without failures they begin anew.
    """

    @property
    def ban_failures(self) -> int: ...
    @property
    def ban_name_failures(self) -> int: ...
    @property
    def ban_window(self) -> int: ...
    @property
    def ban_first(self) -> int: ...
    @property
    def ban_factor(self) -> int: ...
    @property
    def ban_longest(self) -> int: ...


@attrs.frozen
class Score:
    """How much has failed by ``updated``, in seconds since the epoch."""

    score: float = 0.0
    updated: float = 0.0

    def at(self, now: float, window: float) -> float:
        """What is left of it."""
        halvings = max(0.0, now - self.updated) / max(window, 1)
        return 0.0 if halvings > _FORGOTTEN_AFTER else self.score * 0.5**halvings

    def reaches(self, failures: int) -> bool:
        """Whether so many have failed; what has faded since the first of them is not missed."""
        return self.score > failures - 0.5


@attrs.frozen(kw_only=True)
class Ban:
    """
    Who is banned, and until when, in seconds since the epoch; ``None``: for ever.

    ``subject`` is ``address:192.0.2.1``, ``address:2001:db8::/64``, ``name:alice``, or an address and a name with a
    space between them: the address is banned for that name only. A ban of a name that no operator has made bans nobody:
    it says that the name is under attack. ``times``: how many bans there were in a row.
    """

    subject: str
    since: float
    until: float | None
    times: int = 1
    reason: str = ""
    by_operator: bool = False

    def holds(self, now: float) -> bool:
        """Whether it is still in force."""
        return self.until is None or now < self.until


def address_subject(address: str) -> str:
    """What failures at an address are kept under."""
    return f"address:{source_of(address)}"


def name_subject(name: str) -> str | None:
    """What failures of a name are kept under; ``None``: it can be nobody's name."""
    identity = identity_of(name)
    return f"name:{identity}" if is_name(identity) else None


def login_subject(address: str, name: str) -> str | None:
    """What the ban of an address for one name is kept under; see `name_subject`."""
    subject = name_subject(name)
    return None if subject is None else f"{address_subject(address)} {subject}"


def next_score(before: Score, now: float, rules: BanRules) -> Score:
    """The score after one more failure."""
    return Score(before.at(now, rules.ban_window) + 1, max(now, before.updated))


def ban_after(last: Ban | None, subject: str, now: float, rules: BanRules, reason: str) -> Ban:
    """The ban that follows the last one there was; one that holds and is longer, or an operator's, stays."""
    times = 1
    if last is not None:
        if last.by_operator and last.holds(now):
            return last
        if last.until is not None and now - last.until < rules.ban_longest:
            times = last.times + 1
    # More than enough to be as long as a ban can be, and no number without end.
    growth = max(1, rules.ban_factor) ** min(times - 1, 32)
    length = min(rules.ban_first * growth, rules.ban_longest)
    return Ban(subject=subject, since=now, until=now + length, times=times, reason=reason)


@implementer(IBans)
class NoBans:
    """Nobody is banned: for servers without a database of accounts."""

    def refuses(self, address: str) -> bool:
        """See `IBans`."""
        return False

    def refuses_login(self, address: str, name: str) -> bool:
        """See `IBans`."""
        return False

    def failed(self, address: str, name: str) -> None:
        """See `IBans`."""
