"""Directories: LIST, NLST (RFC 959), MLSD and MLST (RFC 3659)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from ftpx.errors import NotADirectory
from ftpx.interfaces import Entry, ICreationTimes, IRights, Kind, Path, Right
from ftpx.server.arguments import LISTING, OPTIONAL_PATH, ListingArgument
from ftpx.server.selection import Selection, select, select_all
from ftpx.server.session import Session
from ftpx.server.verb import verb
from ftpx.wire.facts import FACTS, features, format_facts, perm_fact
from ftpx.wire.listing import format_line
from ftpx.wire.paths import render
from ftpx.wire.replies import Reply, printable

__all__ = ["VERBS", "list_line"]

_COMPLETE = Reply(226, "Listing complete.")
_NO_DIRECTORY = Reply(501, "MLSD lists directories; MLST tells about other things.")

_OWNERS = frozenset({"UNIX.owner", "UNIX.group"})


def list_line(session: Session) -> Callable[[Entry], str]:
    """How LIST writes an entry in this session."""
    now = session.now()
    hidden = "ftp" if session.policy.hide_owners else None
    return lambda entry: format_line(entry, now, owner=hidden, group=hidden)


async def _send(
    session: Session,
    selecting: AbstractAsyncContextManager[Selection],
    line: Callable[[str], Callable[[Entry], str]],
) -> Reply:
    """Send what ``line``, given the prefix of the selection, makes of each entry."""
    async with selecting as selection, session.open_data("Here comes the listing.") as data:
        await data.send_blocks(selection.blocks(line(selection.prefix)))
    return _COMPLETE


def _selected(session: Session, argument: ListingArgument) -> AbstractAsyncContextManager[Selection]:
    return select(session.storage, session.state.cwd, argument)


@verb("LIST", "959", LISTING, "List a directory for people.", opens_data=True, abortable=True)
async def list_(session: Session, argument: ListingArgument) -> Reply:
    """Send the form of ``ls -l``. Hidden entries are always listed; options but ``d`` change nothing."""
    return await _send(session, _selected(session, argument), lambda prefix: list_line(session))


@verb("NLST", "959", LISTING, "List names.", opens_data=True, abortable=True)
async def list_names(session: Session, argument: ListingArgument) -> Reply:
    """Send pathnames that the next command can use as they are (RFC 1123, section 4.1.2.7)."""
    return await _send(
        session, _selected(session, argument), lambda prefix: lambda entry: prefix + printable(entry.name)
    )


def _facts(session: Session, place: Callable[[Entry], Path]) -> Callable[[Entry], str]:
    """How MLST and MLSD write the facts of entries, each of which is at some place."""
    wanted = _offered(session) & session.state.facts
    unique = session.unique if "unique" in wanted else lambda entry: None
    perm = _perm(session, place) if "perm" in wanted else lambda entry: ""
    return lambda entry: format_facts(entry, wanted, perm=perm(entry), unique=unique(entry))


def _perm(session: Session, place: Callable[[Entry], Path]) -> Callable[[Entry], str]:
    """How the perm fact tells the rights of the account."""
    if IRights.providedBy(session.storage):
        return lambda entry: perm_fact(entry.kind, session.rights(place(entry)))
    perms = {kind: perm_fact(kind, Right.ALL) for kind in Kind}
    return lambda entry: perms[entry.kind]


def _offered(session: Session) -> frozenset[str]:
    """The facts that this session's storage may know."""
    withheld: frozenset[str] = _OWNERS if session.policy.hide_owners else frozenset()
    account = session.state.account
    if account is not None and not ICreationTimes.providedBy(account.storage):
        withheld |= {"create"}
    return frozenset(FACTS) - withheld


def _feature(session: Session) -> list[str]:
    return [features(session.state.facts, _offered(session))]


@verb("MLSD", "3659", OPTIONAL_PATH, "List a directory for programs.", opens_data=True, abortable=True)
async def list_facts(session: Session, path: Path) -> Reply:
    """Send the facts of a directory's entries."""
    facts = _facts(session, lambda entry: (*path, entry.name))
    selecting = select_all(session.storage, path)
    try:
        return await _send(session, selecting, lambda prefix: lambda entry: facts(entry) + printable(entry.name))
    except NotADirectory:
        # It may be what the path leads through that is none.
        await session.storage.stat(path)
        return _NO_DIRECTORY


@verb("MLST", "3659", OPTIONAL_PATH, "Tell the facts of one thing.", feature=_feature)
async def tell_facts(session: Session, path: Path) -> Reply:
    """Answer with the facts of one entry and its absolute path."""
    entry = await session.storage.stat(path)
    session.seen.note(path, entry)
    facts = _facts(session, lambda entry: path)
    return Reply(250, "Facts:", f" {facts(entry)}{printable(render(path))}", "End.")


VERBS = (list_, list_names, list_facts, tell_facts)
