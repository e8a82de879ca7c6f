"""Command lines: a verb and its argument (RFC 959 section 5.3)."""

from __future__ import annotations

from functools import lru_cache

import attrs

from ftpx.errors import ArgumentError, FtpxError

__all__ = ["Command", "CommandError", "decode", "encode", "parse_command"]

_LONGEST_VERB = 10
_INTERPRET_AS_COMMAND = b"\xff"


class CommandError(FtpxError):
    """A line does not begin with a verb."""


@attrs.frozen
class Command:
    """A command: its verb in upper case, and what stands behind the verb, ``None`` if nothing does."""

    verb: str
    argument: str | None


def decode(raw: bytes) -> str:
    """Octets as text: UTF-8, and every octet that is not as a lone surrogate (RFC 2640)."""
    return raw.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The octets that `decode` made a text of."""
    return text.encode("utf-8", "surrogateescape")


def parse_command(line: bytes) -> Command:
    """
    Read a command line without its line end.

    The argument is everything behind the one space that ends the verb, blanks included, with
    each escaped IAC (RFC 854) as the one octet that it means.

    :raises CommandError: the line does not begin with a verb and a space or its end. A verb is one to ten ASCII letters
        and, behind the first of them, digits.
    :raises ArgumentError: the argument holds NUL, CR or LF.
    """
    verb, _, argument = line.partition(b" ")
    command = _without_argument(verb)
    if not argument:
        return command
    if b"\r" in argument or b"\0" in argument or b"\n" in argument:
        raise ArgumentError("NUL, CR and LF are not allowed in an argument.")
    if _INTERPRET_AS_COMMAND in argument:
        argument = argument.replace(_INTERPRET_AS_COMMAND * 2, _INTERPRET_AS_COMMAND)
    return Command(command.verb, decode(argument))


# Arguments are never kept here: some of them are passwords.
@lru_cache(maxsize=256)
def _without_argument(verb: bytes) -> Command:
    if not verb.isalnum() or not verb[:1].isalpha() or len(verb) > _LONGEST_VERB:
        raise CommandError("Not a command.")
    return Command(verb.decode("ascii").upper(), None)
