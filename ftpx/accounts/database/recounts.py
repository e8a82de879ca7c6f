"""Counting again what is stored: whose turn it is, and whether a count that took its time still holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs
from sqlalchemy import Connection, Row, exists, or_, select, update

from ftpx.accounts.balance import NOTHING, Share
from ftpx.accounts.database.balances import balance_of
from ftpx.accounts.database.schema import balances, group_items, operation_places, operation_shares, user_items
from ftpx.errors import AccountsCorrupt

__all__ = ["CountOutdated", "DueBalance", "due_balances", "write_count"]

# Who has none of these need not be counted.
_QUOTAS: Final = ("quota", "quota_soft", "quota_files", "quota_files_soft")


class CountOutdated(Exception):
    """What was counted may have changed meanwhile."""


@attrs.frozen
class DueBalance:
    """A balance to be counted: whose it is, and the number of its last change."""

    id: int
    user_id: int | None
    group_id: int | None
    changes: int

    @property
    def place(self) -> str:
        """What is locked while it is counted, so that nobody else counts it, too."""
        return f"count/{self.id}"


def due_balances(connection: Connection, counted_before: float, most: int) -> Sequence[DueBalance]:
    """
    Balances that are to be counted: first those for which somebody has said so, then those not counted for long.

    :param counted_before: seconds since the epoch.
    """
    columns = balances.c
    limited = or_(
        exists().where(user_items.c.user_id == columns.user_id, user_items.c.item.in_(_QUOTAS)),
        exists().where(group_items.c.group_id == columns.group_id, group_items.c.item.in_(_QUOTAS)),
    )
    rows = connection.execute(
        select(columns.id, columns.user_id, columns.group_id, columns.changes)
        .where(limited, or_(columns.recount_due, columns.recounted.is_(None), columns.recounted < counted_before))
        .order_by(columns.recount_due.desc(), columns.recounted.is_not(None), columns.recounted, columns.id)
        .limit(most)
    )
    return [DueBalance(*row) for row in rows]


def write_count(connection: Connection, due: DueBalance, counted: Share, now: float) -> Share | None:
    """
    Have a balance as it was counted.

    :return: what was thought to be used, ``None`` if that was no number.
    :raises CountOutdated: something was accounted for meanwhile, or is between being changed and being accounted for.
    """
    columns = balances.c
    row = connection.execute(select(balances).where(columns.id == due.id).with_for_update()).one_or_none()
    changing = exists().where(
        operation_shares.c.balance_id == due.id, operation_places.c.operation_id == operation_shares.c.operation_id
    )
    if row is None or row.changes != due.changes or connection.execute(select(changing)).scalar():
        raise CountOutdated
    connection.execute(
        update(balances)
        .where(columns.id == due.id)
        .values(octets=counted.octets, files=counted.files, recount_due=False, recounted=now)
    )
    return _used(row)


def _used(row: Row[Any]) -> Share | None:
    try:
        balance = balance_of(row, "the one", NOTHING)
    except AccountsCorrupt:
        return None
    return Share(balance.octets, balance.files)
