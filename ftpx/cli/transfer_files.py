"""``ftpx user import`` and ``ftpx user export``: users from files and into files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

import click
from sqlalchemy import Connection

from ftpx.accounts.database.groups import list_groups
from ftpx.accounts.database.users import (
    add_user,
    change_user,
    find_profile,
    list_profiles,
    set_disabled,
    set_password,
    set_totp,
)
from ftpx.accounts.exporting import EXPORTS
from ftpx.accounts.importing import FORMS, UserFile, guess_form, parse_users
from ftpx.accounts.names import identity_of
from ftpx.accounts.passwords import Argon2Passwords
from ftpx.accounts.policy import items
from ftpx.accounts.profile import Profile
from ftpx.accounts.user_record import DISABLED, GROUPS, PASSWORD_HASH, TOTP, UserRecord
from ftpx.cli.accounts import Accounts, pass_accounts
from ftpx.cli.output import say
from ftpx.errors import ConfigurationError

__all__ = ["export_users", "import_users"]

_MAXIMUM_FILE: Final = 256 * 1024 * 1024
_MOST_FAULTS: Final = 20


class _TriedOnly(Exception):
    """All went well, and nothing is to be kept of it."""


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--format", "form", type=click.Choice(FORMS), help="The form of the file; guessed if it is not given.")
@click.option("--update", is_flag=True, help="Change users who are there already, as far as the file says something.")
@click.option("--dry-run", is_flag=True, help="Change nothing, but say what is wrong.")
@pass_accounts
def import_users(accounts: Accounts, file: BinaryIO, form: str | None, update: bool, dry_run: bool) -> None:
    """
    Add the users of a file, all or none; - is what comes in.

    Of passwd and htpasswd files names and hashes of passwords are taken. A CSV file names its columns in its first
    line, as user export writes them.
    """
    content = file.read(_MAXIMUM_FILE + 1)
    if len(content) > _MAXIMUM_FILE:
        raise ConfigurationError(f"The file is larger than {_MAXIMUM_FILE // 1024**2} MiB.")
    parsed = parse_users(content, form or guess_form(getattr(file, "name", ""), content), Argon2Passwords().fault)
    _refuse(parsed.faults)
    try:
        with accounts.writing() as connection:
            added, changed = _take(connection, parsed, update=update)
            if dry_run:
                raise _TriedOnly
    except _TriedOnly:
        say(f"Nothing is wrong. Users that would be added: {added}, changed: {changed}.")
    else:
        say(f"Users added: {added}, changed: {changed}.")


def _refuse(faults: Iterable[str]) -> None:
    """:raises ConfigurationError: there are any; all but the last are printed here."""
    told = list(faults)
    for fault in told[:_MOST_FAULTS]:
        click.echo(f"ftpx: {fault}", err=True)
    if told:
        raise ConfigurationError(f"No user is imported; lines of the file that cannot be used: {len(told)}.")


def _take(connection: Connection, parsed: UserFile, *, update: bool) -> tuple[int, int]:
    """Add and change users; how many."""
    known = {identity_of(group.name) for group in list_groups(connection)}
    faults = []
    added = changed = 0
    for line, record in parsed.users:
        missing = [number for number, name in enumerate(record.groups, 1) if identity_of(name) not in known]
        present = find_profile(connection, record.name)
        if missing:
            # Not its name: in a file whose columns are wrong, it may be a hash.
            faults.append(f"line {line}: there is no such group as the {missing[0]}. of them")
        elif present is not None and not update:
            faults.append(f"line {line}: there is such a user already; --update changes those")
        elif not faults:
            try:
                if present is None:
                    _add(connection, record)
                else:
                    _update(connection, record, present)
            except ConfigurationError as error:
                faults.append(f"line {line}: {error}")
        added, changed = added + (present is None), changed + (present is not None)
    _refuse(faults)
    return added, changed


def _add(connection: Connection, record: UserRecord) -> None:
    add_user(
        connection,
        record.name,
        password=record.password_hash,
        totp=record.totp,
        disabled=record.disabled,
        items=record.policy.texts(),
        groups=record.groups,
    )


def _update(connection: Connection, record: UserRecord, present: Profile) -> None:
    """Change what the file says something of. Sessions of who has the same password and secret as before go on."""
    given, name, user = record.given, record.name, present.user
    if PASSWORD_HASH in given and record.password_hash != user.password:
        set_password(connection, name, record.password_hash)
    if TOTP in given and record.totp != user.totp:
        set_totp(connection, name, record.totp)
    if DISABLED in given and record.disabled != user.disabled:
        set_disabled(connection, name, record.disabled)
    texts = record.policy.texts()
    changes = {item: texts.get(item, ()) for item in items() if item in given}
    if changes or GROUPS in given:
        change_user(connection, name, items=changes, groups=record.groups if GROUPS in given else None)


@click.command("export")
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(EXPORTS)),
    default="csv",
    show_default=True,
    help="The form of the file.",
)
@click.option("--json", "form", flag_value="json", help="Short for --format json.")
@pass_accounts
def export_users(accounts: Accounts, form: str) -> None:
    """
    Print all users as a file, with the hashes of their passwords and their secrets of one-time passwords.

    An htpasswd file holds those who log in with a password and nothing else.
    """
    export = EXPORTS[form]
    left_out = 0

    def held(profiles: Iterator[Profile]) -> Iterator[UserRecord]:
        nonlocal left_out
        for record in map(UserRecord.of, profiles):
            if export.holds(record):
                yield record
            else:
                left_out += 1

    output = sys.stdout.buffer
    with accounts.reading() as connection:
        for part in export.write(held(list_profiles(connection))):
            output.write(part.encode())
    output.flush()
    if left_out:
        click.echo(f"ftpx: Users left out, as files of this form cannot hold them: {left_out}.", err=True)
