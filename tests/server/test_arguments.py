"""The forms of arguments."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ArgumentError
from ftpx.server.arguments import (
    LISTING,
    NONE,
    OPTIONAL_PATH,
    OPTIONAL_TEXT,
    PATH,
    ArgumentRule,
    ListingArgument,
    number,
    split_first,
    text,
)

_CWD = ("d",)


class ArgumentRuleTests(SynchronousTestCase):
    """Each rule takes its form and refuses others."""

    def assert_refused(self, rule: ArgumentRule[Any], *arguments: str | None) -> None:
        """A rule raises ArgumentError."""
        for argument in arguments:
            with self.assertRaises(ArgumentError, msg=repr(argument)):
                rule.parse(argument, _CWD)

    def test_none(self) -> None:
        """No argument is no argument."""
        self.assertIsNone(NONE.parse(None, _CWD))
        self.assert_refused(NONE, "x", " ")

    def test_text(self) -> None:
        """A text is taken exactly."""
        self.assertEqual(text("x").parse(" a ", _CWD), " a ")
        self.assertEqual(text("x").syntax, "x")
        self.assert_refused(text("x"), None)

    def test_optional_text(self) -> None:
        """A text may be left out."""
        self.assertEqual(OPTIONAL_TEXT.parse("a", _CWD), "a")
        self.assertIsNone(OPTIONAL_TEXT.parse(None, _CWD))

    def test_number(self) -> None:
        """RS10: numbers are ASCII digits below 2**63."""
        self.assertEqual(number("n").parse("9223372036854775807", _CWD), 2**63 - 1)
        self.assert_refused(number("n"), None, "-1", "1e3", "9223372036854775808", "\u0663", "1" * 5000, " 1", "0x1")

    def test_path(self) -> None:
        """A path is resolved under the working directory and stays under the root."""
        self.assertEqual(PATH.parse("a/../b", _CWD), ("d", "b"))
        self.assertEqual(PATH.parse("/a", _CWD), ("a",))
        self.assertEqual(PATH.parse("../../..", _CWD), ())
        self.assert_refused(PATH, None, "a\0b")

    def test_optional_path(self) -> None:
        """Without a path the working directory is meant."""
        self.assertEqual(OPTIONAL_PATH.parse(None, _CWD), _CWD)
        self.assertEqual(OPTIONAL_PATH.parse("a", _CWD), ("d", "a"))

    def test_listing(self) -> None:
        """PH24: options are taken off, and what is left is a path."""
        for argument, options, path, name in (
            (None, "", _CWD, ""),
            ("-la", "la", _CWD, ""),
            ("-la a b", "la", ("d", "a b"), "a b"),
            ("-l -R ../..", "lR", (), "../.."),
            ("-", "", ("d", "-"), "-"),
            ("-a.txt", "", ("d", "-a.txt"), "-a.txt"),
            ("-- -la", "", ("d", "-la"), "-la"),
            ("--help=x", "", ("d", "--help=x"), "--help=x"),
        ):
            self.assertEqual(LISTING.parse(argument, _CWD), ListingArgument(frozenset(options), path, name))

    def test_split_first(self) -> None:
        """Two arguments are divided at the first space, and both must be there."""
        self.assertEqual(split_first("644 a b "), ("644", "a b "))
        for argument in ("", "644", "644 ", " a"):
            with self.assertRaises(ArgumentError, msg=argument):
                split_first(argument)
