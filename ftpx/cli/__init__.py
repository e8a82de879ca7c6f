"""``ftpx``: the command by which operators keep the accounts."""

from __future__ import annotations

import sys
from io import TextIOWrapper

__all__ = ["main"]

_LIBRARIES = frozenset({"alembic", "argon2", "click", "passlib", "pyotp", "rich", "sqlalchemy"})


def main() -> None:
    """
    Run the command with the arguments of the process.

    :raises SystemExit: always; with status 1 and one line that says why if something cannot be done.
    """
    try:
        from ftpx.cli.commands import ftpx
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _LIBRARIES:
            raise
        sys.exit("ftpx: the command needs libraries that are not installed: pip install 'ftpx[accounts]'.")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # What a terminal of another encoding cannot show is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    ftpx(prog_name="ftpx")
