"""``ftpx settings``: what counts for all accounts."""

from __future__ import annotations

import click

from ftpx.accounts.database.settings import read_settings, set_setting
from ftpx.accounts.settings import account_settings
from ftpx.cli.accounts import Accounts, pass_accounts
from ftpx.cli.output import json_option, say, show_json, show_table

__all__ = ["settings"]


@click.group("settings")
def settings() -> None:
    """Settings for all accounts: hashes of passwords, bans."""


@settings.command("show")
@json_option
@pass_accounts
def _show(accounts: Accounts, as_json: bool) -> None:
    """Show all settings as they are now."""
    with accounts.reading() as connection:
        now = read_settings(connection)
    values = {name: getattr(now, name) for name in account_settings()}
    if as_json:
        show_json(values)
        return
    known = account_settings().items()
    show_table(
        ("setting", "value", "default", "what it is"),
        ((name, str(values[name]), str(setting.default), setting.help) for name, setting in known),
    )


@settings.command("set")
@click.argument("name", type=click.Choice(tuple(account_settings())), metavar="NAME")
@click.argument("value")
@pass_accounts
def _set(accounts: Accounts, name: str, value: str) -> None:
    """Change a setting; an empty text gives it its default again."""
    with accounts.writing() as connection:
        set_setting(connection, name, value or None)
    say(f"{name} is set.")
