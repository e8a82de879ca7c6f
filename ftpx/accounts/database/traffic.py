"""Octets that were moved in a day and in a month, by user and by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
from sqlalchemy import Connection, case, delete, func, select, update

from ftpx.accounts.database.balances import charged, lock_balances, number_of
from ftpx.accounts.database.inserting import insert_absent
from ftpx.accounts.database.schema import balances, traffic
from ftpx.accounts.traffic_limits import TRAFFIC_ITEMS, TrafficLimits
from ftpx.errors import QuotaExceeded
from ftpx.interfaces import Direction

__all__ = ["TakenOctets", "drop_old", "give_back", "read_all", "read_traffic", "take"]

# What is older is of no use to anybody.
_KEPT_DAYS: Final = 62


@attrs.frozen
class TakenOctets:
    """Octets that were taken for a transfer, and of what, so that they can be given back."""

    octets: int
    balances: tuple[int, ...]
    direction: Direction
    periods: tuple[str, str]


def take(
    connection: Connection, limits: Sequence[TrafficLimits], direction: Direction, wanted: int, now: float
) -> TakenOctets:
    """
    Take octets for a transfer, one at least and up to ``wanted``.

    :raises QuotaExceeded: none are left of the day or the month.
    :raises AccountsCorrupt, AccountsUnavailable: what was moved is no number; or who is charged is not there.
    """
    periods = _periods(now)
    octets = wanted
    found = charged(lock_balances(connection, limits, ()), limits)
    for row, known in found:
        moved = _moved(connection, row.id, direction, periods, known.whose)
        for number, limit, period in zip(moved, (known.day, known.month), ("day", "month"), strict=True):
            if limit is None:
                continue
            if number >= limit:
                raise QuotaExceeded(
                    f"The octets of {known.whose} to {direction.value}, {limit} a {period}, are used up."
                )
            octets = min(octets, limit - number)
    numbers = tuple(row.id for row, _ in found)
    rows = [_key(number, direction, period) for number in numbers for period in periods]
    insert_absent(connection, traffic, rows)
    _add(connection, TakenOctets(octets, numbers, direction, periods), octets)
    return TakenOctets(octets, numbers, direction, periods)


def give_back(connection: Connection, taken: TakenOctets, octets: int) -> None:
    """Give back so many octets of those that were taken, as they were not moved."""
    lock_balances(connection, (), taken.balances)
    _add(connection, taken, -octets)


def read_traffic(
    connection: Connection, limits: Sequence[TrafficLimits], direction: Direction, now: float
) -> list[tuple[TrafficLimits, tuple[int, int]]]:
    """
    What was moved this day and this month, by all who are limited.

    :raises AccountsCorrupt, AccountsUnavailable: see `take`.
    """
    periods = _periods(now)
    rows = charged(lock_balances(connection, limits, (), lock=False), limits)
    return [(known, _moved(connection, row.id, direction, periods, known.whose)) for row, known in rows]


def read_all(connection: Connection, now: float) -> Mapping[tuple[str, int], Mapping[str, int]]:
    """What was moved this day and this month, by ``user`` or ``group`` and number, and by the item that limits it."""
    periods = _periods(now)
    rows = connection.execute(
        select(traffic, balances.c.user_id, balances.c.group_id)
        .join(balances, balances.c.id == traffic.c.balance_id)
        .where(traffic.c.period.in_(periods))
    )
    items = {
        (direction.value, period): item
        for direction in Direction
        for period, item in zip(periods, TRAFFIC_ITEMS[direction], strict=True)
    }
    found: dict[tuple[str, int], dict[str, int]] = {}
    for row in rows:
        who = ("user", row.user_id) if row.user_id is not None else ("group", row.group_id)
        item = items.get((row.direction, row.period))
        if item is not None:
            found.setdefault(who, {})[item] = number_of(row.octets, f"{who[0]} {who[1]}", item)
    return found


def drop_old(connection: Connection, now: float) -> None:
    """Forget days and months that nobody is limited by any more."""
    day, month = _periods(now - timedelta(days=_KEPT_DAYS).total_seconds())
    period = traffic.c.period
    connection.execute(delete(traffic).where(period < case((func.length(period) == len(day), day), else_=month)))


def _periods(now: float) -> tuple[str, str]:
    """The day and the month, in UTC."""
    moment = datetime.fromtimestamp(now, UTC)
    return f"{moment:%Y-%m-%d}", f"{moment:%Y-%m}"


def _key(number: int, direction: Direction, period: str) -> dict[str, object]:
    return {"balance_id": number, "direction": direction.value, "period": period}


def _moved(
    connection: Connection, number: int, direction: Direction, periods: tuple[str, str], whose: str
) -> tuple[int, int]:
    rows = connection.execute(
        select(traffic.c.period, traffic.c.octets).where(
            traffic.c.balance_id == number, traffic.c.direction == direction.value, traffic.c.period.in_(periods)
        )
    )
    found = {row.period: number_of(row.octets, whose, f"what was moved in {row.period}") for row in rows}
    day, month = periods
    return found.get(day, 0), found.get(month, 0)


def _add(connection: Connection, taken: TakenOctets, octets: int) -> None:
    columns = traffic.c
    if taken.balances:
        connection.execute(
            update(traffic)
            .where(
                columns.balance_id.in_(taken.balances),
                columns.direction == taken.direction.value,
                columns.period.in_(taken.periods),
                columns.octets >= -octets,
            )
            .values(octets=columns.octets + octets)
        )
