"""Tests of ftpx.wire.times."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ArgumentError
from ftpx.wire.times import format_time, list_time, parse_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = parse_time("20200701120000")
DAY = 86400

every_second = st.integers(int(parse_time("00010101000000")), int(parse_time("99991231235959")))
any_float = st.floats(allow_nan=True, allow_infinity=True)


class ParseTimeTests(SynchronousTestCase):
    """Time values (RFC 3659 section 2.3)."""

    def test_times(self) -> None:
        """Times are UTC and may have a fraction."""
        self.assertEqual(parse_time("19700101000000"), 0)
        self.assertEqual(parse_time("20200101000000"), 1577836800)
        self.assertEqual(parse_time("20200101000000.25"), 1577836800.25)
        self.assertEqual(parse_time("19691231235959.5"), -0.5)
        self.assertEqual(parse_time("20200229000000"), parse_time("20200301000000") - DAY)

    def test_leap_second(self) -> None:
        """A 60th second is the one before it."""
        self.assertEqual(parse_time("20161231235960"), parse_time("20161231235959"))

    def test_refused(self) -> None:
        """Other forms, other digits and dates that are none are refused."""
        for text in (
            "",
            "2020",
            "20200101",
            "2020010100000",
            "202001010000000",
            "20200101000000.",
            "20200101000000,5",
            "20200101000000 ",
            "20200101000000\n",
            "-0200101000000",
            "2020-1-1000000",
            "\u0662\u0660\u0662\u06600101000000",
            "00000101000000",
            "20200001000000",
            "20201301000000",
            "20200100000000",
            "20190229000000",
            "20200101240000",
            "20200101006000",
            "20200101000061",
        ):
            with self.assertRaises(ArgumentError, msg=repr(text)):
                parse_time(text)

    @given(st.text("0123456789.", max_size=20))
    def test_any_text(self, text: str) -> None:
        """Any text is a time or refused."""
        try:
            seconds = parse_time(text)
        except ArgumentError:
            return
        self.assertTrue(math.isfinite(seconds))


class FormatTimeTests(SynchronousTestCase):
    """Times for MDTM and facts."""

    def test_times(self) -> None:
        """Fourteen digits; parts of a second only where they are wanted."""
        self.assertEqual(format_time(0), "19700101000000")
        self.assertEqual(format_time(1577836800.999), "20200101000000")
        self.assertEqual(format_time(1577836800.25, fraction=True), "20200101000000.250000")
        self.assertEqual(format_time(-0.5), "19691231235959")
        self.assertEqual(format_time(-0.5, fraction=True), "19691231235959.500000")
        self.assertEqual(format_time(59.9999999, fraction=True), "19700101000100.000000")
        self.assertEqual(format_time(-1e-20, fraction=True), "19700101000000.000000")

    def test_impossible_times(self) -> None:
        """Times of a broken disk are shown as the nearest that have a four-digit year."""
        self.assertEqual([format_time(value) for value in (-1e300, -math.inf, math.nan)], ["00010101000000"] * 3)
        self.assertEqual([format_time(value) for value in (2.0**63, math.inf)], ["99991231235959"] * 2)
        self.assertEqual(format_time(math.inf, fraction=True), "99991231235959.000000")

    @given(every_second)
    def test_round_trip(self, seconds: int) -> None:
        """Any second of a four-digit year comes back."""
        self.assertEqual(parse_time(format_time(seconds)), seconds)

    @given(every_second)
    def test_same_as_datetime(self, seconds: int) -> None:
        """The digits are those of the calendar."""
        when = EPOCH + timedelta(seconds=seconds)
        self.assertEqual(format_time(seconds), f"{when.year:04d}{when:%m%d%H%M%S}")

    @given(st.integers(0, 2**32), st.integers(0, 999_999))
    def test_fraction_round_trip(self, seconds: int, microseconds: int) -> None:
        """Microseconds come back too."""
        text = f"{format_time(seconds)}.{microseconds:06d}"
        self.assertEqual(format_time(parse_time(text), fraction=True), text)

    @given(any_float, st.booleans())
    def test_any_float(self, seconds: float, fraction: bool) -> None:
        """Whatever a disk holds, the result is a time."""
        parse_time(format_time(seconds, fraction))


class ListTimeTests(SynchronousTestCase):
    """Times in listings."""

    def test_recent(self) -> None:
        """The last half year is shown with the time of day."""
        self.assertEqual(list_time(parse_time("20200105133759"), NOW), "Jan  5 13:37")
        self.assertEqual(list_time(NOW, NOW), "Jul  1 12:00")

    def test_old(self) -> None:
        """What is older is shown with its year."""
        self.assertEqual(list_time(parse_time("20190105133700"), NOW), "Jan  5  2019")
        self.assertEqual(list_time(NOW - 183 * DAY, NOW), "Dec 31  2019")
        self.assertEqual(list_time(0, NOW), "Jan  1  1970")

    def test_future(self) -> None:
        """A day ahead is a clock that is fast; more is shown with its year."""
        self.assertEqual(list_time(NOW + DAY, NOW), "Jul  2 12:00")
        self.assertEqual(list_time(NOW + DAY + 1, NOW), "Jul  2  2020")

    def test_month_names(self) -> None:
        """Month names are English, whatever the locale."""
        found = [list_time(parse_time(f"2000{month:02d}15000000"), NOW)[:3] for month in range(1, 13)]
        self.assertEqual(" ".join(found), "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")

    def test_impossible_times(self) -> None:
        """Times of a broken disk are shown too."""
        self.assertEqual(list_time(math.nan, NOW), "Jan  1  0001")
        self.assertEqual(list_time(math.inf, NOW), "Dec 31  9999")

    @given(any_float)
    def test_any_float(self, seconds: float) -> None:
        """The result has always the same form and width."""
        self.assertRegex(list_time(seconds, NOW), r"\A[A-Z][a-z]{2} [ 123][0-9] ( [0-9]{4}|[0-2][0-9]:[0-5][0-9])\Z")
