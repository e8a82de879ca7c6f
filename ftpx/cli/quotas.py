"""``ftpx quota``: what is used, and counting it again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from threading import Event
from typing import Any, Final

import attrs
import click
from sqlalchemy import Connection, func, select

from ftpx.accounts.database import traffic
from ftpx.accounts.database.balances import Usage, read_usage
from ftpx.accounts.database.groups import find_group, list_groups
from ftpx.accounts.database.items import recount
from ftpx.accounts.database.recounts import due_balances
from ftpx.accounts.database.schema import servers
from ftpx.accounts.database.users import find_profile, list_profiles
from ftpx.accounts.policy import AccountPolicy
from ftpx.accounts.traffic_limits import TRAFFIC_ITEMS
from ftpx.cli.accounts import Accounts, pass_accounts
from ftpx.cli.output import json_option, say, show_json, show_table
from ftpx.cli.showing import size_text
from ftpx.errors import ConfigurationError

__all__ = ["quotas"]

_Key = tuple[str, int]

_TRAFFIC: Final = tuple(item for items in TRAFFIC_ITEMS.values() for item in items)
_QUOTAS: Final = ("quota", "quota_soft", "quota_files", "quota_files_soft")
_COLUMNS: Final = (
    "whose",
    "octets",
    "quota",
    "quota soft",
    "files",
    "quota files",
    "quota files soft",
    *(item.replace("_", " ") for item in _TRAFFIC),
    "state",
)
# Seconds that --wait waits, and between two looks.
_PATIENCE: Final = 300
_PAUSE: Final = 0.5
_MOST: Final = 1_000_000

_group_option = click.option("--group", "of_group", is_flag=True, help="NAME is that of a group.")


@click.group("quota")
def quotas() -> None:
    """What users and groups have used of their quotas."""


@attrs.frozen
class _Account:
    """A user or a group with a balance."""

    usage: Usage
    policy: AccountPolicy
    moved: Mapping[str, int]

    def values(self) -> dict[str, Any]:
        usage = self.usage
        return {
            "kind": usage.kind,
            "name": usage.name,
            "octets": usage.octets,
            "files": usage.files,
            "octets_under_way": usage.held_octets,
            "files_under_way": usage.held_files,
            "octets_soft_since": usage.octets_soft_since,
            "files_soft_since": usage.files_soft_since,
            "recount_due": usage.recount_due,
            "recounted": usage.recounted,
            "moved": {item: self.moved.get(item, 0) for item in _TRAFFIC},
            "limits": {item: getattr(self.policy, item) for item in (*_QUOTAS, *_TRAFFIC)},
        }

    def row(self) -> tuple[str, ...]:
        usage, policy = self.usage, self.policy
        return (
            f"{usage.kind} {usage.name}",
            size_text(usage.octets),
            size_text(policy.quota),
            size_text(policy.quota_soft),
            str(usage.files),
            _count(policy.quota_files),
            _count(policy.quota_files_soft),
            *(_of(self.moved.get(item, 0), getattr(policy, item)) for item in _TRAFFIC),
            "to be counted again" if usage.recount_due and self.limited else "",
        )

    @property
    def limited(self) -> bool:
        """Whether there is a quota, so that it is counted."""
        return any(getattr(self.policy, item) is not None for item in _QUOTAS)


def _count(files: int | None) -> str:
    return "-" if files is None else str(files)


def _of(octets: int, limit: int | None) -> str:
    return size_text(octets) if limit is None else f"{size_text(octets)} of {size_text(limit)}"


@quotas.command("show")
@click.argument("name", required=False)
@_group_option
@json_option
@pass_accounts
def _show(accounts: Accounts, name: str | None, of_group: bool, as_json: bool) -> None:
    """Show what is used: by all, or by one user or group; and what was moved today and this month (UTC)."""
    with accounts.reading() as connection:
        wanted = None if name is None else _key(connection, name, of_group=of_group)
        found = [one for one in _accounts(connection, wanted) if wanted is not None or not of_group or _is_group(one)]
    if as_json:
        show_json([one.values() for one in found])
    else:
        show_table(_COLUMNS, (one.row() for one in found))


def _is_group(account: _Account) -> bool:
    return account.usage.kind == "group"


def _accounts(connection: Connection, wanted: _Key | None) -> Iterator[_Account]:
    policies = dict(_policies(connection))
    moved = traffic.read_all(connection, time.time())
    for usage in read_usage(connection):
        key = (usage.kind, usage.id)
        if wanted in {None, key}:
            yield _Account(usage, policies[key], moved.get(key, {}))


def _policies(connection: Connection) -> Iterator[tuple[_Key, AccountPolicy]]:
    for profile in list_profiles(connection):
        yield ("user", profile.user.id), profile.user.policy
    for group in list_groups(connection):
        yield ("group", group.id), group.policy


def _key(connection: Connection, name: str, *, of_group: bool) -> _Key:
    if of_group:
        group = find_group(connection, name)
        if group is None:
            raise ConfigurationError(f"There is no group {name!r}.")
        return "group", group.id
    profile = find_profile(connection, name)
    if profile is None:
        raise ConfigurationError(f"There is no user {name!r}.")
    return "user", profile.user.id


@quotas.command("recount")
@click.argument("name", required=False)
@_group_option
@click.option("--all", "everybody", is_flag=True, help="All users and groups.")
@click.option("--wait", is_flag=True, help=f"Wait until it is done, {_PATIENCE} seconds at the longest.")
@pass_accounts
def _recount(accounts: Accounts, name: str | None, of_group: bool, everybody: bool, wait: bool) -> None:
    """
    Have a running server count again what is stored, as after changes outside of ftpx.

    Who has no quota is not counted.
    """
    if everybody == (name is not None) or (everybody and of_group):
        raise click.UsageError("Either NAME or --all is wanted.")
    with accounts.writing() as connection:
        wanted = None if name is None else _key(connection, name, of_group=of_group)
        keys = [(usage.kind, usage.id) for usage in read_usage(connection)] if wanted is None else [wanted]
        recount(
            connection,
            users=[id for kind, id in keys if kind == "user"],
            groups=[id for kind, id in keys if kind == "group"],
        )
        served = connection.execute(select(func.count()).select_from(servers)).scalar_one()
    if not served:
        say("It is counted as soon as a server runs; now none does.")
    elif not wait:
        say("A server counts it in a moment.")
    if wait:
        if not served:
            raise ConfigurationError("Nobody counts: no server runs on these accounts.")
        _await(accounts, set(keys))
        say("It is counted.")


def _await(accounts: Accounts, keys: set[_Key]) -> None:
    """
    Wait until some balances are counted.

    :raises ConfigurationError: they are not within the time.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        with accounts.reading() as connection:
            due = due_balances(connection, 0.0, _MOST)
        left = {("user", one.user_id) if one.group_id is None else ("group", one.group_id) for one in due} & keys
        if not left:
            return
        if time.monotonic() > end:
            raise ConfigurationError(f"{len(left)} are not counted within {_PATIENCE} seconds; does a server run?")
        # Nobody sets it: it is the wait that can be interrupted.
        Event().wait(_PAUSE)
