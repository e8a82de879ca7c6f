"""
The ledger: what is used of each balance, and what is set aside for the changes that are under way.

What is used and what is set aside together never exceed a quota: both are looked at and changed under the lock of the
balance's row. Rows are locked in the order of their numbers, so nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ftpx.accounts.balance import LARGEST, NOTHING, Balance, Limits, Share, grant
from ftpx.accounts.database.balances import (
    Usage,
    balance_of,
    charged,
    held_besides,
    lock_balances,
    number_of,
    read_usage,
    with_held,
)
from ftpx.accounts.database.inserting import insert_absent
from ftpx.accounts.database.schema import balances, operation_places, operation_shares, operations
from ftpx.errors import AccountsCorrupt, AccountsUnavailable

__all__ = [
    "Operation",
    "Outcome",
    "PlaceTaken",
    "SetAside",
    "Usage",
    "Wish",
    "mark_recount",
    "read_usage",
    "release",
    "set_aside",
    "settle",
    "take_over",
]

# To put a statement together takes longer than to execute it, so it is done once.
_OPERATION: Final[BindParameter[str]] = bindparam("operation")
_BALANCE: Final[BindParameter[int]] = bindparam("balance")
_MY_SHARES: Final = select(operation_shares.c.balance_id, operation_shares.c.octets, operation_shares.c.files).where(
    operation_shares.c.operation_id == _OPERATION
)
_CHANGE_SHARE: Final = (
    update(operation_shares)
    .where(operation_shares.c.operation_id == _OPERATION, operation_shares.c.balance_id == _BALANCE)
    .values(octets=bindparam("octets_now"), files=bindparam("files_now"))
)
_BEGIN: Final = insert(operations)
_ADD_SHARE: Final = insert(operation_shares)
_END: Final = delete(operations).where(operations.c.id == _OPERATION)
_UNLOCK: Final = delete(operation_places).where(operation_places.c.operation_id == _OPERATION)
_PLACE_OF: Final = select(operation_places.c.operation_id).where(operation_places.c.place == bindparam("locked"))
_ACCOUNT: Final = (
    update(balances)
    .where(balances.c.id == _BALANCE)
    .values(
        octets=bindparam("octets_now"),
        files=bindparam("files_now"),
        octets_soft_since=bindparam("octets_since"),
        files_soft_since=bindparam("files_since"),
        changes=balances.c.changes + 1,
    )
)
_UNCERTAIN: Final = update(balances).where(balances.c.id == _BALANCE).values(recount_due=True)
_NOBODY: Final = Limits(whose="nobody")


class PlaceTaken(Exception):
    """Somebody else changes what is at this place."""


@attrs.frozen
class Operation:
    """
    A change that is under way: its name, the server that makes it, and the balances that it has shares of. Without
    ``begun`` there is nothing of it in the database yet.
    """

    id: str
    server: str
    begun: bool = False
    balances: tuple[int, ...] = ()


@attrs.frozen
class Wish:
    """What an operation would have set aside, in all: ``needed``, as many octets as there are up to ``wanted``; and
    the places that it would have locked."""

    needed: Share = NOTHING
    wanted: int = 0
    places: tuple[str, ...] = ()


@attrs.frozen
class Outcome:
    """
    What an operation has changed, below 0: what went away.

    ``certain``: this is what has changed; if not, all is to be counted again.
    """

    change: Share = NOTHING
    certain: bool = True


@attrs.frozen
class SetAside:
    """What is set aside for an operation now, and the balances that it has shares of."""

    share: Share
    balances: tuple[int, ...]


def set_aside(
    connection: Connection,
    operation: Operation,
    limits: Sequence[Limits],
    wish: Wish,
    now: float,
) -> SetAside:
    """
    Set room aside, and lock places.

    :param limits: the present ones of all who are charged.
    :raises QuotaExceeded: there is not enough room.
    :raises PlaceTaken: somebody else has one of the places.
    :raises AccountsCorrupt: what is used is no number that it can be.
    :raises AccountsUnavailable: the operation, or who is charged, is not there any more.
    """
    rows = lock_balances(connection, limits, operation.balances)
    held = held_besides(connection, [row.id for row in rows], operation.id)
    own = _own(connection, operation)
    parties = [(row.id, known, with_held(row, known.whose, held)) for row, known in charged(rows, limits)]
    most = Share(
        max((share.octets for share in own.values()), default=0),
        max((share.files for share in own.values()), default=0),
    )
    share = grant([(known, balance) for _, known, balance in parties], most, wish.needed, wish.wanted, now)
    _write_shares(connection, operation, own, [number for number, _, _ in parties], share)
    for place in sorted(wish.places):
        _lock_place(connection, operation.id, place)
    return SetAside(share, tuple(sorted({*own, *(number for number, _, _ in parties)})))


def settle(
    connection: Connection,
    operation: Operation,
    limits: Sequence[Limits],
    outcome: Outcome,
    now: float,
) -> None:
    """
    Account for what an operation has changed, and end it.

    If it is not there any more, the server was taken for dead, or this was done before: then only what has been added
    is counted, and all is to be counted again.
    """
    rows = lock_balances(connection, (), operation.balances)
    ended = connection.execute(_END, {"operation": operation.id}).rowcount
    if not ended:
        change = outcome.change
        outcome = Outcome(Share(max(change.octets, 0), max(change.files, 0)), certain=False)
    by_holder = {known.holder: known for known in limits}
    for row in rows:
        known = by_holder.get((row.user_id, row.group_id), _NOBODY)
        _account(connection, row, known, outcome, now)


def take_over(connection: Connection, operation: Operation, limits: Sequence[Limits], taken: Share, now: float) -> None:
    """
    Turn what is accounted for already into what is set aside for an operation, and unlock its places.

    :raises AccountsUnavailable: the operation is not there any more.
    """
    rows = lock_balances(connection, (), operation.balances)
    own = _own(connection, operation)
    by_holder = {known.holder: known for known in limits}
    for row in rows:
        known = by_holder.get((row.user_id, row.group_id), _NOBODY)
        _account(connection, row, known, Outcome(Share(-taken.octets, -taken.files)), now)
        share = own[row.id]
        _change_share(connection, operation.id, row.id, Share(share.octets + taken.octets, share.files + taken.files))
    connection.execute(_UNLOCK, {"operation": operation.id})


def release(connection: Connection, operation: Operation) -> None:
    """End an operation that has changed nothing."""
    connection.execute(_END, {"operation": operation.id})


def mark_recount(connection: Connection, server: str) -> None:
    """
    Have counted again what a server has shares of, before what it held is taken away: nobody knows what it had
    published and not accounted for.
    """
    shared = (
        select(operation_shares.c.balance_id)
        .join(operations, operations.c.id == operation_shares.c.operation_id)
        .where(operations.c.server_id == server)
    )
    found = select(balances.c.id).where(balances.c.id.in_(shared)).order_by(balances.c.id).with_for_update()
    numbers = list(connection.execute(found).scalars())
    if numbers:
        connection.execute(update(balances).where(balances.c.id.in_(numbers)).values(recount_due=True))


def _own(connection: Connection, operation: Operation) -> dict[int, Share]:
    """What an operation has set aside, by balance."""
    if not operation.begun:
        return {}
    rows = connection.execute(_MY_SHARES, {"operation": operation.id})
    found = {
        row.balance_id: Share(number_of(row.octets, "an upload", "octets"), number_of(row.files, "an upload", "files"))
        for row in rows
    }
    if set(operation.balances) - set(found):
        raise AccountsUnavailable("this server was taken for dead, and what it had set aside is gone")
    return found


def _write_shares(
    connection: Connection, operation: Operation, own: Mapping[int, Share], numbers: Iterable[int], share: Share
) -> None:
    try:
        if not operation.begun:
            connection.execute(_BEGIN, {"id": operation.id, "server_id": operation.server})
        for number in sorted({*own, *numbers}):
            if number not in own:
                row = {"operation_id": operation.id, "balance_id": number, "octets": share.octets, "files": share.files}
                connection.execute(_ADD_SHARE, row)
            elif own[number] != share:
                _change_share(connection, operation.id, number, share)
    except IntegrityError as error:
        raise AccountsUnavailable("this server was taken for dead, and what it had set aside is gone") from error


def _change_share(connection: Connection, operation: str, number: int, share: Share) -> None:
    values = {"operation": operation, "balance": number, "octets_now": share.octets, "files_now": share.files}
    connection.execute(_CHANGE_SHARE, values)


def _lock_place(connection: Connection, operation: str, place: str) -> None:
    row = {"place": place, "operation_id": operation}
    insert_absent(connection, operation_places, [row])
    if connection.execute(_PLACE_OF, {"locked": place}).scalar() != operation:
        raise PlaceTaken(place)


def _account(connection: Connection, row: Row[Any], limits: Limits, outcome: Outcome, now: float) -> None:
    change = outcome.change
    certain = outcome.certain
    try:
        before = balance_of(row, limits.whose, NOTHING)
    except AccountsCorrupt:
        # Nobody knows what it was, so nothing is left until it was counted.
        after, certain = Balance(octets=LARGEST, files=LARGEST), False
    else:
        after = before.changed(change, limits, now)
        certain = certain and before.octets + change.octets >= 0 and before.files + change.files >= 0
    connection.execute(
        _ACCOUNT,
        {
            "balance": row.id,
            "octets_now": after.octets,
            "files_now": after.files,
            "octets_since": after.octets_soft_since,
            "files_since": after.files_soft_since,
        },
    )
    if not certain:
        connection.execute(_UNCERTAIN, {"balance": row.id})
