"""``ftpx explain``: why a user may do something, or may not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import click
from sqlalchemy import Connection

from ftpx.accounts.admission import Circumstances
from ftpx.accounts.banning import Ban, address_subject, login_subject, name_subject
from ftpx.accounts.database import traffic
from ftpx.accounts.database.balances import read_usage
from ftpx.accounts.database.bans import allowed_networks, is_allowed, list_bans
from ftpx.accounts.database.users import find_profile
from ftpx.accounts.demands import Thing
from ftpx.accounts.explaining import Explanation, Question, Used, explain
from ftpx.accounts.profile import Profile
from ftpx.accounts.sources import parse_source
from ftpx.cli.accounts import Accounts, pass_accounts
from ftpx.cli.bans import until_text
from ftpx.cli.output import json_option, say, show_json, show_table
from ftpx.cli.times import parse_moment
from ftpx.errors import ConfigurationError
from ftpx.interfaces import Path
from ftpx.wire.paths import resolve

__all__ = ["explain_command"]

_REFUSED: Final = 3
_WORDS: Final = {True: "allowed", False: "refused"}


@click.command("explain")
@click.argument("user")
@click.argument("verb")
@click.argument("path")
@click.option("--ip", metavar="ADDRESS", help="Where the user comes from; if it is not given, no address is asked for.")
@click.option("--tls/--no-tls", default=True, show_default=True, help="Whether the session is protected.")
@click.option("--at", metavar="TIME", help="When: 2027-12-31T12:00; now if it is not given.")
@click.option(
    "--there",
    type=click.Choice([thing.value for thing in Thing]),
    help="What is at PATH; if it is not given, what the verb is for.",
)
@click.option("--from", "source", metavar="PATH", help="What RNTO renames.")
@json_option
@click.pass_context
@pass_accounts
def explain_command(
    accounts: Accounts,
    context: click.Context,
    *,
    user: str,
    verb: str,
    path: str,
    ip: str | None,
    tls: bool,
    at: str | None,
    there: str | None,
    source: str | None,
    as_json: bool,
) -> None:
    """
    Tell whether a user may do something, and which rule decides.

    VERB is one of FTP's, such as STOR, or of those behind SITE, such as "SITE CHMOD". The exit status is 0 if it is
    allowed, and 3 if it is refused. Only the accounts are asked, not what is stored.
    """
    if ip is not None and parse_source(ip) is None:
        raise ConfigurationError(f"{ip!r} is no address.")
    now = time.time() if at is None else parse_moment(at)
    with accounts.reading() as connection:
        profile = find_profile(connection, user)
        question = Question(
            name=user,
            verb=verb,
            path=_path(path),
            thing=None if there is None else Thing(there),
            source=None if source is None else _path(source),
            how=Circumstances(now=now, address=ip, secured=tls),
            bans=list(_bans(connection, ip, user, now)),
            used={} if profile is None else _used(connection, profile, now),
        )
    explanation = explain(question, profile)
    _show(explanation, as_json=as_json)
    context.exit(0 if explanation.allowed else _REFUSED)


def _path(text: str) -> Path:
    if not text.startswith("/"):
        raise ConfigurationError(f"{text!r} is no path such as /pub/a.txt: it begins with /, the home.")
    return resolve((), text)


def _bans(connection: Connection, address: str | None, name: str, now: float) -> Iterator[str]:
    """The bans that hold for who comes, in a few words."""
    bans = {ban.subject: ban for ban in list_bans(connection, now)}
    # A name under attack is banned nowhere but where logins by it failed.
    by_name = bans.get(name_subject(name) or "")
    found: list[Ban | None] = [by_name if by_name is not None and by_name.by_operator else None]
    if address is not None and not is_allowed(address, allowed_networks(connection)):
        found += [bans.get(address_subject(address)), bans.get(login_subject(address, name) or "")]
    for ban in found:
        if ban is not None:
            yield f"{ban.subject} is banned, until {until_text(ban)}: {ban.reason or 'no reason is told'}"


def _used(connection: Connection, profile: Profile, now: float) -> dict[str, Used]:
    """What the user and the groups have used, by whose it is."""
    whose = {("user", profile.user.id): f"user {profile.user.name}"}
    whose |= {("group", group.id): f"group {group.name}" for group in profile.groups}
    moved = traffic.read_all(connection, now)
    return {
        whose[key]: Used(
            octets=usage.octets + usage.held_octets,
            files=usage.files + usage.held_files,
            octets_over_since=usage.octets_soft_since,
            files_over_since=usage.files_soft_since,
            traffic=moved.get(key, {}),
        )
        for usage in read_usage(connection)
        if (key := (usage.kind, usage.id)) in whose
    }


def _show(explanation: Explanation, *, as_json: bool) -> None:
    if as_json:
        show_json(
            {
                "allowed": explanation.allowed,
                "rule": explanation.decisive.rule,
                "steps": [
                    {"about": step.about, "allowed": step.allowed, "rule": step.rule} for step in explanation.steps
                ],
            }
        )
        return
    say(f"{_WORDS[explanation.allowed]}: {explanation.decisive.rule}")
    say("")
    show_table(
        ("about", "says", "rule"),
        ((step.about, _WORDS[step.allowed], step.rule) for step in explanation.steps),
    )
