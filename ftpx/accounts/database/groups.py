"""Groups in the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from ftpx.accounts.database import revision
from ftpx.accounts.database.items import (
    Changes,
    corrupt,
    is_about_storage,
    read_policy,
    recount,
    replace_items,
)
from ftpx.accounts.database.naming import ids_by_name, key_of
from ftpx.accounts.database.schema import balances, group_items, groups, memberships, users
from ftpx.accounts.names import check_name, identity_of
from ftpx.accounts.profile import Group
from ftpx.errors import ConfigurationError

__all__ = [
    "GROUP_COLUMNS",
    "add_group",
    "change_group",
    "delete_group",
    "find_group",
    "groups_of_rows",
    "list_groups",
    "members",
]

GROUP_COLUMNS = (groups.c.id, groups.c.name, groups.c.identity, group_items.c.item, group_items.c.value)
"""What `groups_of_rows` wants of each row."""

_GROUPS = (
    select(*GROUP_COLUMNS)
    .select_from(groups.outerjoin(group_items))
    .order_by(groups.c.identity, groups.c.id, group_items.c.item, group_items.c.place)
)


def groups_of_rows(rows: Iterable[Sequence[Any]]) -> Iterator[Group]:
    """
    The groups of rows of `GROUP_COLUMNS` in which those of one group are together.

    :raises AccountsCorrupt: something of a group is damaged.
    """
    for (id, name, identity), together in groupby(rows, lambda row: (row[0], row[1], row[2])):
        if not isinstance(name, str) or identity_of(name) != identity:
            raise corrupt(f"group {name!r}", "its name is not that by which it is found.")
        # A group of which nothing is said has one row without an item.
        items = [(row[3], row[4]) for row in together if row[3] is not None]
        yield Group(id=id, name=name, policy=read_policy(f"group {name!r}", items))


def list_groups(connection: Connection) -> list[Group]:
    """
    All groups, by name.

    :raises AccountsCorrupt: something of a group is damaged.
    """
    return list(groups_of_rows(connection.execute(_GROUPS)))


def find_group(connection: Connection, name: str) -> Group | None:
    """
    The group that has a name, however that is spelled.

    :raises AccountsCorrupt: something of it is damaged.
    """
    key = key_of(name)
    if key is None:
        return None
    return next(groups_of_rows(connection.execute(_GROUPS.where(groups.c.identity == key))), None)


def members(connection: Connection, name: str) -> list[str]:
    """
    The names of the users in a group.

    :raises ConfigurationError: there is no such group.
    """
    [id] = ids_by_name(connection, groups, "group", [name])
    query = select(users.c.name).join(memberships).where(memberships.c.group_id == id).order_by(users.c.identity)
    return list(connection.execute(query).scalars())


def add_group(connection: Connection, name: str, *, items: Changes | None = None) -> int:
    """
    Make a group; its id.

    :param items: what is said for it.
    :raises ConfigurationError: it cannot have that name or those items, or there is one of that name.
    """
    name = check_name(name)
    try:
        id: int = connection.execute(
            insert(groups).values(name=name, identity=identity_of(name)).returning(groups.c.id)
        ).scalar_one()
    except IntegrityError:
        raise ConfigurationError(f"There is a group {name!r} already, or one that differs by case only.") from None
    connection.execute(insert(balances).values(group_id=id))
    replace_items(connection, group_items, id, items or {})
    revision.bump(connection)
    return id


def change_group(
    connection: Connection,
    name: str,
    *,
    items: Changes | None = None,
    join: Iterable[str] = (),
    leave: Iterable[str] = (),
) -> None:
    """
    Change items of a group, and who is in it.

    :param join: names of users who are in it from now on.
    :param leave: names of those who are not any more.
    :raises ConfigurationError: there is no such group or user, or an item has not its form.
    """
    [id] = ids_by_name(connection, groups, "group", [name], lock=True)
    joining, leaving = (ids_by_name(connection, users, "user", names) for names in (join, leave))
    replace_items(connection, group_items, id, items or {})
    there = set(connection.execute(select(memberships.c.user_id).where(memberships.c.group_id == id)).scalars())
    new = [{"user_id": user, "group_id": id} for user in joining if user not in there]
    if new:
        connection.execute(insert(memberships), new)
    if leaving:
        connection.execute(delete(memberships).where(memberships.c.group_id == id, memberships.c.user_id.in_(leaving)))
    if is_about_storage(items or {}):
        recount(connection, users={*there, *joining, *leaving}, groups=[id])
    elif joining or leaving:
        recount(connection, users={*joining, *leaving}, groups=[id])
    revision.bump(connection)


def delete_group(connection: Connection, name: str) -> None:
    """
    Delete a group. Those who were in it stay, without what it said.

    :raises ConfigurationError: there is no such group.
    """
    [id] = ids_by_name(connection, groups, "group", [name], lock=True)
    there = connection.execute(select(memberships.c.user_id).where(memberships.c.group_id == id)).scalars().all()
    recount(connection, users=there)
    connection.execute(delete(groups).where(groups.c.id == id))
    revision.bump(connection)
