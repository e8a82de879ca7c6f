"""SITE (RFC 959) and what it leads to: CHMOD, CPFR, CPTO, EXPECT, HELP, QUOTA, SYMLINK, UTIME."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import attrs
from zope.interface.interface import InterfaceClass

from ftpx.digests.algorithms import Algorithm
from ftpx.errors import ArgumentError
from ftpx.interfaces import IAccount, IModes, ISymbolicLinks, ITimes
from ftpx.server.arguments import split_first, text
from ftpx.server.policy import Policy
from ftpx.server.session import Session
from ftpx.server.state import Pending
from ftpx.server.verb import verb
from ftpx.server.verbs.attributes import parse_mode
from ftpx.server.verbs.digests import expect
from ftpx.server.verbs.files import regular_file
from ftpx.storage.copy import copy_file
from ftpx.wire.paths import resolve
from ftpx.wire.replies import Reply
from ftpx.wire.times import parse_time

__all__ = ["SITE_COMMANDS", "VERBS"]


_UTIME_FIRST = re.compile(r"([0-9]{12}(?:[0-9]{2})?) (.+)", re.DOTALL)
_UTIME_LAST = re.compile(r"(.+) ([0-9]{14}) ([0-9]{14}) ([0-9]{14}) UTC", re.DOTALL | re.IGNORECASE)


@attrs.frozen
class SiteCommand:
    """
    A command behind SITE.

    ``ability`` is the optional interface that the storage must provide, ``feature`` the line of FEAT, ``suits`` says
    of which accounts it can tell something.
    """

    syntax: str
    help: str
    run: Callable[[Session, str], Awaitable[Reply]]
    ability: InterfaceClass | None = None
    feature: str | None = None
    allowed: Callable[[Policy], bool] = lambda policy: True
    suits: Callable[[IAccount], bool] = lambda account: True

    def offered(self, session: Session) -> bool:
        """Whether this session can use it; before login, whether some could."""
        account = session.state.account
        able = self.ability is None or account is None or self.ability.providedBy(account.storage)
        return able and self.allowed(session.policy) and (account is None or self.suits(account))


async def _change_mode(session: Session, argument: str) -> Reply:
    mode, name = split_first(argument)
    path, bits = resolve(session.state.cwd, name), parse_mode(mode)
    async with session.services.digests.kept(session.storage, path):
        await cast(IModes, session.storage).set_mode(path, bits)
    return Reply(200, "Mode changed.")


async def _set_time(session: Session, argument: str) -> Reply:
    """Both forms there are: the time and the path, or the path and three times of which the second counts."""
    if form := _UTIME_LAST.fullmatch(argument):
        name, seconds = form[1], parse_time(form[3])
    elif form := _UTIME_FIRST.fullmatch(argument):
        name, seconds = form[2], parse_time(form[1].ljust(14, "0"))
    else:
        raise ArgumentError("SITE UTIME takes YYYYMMDDhhmm[ss] and a path.")
    path = resolve(session.state.cwd, name)
    async with session.services.digests.kept(session.storage, path):
        await cast(ITimes, session.storage).set_modified(path, seconds)
    return Reply(200, "Time changed.")


async def _make_link(session: Session, argument: str) -> Reply:
    target, name = split_first(argument)
    await cast(ISymbolicLinks, session.storage).make_link(resolve(session.state.cwd, name), target)
    return Reply(200, "Link made.")


async def _copy_from(session: Session, argument: str) -> Reply:
    path = resolve(session.state.cwd, argument)
    await regular_file(session, path)
    session.state.copy_from = path
    return Reply(350, "Send the name of the copy with SITE CPTO.")


async def _copy_to(session: Session, argument: str) -> Reply:
    source, session.state.copy_from = session.state.copy_from, None
    if source is None:
        return Reply(503, "Send SITE CPFR first.")
    await copy_file(session.storage, source, resolve(session.state.cwd, argument))
    return Reply(250, "Copied.")


async def _quota(session: Session, argument: str) -> Reply:
    allowance = session.account.allowance
    lines = [] if allowance is None else await allowance.quota_lines()
    return Reply(211, "Quotas:", *(f" {line}" for line in lines), "End") if lines else Reply(211, "There is no quota.")


async def _help(session: Session, argument: str) -> Reply:
    lines = [
        f" SITE {name} {command.syntax}".rstrip() + f": {command.help}"
        for name, command in SITE_COMMANDS.items()
        if command.offered(session)
    ]
    return Reply(214, "SITE commands:", *lines, "End")


SITE_COMMANDS: Mapping[str, SiteCommand] = {
    "CHMOD": SiteCommand("mode path", "Set the permission bits.", _change_mode, IModes, "SITE CHMOD"),
    "CPFR": SiteCommand("path", "Say what is to be copied; SITE CPTO follows.", _copy_from, feature="SITE COPY"),
    "CPTO": SiteCommand("path", "Copy it.", _copy_to),
    "EXPECT": SiteCommand(
        "SIZE octets|algorithm hex",
        "Say what the next upload must be to be stored.",
        expect,
        feature="SITE EXPECT " + ";".join([*(algorithm.value for algorithm in Algorithm), "SIZE"]),
    ),
    "HELP": SiteCommand("", "Tell the SITE commands.", _help),
    "QUOTA": SiteCommand(
        "",
        "Tell what of your quotas is used.",
        _quota,
        feature="SITE QUOTA",
        suits=lambda account: account.allowance is not None,
    ),
    "SYMLINK": SiteCommand(
        "target path",
        "Make a symbolic link.",
        _make_link,
        ISymbolicLinks,
        "SITE SYMLINK",
        lambda policy: policy.symbolic_links,
    ),
    "UTIME": SiteCommand("YYYYMMDDhhmm[ss] path", "Set the time of modification.", _set_time, ITimes, "SITE UTIME"),
}


def _features(session: Session) -> list[str]:
    return [command.feature for command in SITE_COMMANDS.values() if command.feature and command.offered(session)]


@verb(
    "SITE",
    "959",
    text("command [argument]"),
    "Do something that FTP has no command for; SITE HELP tells what.",
    abortable=True,
    keeps=Pending.COPY | Pending.RESTART,
    feature=_features,
)
async def site(session: Session, argument: str) -> Reply:
    """Hand over to the command behind SITE."""
    name, _, rest = argument.partition(" ")
    command = SITE_COMMANDS.get(name.upper())
    if command is None:
        return Reply(500, "Unknown SITE command; SITE HELP tells which there are.")
    if not command.offered(session):
        return Reply(502, "This SITE command is not available here.")
    if command.syntax and not rest:
        raise ArgumentError(f"The form is SITE {name.upper()} {command.syntax}".rstrip() + ".")
    return await command.run(session, rest)


VERBS = (site,)
