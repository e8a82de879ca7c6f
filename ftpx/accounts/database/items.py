"""The items of the policies of users and groups, as rows of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, Table, delete, insert, update
from twisted.logger import Logger

from ftpx.accounts.database.schema import balances
from ftpx.accounts.policy import AccountPolicy, items
from ftpx.errors import AccountsCorrupt, ConfigurationError

__all__ = ["Changes", "corrupt", "is_about_storage", "read_policy", "recount", "replace_items", "rows_of"]

Changes = Mapping[str, Sequence[str]]
"""New texts of items, by their names in `AccountPolicy`. No texts: nothing is said about the item any more."""

# With another home, other mounts or another limit, what was counted as used is not what is asked for now.
_ABOUT_STORAGE: Final = frozenset({"home", "mounts", "quota", "quota_soft", "quota_files", "quota_files_soft"})

_log = Logger()


def corrupt(whose: str, what: str) -> AccountsCorrupt:
    """The error that something is kept of somebody that cannot be; it is logged."""
    error = AccountsCorrupt(f"what the accounts hold of {whose} is damaged: {what}")
    _log.error("Nobody is served by it, as {error}", error=str(error))
    return error


def read_policy(whose: str, rows: Iterable[tuple[object, object]]) -> AccountPolicy:
    """
    A policy from the names and texts of items, as they are in the database.

    :raises AccountsCorrupt: one of them is none. Never is such a one taken for nothing that was said.
    """
    known = items()
    texts: list[tuple[str, str]] = []
    seen: set[str] = set()
    for name, text in rows:
        if not isinstance(name, str) or name not in known:
            raise corrupt(whose, f"there is no item {name!r}.")
        if not isinstance(text, str):
            raise corrupt(whose, f"{name}: {text!r} is no text.")
        if name in seen and not known[name].several:
            raise corrupt(whose, f"{name} is there twice.")
        seen.add(name)
        texts.append((name, text))
    try:
        return AccountPolicy.parse(texts)
    except ConfigurationError as error:
        raise corrupt(whose, str(error)) from None


def rows_of(changes: Changes) -> dict[str, tuple[str, ...]]:
    """
    New texts of items in the form in which they are kept.

    :raises ConfigurationError: one is none for its item, or there is no such item.
    """
    known = items()
    for name, texts in changes.items():
        if name not in known:
            raise ConfigurationError(f"There is no item {name!r}.")
        if len(texts) > 1 and not known[name].several:
            raise ConfigurationError(f"{name.replace('_', '-')} takes one value.")
        if not all(map(_is_text, texts)):
            raise ConfigurationError(f"{name.replace('_', '-')} takes text in UTF-8.")
    kept = AccountPolicy.parse((name, text) for name, texts in changes.items() for text in texts).texts()
    return {name: kept.get(name, ()) for name in changes}


def replace_items(connection: Connection, table: Table, owner: int, changes: Changes) -> None:
    """
    Have these texts in the place of those that a user or a group has for the same items.

    :raises ConfigurationError: see `rows_of`.
    """
    wanted = rows_of(changes)
    if not wanted:
        return
    column = table.primary_key.columns[0]
    connection.execute(delete(table).where(column == owner, table.c.item.in_(wanted)))
    rows = [
        {column.name: owner, "item": name, "place": place, "value": text}
        for name, texts in wanted.items()
        for place, text in enumerate(texts)
    ]
    if rows:
        connection.execute(insert(table), rows)


def is_about_storage(changes: Changes) -> bool:
    """Whether what is stored must be counted again when these items change."""
    return not _ABOUT_STORAGE.isdisjoint(changes)


def recount(connection: Connection, *, users: Iterable[int] = (), groups: Iterable[int] = ()) -> None:
    """Have servers count again what is stored by users and by groups."""
    for column, ids in ((balances.c.user_id, sorted(users)), (balances.c.group_id, sorted(groups))):
        if ids:
            connection.execute(update(balances).where(column.in_(ids)).values(recount_due=True))


def _is_text(text: str) -> bool:
    """Whether databases can keep it: octets of the command line may be none."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
