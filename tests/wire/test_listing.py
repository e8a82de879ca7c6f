"""Tests of ftpx.wire.listing."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import Entry, Kind
from ftpx.wire.listing import format_line, split_options
from ftpx.wire.replies import printable
from ftpx.wire.times import parse_time

NOW = parse_time("20200701120000")
WHEN = parse_time("20200105133700")

# How clients take a line apart: eight columns, one space, the name.
LINE = re.compile(
    r"(?P<kind>[-dlp])(?P<mode>[-rwxsStT]{9}) +(?P<links>[0-9]+) (?P<owner>\S+) +(?P<group>\S+) +(?P<size>[0-9]+) "
    r"(?P<time>[A-Z][a-z]{2} [ 123][0-9] [ 0-9:]{5}) (?P<name>.*)",
    re.DOTALL,
)

any_text = st.text(st.characters(codec=None))
maybe_text = st.one_of(st.none(), any_text)


def line_of(name: str = "name", kind: Kind = Kind.FILE, **known: object) -> str:
    """The line of an entry."""
    return format_line(Entry(name, kind, modified=WHEN, **known), NOW)  # type: ignore[arg-type]


class FormatLineTests(SynchronousTestCase):
    """Lines of LIST."""

    def test_file(self) -> None:
        """The columns are those of ``ls -l``."""
        self.assertEqual(
            line_of(size=123, mode=0o644, owner="1000", group="1000"),
            "-rw-r--r--   1 1000     1000          123 Jan  5 13:37 name",
        )

    def test_directory(self) -> None:
        """A directory begins with a d."""
        self.assertEqual(
            line_of(kind=Kind.DIRECTORY, size=4096, mode=0o750, links=12, owner="alice", group="staff"),
            "drwxr-x---  12 alice    staff        4096 Jan  5 13:37 name",
        )

    def test_unknown(self) -> None:
        """What is not known is filled with what clients expect."""
        self.assertEqual(
            format_line(Entry("name", Kind.FILE), NOW), "-rw-r--r--   1 ftp      ftp             0 Jan  1  1970 name"
        )
        self.assertEqual(
            [line_of(kind=kind)[:10] for kind in Kind], ["-rw-r--r--", "drwxr-xr-x", "lrwxrwxrwx", "prw-r--r--"]
        )

    def test_modes(self) -> None:
        """Every bit has its letter, the special ones in the execute bit's place."""
        modes = (0, 0o777, 0o124, 0o4755, 0o4644, 0o2775, 0o2664, 0o1777, 0o1666, 0o7777, 0o7000, 0o100640)
        self.assertEqual(
            [line_of(mode=mode)[1:10] for mode in modes],
            [
                "---------",
                "rwxrwxrwx",
                "--x-w-r--",
                "rwsr-xr-x",
                "rwSr--r--",
                "rwxrwsr-x",
                "rw-rwSr--",
                "rwxrwxrwt",
                "rw-rw-rwT",
                "rwsrwsrwt",
                "--S--S--T",
                "rw-r-----",
            ],
        )

    def test_given_owner(self) -> None:
        """The caller may show another owner and group."""
        entry = Entry("name", Kind.FILE, modified=WHEN, owner="root", group="wheel")
        self.assertIn(" bob      users    ", format_line(entry, NOW, owner="bob", group="users"))

    def test_large_values(self) -> None:
        """Columns grow rather than cut a value off."""
        line = line_of(size=2**63 - 1, owner="a-very-long-name", group="another-long-name", links=100_000)
        self.assertIn(" 100000 a-very-long-name another-long-name 9223372036854775807 Jan", line)

    def test_odd_owners(self) -> None:
        """A name of an owner stays one column."""
        self.assertIn(" Domain_Users a?b?c    ", line_of(owner="Domain Users", group="a\tb\nc"))

    def test_link(self) -> None:
        """A link shows where it leads if that is relative."""
        self.assertTrue(line_of(kind=Kind.LINK, target="../b c").endswith(" name -> ../b c"))

    def test_hidden_targets(self) -> None:
        """A target that is absolute or not printable is not shown, nor that of anything but a link."""
        for target in (None, "", "/etc/passwd", "a\r\nb", "\x1b[2J", "\x9b"):
            self.assertTrue(line_of(kind=Kind.LINK, target=target).endswith(":37 name"), repr(target))
        self.assertTrue(line_of(kind=Kind.FILE, target="b").endswith(":37 name"))

    def test_line_end_in_name(self) -> None:
        """PH08: a name with a line end is one line."""
        self.assertTrue(line_of("evil\r\n226 pwned").endswith(" evil??226 pwned"))

    def test_escape_in_name(self) -> None:
        """CP23: an escape sequence for a terminal does not get out."""
        self.assertTrue(line_of("\x1b[2J\x9b2J").endswith(" ?[2J?2J"))

    def test_blanks_in_name(self) -> None:
        """CP19: blanks at both ends of a name stay."""
        self.assertTrue(line_of(" a ").endswith("13:37  a "))

    def test_raw_octets_in_name(self) -> None:
        """CP10: octets that are not UTF-8 stay."""
        self.assertTrue(line_of("\udcff\udcfe\udc80z").endswith(" \udcff\udcfe\udc80z"))

    @given(
        st.builds(
            Entry,
            any_text,
            st.sampled_from([Kind.FILE, Kind.DIRECTORY, Kind.OTHER]),
            size=st.integers(0, 2**63),
            modified=st.one_of(st.none(), st.floats()),
            mode=st.one_of(st.none(), st.integers(0, 0o177777)),
            links=st.integers(0, 2**32),
            owner=maybe_text,
            group=maybe_text,
            target=maybe_text,
        )
    )
    def test_a_client_takes_it_apart(self, entry: Entry) -> None:
        """Whatever a disk holds, a client finds the columns and the name in them."""
        line = format_line(entry, NOW)
        found = LINE.fullmatch(line)
        assert found is not None, line
        self.assertEqual((int(found["size"]), int(found["links"])), (entry.size, entry.links))
        self.assertEqual(found["name"], printable(entry.name))
        self.assertEqual(printable(line), line)


class SplitOptionsTests(SynchronousTestCase):
    """Options that clients put before a name."""

    def check(self, argument: str | None, options: str, name: str | None) -> None:
        """Assert what an argument is split into."""
        self.assertEqual(split_options(argument), (frozenset(options), name), repr(argument))

    def test_nothing(self) -> None:
        """Without an argument there is neither."""
        self.check(None, "", None)
        self.check("", "", None)

    def test_options_alone(self) -> None:
        """Options may stand alone, with blanks around them."""
        self.check("-a", "a", None)
        self.check("-la", "la", None)
        self.check("-l -a", "la", None)
        self.check(" -l  -a  ", "la", None)

    def test_names_alone(self) -> None:
        """CP19: a name is exact."""
        self.check("name", "", "name")
        self.check(" a b ", "", " a b ")
        self.check("a -l", "", "a -l")
        self.check("  ", "", "  ")

    def test_both(self) -> None:
        """Options come first, then the exact name."""
        self.check("-la name", "la", "name")
        self.check("-l  -aR a b ", "laR", "a b ")
        self.check("-a  b", "a", " b")
        self.check("-laR ../..", "laR", "../..")

    def test_no_options(self) -> None:
        """What begins with a hyphen but has more than letters is a name."""
        for name in ("-", "-file.txt", "-a-b", "--help", "---", "-é", "-a/b", "./-abc", "- a", "-l=x"):
            self.check(name, "", name)
        self.check("-l -", "l", "-")

    def test_end_of_options(self) -> None:
        """Two hyphens end the options."""
        self.check("-- -la", "", "-la")
        self.check("-a -- -b", "a", "-b")
        self.check("-a --  b", "a", " b")
        self.check("--", "", None)
        self.check("-- -- a", "", "-- a")

    @given(st.lists(st.text("aRlt", min_size=1, max_size=3)), st.text(min_size=1).filter(lambda name: name.strip(" ")))
    def test_round_trip(self, options: list[str], name: str) -> None:
        """Any name behind any options and two hyphens comes back."""
        argument = "".join(f"-{option} " for option in options) + f"-- {name}"
        self.check(argument, "".join(options), name)

    @given(st.text("-aL .", max_size=12))
    def test_any_text(self, argument: str) -> None:
        """The name is always the end of the argument, and options are letters."""
        options, name = split_options(argument)
        self.assertTrue(argument.endswith(name or ""))
        self.assertNotEqual(name, "")
        self.assertLessEqual(options, {"a", "L"})
