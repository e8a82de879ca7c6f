"""``ftpx group``: what several users have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from sqlalchemy import Connection

from ftpx.accounts.database.groups import add_group, change_group, delete_group, find_group, list_groups, members
from ftpx.accounts.profile import Group
from ftpx.cli.accounts import Accounts, pass_accounts
from ftpx.cli.item_options import changes_of, group_item_options
from ftpx.cli.output import json_option, say, show_json, show_table
from ftpx.cli.showing import group_values, item_lines, size_text
from ftpx.errors import ConfigurationError

__all__ = ["groups"]


@click.group("group")
def groups() -> None:
    """Groups of users."""


@groups.command("add")
@click.argument("name")
@group_item_options
@pass_accounts
def _add(accounts: Accounts, /, name: str, **options: Any) -> None:
    """Add a group."""
    with accounts.writing() as connection:
        add_group(connection, name, items=changes_of(options))
    say(f"Group {name} is added.")


@groups.command("list")
@json_option
@pass_accounts
def _list(accounts: Accounts, as_json: bool) -> None:
    """List all groups."""
    with accounts.reading() as connection:
        found = [(group, members(connection, group.name)) for group in list_groups(connection)]
    if as_json:
        show_json([_values(group, users) for group, users in found])
    else:
        rows = ((group.name, str(len(users)), size_text(group.policy.quota)) for group, users in found)
        show_table(("name", "members", "quota"), rows)


def _values(group: Group, users: Sequence[str]) -> dict[str, Any]:
    return {**group_values(group), "members": list(users)}


@groups.command("show")
@click.argument("name")
@json_option
@pass_accounts
def _show(accounts: Accounts, name: str, as_json: bool) -> None:
    """Show a group, and who is in it."""
    with accounts.reading() as connection:
        group = _group(connection, name)
        users = members(connection, name)
    if as_json:
        show_json(_values(group, users))
        return
    rows = [
        ("name", group.name),
        *(("member", user) for user in users),
        *((item, value) for item, value, _ in item_lines(group.policy.texts(), "")),
    ]
    show_table(("item", "value"), rows)


@groups.command("set")
@click.argument("name")
@group_item_options
@pass_accounts
def _set(accounts: Accounts, /, name: str, **options: Any) -> None:
    """
    Change what is set for a group.

    Each option takes the place of what was set for that item; an empty text takes the item back.
    """
    with accounts.writing() as connection:
        change_group(connection, name, items=changes_of(options))
    say(f"Group {name} is changed.")


@groups.command("delete")
@click.argument("name")
@pass_accounts
def _delete(accounts: Accounts, name: str) -> None:
    """Delete a group; its members stay, without what it has set for them."""
    with accounts.writing() as connection:
        delete_group(connection, name)
    say(f"Group {name} is deleted.")


@groups.command("join")
@click.argument("name")
@click.argument("user", nargs=-1, required=True)
@pass_accounts
def _join(accounts: Accounts, name: str, user: Sequence[str]) -> None:
    """Have users in a group."""
    with accounts.writing() as connection:
        change_group(connection, name, join=user)
    say(f"Group {name} is changed.")


@groups.command("leave")
@click.argument("name")
@click.argument("user", nargs=-1, required=True)
@pass_accounts
def _leave(accounts: Accounts, name: str, user: Sequence[str]) -> None:
    """Have users in a group no more."""
    with accounts.writing() as connection:
        change_group(connection, name, leave=user)
    say(f"Group {name} is changed.")


def _group(connection: Connection, name: str) -> Group:
    group = find_group(connection, name)
    if group is None:
        raise ConfigurationError(f"There is no group {name!r}.")
    return group
