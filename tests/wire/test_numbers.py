"""Tests of ftpx.wire.numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ArgumentError
from ftpx.wire.numbers import parse_number, parse_range

numbers = st.integers(0, 2**63 - 1)


class ParseNumberTests(SynchronousTestCase):
    """Decimal numbers."""

    def test_numbers(self) -> None:
        """Digits are a number up to the largest file offset; leading zeros do no harm."""
        self.assertEqual([parse_number(text) for text in ("0", "007", "9223372036854775807")], [0, 7, 2**63 - 1])

    def test_no_numbers(self) -> None:
        """RS10: signs, exponents, other scripts' digits, blanks and huge values are refused."""
        texts = [
            "-1",
            "+1",
            "1e3",
            str(2**63),
            str(2**64),
            "1" + "0" * 23,
            "\u0663",
            "",
            " 1",
            "1 ",
            "1_0",
            "0x1",
            "1.0",
            "\u00b2",
            "1\n",
        ]
        for text in texts:
            with self.assertRaises(ArgumentError, msg=repr(text)):
                parse_number(text)

    def test_maximum(self) -> None:
        """The caller says how large a number may be."""
        self.assertEqual(parse_number("65535", 65535), 65535)
        with self.assertRaises(ArgumentError):
            parse_number("65536", 65535)

    @given(numbers)
    def test_round_trip(self, number: int) -> None:
        """Any number in its decimal form comes back."""
        self.assertEqual(parse_number(str(number)), number)

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Any text is a number that is written with these digits, or refused."""
        try:
            number = parse_number(text)
        except ArgumentError:
            return
        self.assertEqual(str(number), text.lstrip("0") or "0")


class ParseRangeTests(SynchronousTestCase):
    """Ranges of octets."""

    def test_range(self) -> None:
        """Both octets are part of the range, which may be one octet."""
        self.assertEqual(parse_range("0 499"), (0, 499))
        self.assertEqual(parse_range("5 5"), (5, 5))

    def test_reset(self) -> None:
        """``1 0`` takes the range back."""
        self.assertIsNone(parse_range("1 0"))

    def test_refused(self) -> None:
        """RS10: reversed ranges, missing, extra and odd numbers are refused."""
        for argument in ("2 1", "2 0", "1", "", " ", "1 ", " 1", "1  2", "1 2 3", "-1 2", "1 x", "1-2", f"0 {2**63}"):
            with self.assertRaises(ArgumentError, msg=argument):
                parse_range(argument)

    @given(numbers, numbers)
    def test_round_trip(self, one: int, other: int) -> None:
        """Any two numbers in order come back."""
        first, last = sorted((one, other))
        self.assertEqual(parse_range(f"{first} {last}"), (first, last))
