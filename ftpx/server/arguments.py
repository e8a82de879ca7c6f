"""The forms that arguments of commands have; a verb's record names one, the gate applies it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import attrs

from ftpx.errors import ArgumentError
from ftpx.interfaces import Path
from ftpx.wire.listing import split_options
from ftpx.wire.numbers import parse_number
from ftpx.wire.paths import resolve

__all__ = [
    "LISTING",
    "NONE",
    "OPTIONAL_PATH",
    "OPTIONAL_TEXT",
    "PATH",
    "ArgumentRule",
    "ListingArgument",
    "number",
    "split_first",
    "text",
]

T = TypeVar("T")


@attrs.frozen
class ArgumentRule(Generic[T]):
    """
    How an argument is written and what it means.

    ``syntax`` is what follows the verb in HELP and in the documentation. ``parse`` takes the
    argument, or ``None``, and the working directory, and raises `ArgumentError`.
    """

    syntax: str
    parse: Callable[[str | None, Path], T]


@attrs.frozen
class ListingArgument:
    """Options and path of LIST, NLST and STAT; ``text`` is the path as it was written, if it was."""

    options: frozenset[str]
    path: Path
    text: str


def _none(argument: str | None, cwd: Path) -> None:
    if argument is not None:
        raise ArgumentError("This command takes no argument.")


def _required(argument: str | None, cwd: Path) -> str:
    if argument is None:
        raise ArgumentError("This command needs an argument.")
    return argument


def _path(argument: str | None, cwd: Path) -> Path:
    return resolve(cwd, _required(argument, cwd))


def _optional_path(argument: str | None, cwd: Path) -> Path:
    return cwd if argument is None else resolve(cwd, argument)


def _listing(argument: str | None, cwd: Path) -> ListingArgument:
    options, name = split_options(argument)
    return ListingArgument(options, cwd if name is None else resolve(cwd, name), name or "")


def text(syntax: str) -> ArgumentRule[str]:
    """A required argument that the verb reads itself, or that may be anything."""
    return ArgumentRule(syntax, _required)


def number(syntax: str) -> ArgumentRule[int]:
    """A required decimal number below 2**63."""
    return ArgumentRule(syntax, lambda argument, cwd: parse_number(_required(argument, cwd)))


def split_first(argument: str) -> tuple[str, str]:
    """
    Divide at the first space.

    :raises ArgumentError: there is nothing behind it.
    """
    first, _, rest = argument.partition(" ")
    if not first or not rest:
        raise ArgumentError("This command needs two arguments.")
    return first, rest


NONE: ArgumentRule[None] = ArgumentRule("", _none)
OPTIONAL_TEXT: ArgumentRule[str | None] = ArgumentRule("[text]", lambda argument, cwd: argument)
PATH: ArgumentRule[Path] = ArgumentRule("path", _path)
OPTIONAL_PATH: ArgumentRule[Path] = ArgumentRule("[path]", _optional_path)
LISTING: ArgumentRule[ListingArgument] = ArgumentRule("[-options] [path]", _listing)
