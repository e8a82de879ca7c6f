"""Wildcards in the last name of a path given to LIST or NLST."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from ftpx.errors import ArgumentError

__all__ = ["compile_pattern", "has_pattern"]

_LONGEST_PATTERN = 255
_WILDCARD = re.compile(r"[*?[]")


def has_pattern(name: str) -> bool:
    """Whether a name holds a character that can stand for others."""
    return _WILDCARD.search(name) is not None


def compile_pattern(pattern: str, *, dots: bool = False) -> Callable[[str], bool]:
    """
    A test for names: ``*`` is any text, ``?`` any character, ``[a-z]`` and ``[!a-z]`` one of a set.

    Case counts. A name that begins with a dot is matched only by a pattern that does. The time
    a test takes grows no faster than the lengths of name and pattern multiplied.

    :param dots: a dot at the beginning of a name is a character like all others.
    :raises ArgumentError: the pattern has more than 255 characters.
    """
    if len(pattern) > _LONGEST_PATTERN:
        raise ArgumentError("The pattern is too long.")
    # Its expressions never go back behind an asterisk, so they are not exponential.
    matches = re.compile(fnmatch.translate(pattern)).match
    shows_hidden = dots or pattern.startswith(".")

    def test(name: str) -> bool:
        return (shows_hidden or not name.startswith(".")) and matches(name) is not None

    return test
