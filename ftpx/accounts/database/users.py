"""Users in the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Integer, Row, bindparam, delete, insert, select, type_coerce, update
from sqlalchemy.exc import IntegrityError

from ftpx.accounts.database import revision
from ftpx.accounts.database.groups import GROUP_COLUMNS, groups_of_rows
from ftpx.accounts.database.items import Changes, corrupt, is_about_storage, read_policy, recount, replace_items
from ftpx.accounts.database.naming import ids_by_name, key_of
from ftpx.accounts.database.schema import balances, group_items, groups, memberships, user_items, users
from ftpx.accounts.names import check_name, identity_of
from ftpx.accounts.profile import Profile, User
from ftpx.errors import AccountsCorrupt, ConfigurationError

__all__ = [
    "add_user",
    "change_user",
    "delete_user",
    "find_for_login",
    "find_profile",
    "list_profiles",
    "profile_by_id",
    "profiles_by_id",
    "profiles_in_group",
    "replace_password",
    "set_disabled",
    "set_password",
    "set_totp",
    "use_totp",
]

_PAGE: Final = 200

# SQLite keeps anything in any column, and SQLAlchemy makes a truth of anything; so it is looked at as it is.
_DISABLED: Final = type_coerce(users.c.disabled, Integer).label("disabled")
_USERS: Final[Any] = select(*(column for column in users.c if column is not users.c.disabled), _DISABLED)
_BY_NAME: Final = _USERS.where(users.c.identity == bindparam("key"))
_BY_ID: Final = _USERS.where(users.c.id.in_(bindparam("ids", expanding=True)))
_IN_GROUP: Final = (
    _USERS.join(memberships, memberships.c.user_id == users.c.id)
    .where(memberships.c.group_id == bindparam("group"))
    .order_by(users.c.identity)
)
_NEXT: Final = _USERS.where(users.c.identity > bindparam("key")).order_by(users.c.identity).limit(_PAGE)
_FROM: Final = _USERS.where(users.c.identity >= bindparam("key")).order_by(users.c.identity).limit(1)
_ITEMS: Final = (
    select(user_items.c.user_id, user_items.c.item, user_items.c.value)
    .where(user_items.c.user_id.in_(bindparam("ids", expanding=True)))
    .order_by(user_items.c.user_id, user_items.c.item, user_items.c.place)
)
_GROUPS: Final = (
    select(memberships.c.user_id, *GROUP_COLUMNS)
    .select_from(memberships.join(groups).outerjoin(group_items, group_items.c.group_id == groups.c.id))
    .where(memberships.c.user_id.in_(bindparam("ids", expanding=True)))
    .order_by(memberships.c.user_id, groups.c.identity, groups.c.id, group_items.c.item, group_items.c.place)
)


def find_profile(connection: Connection, name: str) -> Profile | None:
    """
    The user who has a name, however that is spelled.

    :raises AccountsCorrupt: something of the user or of one of the groups is damaged.
    """
    key = key_of(name)
    rows = [] if key is None else connection.execute(_BY_NAME, {"key": key}).all()
    return next(_profiles(connection, rows), None)


def find_for_login(connection: Connection, name: str) -> Profile | None:
    """
    The user who has a name, as `find_profile`, and nobody in the place of one of whom something is damaged.

    It takes the same work if there is none: somebody else is read in the place of that one.
    """
    key = key_of(name)
    rows = connection.execute(_FROM, {"key": key or ""}).all() or connection.execute(_FROM, {"key": ""}).all()
    try:
        profile = next(_profiles(connection, rows), None)
    except AccountsCorrupt:
        # The log says so. Whoever is damaged is not to be told from who is not there.
        return None
    return profile if key is not None and rows and rows[0].identity == key else None


def profile_by_id(connection: Connection, id: int) -> Profile | None:
    """
    The user of an id.

    :raises AccountsCorrupt: see `find_profile`.
    """
    return next(_profiles(connection, connection.execute(_BY_ID, {"ids": [id]}).all()), None)


def profiles_by_id(connection: Connection, ids: Iterable[int]) -> dict[int, Profile | AccountsCorrupt]:
    """Those of some users who are still there; an error in the place of one of whom something is damaged."""
    found: dict[int, Profile | AccountsCorrupt] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), _PAGE):
        rows = connection.execute(_BY_ID, {"ids": wanted[start : start + _PAGE]}).all()
        try:
            found.update((profile.user.id, profile) for profile in _profiles(connection, rows))
        except AccountsCorrupt:
            found.update((row.id, _profile_or_error(connection, row)) for row in rows)
    return found


def profiles_in_group(connection: Connection, group_id: int) -> list[Profile]:
    """
    The members of a group, by name.

    :raises AccountsCorrupt: see `find_profile`.
    """
    rows = connection.execute(_IN_GROUP, {"group": group_id}).all()
    pages = (rows[start : start + _PAGE] for start in range(0, len(rows), _PAGE))
    return [profile for page in pages for profile in _profiles(connection, page)]


def _profile_or_error(connection: Connection, row: Row[Any]) -> Profile | AccountsCorrupt:
    try:
        return next(_profiles(connection, [row]))
    except AccountsCorrupt as error:
        return error


def list_profiles(connection: Connection) -> Iterator[Profile]:
    """
    All users, by name; a few hundred at a time are in memory.

    :raises AccountsCorrupt: see `find_profile`.
    """
    rows: Sequence[Row[Any]] = connection.execute(_NEXT, {"key": ""}).all()
    while rows:
        yield from _profiles(connection, rows)
        rows = connection.execute(_NEXT, {"key": rows[-1].identity}).all()


def _profiles(connection: Connection, rows: Sequence[Row[Any]]) -> Iterator[Profile]:
    if not rows:
        return
    ids = {"ids": [row.id for row in rows]}
    items: dict[int, list[tuple[object, object]]] = defaultdict(list)
    for owner, item, value in connection.execute(_ITEMS, ids):
        items[owner].append((item, value))
    together = groupby(connection.execute(_GROUPS, ids), itemgetter(0))
    theirs = {owner: tuple(groups_of_rows(row[1:] for row in some)) for owner, some in together}
    for row in rows:
        yield Profile(user=_user(row, items[row.id]), groups=theirs.get(row.id, ()))


def _user(row: Row[Any], items: list[tuple[object, object]]) -> User:
    whose = f"user {row.name!r}"
    if not isinstance(row.name, str) or identity_of(row.name) != row.identity:
        raise corrupt(whose, "the name is not that by which the user is found.")
    for column in ("password", "totp"):
        if not isinstance(getattr(row, column), str | None):
            raise corrupt(whose, f"{column} is no text.")
    if row.disabled not in {0, 1} or not isinstance(row.credentials, int):
        raise corrupt(whose, "disabled or credentials is no number.")
    return User(
        id=row.id,
        name=row.name,
        password=row.password,
        totp=row.totp,
        disabled=bool(row.disabled),
        policy=read_policy(whose, items),
        credentials=row.credentials,
    )


def add_user(
    connection: Connection,
    name: str,
    *,
    password: str | None = None,
    totp: str | None = None,
    disabled: bool = False,
    items: Changes | None = None,
    groups: Iterable[str] = (),
) -> int:
    """
    Make a user; the id.

    :param password: a hash of it (`ftpx.accounts.passwords`); ``None``: somebody else vouches for the user.
    :param totp: the secret of one-time passwords.
    :param items: what is said for the user.
    :param groups: names of groups to be in.
    :raises ConfigurationError: nobody can have that name, those items or a home by them; or somebody has that name, or
        there is no such group.
    """
    name = check_name(name)
    try:
        id: int = connection.execute(
            insert(users)
            .values(name=name, identity=identity_of(name), password=password, totp=totp, disabled=disabled)
            .returning(users.c.id)
        ).scalar_one()
    except IntegrityError:
        raise ConfigurationError(f"There is a user {name!r} already, or one that differs by case only.") from None
    connection.execute(insert(balances).values(user_id=id))
    replace_items(connection, user_items, id, items or {})
    _set_groups(connection, id, groups)
    _check_home(connection, id)
    revision.bump(connection)
    return id


def change_user(
    connection: Connection, name: str, *, items: Changes | None = None, groups: Iterable[str] | None = None
) -> None:
    """
    Change what is said for a user.

    :param items: items that change; see `Changes`.
    :param groups: names of the groups to be in from now on, and in no others; ``None``: that stays as it is.
    :raises ConfigurationError: there is no such user or group, or see `add_user`.
    """
    id = _locked(connection, name)
    replace_items(connection, user_items, id, items or {})
    if groups is not None:
        _set_groups(connection, id, groups)
    elif is_about_storage(items or {}):
        recount(connection, users=[id], groups=_group_ids(connection, id))
    _check_home(connection, id)
    revision.bump(connection)


def set_password(connection: Connection, name: str, password: str | None) -> None:
    """
    Change the hash of a password; see `add_user`.

    :raises ConfigurationError: there is no such user.
    """
    _change(connection, name, password=password, credentials=users.c.credentials + 1)


def set_totp(connection: Connection, name: str, secret: str | None) -> None:
    """
    Change the secret of one-time passwords, or want none any more.

    :raises ConfigurationError: there is no such user.
    """
    _change(connection, name, totp=secret, totp_used=0, credentials=users.c.credentials + 1)


def set_disabled(connection: Connection, name: str, disabled: bool) -> None:
    """
    Let a user in no more, or again.

    :raises ConfigurationError: there is no such user.
    """
    _change(connection, name, disabled=disabled)


def delete_user(connection: Connection, name: str) -> None:
    """
    Delete a user, and all that the accounts hold of that one; what is stored stays.

    :raises ConfigurationError: there is no such user.
    """
    id = _locked(connection, name)
    recount(connection, groups=_group_ids(connection, id))
    connection.execute(delete(users).where(users.c.id == id))
    revision.bump(connection)


def replace_password(connection: Connection, id: int, old: str, new: str) -> bool:
    """
    Have another hash of the same password; whether it was still the one that is to be replaced.

    No operator has changed anything, so no server has to follow.
    """
    changed = connection.execute(update(users).where(users.c.id == id, users.c.password == old).values(password=new))
    return changed.rowcount == 1


def use_totp(connection: Connection, id: int, step: int) -> bool:
    """Use the one-time password of a time step; whether neither it nor one of a later step was used before."""
    used = connection.execute(update(users).where(users.c.id == id, users.c.totp_used < step).values(totp_used=step))
    return used.rowcount == 1


def _locked(connection: Connection, name: str) -> int:
    [id] = ids_by_name(connection, users, "user", [name], lock=True)
    return id


def _change(connection: Connection, name: str, **values: Any) -> None:
    connection.execute(update(users).where(users.c.id == _locked(connection, name)).values(values))
    revision.bump(connection)


def _group_ids(connection: Connection, id: int) -> list[int]:
    return list(connection.execute(select(memberships.c.group_id).where(memberships.c.user_id == id)).scalars())


def _set_groups(connection: Connection, id: int, names: Iterable[str]) -> None:
    before, wanted = _group_ids(connection, id), ids_by_name(connection, groups, "group", names)
    connection.execute(delete(memberships).where(memberships.c.user_id == id))
    if wanted:
        connection.execute(insert(memberships), [{"user_id": id, "group_id": group} for group in wanted])
    recount(connection, users=[id], groups={*before, *wanted})


def _check_home(connection: Connection, id: int) -> None:
    """
    See that the user has a home.

    :raises ConfigurationError: none can be made of the name.
    """
    # What was damaged before is no reason not to repair something of it.
    with suppress(AccountsCorrupt):
        profile = profile_by_id(connection, id)
        _ = None if profile is None else profile.home
