"""The servers that run on the accounts, and the sessions and transfers that each of them holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from ftpx.accounts.database import revision
from ftpx.accounts.database.inserting import insert_absent
from ftpx.accounts.database.schema import groups, login_counts, memberships, servers, slots, users

__all__ = [
    "Gone",
    "Limit",
    "LoginRate",
    "Outdated",
    "Server",
    "SlotRow",
    "Terms",
    "beat",
    "delete_slots",
    "held_slots",
    "other_servers",
    "reap",
    "remove_server",
    "restore_slots",
    "take_slot",
]

# How many values one statement may name.
_CHUNK: Final = 500
# Counts of logins are of no use after so many minutes.
_KEPT_MINUTES: Final = 2


@attrs.frozen
class Server:
    """A server process. ``host`` tells machines apart, and what of a machine has process numbers of its own."""

    id: str
    host: str
    pid: int
    beat: int = 0


@attrs.frozen
class SlotRow:
    """One session or transfer of a user: ``kind`` says which."""

    id: str
    kind: str
    user_id: int
    address: str


@attrs.frozen
class Limit:
    """
    How many slots of one kind there may be: of the user, or of all members of a group; ``same_address``: only those
    from one address count.
    """

    most: int
    group_id: int | None = None
    same_address: bool = False


@attrs.frozen
class LoginRate:
    """How many logins the user may have in ``minute``, in minutes since the epoch."""

    most: int
    minute: int


@attrs.frozen
class Terms:
    """
    On what a slot is to be had. ``revision`` is the number of that in which the limits were read, if it is to be the
    present one.
    """

    limits: Sequence[Limit] = ()
    rate: LoginRate | None = None
    revision: int | None = None


@attrs.frozen
class Gone:
    """The user is not there any more."""


@attrs.frozen
class Outdated:
    """Operators have changed something since the limits were read."""


# Servers


def beat(connection: Connection, server: Server) -> bool:
    """Say that a server lives. If it is not known (any more), it is from now on, and the answer is ``False``."""
    beaten = connection.execute(
        update(servers).where(servers.c.id == server.id).values(beat=servers.c.beat + 1)
    ).rowcount
    if not beaten:
        _insert_server(connection, server)
    return bool(beaten)


def other_servers(connection: Connection, server_id: str) -> list[Server]:
    """All servers but one."""
    rows = connection.execute(
        select(servers.c.id, servers.c.host, servers.c.pid, servers.c.beat).where(servers.c.id != server_id)
    )
    return [Server(*row) for row in rows]


def reap(connection: Connection, dead: Server, mark_recount: Callable[[Connection, str], object]) -> bool:
    """
    Take away a server with all that it holds, if its beat is what it was.

    :param mark_recount: has everything counted again that the server was changing.
    """
    there = connection.execute(
        select(servers.c.id).where(servers.c.id == dead.id, servers.c.beat == dead.beat).with_for_update()
    ).first()
    if there is not None:
        remove_server(connection, dead.id, mark_recount)
    return there is not None


def remove_server(connection: Connection, server_id: str, mark_recount: Callable[[Connection, str], object]) -> None:
    """Take away a server with all that it holds; see `reap`."""
    mark_recount(connection, server_id)
    connection.execute(delete(servers).where(servers.c.id == server_id))


# Slots


def take_slot(
    connection: Connection, server: Server, slot: SlotRow, terms: Terms
) -> Limit | LoginRate | Gone | Outdated | None:
    """
    Count a session or a transfer in, unless something is against it; the first thing that is, or ``None``.

    Nobody else changes what is counted here until the end of the transaction.
    """
    if terms.revision is not None and revision.current(connection) != terms.revision:
        return Outdated()
    if connection.execute(_locking(users, [slot.user_id])).first() is None:
        return Gone()
    group_ids = sorted({limit.group_id for limit in terms.limits if limit.group_id is not None})
    if group_ids:
        connection.execute(_locking(groups, group_ids)).all()
    for limit in terms.limits:
        if connection.execute(_counting(limit, slot)).scalar_one() >= limit.most:
            return limit
    if terms.rate is not None and not _count_login(connection, slot.user_id, terms.rate):
        return terms.rate
    _insert_slots(connection, server, [slot])
    return None


def held_slots(connection: Connection, server_id: str) -> set[str]:
    """The slots that the table has for a server."""
    return set(connection.execute(select(slots.c.id).where(slots.c.server_id == server_id)).scalars())


def delete_slots(connection: Connection, ids: Collection[str]) -> None:
    """Count sessions and transfers out; those that are not there do no harm."""
    wanted = sorted(ids)
    for start in range(0, len(wanted), _CHUNK):
        connection.execute(delete(slots).where(slots.c.id.in_(wanted[start : start + _CHUNK])))


def restore_slots(connection: Connection, server: Server, missing: Iterable[SlotRow]) -> None:
    """Put back what a server holds and the table has lost, whatever the limits; users that are gone are left out."""
    wanted = sorted(missing, key=lambda slot: slot.id)
    for start in range(0, len(wanted), _CHUNK):
        some = wanted[start : start + _CHUNK]
        of_users = select(users.c.id).where(users.c.id.in_({slot.user_id for slot in some}))
        there = set(connection.execute(of_users.with_for_update(read=True, key_share=True)).scalars())
        _insert_slots(connection, server, [slot for slot in some if slot.user_id in there])


def _locking(table: Any, ids: Sequence[int]) -> Any:
    """Rows, locked in order; others may still refer to them."""
    return select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id).with_for_update(key_share=True)


def _counting(limit: Limit, slot: SlotRow) -> Any:
    query = select(func.count()).select_from(slots).where(slots.c.kind == slot.kind)
    return query.where(_whose(limit, slot), *([slots.c.address == slot.address] if limit.same_address else []))


def _whose(limit: Limit, slot: SlotRow) -> ColumnElement[bool]:
    if limit.group_id is None:
        return slots.c.user_id == slot.user_id
    return slots.c.user_id.in_(select(memberships.c.user_id).where(memberships.c.group_id == limit.group_id))


def _count_login(connection: Connection, user_id: int, rate: LoginRate) -> bool:
    """Count one more login of a minute, unless there were enough."""
    mine = login_counts.c.user_id == user_id
    connection.execute(delete(login_counts).where(mine, login_counts.c.minute <= rate.minute - _KEPT_MINUTES))
    this_minute = (mine, login_counts.c.minute == rate.minute)
    logins = connection.execute(select(login_counts.c.logins).where(*this_minute)).scalar()
    if (logins or 0) >= rate.most:
        return False
    if logins is None:
        connection.execute(insert(login_counts).values(user_id=user_id, minute=rate.minute, logins=1))
    else:
        connection.execute(update(login_counts).where(*this_minute).values(logins=logins + 1))
    return True


def _insert_server(connection: Connection, server: Server) -> None:
    insert_absent(connection, servers, [{"id": server.id, "host": server.host, "pid": server.pid, "beat": 1}])


def _insert_slots(connection: Connection, server: Server, rows: Sequence[SlotRow]) -> None:
    """Slots belong to a server: one that was taken for dead is there again."""
    # Locked, so that nobody takes it for dead before the slots are there, too.
    there = select(servers.c.id).where(servers.c.id == server.id).with_for_update(read=True, key_share=True)
    if connection.execute(there).first() is None:
        _insert_server(connection, server)
    insert_absent(connection, slots, [{**attrs.asdict(row), "server_id": server.id} for row in rows])
