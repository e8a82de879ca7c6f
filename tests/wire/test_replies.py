"""Tests of ftpx.wire.replies."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.wire.replies import Reply, printable

texts = st.text(st.characters(codec=None))
codes = st.integers(100, 599)


class PrintableTests(SynchronousTestCase):
    """Texts that may go into a line."""

    def test_clean_text_is_itself(self) -> None:
        """A text without control characters comes back as the same object."""
        text = "Ünïcode, 漢字 and spaces"
        self.assertIs(printable(text), text)

    def test_controls(self) -> None:
        """C0, DEL and C1 characters become question marks."""
        self.assertEqual(printable("a\0b\tc\rd\ne\x7ff\x80g\x9bh\x9fi"), "a?b?c?d?e?f?g?h?i")

    def test_undecodable_octets(self) -> None:
        """CP10: octets that are not UTF-8 stay, beside control characters too."""
        text = b"\xff\xfe\x80z\x1b".decode("utf-8", "surrogateescape")
        self.assertEqual(printable(text).encode("utf-8", "surrogateescape"), b"\xff\xfe\x80z?")

    def test_other_surrogates(self) -> None:
        """Surrogates that stand for no octet cannot be encoded and become question marks."""
        self.assertEqual(printable("\ud800\udc7f\udc80\udcff\udd00\udfff"), "??\udc80\udcff??")

    def test_other_invisible_characters(self) -> None:
        """Characters that cannot be seen but control nothing stay: they are part of names."""
        self.assertEqual(printable("a\xa0\u200b\u202e\ufffd"), "a\xa0\u200b\u202e\ufffd")

    @given(texts)
    def test_no_control_is_left(self, text: str) -> None:
        """No text yields a control character or one that cannot be encoded, and the length stays."""
        result = printable(text)
        self.assertNotIn("Cc", {unicodedata.category(character) for character in result})
        self.assertEqual(len(result), len(text))
        result.encode("utf-8", "surrogateescape")


class ReplyTests(SynchronousTestCase):
    """The octets of replies."""

    def test_one_line(self) -> None:
        """A reply of one line is code, space, text and CRLF."""
        self.assertEqual(Reply(226, "Transfer complete.").encode(), b"226 Transfer complete.\r\n")

    def test_no_text(self) -> None:
        """A reply without a text still has the space behind its code."""
        self.assertEqual(Reply(200).encode(), b"200 \r\n")

    def test_several_lines(self) -> None:
        """The first line has a hyphen, the last a space, and those between no code."""
        reply = Reply(211, "Features:", " MDTM", " SIZE", "End")
        self.assertEqual(reply.encode(), b"211-Features:\r\n MDTM\r\n SIZE\r\n211 End\r\n")

    def test_two_lines(self) -> None:
        """Two lines are a first and a last one."""
        self.assertEqual(Reply(220, "Hello", "Ready").encode(), b"220-Hello\r\n220 Ready\r\n")

    def test_middle_line_like_an_end(self) -> None:
        """A line between that begins with three digits is indented, so that it ends nothing."""
        reply = Reply(213, "Status", "213 End", "2130", "21 x", "End")
        self.assertEqual(reply.encode(), b"213-Status\r\n 213 End\r\n 2130\r\n21 x\r\n213 End\r\n")

    def test_injected_line(self) -> None:
        """PH08: a name with CR and LF makes no reply of its own."""
        self.assertEqual(Reply(550, "evil\r\n226 pwned").encode(), b"550 evil??226 pwned\r\n")

    def test_injected_middle_line(self) -> None:
        """PH08: neither does one in a reply of several lines."""
        reply = Reply(250, "Listing\r\n250 a", "evil\r\n250 b", "End\r\n250 c")
        self.assertEqual(reply.encode(), b"250-Listing??250 a\r\nevil??250 b\r\n250 End??250 c\r\n")

    def test_terminal_escape(self) -> None:
        """CP23: an escape sequence for a terminal does not get out."""
        self.assertEqual(Reply(331, "User \x1b[2J\x9b2J").encode(), b"331 User ?[2J?2J\r\n")

    def test_percent_and_braces(self) -> None:
        """CP22: format directives are only text."""
        self.assertEqual(Reply(331, "%n%s%x {0.__class__}").encode(), b"331 %n%s%x {0.__class__}\r\n")

    def test_raw_octets(self) -> None:
        """CP10: octets of a name that are not UTF-8 go out as they are."""
        self.assertEqual(Reply(257, '"/\udcff\udcfe\udc80z"').encode(), b'257 "/\xff\xfe\x80z"\r\n')

    def test_kinds(self) -> None:
        """1xx is not final; below 400 is positive."""
        found = [(Reply(code).final, Reply(code).positive) for code in (150, 200, 350, 421, 550)]
        self.assertEqual(found, [(False, True), (True, True), (True, True), (True, False), (True, False)])

    def test_value(self) -> None:
        """Replies are values: equal, hashable and shown with what they hold."""
        reply = Reply(200, "a", "b")
        self.assertEqual((reply.code, reply.lines), (200, ("a", "b")))
        self.assertEqual({reply}, {Reply(200, "a", "b")})
        self.assertNotEqual(reply, Reply(200, "a"))
        self.assertEqual(repr(reply), "Reply(code=200, lines=('a', 'b'))")
        with self.assertRaises(AttributeError):
            reply.code = 201  # type: ignore[misc]

    @given(codes, st.lists(texts, min_size=1, max_size=6))
    def test_a_client_finds_the_end(self, code: int, lines: list[str]) -> None:
        """Whatever the texts, a client sees as many lines as were given and the end at the last only."""
        encoded = Reply(code, *lines).encode()
        self.assertTrue(encoded.endswith(b"\r\n"))
        found = encoded[:-2].split(b"\r\n")
        self.assertEqual(len(found), len(lines))
        end = b"%d " % code
        self.assertEqual([line.startswith(end) for line in found], [False] * (len(lines) - 1) + [True])
        self.assertEqual(encoded.count(b"\r"), len(lines))
        self.assertEqual(encoded.count(b"\n"), len(lines))
