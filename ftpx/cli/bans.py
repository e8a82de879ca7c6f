"""``ftpx ban``: who may not even try to log in."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

import attrs
import click

from ftpx.accounts.banning import Ban, address_subject, name_subject
from ftpx.accounts.database.bans import (
    add_ban,
    allow_network,
    allowed_networks,
    disallow_network,
    lift_ban,
    list_bans,
)
from ftpx.accounts.sources import source_of
from ftpx.cli.accounts import Accounts, pass_accounts
from ftpx.cli.output import json_option, say, show_json, show_table
from ftpx.cli.times import parse_duration, show_moment
from ftpx.errors import ConfigurationError

__all__ = ["bans", "until_text"]

_name_option = click.option("--name", "by_name", is_flag=True, help="SUBJECT is the name of a user.")


@click.group("ban")
def bans() -> None:
    """Bans of addresses and of names, and networks that are never banned."""


@bans.command("list")
@json_option
@pass_accounts
def _list(accounts: Accounts, as_json: bool) -> None:
    """List the bans in force, and the networks that are never banned."""
    with accounts.reading() as connection:
        found, networks = list_bans(connection), allowed_networks(connection)
    if as_json:
        show_json({"bans": [attrs.asdict(ban) for ban in found], "allowed": [str(network) for network in networks]})
        return
    rows = [(ban.subject, until_text(ban), _origin(ban), ban.reason) for ban in found]
    rows += [(str(network), "", "never banned", "") for network in networks]
    show_table(("subject", "until", "by", "reason"), rows)


def until_text(ban: Ban) -> str:
    """Until when a ban holds, for people."""
    return "for ever" if ban.until is None else show_moment(ban.until)


def _origin(ban: Ban) -> str:
    return "an operator" if ban.by_operator else f"failed logins, {ban.times}. time"


def _subject(text: str, *, by_name: bool) -> str:
    """
    What a ban is kept under.

    :raises ConfigurationError: nobody can have that name, or it is more than one client's address.
    """
    if by_name:
        subject = name_subject(text)
        if subject is None:
            raise ConfigurationError(f"{text!r} cannot be a name.")
        return subject
    network = _network(text)
    if isinstance(network, IPv6Network) or network.num_addresses == 1:
        address = str(network.network_address)
        if network.num_addresses == 1 or str(network) == source_of(address):
            return address_subject(address)
    raise ConfigurationError(f"{text!r} is neither one address nor the /64 of an IPv6 address; others are not banned.")


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no address: {error}; --name bans a name.") from None


@bans.command("add")
@click.argument("subject")
@_name_option
@click.option("--for", "duration", metavar="TIME", help="For how long: 90s, 15m, 1h, 7d; for ever if it is not given.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for who lists the bans.")
@pass_accounts
def _add(accounts: Accounts, subject: str, by_name: bool, duration: str | None, reason: str) -> None:
    """Ban an address, the /64 network of an IPv6 address, or a name. Open sessions end."""
    seconds = None if duration is None else parse_duration(duration)
    key = _subject(subject, by_name=by_name)
    with accounts.writing() as connection:
        ban = add_ban(connection, key, seconds, reason)
    say(f"{key} is banned {'for ever' if seconds is None else f'until {until_text(ban)}'}.")


@bans.command("lift")
@click.argument("subject")
@_name_option
@pass_accounts
def _lift(accounts: Accounts, subject: str, by_name: bool) -> None:
    """End a ban, and forget the failed logins."""
    key = _subject(subject, by_name=by_name)
    with accounts.writing() as connection:
        lifted = lift_ban(connection, key)
    say(f"{key} is banned no more." if lifted else f"{key} was not banned; failed logins are forgotten.")


@bans.command("allow")
@click.argument("network")
@pass_accounts
def _allow(accounts: Accounts, network: str) -> None:
    """Never ban the addresses of a network."""
    with accounts.writing() as connection:
        allow_network(connection, network)
    say(f"{network} is never banned.")


@bans.command("disallow")
@click.argument("network")
@pass_accounts
def _disallow(accounts: Accounts, network: str) -> None:
    """Have the addresses of a network like all others again."""
    with accounts.writing() as connection:
        if not disallow_network(connection, network):
            raise ConfigurationError(f"{network} is not allowed by itself: see ftpx ban list.")
    say(f"{network} is like all others.")
