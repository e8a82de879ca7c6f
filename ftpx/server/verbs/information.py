"""About the server and the session: HELP, NOOP, SYST, STAT (RFC 959) and FEAT (RFC 2389)."""

from __future__ import annotations

from ftpx.errors import StorageError
from ftpx.ops.transfers import RunningTransfer
from ftpx.server.arguments import LISTING, NONE, OPTIONAL_TEXT, ListingArgument
from ftpx.server.data_transfer import ContentTransfer
from ftpx.server.selection import select
from ftpx.server.session import Session
from ftpx.server.state import Login, Pending
from ftpx.server.verb import DuringTransfer, verb
from ftpx.server.verbs.listing import list_line
from ftpx.wire.commands import encode
from ftpx.wire.paths import render
from ftpx.wire.replies import Reply, printable

__all__ = ["VERBS"]

# What holds whatever the verbs are: names are UTF-8 (RFC 2640) and paths are like UNIX's (RFC 3659, section 6).
_STANDING_FEATURES = ("TVFS", "UTF8")
_NAMES_A_LINE = 8
_NOTHING_DONE = Reply(200, "Nothing done.")


@verb("NOOP", "959", NONE, "Do nothing.", before_login=True, during_transfer=DuringTransfer.ACTS, keeps=Pending.RESTART)
def nothing(session: Session, argument: None) -> Reply:
    """Answer."""
    return _NOTHING_DONE


@verb("SYST", "959", NONE, "Tell the system type.", before_login=True)
def system(session: Session, argument: None) -> Reply:
    """What every client takes as: listings are those of ``ls -l``."""
    return Reply(215, "UNIX Type: L8")


@verb("FEAT", "2389", NONE, "Tell the features.", before_login=True)
def features(session: Session, argument: None) -> Reply:
    """Tell what this server, and once logged in this user's storage, can do beyond RFC 959."""
    lines = {line for record in session.commands.values() for line in record.features(session)}
    return Reply(211, "Features:", *(f" {line}" for line in sorted(lines.union(_STANDING_FEATURES))), "End")


@verb("HELP", "959", OPTIONAL_TEXT, "Tell the commands, or about one of them.", before_login=True)
def help_(session: Session, argument: str | None) -> Reply:
    """List the commands or explain one."""
    if argument is None:
        names = sorted(session.commands)
        lines = [
            " " + " ".join(f"{name:<4}" for name in names[place : place + _NAMES_A_LINE]).rstrip()
            for place in range(0, len(names), _NAMES_A_LINE)
        ]
        return Reply(214, "Commands:", *lines, "HELP and a command explains it.")
    record = session.commands.get(argument.upper())
    if record is None:
        return Reply(502, "There is no such command.")
    return Reply(214, f"{record.name} {record.argument.syntax}".rstrip() + f": {record.help}")


@verb(
    "STAT",
    "959",
    LISTING,
    "Tell the state of the session, or list a path on the control connection.",
    during_transfer=DuringTransfer.ACTS_WITHOUT_ARGUMENT,
    keeps=Pending.RESTART,
)
async def status(session: Session, argument: ListingArgument) -> Reply:
    """Tell how things stand; with a path, answer with its listing."""
    if not argument.text and not argument.options:
        return Reply(211, "Status:", *_status_lines(session), "End of status.")
    async with select(session.storage, session.state.cwd, argument) as selection:
        session.control.write(encode(f"213-Status of {printable(argument.text or '.')}:\r\n"))
        try:
            async for block in selection.blocks(list_line(session)):
                session.control.write(block)
                await session.control.drained()
        except StorageError:
            # The reply has begun, so its code is fixed.
            return Reply(213, "The listing is not complete: the storage failed.")
    return Reply(213, "End of status.")


def _status_lines(session: Session) -> list[str]:
    state, transfer = session.state, session.transfer
    lines = [
        f" Logged in as {state.account.name}." if state.login is Login.DONE and state.account else " Not logged in.",
        f" Working directory: {render(state.cwd)}",
        f" TYPE: {state.type.name}; STRU: F; MODE: {state.mode.value}",
    ]
    if isinstance(transfer, ContentTransfer) and transfer.running is not None:
        lines += _transfer_lines(transfer, transfer.running, session.services.clock.seconds())
    elif transfer is not None:
        lines.append(f" Listing under way: {transfer.moved} octets so far.")
    return lines


def _transfer_lines(transfer: ContentTransfer, running: RunningTransfer, now: float) -> list[str]:
    facts, octets = running.facts, running.octets
    lines = [f" Transfer {facts.id}: {facts.verb} {render(facts.path)}"]
    if transfer.connection is None:
        return [*lines, " It waits for its data connection."]
    if facts.size is None:
        lines.append(f" {octets} octets so far.")
    else:
        share = min(100, octets * 100 // facts.size) if facts.size else 100
        lines.append(f" {octets} of {facts.size} octets so far, {share} %.")
    if transfer.closed:
        return [*lines, " The data connection is closed; what came is being stored."]
    left = running.seconds_left(now)
    speed = f" {running.rate(now):.0f} octets a second now, {running.average(now):.0f} on average"
    lines.append(f"{speed}." if left is None else f"{speed}; about {left:.0f} seconds left.")
    return lines


VERBS = (nothing, system, features, help_, status)
