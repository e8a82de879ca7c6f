"""Tests of ftpx.wire.lines."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.wire.lines import EndlessLine, LineFramer, LineTooLong

Outcome = bytes | str


def drain(framer: LineFramer) -> list[Outcome]:
    """All lines that are there; an error stands by its name."""
    found: list[Outcome] = []
    while True:
        try:
            line = framer.next_line()
        except LineTooLong:
            found.append("too long")
            continue
        except EndlessLine:
            return [*found, "endless"]
        if line is None:
            return found
        found.append(line)


def lines_of(*chunks: bytes, maximum: int = 8192, discard: int = 65536) -> list[Outcome]:
    """What a framer makes of the chunks, one after another, up to the first error that ends it."""
    framer = LineFramer(maximum, discard)
    found: list[Outcome] = []
    for chunk in chunks:
        line = framer.lone_line(chunk)
        if line is not None:
            found.append(line)
            continue
        framer.feed(chunk)
        found += drain(framer)
        if found[-1:] == ["endless"]:
            break
    return found


def octets(data: bytes) -> list[bytes]:
    """The data as chunks of one octet."""
    return [data[place : place + 1] for place in range(len(data))]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data cut at the places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


class LineTests(SynchronousTestCase):
    """Line ends."""

    def test_nothing(self) -> None:
        """Without octets there is no line."""
        self.assertEqual(lines_of(b""), [])

    def test_several(self) -> None:
        """Lines of one chunk come one by one in order."""
        self.assertEqual(lines_of(b"USER a\r\nPASS b\r\n\r\nQUI"), [b"USER a", b"PASS b", b""])

    def test_octet_by_octet(self) -> None:
        """CP04: a line that comes octet by octet comes out once."""
        self.assertEqual(lines_of(*octets(b"USER u\r\n")), [b"USER u"])

    def test_line_end_in_two_chunks(self) -> None:
        """CP05: CR and LF may come apart."""
        self.assertEqual(lines_of(b"NOOP\r", b"\n"), [b"NOOP"])

    def test_bare_line_feed(self) -> None:
        """CP06: a bare LF ends a line too."""
        self.assertEqual(lines_of(b"NOOP\nPWD\r\n\n"), [b"NOOP", b"PWD", b""])

    def test_bare_return(self) -> None:
        """CP07: a bare CR ends no line and is not lost."""
        self.assertEqual(lines_of(b"MKD a\rDELE victim\r\n"), [b"MKD a\rDELE victim"])
        self.assertEqual(lines_of(b"MKD a\r\r\n"), [b"MKD a\r"])

    def test_buffered(self) -> None:
        """The framer says how much it holds."""
        framer = LineFramer()
        framer.feed(b"NOOP\r\nUSER")
        self.assertEqual(framer.buffered, 10)
        self.assertEqual(framer.next_line(), b"NOOP")
        self.assertEqual(framer.buffered, 4)
        self.assertIsNone(framer.next_line())
        framer.feed(b" x\r\n")
        self.assertEqual(framer.next_line(), b"USER x")
        self.assertEqual(framer.buffered, 0)

    def test_many_lines_at_once(self) -> None:
        """A chunk of a mebibyte is cut into all of its lines."""
        self.assertEqual(lines_of(b"NOOP\r\n" * 170_000), [b"NOOP"] * 170_000)

    @given(
        st.lists(st.sampled_from([b"A", b" ", b"\r", b"\n", b"\r\n", b"\xff", b"\xfd", b"\xf2", b"\xf4", b"BCDE"])),
        st.data(),
    )
    def test_any_chunking(self, pieces: list[bytes], data: st.DataObject) -> None:
        """However the stream is cut, the lines and the errors are the same."""
        stream = b"".join(pieces)
        places = data.draw(st.lists(st.integers(0, len(stream))))
        whole = lines_of(stream, maximum=3, discard=6)
        self.assertEqual(lines_of(*cut(stream, places), maximum=3, discard=6), whole)
        self.assertEqual(lines_of(*octets(stream), maximum=3, discard=6), whole)

    @given(st.lists(st.binary(max_size=30).map(lambda raw: b"X" + raw.replace(b"\n", b"").replace(b"\r", b""))))
    def test_round_trip(self, lines: list[bytes]) -> None:
        """Lines joined by CRLF come back exactly."""
        self.assertEqual(lines_of(b"".join(line + b"\r\n" for line in lines)), lines)


class LongLineTests(SynchronousTestCase):
    """Lines that are longer than lines may be."""

    def test_longest(self) -> None:
        """A line of just the maximum is a line, whichever its end is."""
        line = b"A" * 8192
        self.assertEqual(lines_of(line + b"\r\n" + line + b"\n"), [line, line])
        self.assertEqual(lines_of(line, b"\r", b"\n"), [line])

    def test_one_octet_more(self) -> None:
        """One octet more is too long, even if it is a CR that ends nothing."""
        self.assertEqual(lines_of(b"A" * 8193 + b"\r\nNOOP\r\n"), ["too long", b"NOOP"])
        self.assertEqual(lines_of(b"A" * 8192 + b"\r\r\n"), ["too long"])
        self.assertEqual(lines_of(b"A" * 8193, b"\n"), ["too long"])

    def test_whole(self) -> None:
        """CP01: a long line in one piece is one error, and the line behind it is whole."""
        self.assertEqual(lines_of(b"NOOP " + b"A" * 8192 + b"\r\nNOOP\r\n"), ["too long", b"NOOP"])

    def test_tail_is_no_command(self) -> None:
        """CP02: what follows dropped octets belongs to them; the error comes once and with the line end."""
        framer = LineFramer()
        framer.feed(b"A" * 20_000)
        self.assertEqual(drain(framer), [])
        framer.feed(b"DELE victim")
        self.assertEqual(drain(framer), [])
        framer.feed(b"\r\nNOOP\r\n")
        self.assertEqual(drain(framer), ["too long", b"NOOP"])

    def test_telnet_in_the_tail(self) -> None:
        """CP02: Telnet commands behind dropped octets do not begin a line."""
        self.assertEqual(lines_of(b"A" * 20_000, b"\xff\xf4\xf2DELE victim\r\nNOOP\r\n"), ["too long", b"NOOP"])

    def test_endless(self) -> None:
        """CP03: a line without end is given up after 64 KiB, and little of it was ever held."""
        framer = LineFramer()
        fed = 0
        with self.assertRaises(EndlessLine):
            while fed <= 1 << 24:
                framer.feed(b"A" * 1000)
                fed += 1000
                self.assertIsNone(framer.next_line())
                self.assertLess(framer.buffered, 8194)
        self.assertLess(fed, 67_000)
        self.assertEqual(framer.buffered, 0)

    def test_endless_at_once(self) -> None:
        """CP03: also if it comes in one piece."""
        self.assertEqual(lines_of(b"A" * (1 << 24)), ["endless"])

    def test_endless_stays(self) -> None:
        """CP03: nothing behind an endless line is read any more."""
        framer = LineFramer()
        framer.feed(b"A" * 70_000)
        self.assertEqual(drain(framer), ["endless"])
        framer.feed(b"\r\nDELE victim\r\n")
        self.assertEqual(drain(framer), ["endless"])
        self.assertEqual(framer.buffered, 0)

    def test_edge_of_endless(self) -> None:
        """A line of just ``discard`` octets is too long, and of one more it is endless, wherever it was cut."""
        for chunks in ([b"A" * 20 + b"\n"], [b"A" * 20, b"\n"], octets(b"A" * 20 + b"\n")):
            self.assertEqual(lines_of(*chunks, maximum=8, discard=20), ["too long"])
        for chunks in ([b"A" * 21 + b"\n"], [b"A" * 21, b"\n"], octets(b"A" * 21 + b"\n")):
            self.assertEqual(lines_of(*chunks, maximum=8, discard=20), ["endless"])

    def test_octet_by_octet(self) -> None:
        """CP04: long lines are dropped as well when they come octet by octet."""
        self.assertEqual(lines_of(*octets(b"A" * 9000 + b"\r\nNOOP\r\n")), ["too long", b"NOOP"])


class TelnetTests(SynchronousTestCase):
    """Telnet commands in front of a verb (RFC 854)."""

    def test_abort(self) -> None:
        """CP12: all forms in which IAC IP, IAC DM and ABOR may arrive are ABOR."""
        for stream in (
            b"\xff\xf4\xff\xf2ABOR\r\n",
            b"\xff\xf4\xf2ABOR\r\n",
            b"\xff\xf4\xffABOR\r\n",
            b"\xf2ABOR\r\n",
            b"\xff\xf2ABOR\r\n",
            b"\xffABOR\r\n",
        ):
            self.assertEqual(lines_of(stream), [b"ABOR"], stream)
            self.assertEqual(lines_of(*octets(stream)), [b"ABOR"], stream)

    def test_negotiation(self) -> None:
        """WILL, WON'T, DO and DON'T take an option with them, whatever octet it is."""
        for command in b"\xfb\xfc\xfd\xfe":
            for option in b"\x01\n\r\xff\xf2A":
                stream = bytes((0xFF, command, option)) + b"NOOP\r\n"
                self.assertEqual(lines_of(stream), [b"NOOP"])
                self.assertEqual(lines_of(*octets(stream)), [b"NOOP"])

    def test_two_octet_commands(self) -> None:
        """IAC and one of F0 to FA are two octets."""
        stream = b"".join(bytes((0xFF, command)) for command in range(0xF0, 0xFB))
        self.assertEqual(lines_of(stream + b"NOOP\r\n"), [b"NOOP"])

    def test_before_line_end(self) -> None:
        """A Telnet command alone on a line leaves an empty line."""
        self.assertEqual(lines_of(b"\xff\xf4\r\nNOOP\r\n"), [b"", b"NOOP"])

    def test_before_each_line(self) -> None:
        """They may stand before any line, not only the first."""
        self.assertEqual(lines_of(b"NOOP\r\n\xff\xfd\x01PWD\r\n\xf2ABOR\r\n"), [b"NOOP", b"PWD", b"ABOR"])

    def test_within_a_line(self) -> None:
        """CP14: behind the first ordinary octet they are data, also after a chunk's edge."""
        self.assertEqual(lines_of(b"MKD a\xff\xffb\r\n"), [b"MKD a\xff\xffb"])
        self.assertEqual(lines_of(b"MKD ", b"\xff\xf4\xf2", b"\r\n"), [b"MKD \xff\xf4\xf2"])

    def test_escaped_at_the_start(self) -> None:
        """IAC IAC is data, and so at the start of a line it is its first octet."""
        self.assertEqual(lines_of(b"\xff\xff\xf4A\r\n"), [b"\xff\xff\xf4A"])
        self.assertEqual(lines_of(*octets(b"\xff\xff\xf4A\r\n")), [b"\xff\xff\xf4A"])

    def test_other_high_octets(self) -> None:
        """High octets without IAC are data."""
        self.assertEqual(lines_of(b"\xf4A\r\n\xfd\x01\r\n"), [b"\xf4A", b"\xfd\x01"])

    def test_flood(self) -> None:
        """CP13: a flood of negotiation is gone as it comes, and the command behind it is read."""
        flood = b"\xff\xfd\x01" * 100_000
        framer = LineFramer()
        for start in range(0, len(flood), 4096):
            framer.feed(flood[start : start + 4096])
            self.assertIsNone(framer.next_line())
            self.assertLess(framer.buffered, 3)
        framer.feed(b"NOOP\r\n")
        self.assertEqual(framer.next_line(), b"NOOP")

    def test_flood_at_once(self) -> None:
        """CP13: also in one piece, and of every kind."""
        self.assertEqual(lines_of(b"\xff\xfd\x01\xff\xf4\xf2" * 100_000 + b"NOOP\r\n"), [b"NOOP"])
