"""Times and modes: MFMT, MFCT, MFF (draft-somers-ftp-mfxx)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
from zope.interface.interface import InterfaceClass

from ftpx.errors import ArgumentError, NotSupported
from ftpx.interfaces import ICreationTimes, IModes, ITimes, Path
from ftpx.server.arguments import split_first, text
from ftpx.server.session import Session
from ftpx.server.verb import verb
from ftpx.wire.facts import parse_fact_settings
from ftpx.wire.paths import render, resolve
from ftpx.wire.replies import Reply
from ftpx.wire.times import format_time, parse_time

__all__ = ["VERBS", "parse_mode"]

_MODE_DIGITS = 4


def parse_mode(octal: str) -> int:
    """
    Permission bits as three octal digits, or four that begin with 0.

    :raises ArgumentError: anything else, set-user-ID and its like among it.
    """
    if not octal.isascii() or not octal.isdigit() or len(octal) > _MODE_DIGITS or set(octal) & set("89"):
        raise ArgumentError("The mode is up to three octal digits.")
    mode = int(octal, 8)
    if mode > 0o777:
        raise ArgumentError("Only permission bits can be set.")
    return mode


@attrs.frozen
class _Settable:
    """A fact that can be set: the ability it needs, its form, and how the storage is told."""

    ability: InterfaceClass
    parse: Callable[[str], Any]
    set: Callable[[Any, Path, Any], Awaitable[None]]


_SETTABLE: Mapping[str, _Settable] = {
    "modify": _Settable(ITimes, parse_time, lambda storage, path, value: storage.set_modified(path, value)),
    "create": _Settable(ICreationTimes, parse_time, lambda storage, path, value: storage.set_created(path, value)),
    "UNIX.mode": _Settable(IModes, parse_mode, lambda storage, path, value: storage.set_mode(path, value)),
}


async def _set_time(session: Session, fact: str, argument: str) -> Reply:
    value, name = split_first(argument)
    path = resolve(session.state.cwd, name)
    seconds = parse_time(value)
    async with session.services.digests.kept(session.storage, path):
        await _SETTABLE[fact].set(session.storage, path, seconds)
    return Reply(213, f"{fact.capitalize()}={format_time(seconds)}; {render(path)}")


@verb(
    "MFMT",
    "draft-somers-ftp-mfxx",
    text("YYYYMMDDHHMMSS path"),
    "Set the time of modification.",
    feature="MFMT",
    ability=ITimes,
)
async def modify_time(session: Session, argument: str) -> Reply:
    """Set the time of the last modification, in UTC."""
    return await _set_time(session, "modify", argument)


@verb(
    "MFCT",
    "draft-somers-ftp-mfxx",
    text("YYYYMMDDHHMMSS path"),
    "Set the time of creation.",
    feature="MFCT",
    ability=ICreationTimes,
)
async def creation_time(session: Session, argument: str) -> Reply:
    """Set the time of creation, in UTC."""
    return await _set_time(session, "create", argument)


def _settable(session: Session) -> list[str]:
    """The facts that can be set; before login, those that some storage can."""
    account = session.state.account
    return [fact for fact, how in _SETTABLE.items() if account is None or how.ability.providedBy(account.storage)]


def _feature(session: Session) -> list[str]:
    facts = "".join(f"{fact};" for fact in _settable(session))
    return [f"MFF {facts}"] if facts else []


@verb("MFF", "draft-somers-ftp-mfxx", text("fact=value;... path"), "Set facts of a file.", feature=_feature)
async def modify_facts(session: Session, argument: str) -> Reply:
    """Set several facts; all are looked at before the first is set."""
    settings, name = parse_fact_settings(argument)
    path = resolve(session.state.cwd, name)
    if not settings.keys() <= set(_settable(session)):
        raise NotSupported
    values = {fact: _SETTABLE[fact].parse(value) for fact, value in settings.items()}
    async with session.services.digests.kept(session.storage, path):
        for fact, value in values.items():
            await _SETTABLE[fact].set(session.storage, path, value)
    facts = "".join(f"{fact}={value};" for fact, value in settings.items())
    return Reply(213, f"{facts} {render(path)}")


VERBS = (modify_time, creation_time, modify_facts)
