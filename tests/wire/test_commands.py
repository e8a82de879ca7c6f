"""Tests of ftpx.wire.commands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ArgumentError
from ftpx.wire.commands import Command, CommandError, decode, encode, parse_command

verbs = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,9}", fullmatch=True)


class TextTests(SynchronousTestCase):
    """Octets as text."""

    def test_utf8(self) -> None:
        """RFC 2640: names are UTF-8."""
        self.assertEqual(decode(b"\xc3\xbc\xe6\xbc\xa2"), "ü漢")
        self.assertEqual(encode("ü漢"), b"\xc3\xbc\xe6\xbc\xa2")

    @given(st.binary())
    def test_round_trip(self, raw: bytes) -> None:
        """CP10: any octets come back exactly."""
        self.assertEqual(encode(decode(raw)), raw)

    @given(st.binary(), st.binary())
    def test_no_two_names_are_one(self, first: bytes, second: bytes) -> None:
        """CP10: two names of different octets are different texts."""
        self.assertEqual(decode(first) == decode(second), first == second)


class ParseCommandTests(SynchronousTestCase):
    """Command lines."""

    def refused(self, *lines: bytes) -> None:
        """Assert that none of the lines is a command."""
        for line in lines:
            with self.assertRaises(CommandError, msg=repr(line)):
                parse_command(line)

    def test_verb_alone(self) -> None:
        """A verb without an argument has ``None``."""
        self.assertEqual(parse_command(b"NOOP"), Command("NOOP", None))

    def test_verb_and_argument(self) -> None:
        """The argument begins behind the first space."""
        self.assertEqual(parse_command(b"RETR a b.txt"), Command("RETR", "a b.txt"))

    def test_case_and_blanks(self) -> None:
        """CP18: the verb is in any case, and one space behind it says nothing."""
        self.assertEqual(parse_command(b"pWd"), Command("PWD", None))
        self.assertEqual(parse_command(b"NOOP "), Command("NOOP", None))

    def test_no_verb(self) -> None:
        """CP18: leading space, tab and an empty line are no commands."""
        self.refused(b"", b" ", b" NOOP", b"NOOP\t", b"NOOP\tx", b"\tNOOP")

    def test_odd_verbs(self) -> None:
        """Digits at the start, other scripts, control characters and long words are no verbs."""
        self.refused(b"1X", b"7", b"NO-OP x", "NÖOP".encode(), b"\xff\xff", b"A" * 11, b"%s", b"NO\rOP", b"NO\nOP")

    def test_longest_verb(self) -> None:
        """Ten letters are a verb."""
        self.assertEqual(parse_command(b"abcdefghij k"), Command("ABCDEFGHIJ", "k"))

    def test_digits(self) -> None:
        """Some verbs end with digits."""
        self.assertEqual(parse_command(b"xsha256 k"), Command("XSHA256", "k"))

    def test_nul_in_verb(self) -> None:
        """CP08: a NUL in the verb is no command."""
        self.refused(b"NO\0OP", b"\0NOOP", b"NOOP\0")

    def test_nul_in_argument(self) -> None:
        """CP09: a NUL in an argument is refused; nothing is cut off."""
        for line in (b"MKD q\0w", b"RETR \0", b"DELE a\0"):
            with self.assertRaises(ArgumentError):
                parse_command(line)

    def test_return_in_argument(self) -> None:
        """CP07: a bare CR in an argument is refused, and so is an LF."""
        for line in (b"MKD a\rDELE victim", b"MKD a\r", b"MKD a\nb"):
            with self.assertRaises(ArgumentError):
                parse_command(line)

    def test_blanks_in_names(self) -> None:
        """CP19: blanks at both ends of a name are part of it."""
        self.assertEqual(parse_command(b"MKD  a "), Command("MKD", " a "))
        self.assertEqual(parse_command(b"MKD  "), Command("MKD", " "))

    def test_raw_octets(self) -> None:
        """CP10: a name that is not UTF-8 comes back exactly."""
        command = parse_command(b"STOR \xff\xfe\x80z")
        self.assertEqual(encode(command.argument or ""), b"\xff\xfe\x80z")

    def test_overlong_dots(self) -> None:
        """CP11: overlong forms of dot and slash do not become dot and slash."""
        argument = parse_command(b"CWD \xc0\xae\xc0\xae\xc0\xaf").argument or ""
        self.assertNotIn(".", argument)
        self.assertNotIn("/", argument)
        self.assertEqual(parse_command(b"CWD %c0%ae%2e%2e").argument, "%c0%ae%2e%2e")

    def test_escaped_telnet_octet(self) -> None:
        """CP14: IAC IAC is one octet of a name; a single one is kept."""
        found = [
            encode(parse_command(b"MKD " + name).argument or "") for name in (b"a\xff\xffb", b"a\xffb", b"\xff" * 5)
        ]
        self.assertEqual(found, [b"a\xffb", b"a\xffb", b"\xff" * 3])

    def test_format_directives(self) -> None:
        """CP22: format directives are only text."""
        for text in ("%n%s%x", "%s", "{0.__class__}", "$(id)", "`id`"):
            self.assertEqual(parse_command(b"USER " + text.encode()), Command("USER", text))

    def test_escape_sequence(self) -> None:
        """CP23: an escape sequence stays in the argument, where output makes it harmless, but not with CR."""
        self.assertEqual(parse_command(b"USER \x1b[2J").argument, "\x1b[2J")
        with self.assertRaises(ArgumentError):
            parse_command(b"USER \x1b[2J\r")

    @given(verbs, st.binary(min_size=1).filter(lambda raw: not set(raw) & {0, 10, 13}))
    def test_round_trip(self, verb: str, raw: bytes) -> None:
        """Any name whose IAC octets are doubled comes back exactly."""
        command = parse_command(verb.encode() + b" " + raw.replace(b"\xff", b"\xff\xff"))
        self.assertEqual(command.verb, verb.upper())
        self.assertEqual(encode(command.argument or ""), raw)

    @given(st.binary())
    def test_any_line(self, line: bytes) -> None:
        """Any line is a command with a sound verb and argument, or one of two errors."""
        try:
            command = parse_command(line)
        except (CommandError, ArgumentError):
            return
        self.assertRegex(command.verb, r"\A[A-Z][A-Z0-9]{0,9}\Z")
        self.assertNotEqual(command.argument, "")
        self.assertFalse(set(command.argument or "") & set("\0\r\n"))
