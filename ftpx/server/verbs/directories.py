"""Where the session is, and directories: CWD, CDUP, PWD, MKD, RMD and their X forms (RFC 959, 775)."""

from __future__ import annotations

import attrs

from ftpx.errors import NotADirectory
from ftpx.interfaces import Kind, Path
from ftpx.server.arguments import NONE, PATH
from ftpx.server.session import Session
from ftpx.server.verb import Outcome, verb
from ftpx.wire.paths import quote
from ftpx.wire.replies import Reply

__all__ = ["VERBS"]


@verb("CWD", "959", PATH, "Change the working directory.")
async def change(session: Session, path: Path) -> Reply:
    """Enter a directory that is there."""
    entry = await session.storage.stat(path)
    if entry.kind is not Kind.DIRECTORY:
        raise NotADirectory
    session.state.cwd = path
    return Reply(250, f"{quote(path)} is the working directory.")


@verb("CDUP", "959", NONE, "Change to the directory above.")
def change_up(session: Session, nothing: None) -> Outcome:
    """Enter the directory above; the root is above itself."""
    return change.run(session, session.state.cwd[:-1])


@verb("PWD", "959", NONE, "Tell the working directory.")
def tell(session: Session, nothing: None) -> Reply:
    """Name the working directory in RFC 959's quotes."""
    return Reply(257, f"{quote(session.state.cwd)} is the working directory.")


@verb("MKD", "959", PATH, "Make a directory.")
async def make(session: Session, path: Path) -> Reply:
    """Make a directory and tell its absolute path."""
    await session.storage.make_directory(path)
    return Reply(257, f"{quote(path)} created.")


@verb("RMD", "959", PATH, "Remove an empty directory.")
async def remove(session: Session, path: Path) -> Reply:
    """Remove an empty directory."""
    await session.storage.remove_directory(path)
    return Reply(250, "Directory removed.")


VERBS = (
    change,
    change_up,
    tell,
    make,
    remove,
    *(
        attrs.evolve(verb, name=name, rfc="775")
        for verb, name in ((change, "XCWD"), (change_up, "XCUP"), (tell, "XPWD"), (make, "XMKD"), (remove, "XRMD"))
    ),
)
