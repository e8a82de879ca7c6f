"""Transfers: RETR, STOR, STOU, APPE, REST, ALLO, ABOR (RFC 959), RANG."""

from __future__ import annotations

from ftpx.errors import ArgumentError, FileChanged, OffsetBeyondEnd
from ftpx.interfaces import Direction, Path
from ftpx.server.arguments import NONE, OPTIONAL_PATH, PATH, ArgumentRule, number
from ftpx.server.room import room_left
from ftpx.server.session import Session
from ftpx.server.state import Pending, TransferType
from ftpx.server.translation import ascii_blocks
from ftpx.server.upload import Upload
from ftpx.server.verb import verb
from ftpx.wire.numbers import parse_number, parse_range
from ftpx.wire.replies import Reply

__all__ = ["VERBS"]

_COMPLETE = Reply(226, "Transfer complete.")
_CHANGED = Reply(
    554, "The file is another one than you were told of; ask for its SIZE or MDTM again, or fetch it from the start."
)
_REPLACED = Reply(554, "The file was replaced by another one while it was sent; fetch it from the start.")
_NOT_IN_ASCII = Reply(501, "Transfers are restarted in binary only: send TYPE I first.")
_RANGE_IS_FOR_RETR = Reply(504, "RANG is for RETR; use REST to continue an upload.")
_NO_RESTART_OF_UNIQUE = Reply(501, "STOU makes a new file; REST does not go with it.")


@verb("RETR", "959", PATH, "Fetch a file.", opens_data=True, abortable=True, keeps=Pending.RESTART)
async def retrieve(session: Session, path: Path) -> Reply:
    """Send a file, or the part of it that REST or RANG asked for."""
    start, end = session.state.take_range()
    source = await session.storage.open_read(path)
    try:
        entry = source.entry
        if start and session.seen.changed(path, entry):
            return _CHANGED
        session.seen.note(path, entry)
        end = entry.size if end is None else min(end, entry.size)
        if start > entry.size:
            raise OffsetBeyondEnd
        with session.file_transfer("RETR", Direction.DOWNLOAD, path, max(0, end - start)) as transfer:
            if session.state.type is TransferType.ASCII:
                async with transfer.open_data(path[-1]) as data:
                    await data.send_blocks(ascii_blocks(source, start, end))
            else:
                async with transfer.open_data(f"{path[-1]} ({max(0, end - start)} bytes)") as data:
                    await data.send_file(source, start, end)
    except FileChanged:
        return _REPLACED
    finally:
        source.close()
    return _COMPLETE


@verb("STOR", "959", PATH, "Store a file.", opens_data=True, abortable=True, keeps=Pending.RESTART)
async def store(session: Session, path: Path) -> Reply:
    """Store a file; behind REST, keep that much of the present one and continue it."""
    offset, end = session.state.take_range()
    if end is not None:
        return _RANGE_IS_FOR_RETR
    return await Upload(session, "STOR", path, offset=offset).run()


@verb("APPE", "959", PATH, "Store at the end of a file.", opens_data=True, abortable=True)
async def append(session: Session, path: Path) -> Reply:
    """Continue a file behind its end, or begin it."""
    return await Upload(session, "APPE", path, offset=None).run()


@verb(
    "STOU",
    "959",
    OPTIONAL_PATH,
    "Store under a name of the server's choice.",
    opens_data=True,
    abortable=True,
    keeps=Pending.RESTART,
)
async def store_unique(session: Session, path: Path) -> Reply:
    """Store a new file; the 150 reply tells its name as RFC 1123, section 4.1.2.9, has it."""
    if session.state.take_range() != (0, None):
        return _NO_RESTART_OF_UNIQUE
    token = session.services.token()
    named = path and path != session.state.cwd
    unique = (*path[:-1], f"{path[-1]}.{token}") if named else (*path, f"ftpx.{token}")
    opening = f"FILE: {unique[-1]}"
    complete = await Upload(session, "STOU", unique, offset=0, exclusive=True, opening=opening).run()
    return Reply(226, opening, *complete.lines)


@verb("REST", "3659", number("offset"), "Begin the next transfer at an offset.", feature="REST STREAM")
def restart(session: Session, offset: int) -> Reply:
    """Note where the next RETR or STOR begins."""
    if offset and session.state.type is TransferType.ASCII:
        return _NOT_IN_ASCII
    session.state.restart = offset
    return Reply(350, f"Restarting at {offset}. Send RETR or STOR.")


def _range(argument: str | None, cwd: object) -> tuple[int, int] | None:
    if argument is None:
        raise ArgumentError("RANG takes the first and the last octet.")
    return parse_range(argument)


@verb(
    "RANG",
    "draft-bryan-ftp-range",
    ArgumentRule("first last", _range),
    "Fetch a part of a file.",
    feature="RANG STREAM",
)
def range_(session: Session, wanted: tuple[int, int] | None) -> Reply:
    """Note which octets the next RETR sends; ``RANG 1 0`` means all."""
    if wanted is None:
        return Reply(350, "The next transfer is of the whole file.")
    if session.state.type is TransferType.ASCII:
        return _NOT_IN_ASCII
    first, last = wanted
    session.state.restart, session.state.range_end = first, last + 1
    return Reply(350, f"The next transfer is of the octets {first} to {last}.")


def _allocation(argument: str | None, cwd: object) -> int:
    words = (argument or "").split(" ")
    if len(words) not in {1, 3} or (len(words) == 3 and words[1].upper() != "R"):
        raise ArgumentError("ALLO takes a number of octets.")
    for word in words[2:]:
        parse_number(word)
    return parse_number(words[0])


@verb(
    "ALLO", "959", ArgumentRule("octets [R octets]", _allocation), "Ask whether there is room.", keeps=Pending.RESTART
)
async def allocate(session: Session, octets: int) -> Reply:
    """Tell whether that much could be stored; for the next upload it is set aside."""
    room = await room_left(session.storage, session.state.cwd)
    if room.least is None:
        return Reply(202, "Nothing needs to be allocated.")
    session.state.allocation = octets
    if room.quota is not None and octets > room.quota:
        return Reply(552, f"Only {room.quota} octets are left of the quota.")
    if room.free is not None:
        free = room.free - session.services.reservations.outstanding()
        if octets > free:
            return Reply(552, f"Only {free} octets are free.")
    return Reply(200, "There is room.")


@verb("ABOR", "959", NONE, "End the transfer under way.")
def abort(session: Session, nothing: None) -> Reply:
    """What ran has been ended by the time ABOR has its turn; only a data port may be left."""
    session.state.set_data_port(None)
    if session.aborted:
        session.aborted = False
        return Reply(226, "Transfer aborted.")
    return Reply(225, "No transfer to abort.")


VERBS = (retrieve, store, append, store_unique, restart, range_, allocate, abort)
