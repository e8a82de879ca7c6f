"""Files: DELE, RNFR, RNTO (RFC 959), SIZE, MDTM (RFC 3659) and AVBL."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import cast

from ftpx.errors import IsADirectory, NotARegularFile, NotFound, NotSupported, PermissionDenied, StorageError
from ftpx.interfaces import Entry, IFreeSpace, ITimes, Kind, Path, Right
from ftpx.server.arguments import OPTIONAL_PATH, PATH, text
from ftpx.server.partials import partial_uploads
from ftpx.server.room import room_left
from ftpx.server.session import Session
from ftpx.server.state import Pending, TransferType
from ftpx.server.verb import verb
from ftpx.wire.paths import resolve
from ftpx.wire.replies import Reply
from ftpx.wire.times import format_time, parse_time

__all__ = ["VERBS", "regular_file"]

_TIME_AND_NAME = re.compile(r"([0-9]{14}(?:\.[0-9]+)?) (.+)", re.DOTALL)
_NOT_IN_ASCII = Reply(550, "The size is known in binary only: send TYPE I first.")


async def regular_file(session: Session, path: Path) -> Entry:
    """
    The entry of a file with content.

    :raises IsADirectory, NotARegularFile, NotFound: there is none.
    """
    entry = await session.storage.stat(path)
    if entry.kind is Kind.DIRECTORY:
        raise IsADirectory
    if entry.kind is not Kind.FILE:
        raise NotARegularFile
    return entry


async def _discard_partial(session: Session, path: Path) -> bool:
    """Throw away what is kept of the account's upload to a name; whether there was something."""
    owned = partial_uploads(session)
    if owned is None or not session.rights(path) & Right.DELETE:
        return False
    partials, owner = owned
    return await partials.discard_partial(path, owner)


@verb("DELE", "959", PATH, "Delete a file.")
async def delete(session: Session, path: Path) -> Reply:
    """Remove anything but a directory, and what is kept of an upload to that name."""
    try:
        await session.storage.remove_file(path)
    except NotFound:
        if not await _discard_partial(session, path):
            raise
    else:
        # The file is gone, whatever becomes of this.
        with suppress(StorageError):
            await _discard_partial(session, path)
    return Reply(250, "File deleted.")


@verb("RNFR", "959", PATH, "Say what is to be renamed; RNTO follows.")
async def rename_from(session: Session, path: Path) -> Reply:
    """Note what the next command, RNTO, renames."""
    if not path:
        raise PermissionDenied
    await session.storage.stat(path)
    session.state.rename_from = path
    return Reply(350, "Send the new name with RNTO.")


@verb("RNTO", "959", PATH, "Give the new name.", keeps=Pending.RENAME)
async def rename_to(session: Session, path: Path) -> Reply:
    """Rename in one step."""
    source, session.state.rename_from = session.state.rename_from, None
    await session.storage.rename(cast(Path, source), path)
    return Reply(250, "Renamed.")


@verb("SIZE", "3659", PATH, "Tell the size of a file in octets.", feature="SIZE")
async def size(session: Session, path: Path) -> Reply:
    """
    The octets that RETR would send; in ASCII nobody knows without reading them all.

    Where no file has the name, those that are kept of the account's own upload to it.
    """
    if session.state.type is TransferType.ASCII:
        return _NOT_IN_ASCII
    try:
        entry = await regular_file(session, path)
    except NotFound:
        owned = partial_uploads(session)
        kept = None if owned is None else await owned[0].partial_size(path, owned[1])
        if kept is None:
            raise
        return Reply(213, str(kept))
    session.seen.note(path, entry)
    return Reply(213, str(entry.size))


@verb("MDTM", "3659", text("path"), "Tell the time of a file's last modification.", feature="MDTM")
async def modification_time(session: Session, argument: str) -> Reply:
    """
    Tell the time, in UTC.

    Older clients set it by ``MDTM time path``; that is meant where no file has the whole as its name.
    """
    path = resolve(session.state.cwd, argument)
    try:
        entry = await regular_file(session, path)
    except NotFound:
        setting = _TIME_AND_NAME.fullmatch(argument)
        if setting is None or not ITimes.providedBy(session.storage):
            raise
        seconds, path = parse_time(setting[1]), resolve(session.state.cwd, setting[2])
        async with session.services.digests.kept(session.storage, path):
            await cast(ITimes, session.storage).set_modified(path, seconds)
        return Reply(213, format_time(seconds))
    if entry.modified is None:
        raise NotFound
    session.seen.note(path, entry)
    return Reply(213, format_time(entry.modified))


@verb(
    "AVBL",
    "draft-peterson-streamlined-ftp-command-extensions",
    OPTIONAL_PATH,
    "Tell how much can still be stored.",
    feature="AVBL",
    ability=IFreeSpace,
)
async def available(session: Session, path: Path) -> Reply:
    """Octets that the account could still store in a directory."""
    least = (await room_left(session.storage, path)).least
    if least is None:
        raise NotSupported
    return Reply(213, str(least))


VERBS = (delete, rename_from, rename_to, size, modification_time, available)
