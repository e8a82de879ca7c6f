"""Decimal numbers in arguments."""

from __future__ import annotations

import re

from ftpx.errors import ArgumentError

__all__ = ["parse_number", "parse_range"]

# Not str.isdigit and int(): they take digits of every script, signs, blanks and underscores.
_NUMBER = re.compile("[0-9]{1,19}")


def parse_number(text: str, maximum: int = 2**63 - 1) -> int:
    """
    A number from 0 to ``maximum``.

    :raises ArgumentError: it is not 1 to 19 ASCII digits, or too large.
    """
    if not _NUMBER.fullmatch(text):
        raise ArgumentError("A decimal number is wanted.")
    number = int(text)
    if number > maximum:
        raise ArgumentError("The number is too large.")
    return number


def parse_range(argument: str) -> tuple[int, int] | None:
    """
    The argument of RANG: the first and the last octet, both included (draft-bryan-ftp-range section 3).

    ``1 0`` takes a range back and is ``None``.

    :raises ArgumentError: it is not two numbers, or the last is before the first.
    """
    first, separator, last = argument.partition(" ")
    if not separator:
        raise ArgumentError("The first and the last octet are wanted.")
    start, end = parse_number(first), parse_number(last)
    if (start, end) == (1, 0):
        return None
    if end < start:
        raise ArgumentError("The last octet is before the first.")
    return start, end
