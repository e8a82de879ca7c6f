"""``ftpx user``: who may log in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from ftpx.accounts.database.items import rows_of
from ftpx.accounts.database.settings import read_settings
from ftpx.accounts.database.users import (
    add_user,
    change_user,
    delete_user,
    find_profile,
    list_profiles,
    set_disabled,
    set_password,
    set_totp,
)
from ftpx.accounts.exporting import item_values
from ftpx.accounts.names import check_name
from ftpx.accounts.passwords import Argon2Passwords
from ftpx.accounts.profile import Profile
from ftpx.accounts.totp import new_secret, provisioning_uri
from ftpx.cli.accounts import Accounts, pass_accounts
from ftpx.cli.item_options import changes_of, texts_of, user_item_options
from ftpx.cli.output import json_option, say, show_json, show_table
from ftpx.cli.secrets import ask_password
from ftpx.cli.showing import item_lines, size_text, user_values
from ftpx.cli.transfer_files import export_users, import_users
from ftpx.errors import ConfigurationError
from ftpx.wire.paths import render

__all__ = ["users"]

_group_option = click.option(
    "--group",
    "groups",
    metavar="GROUP",
    multiple=True,
    help="A group to be in. May be given several times; an empty name takes all groups back.",
)
_no_password_option = click.option(
    "--no-password", is_flag=True, help="No password is verified here: PAM, LDAP or a certificate vouches for the user."
)


@click.group("user")
def users() -> None:
    """Users."""


users.add_command(import_users)
users.add_command(export_users)


@users.command("add")
@click.argument("name")
@user_item_options
@_group_option
@_no_password_option
@pass_accounts
def _add(accounts: Accounts, /, name: str, groups: Sequence[str], no_password: bool, **options: Any) -> None:
    """
    Add a user.

    The password is asked for on a terminal, or is the first line of what comes in.
    """
    check_name(name)
    changes = changes_of(options)
    rows_of(changes)
    accounts.prepared()
    with accounts.reading() as connection:
        if find_profile(connection, name) is not None:
            raise ConfigurationError(f"There is a user {name!r} already, or one that differs by case only.")
    password = None if no_password else _new_hash(accounts)
    with accounts.writing() as connection:
        add_user(connection, name, password=password, items=changes, groups=texts_of(groups) or ())
    say(f"User {name} is added.")


@users.command("list")
@json_option
@pass_accounts
def _list(accounts: Accounts, as_json: bool) -> None:
    """List all users."""
    with accounts.reading() as connection:
        profiles = list(list_profiles(connection))
    if as_json:
        show_json([user_values(profile) for profile in profiles])
    else:
        show_table(("name", "groups", "state", "quota", "home"), map(_row, profiles))


def _row(profile: Profile) -> Sequence[str]:
    user = profile.user
    groups = ", ".join(group.name for group in profile.groups)
    return user.name, groups, _state(profile), size_text(user.policy.quota), _home(profile)


def _home(profile: Profile) -> str:
    try:
        return render(profile.home)
    except ConfigurationError as error:
        return str(error)


def _state(profile: Profile) -> str:
    user = profile.user
    words = {
        "disabled": user.disabled,
        "no password": user.password is None,
        "one-time passwords": user.totp is not None,
    }
    return ", ".join(word for word, holds in words.items() if holds) or "active"


@users.command("show")
@click.argument("name")
@json_option
@pass_accounts
def _show(accounts: Accounts, name: str, as_json: bool) -> None:
    """Show all that is set for a user, and by the groups of the user."""
    profile = _profile(accounts, name)
    if as_json:
        by_groups = {group.name: item_values(group.policy) for group in profile.groups}
        show_json({**user_values(profile), "by_groups": by_groups})
        return
    rows = [
        ("name", profile.user.name, ""),
        ("state", _state(profile), ""),
        ("home directory", _home(profile), ""),
        *(("group", group.name, "") for group in profile.groups),
        *(row for whose, policy in profile.named for row in item_lines(policy.texts(), whose)),
    ]
    show_table(("item", "value", "set for"), rows)


@users.command("set")
@click.argument("name")
@user_item_options
@_group_option
@pass_accounts
def _set(accounts: Accounts, /, name: str, groups: Sequence[str], **options: Any) -> None:
    """
    Change what is set for a user.

    Each option takes the place of what was set for that item; an empty text takes the item back.
    """
    with accounts.writing() as connection:
        change_user(connection, name, items=changes_of(options), groups=texts_of(groups))
    say(f"User {name} is changed.")


@users.command("passwd")
@click.argument("name")
@_no_password_option
@pass_accounts
def _passwd(accounts: Accounts, name: str, no_password: bool) -> None:
    """Give a user another password; asked for as by user add."""
    _profile(accounts, name)
    password = None if no_password else _new_hash(accounts)
    with accounts.writing() as connection:
        set_password(connection, name, password)
    say(f"User {name} has {'no' if no_password else 'another'} password.")


@users.command("totp")
@click.argument("name")
@click.option("--off", is_flag=True, help="Want no one-time passwords any more.")
@pass_accounts
def _totp(accounts: Accounts, name: str, off: bool) -> None:
    """
    Want one-time passwords of a user, behind the password: six digits (RFC 6238).

    Prints what applications for one-time passwords take, this once.
    """
    user = _profile(accounts, name).user
    secret = None if off else new_secret()
    with accounts.writing() as connection:
        set_totp(connection, name, secret)
    say(f"User {user.name} needs no one-time password." if secret is None else provisioning_uri(secret, user.name))


@users.command("disable")
@click.argument("name")
@pass_accounts
def _disable(accounts: Accounts, name: str) -> None:
    """Let a user in no more; open sessions end."""
    with accounts.writing() as connection:
        set_disabled(connection, name, True)
    say(f"User {name} is disabled.")


@users.command("enable")
@click.argument("name")
@pass_accounts
def _enable(accounts: Accounts, name: str) -> None:
    """Let a user in again."""
    with accounts.writing() as connection:
        set_disabled(connection, name, False)
    say(f"User {name} is enabled.")


@users.command("delete")
@click.argument("name")
@pass_accounts
def _delete(accounts: Accounts, name: str) -> None:
    """Delete a user; what is stored in the home stays. Open sessions end."""
    with accounts.writing() as connection:
        delete_user(connection, name)
    say(f"User {name} is deleted; what the home holds stays.")


def _profile(accounts: Accounts, name: str) -> Profile:
    with accounts.reading() as connection:
        profile = find_profile(connection, name)
    if profile is None:
        raise ConfigurationError(f"There is no user {name!r}.")
    return profile


def _new_hash(accounts: Accounts) -> str:
    with accounts.reading() as connection:
        settings = read_settings(connection)
    return Argon2Passwords().hash(ask_password(), settings)
