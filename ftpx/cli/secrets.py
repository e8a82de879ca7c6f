"""Passwords as operators type them, or programs write them: never an argument."""

from __future__ import annotations

import sys
from typing import Final

import click

from ftpx.accounts.checkers import MAXIMUM_PASSWORD
from ftpx.accounts.passwords import check_password
from ftpx.wire.commands import encode

__all__ = ["ask_password"]

# With its end, and one octet more by which a longer one is told.
_LINE: Final = MAXIMUM_PASSWORD + 3


def ask_password() -> bytes:
    """
    A password: asked for twice, without echo, on a terminal; else the first line of what comes in.

    :raises ConfigurationError: nobody can have it.
    """
    if sys.stdin.isatty():
        return check_password(encode(click.prompt("Password", hide_input=True, confirmation_prompt="Again", err=True)))
    line = sys.stdin.buffer.readline(_LINE)
    return check_password(line.removesuffix(b"\n").removesuffix(b"\r"))
