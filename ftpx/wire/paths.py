"""Virtual paths and how FTP writes them (RFC 959 section 5.3.2 and appendix II)."""

from __future__ import annotations

import re

from ftpx.errors import ArgumentError
from ftpx.interfaces import Path

__all__ = ["quote", "render", "resolve"]

_FORBIDDEN = re.compile("[\0\r\n]")


def resolve(cwd: Path, argument: str) -> Path:
    """
    The path that a client means, given its working directory.

    A leading ``/`` makes it absolute. Empty names and ``.`` vanish; ``..`` goes up and stays at the root.

    :raises ArgumentError: it holds NUL, CR or LF.
    """
    if _FORBIDDEN.search(argument):
        raise ArgumentError("NUL, CR and LF are not allowed in a name.")
    names = [] if argument.startswith("/") else list(cwd)
    for name in argument.split("/"):
        if name == "..":
            del names[-1:]
        elif name not in ("", "."):
            names.append(name)
    return tuple(names)


def render(path: Path) -> str:
    """A path as clients see it: ``/`` for the root, ``/pub/a.txt``."""
    return "/" + "/".join(path)


def quote(path: Path) -> str:
    """A path as in reply 257: in double quotes, with those inside it doubled."""
    return '"' + render(path).replace('"', '""') + '"'
