"""Failed logins and bans, as all servers on the accounts share them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

import attrs
from sqlalchemy import Connection, Row, delete, func, or_, select, update

from ftpx.accounts.banning import (
    Ban,
    BanRules,
    Score,
    address_subject,
    ban_after,
    login_subject,
    name_subject,
    next_score,
)
from ftpx.accounts.database import revision
from ftpx.accounts.database.inserting import insert_absent, insert_or_replace
from ftpx.accounts.database.schema import allowed_networks as allowed_table
from ftpx.accounts.database.schema import bans, failures
from ftpx.accounts.sources import parse_source
from ftpx.errors import ConfigurationError

__all__ = [
    "BanList",
    "BanStamp",
    "Failure",
    "add_ban",
    "allow_network",
    "allowed_networks",
    "ban_stamp",
    "disallow_network",
    "forget",
    "is_allowed",
    "lift_ban",
    "list_bans",
    "read_bans",
    "record_failure",
    "record_failures",
]

Network = IPv4Network | IPv6Network

_ADDRESS: Final = "address:"
_FORGOTTEN_WINDOWS: Final = 16


@attrs.frozen
class Failure:
    """A login that failed; ``time`` is in seconds since the epoch."""

    address: str
    name: str
    time: float


@attrs.frozen
class BanList:
    """Who is banned, and who never is."""

    bans: Mapping[str, Ban] = attrs.field(factory=dict)
    networks: Sequence[Network] = ()


@attrs.frozen
class BanStamp:
    """What differs for two states of the bans; see `ban_stamp`."""

    count: int
    last: float | None
    revision: int


# What servers do


def record_failure(connection: Connection, address: str, name: str, now: float, rules: BanRules) -> list[Ban]:
    """Count one failed login; the bans that come of it."""
    return record_failures(connection, [Failure(address, name, now)], rules)


def record_failures(connection: Connection, failed: Iterable[Failure], rules: BanRules) -> list[Ban]:
    """Count failed logins, in order; the bans that come of them. Those from allowed networks do not count."""
    networks = allowed_networks(connection)
    counted = [failure for failure in failed if not is_allowed(failure.address, networks)]
    book = _Book(connection, counted, rules)
    for failure in counted:
        book.count(failure)
    return book.write()


class _Book:
    """The scores and bans of all that a few failures are about, locked until the end of the transaction."""

    def __init__(self, connection: Connection, failed: Sequence[Failure], rules: BanRules) -> None:
        self._connection = connection
        self._rules = rules
        subjects = {subject for failure in failed for subject in _subjects(failure)}
        logins = {subject for failure in failed if (subject := login_subject(failure.address, failure.name))}
        self._scores = _locked_scores(connection, sorted(subjects), min((one.time for one in failed), default=0.0))
        self._bans = _bans_of(connection, subjects | logins)
        self._made: dict[str, Ban] = {}

    def count(self, failure: Failure) -> None:
        rules, now = self._rules, failure.time
        address, name = address_subject(failure.address), name_subject(failure.name)
        login = login_subject(failure.address, failure.name)
        under_attack = self._bans.get(name) if name is not None else None
        if login is not None and under_attack is not None and under_attack.holds(now):
            self._ban(login, now, "a failed login by a name under attack")
        if self._raise(address, now).reaches(rules.ban_failures):
            self._ban(address, now, f"{rules.ban_failures} failed logins")
        if name is not None and self._raise(name, now).reaches(rules.ban_name_failures):
            self._ban(name, now, f"under attack: {rules.ban_name_failures} failed logins")

    def _raise(self, subject: str, now: float) -> Score:
        score = self._scores[subject] = next_score(self._scores[subject], now, self._rules)
        return score

    def _ban(self, subject: str, now: float, reason: str) -> None:
        last = self._bans.get(subject)
        ban = ban_after(last, subject, now, self._rules, reason)
        if ban is not last:
            self._bans[subject] = self._made[subject] = ban
        if subject in self._scores:
            # The next ban is for as many failures again.
            self._scores[subject] = Score(0.0, now)

    def write(self) -> list[Ban]:
        for subject, score in self._scores.items():
            self._connection.execute(
                update(failures).where(failures.c.subject == subject).values(score=score.score, updated=score.updated)
            )
        for ban in self._made.values():
            insert_or_replace(self._connection, bans, attrs.asdict(ban))
        return list(self._made.values())


def _subjects(failure: Failure) -> list[str]:
    name = name_subject(failure.name)
    return [address_subject(failure.address), *([] if name is None else [name])]


def _locked_scores(connection: Connection, subjects: Sequence[str], now: float) -> dict[str, Score]:
    """Scores, made where there are none, locked in order."""
    insert_absent(connection, failures, [{"subject": subject, "score": 0.0, "updated": now} for subject in subjects])
    query = select(failures.c.subject, failures.c.score, failures.c.updated).where(failures.c.subject.in_(subjects))
    rows = connection.execute(query.order_by(failures.c.subject).with_for_update())
    return {subject: Score(score, updated) for subject, score, updated in rows}


def _bans_of(connection: Connection, subjects: Collection[str]) -> dict[str, Ban]:
    rows = connection.execute(select(bans).where(bans.c.subject.in_(subjects)))
    return {ban.subject: ban for ban in map(_ban, rows)}


def _ban(row: Row[Any]) -> Ban:
    return Ban(**row._mapping)


def forget(connection: Connection, now: float, rules: BanRules) -> None:
    """Take away what does not count any more."""
    connection.execute(delete(failures).where(failures.c.updated < now - _FORGOTTEN_WINDOWS * rules.ban_window))
    connection.execute(delete(bans).where(bans.c.until < now - rules.ban_longest))


def ban_stamp(connection: Connection) -> BanStamp:
    """What differs when somebody was banned, or is not any more before the time."""
    count, last = connection.execute(select(func.count(), func.max(bans.c.since)).select_from(bans)).one()
    return BanStamp(count, last, revision.current(connection))


def read_bans(connection: Connection, now: float) -> BanList:
    """All bans in force, and who never is banned."""
    return BanList({ban.subject: ban for ban in list_bans(connection, now)}, allowed_networks(connection))


# What operators do


def list_bans(connection: Connection, now: float | None = None) -> list[Ban]:
    """
    The bans in force, sorted by subject.

    :param now: seconds since the epoch; by default what the system's clock says.
    """
    moment = time.time() if now is None else now
    query = select(bans).where(or_(bans.c.until.is_(None), bans.c.until > moment)).order_by(bans.c.subject)
    return [_ban(row) for row in connection.execute(query)]


def add_ban(connection: Connection, subject: str, seconds: float | None, reason: str, now: float | None = None) -> Ban:
    """
    Ban an address or a name, whatever its password; it ends open sessions, too.

    :param subject: see `ftpx.accounts.banning.address_subject` and ``name_subject``.
    :param seconds: for how long; ``None``: for ever.
    :param now: see `list_bans`.
    :raises ConfigurationError: the address is in a network that is never banned.
    """
    network = _network_of(subject)
    if network is not None:
        for allowed in allowed_networks(connection):
            if allowed.version == network.version and allowed.overlaps(network):
                raise ConfigurationError(f"{network} is in {allowed}, which is never banned; disallow that first.")
    since = time.time() if now is None else now
    until = None if seconds is None else since + seconds
    ban = Ban(subject=subject, since=since, until=until, reason=reason, by_operator=True)
    insert_or_replace(connection, bans, attrs.asdict(ban))
    revision.bump(connection)
    return ban


def lift_ban(connection: Connection, subject: str) -> bool:
    """End what bans there are of an address or a name, and forget its failures; whether there was a ban."""
    # An address is banned for a name, or a name at an address.
    related = or_(
        bans.c.subject == subject,
        bans.c.subject.startswith(f"{subject} ", autoescape=True),
        bans.c.subject.endswith(f" {subject}", autoescape=True),
    )
    lifted = connection.execute(delete(bans).where(related)).rowcount
    connection.execute(delete(failures).where(failures.c.subject == subject))
    # In any case, so that servers also forget what they could not write here.
    revision.bump(connection)
    return bool(lifted)


def allow_network(connection: Connection, network: str) -> None:
    """
    Never ban the addresses of a network.

    :raises ConfigurationError: it is none.
    """
    insert_absent(connection, allowed_table, [{"network": str(_network(network))}])
    revision.bump(connection)


def disallow_network(connection: Connection, network: str) -> bool:
    """
    Have the addresses of a network like all others again; whether it was allowed.

    :raises ConfigurationError: it is none.
    """
    mine = allowed_table.c.network == str(_network(network))
    removed = bool(connection.execute(delete(allowed_table).where(mine)).rowcount)
    if removed:
        revision.bump(connection)
    return removed


def allowed_networks(connection: Connection) -> list[Network]:
    """The networks whose addresses are never banned, in order."""
    texts = connection.execute(select(allowed_table.c.network).order_by(allowed_table.c.network)).scalars()
    return [ip_network(text) for text in texts]


def is_allowed(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of some networks."""
    parsed = parse_source(address)
    return parsed is not None and any(parsed in network for network in networks)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no address and no network such as 192.0.2.0/24: {error}.") from None


def _network_of(subject: str) -> Network | None:
    if not subject.startswith(_ADDRESS):
        return None
    try:
        return ip_network(subject.removeprefix(_ADDRESS))
    except ValueError:
        return None
