"""What users and groups use, as it is read from the database: every number is looked at before it is believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import attrs
from sqlalchemy import BigInteger, Connection, Row, bindparam, cast, func, or_, select

from ftpx.accounts.balance import LARGEST, NOTHING, Balance, Holder, Limits, Share
from ftpx.accounts.database.schema import balances, groups, operation_shares, users
from ftpx.errors import AccountsCorrupt, AccountsUnavailable

__all__ = [
    "Usage",
    "balance_of",
    "charged",
    "held_besides",
    "lock_balances",
    "number_of",
    "octets_left",
    "read_balances",
    "read_usage",
    "with_held",
]

_HolderT = TypeVar("_HolderT", bound=Holder)

# To put a statement together takes longer than to execute it, so it is done once.
_READ: Final = (
    select(balances)
    .where(
        or_(
            balances.c.user_id.in_(bindparam("user_ids", expanding=True)),
            balances.c.group_id.in_(bindparam("group_ids", expanding=True)),
            balances.c.id.in_(bindparam("numbers", expanding=True)),
        )
    )
    .order_by(balances.c.id)
)
_LOCK: Final = _READ.with_for_update()
_ALL_HELD: Final = (
    select(
        operation_shares.c.balance_id,
        func.count().label("shares"),
        (func.count(operation_shares.c.octets) + func.count(operation_shares.c.files) - func.count()).label("numbers"),
        cast(func.sum(operation_shares.c.octets), BigInteger).label("octets"),
        cast(func.sum(operation_shares.c.files), BigInteger).label("files"),
        func.min(operation_shares.c.octets).label("least_octets"),
        func.max(operation_shares.c.octets).label("most_octets"),
        func.min(operation_shares.c.files).label("least_files"),
        func.max(operation_shares.c.files).label("most_files"),
    )
    .where(operation_shares.c.operation_id != bindparam("besides"))
    .group_by(operation_shares.c.balance_id)
)
_HELD: Final = _ALL_HELD.where(operation_shares.c.balance_id.in_(bindparam("numbers", expanding=True)))


@attrs.frozen(kw_only=True)
class Usage:
    """
    What a user or a group uses: ``name`` is that of the one, ``kind`` says which. ``held_octets`` and ``held_files``
    are set aside for what is under way. ``recounted`` is in seconds since the epoch.
    """

    kind: str
    id: int
    name: str
    octets: int
    files: int
    held_octets: int
    held_files: int
    octets_soft_since: float | None
    files_soft_since: float | None
    recount_due: bool
    recounted: float | None


def octets_left(connection: Connection, limits: Sequence[Limits], now: float) -> int | None:
    """
    Octets that can still be stored; ``None``: any number.

    :raises AccountsCorrupt, AccountsUnavailable: see `set_aside`.
    """
    left = [balance.octets_left(known, now) for known, balance in read_balances(connection, limits)]
    return min((max(octets, 0) for octets in left if octets is not None), default=None)


def read_balances(connection: Connection, limits: Sequence[Limits]) -> list[tuple[Limits, Balance]]:
    """
    The balances of all who are charged.

    :raises AccountsCorrupt, AccountsUnavailable: see `set_aside`.
    """
    rows = lock_balances(connection, limits, (), lock=False)
    held = held_besides(connection, [row.id for row in rows], "")
    return [(known, with_held(row, known.whose, held)) for row, known in charged(rows, limits)]


def read_usage(connection: Connection) -> list[Usage]:
    """
    What all users and groups use, users first, by name.

    :raises AccountsCorrupt: something of it is no number that it can be.
    """
    rows = connection.execute(
        select(balances, users.c.name.label("user_name"), groups.c.name.label("group_name"))
        .select_from(balances)
        .join(users, users.c.id == balances.c.user_id, isouter=True)
        .join(groups, groups.c.id == balances.c.group_id, isouter=True)
        .order_by(balances.c.group_id.is_not(None), users.c.identity, groups.c.identity)
    ).all()
    held = held_besides(connection, None, "")
    usages = []
    for row in rows:
        kind = "user" if row.user_id is not None else "group"
        name = row.user_name if row.user_id is not None else row.group_name
        balance = with_held(row, f"{kind} {name}", held)
        usages.append(
            Usage(
                kind=kind,
                id=row.user_id if row.user_id is not None else row.group_id,
                name=name,
                octets=balance.octets,
                files=balance.files,
                held_octets=balance.held.octets,
                held_files=balance.held.files,
                octets_soft_since=balance.octets_soft_since,
                files_soft_since=balance.files_soft_since,
                recount_due=bool(row.recount_due),
                recounted=row.recounted,
            )
        )
    return usages


def lock_balances(
    connection: Connection, holders: Sequence[Holder], known: Sequence[int], *, lock: bool = True
) -> Sequence[Row[Any]]:
    """
    The balances of those who are charged, and some more by number, locked, in the order of their numbers.

    :param lock: if not, they are only read.
    """
    found = {
        "user_ids": [holder.user_id for holder in holders if holder.user_id is not None],
        "group_ids": [holder.group_id for holder in holders if holder.group_id is not None],
        "numbers": list(known),
    }
    if not any(found.values()):
        return []
    return connection.execute(_LOCK if lock else _READ, found).all()


def charged(rows: Iterable[Row[Any]], limits: Sequence[_HolderT]) -> list[tuple[Row[Any], _HolderT]]:
    """
    Each of the limits with its balance.

    :raises AccountsUnavailable: there is none: somebody has removed the user or the group.
    """
    by_holder = {(row.user_id, row.group_id): row for row in rows}
    found = []
    for known in limits:
        row = by_holder.get(known.holder)
        if row is None:
            raise AccountsUnavailable(f"there is no balance of {known.whose}")
        found.append((row, known))
    return found


def balance_of(row: Any, whose: str, held: Share) -> Balance:
    """
    A row of balances as numbers that they can be.

    :raises AccountsCorrupt: it holds others. Somebody has changed it by hand.
    """
    return Balance(
        octets=number_of(row.octets, whose, "octets"),
        files=number_of(row.files, whose, "files"),
        octets_soft_since=_moment(row.octets_soft_since, whose, "octets_soft_since"),
        files_soft_since=_moment(row.files_soft_since, whose, "files_soft_since"),
        held=held,
    )


def with_held(row: Any, whose: str, held: Mapping[int, Any]) -> Balance:
    found = held.get(row.id)
    if found is None:
        return balance_of(row, whose, NOTHING)
    if found.shares != found.numbers:
        raise AccountsCorrupt(f"what is set aside of {whose} is no number: NULL")
    for value in (found.least_octets, found.most_octets, found.least_files, found.most_files):
        number_of(value, whose, "what is set aside")
    octets, files = number_of(found.octets, whose, "octets set aside"), number_of(found.files, whose, "files set aside")
    return balance_of(row, whose, Share(octets, files))


def number_of(value: object, whose: str, what: str) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise AccountsCorrupt(
            f"the balance of {whose} is broken: {what} is {value!r}, which is no number that it can be"
        )
    return value


def _moment(value: object, whose: str, what: str) -> float | None:
    if value is not None and not (isinstance(value, int | float) and value >= 0):
        raise AccountsCorrupt(f"the balance of {whose} is broken: {what} is {value!r}, which is no time")
    return value


def held_besides(connection: Connection, numbers: Sequence[int] | None, besides: str) -> Mapping[int, Row[Any]]:
    """
    What is set aside of balances, ``None``: of all, by all operations but one; for `with_held`.

    The least and the most show what is no number.
    """
    values = {"besides": besides} if numbers is None else {"besides": besides, "numbers": list(numbers)}
    if numbers is not None and not numbers:
        return {}
    rows = connection.execute(_ALL_HELD if numbers is None else _HELD, values)
    return {row.balance_id: row for row in rows}
