"""Tests of ftpx.wire.facts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ArgumentError
from ftpx.interfaces import Entry, Kind, Right
from ftpx.wire.facts import FACTS, features, format_facts, parse_fact_names, parse_fact_settings, perm_fact
from ftpx.wire.replies import printable

ALL = frozenset(FACTS)

hostile_texts = st.one_of(st.none(), st.text(st.characters(codec=None)), st.text(";= /\r\na", max_size=6))
maybe_times = st.one_of(st.none(), st.floats())
hostile_entries = st.builds(
    Entry,
    st.just("a"),
    st.sampled_from(Kind),
    modified=maybe_times,
    created=maybe_times,
    owner=hostile_texts,
    group=hostile_texts,
    target=hostile_texts,
)
wanted_facts = st.frozensets(st.sampled_from(FACTS))


def read_line(line: str) -> tuple[dict[str, str], str]:
    """The facts and the name of a line as a client reads them: the first space ends the facts."""
    facts, _, name = line.partition(" ")
    pairs = [fact.split("=", 1) for fact in facts.split(";")[:-1]]
    return {pair[0]: pair[1] for pair in pairs}, name


def entry_of(kind: Kind = Kind.FILE, **known: object) -> Entry:
    """An entry with a name and whatever else is known."""
    return Entry("a", kind, **known)  # type: ignore[arg-type]


class FormatFactsTests(SynchronousTestCase):
    """Lines of MLST and MLSD."""

    def type_of(self, entry: Entry) -> str:
        """The Type fact of an entry."""
        return read_line(format_facts(entry, {"type"}, perm="", unique=None))[0]["type"]

    def test_all(self) -> None:
        """All facts in their order, each with a semicolon, and one space."""
        entry = entry_of(size=3, modified=1577836800, created=1, mode=0o644, owner="1000", group="100")
        self.assertEqual(
            format_facts(entry, ALL, perm="adfrw", unique="ab12"),
            "type=file;size=3;modify=20200101000000;create=19700101000001;perm=adfrw;unique=ab12;"
            "UNIX.mode=0644;UNIX.owner=1000;UNIX.group=100; ",
        )

    def test_unknown(self) -> None:
        """What is not known is left out."""
        self.assertEqual(format_facts(entry_of(), ALL, perm="r", unique=None), "type=file;size=0;perm=r; ")

    def test_none_wanted(self) -> None:
        """Without facts the space is still there."""
        self.assertEqual(format_facts(entry_of(size=3), frozenset(), perm="r", unique="x"), " ")

    def test_size_of_files_only(self) -> None:
        """Only files have a size."""
        for kind in (Kind.DIRECTORY, Kind.LINK, Kind.OTHER):
            self.assertEqual(format_facts(entry_of(kind, size=4096), {"size"}, perm="", unique=None), " ")

    def test_types(self) -> None:
        """Each kind has its type."""
        found = [self.type_of(entry_of(kind)) for kind in Kind]
        self.assertEqual(found, ["file", "dir", "OS.unix=symlink", "OS.unix=other"])

    def test_given_type(self) -> None:
        """The caller may say that it is the directory itself or its parent."""
        line = format_facts(entry_of(Kind.DIRECTORY), {"type"}, perm="", unique=None, entry_type="cdir")
        self.assertEqual(line, "type=cdir; ")

    def test_links(self) -> None:
        """A link shows a target that is relative and harmless."""
        self.assertEqual(self.type_of(entry_of(Kind.LINK, target="../b/ü.txt")), "OS.unix=slink:../b/ü.txt")

    def test_hidden_targets(self) -> None:
        """PH11: a target that is absolute, or could be taken for other facts or lines, is not shown."""
        for target in ("", "/etc/passwd", "a;type=dir", "a b", "a\r\n226", "a\x1b", "a\x9b", "a\u2028", "\udcff"):
            self.assertEqual(self.type_of(entry_of(Kind.LINK, target=target)), "OS.unix=symlink", repr(target))

    def test_target_of_no_link(self) -> None:
        """Only links show a target."""
        self.assertEqual(self.type_of(entry_of(Kind.FILE, target="b")), "file")

    def test_modes(self) -> None:
        """Modes are four octal digits of permission."""
        found = [
            format_facts(entry_of(mode=mode), {"UNIX.mode"}, perm="", unique=None) for mode in (0, 0o4755, 0o100644)
        ]
        self.assertEqual(found, ["UNIX.mode=0000; ", "UNIX.mode=4755; ", "UNIX.mode=0644; "])

    def test_odd_owners(self) -> None:
        """PH11: an owner that could be taken for other facts is left out."""
        for owner in ("", "a;type=dir", "a b", "a\n"):
            entry = entry_of(owner=owner, group=owner)
            self.assertEqual(format_facts(entry, {"UNIX.owner", "UNIX.group"}, perm="", unique=None), " ")

    def test_forged_names(self) -> None:
        """PH11: a name that looks like facts is read back as the name that it is."""
        for name in ("type=dir; x", " a", "  ", ";", ";;=", "type=dir;", "=", "a;b c"):
            facts, found = read_line(format_facts(entry_of(), ALL, perm="r", unique=None) + printable(name))
            self.assertEqual((facts, found), ({"type": "file", "size": "0", "perm": "r"}, name))

    def test_line_end_in_name(self) -> None:
        """PH08: a name with a line end is one line."""
        line = format_facts(entry_of(), ALL, perm="r", unique=None) + printable("evil\r\n226 pwned")
        self.assertEqual(line.splitlines(), [line])

    @given(hostile_entries, wanted_facts)
    def test_any_entry(self, entry: Entry, wanted: frozenset[str]) -> None:
        """PH11: no entry adds a fact that was not asked for, or loses the place where the name begins."""
        line = format_facts(entry, wanted, perm="r", unique="1")
        facts, name = read_line(line + "name ; x")
        self.assertEqual(name, "name ; x")
        self.assertLessEqual(set(facts), wanted)
        self.assertEqual(printable(line), line)


class PermTests(SynchronousTestCase):
    """The Perm fact (RFC 3659 section 7.5.5)."""

    def test_everything(self) -> None:
        """With all rights a kind has all its letters, in order."""
        found = [perm_fact(kind, Right.ALL) for kind in Kind]
        self.assertEqual(found, ["adfrw", "cdeflmp", "df", "df"])

    def test_nothing(self) -> None:
        """Without rights there are no letters."""
        self.assertEqual([perm_fact(kind, Right(0)) for kind in Kind], ["", "", "", ""])

    def test_looking(self) -> None:
        """Who may only look may read files, enter and list directories."""
        self.assertEqual([perm_fact(kind, Right.LOOK) for kind in Kind], ["r", "el", "", ""])

    def test_each_right(self) -> None:
        """Each right has its letters for files and for directories."""
        found = {right.name: (perm_fact(Kind.FILE, right), perm_fact(Kind.DIRECTORY, right)) for right in Right}
        self.assertEqual(
            found,
            {
                "LIST": ("", "el"),
                "READ": ("r", "e"),
                "WRITE": ("", "c"),
                "APPEND": ("a", ""),
                "DELETE": ("d", "dp"),
                "RENAME": ("f", "f"),
                "MAKE_DIRECTORY": ("", "m"),
                "SET_ATTRIBUTES": ("", ""),
                "OVERWRITE": ("w", ""),
            },
        )


class FactNameTests(SynchronousTestCase):
    """OPTS MLST and its line of FEAT."""

    def test_names(self) -> None:
        """Names are in any case, with or without a last semicolon; those not known are passed over."""
        self.assertEqual(parse_fact_names("type;SIZE;unix.MODE;"), {"type", "size", "UNIX.mode"})
        self.assertEqual(parse_fact_names("type;media-type;x y;modify"), {"type", "modify"})

    def test_none(self) -> None:
        """An empty argument chooses none."""
        self.assertEqual(parse_fact_names(""), frozenset())
        self.assertEqual(parse_fact_names(";;"), frozenset())

    def test_features(self) -> None:
        """All facts are there, the chosen ones with an asterisk."""
        self.assertEqual(
            features({"type", "UNIX.mode"}),
            "MLST type*;size;modify;create;perm;unique;UNIX.mode*;UNIX.owner;UNIX.group;",
        )

    @given(wanted_facts)
    def test_round_trip(self, wanted: frozenset[str]) -> None:
        """What a client reads from FEAT and sends back is what was chosen."""
        chosen = [name[:-1] for name in features(wanted).removeprefix("MLST ").split(";") if name.endswith("*")]
        self.assertEqual(parse_fact_names("".join(f"{name};" for name in chosen)), wanted)

    @given(st.text())
    def test_any_text(self, argument: str) -> None:
        """Any text chooses facts that there are."""
        self.assertLessEqual(parse_fact_names(argument), ALL)


class FactSettingTests(SynchronousTestCase):
    """The argument of MFF."""

    def test_settings(self) -> None:
        """Names of facts are made canonical, values and the path are exact."""
        self.assertEqual(
            parse_fact_settings("modify=20200101000000;unix.MODE=0644;  a; b=c "),
            ({"modify": "20200101000000", "UNIX.mode": "0644"}, " a; b=c "),
        )

    def test_other_facts(self) -> None:
        """Facts that are not known keep their name, and a value may hold an equals sign or nothing."""
        self.assertEqual(parse_fact_settings("x.Y=a=b;size=; p"), ({"x.Y": "a=b", "size": ""}, "p"))

    def test_refused(self) -> None:
        """Missing parts and facts that are given twice are refused."""
        for argument in (
            "",
            " ",
            "a",
            " a",
            "; a",
            "modify=1 a",
            "modify=1;",
            "modify=1; ",
            "=1; a",
            "modify; a",
            ";; a",
        ):
            with self.assertRaises(ArgumentError, msg=repr(argument)):
                parse_fact_settings(argument)
        with self.assertRaises(ArgumentError):
            parse_fact_settings("modify=1;MODIFY=2; a")

    @given(
        st.dictionaries(st.sampled_from(FACTS), st.text(st.characters(exclude_characters="; ")), min_size=1),
        st.text(min_size=1),
    )
    def test_round_trip(self, settings: dict[str, str], path: str) -> None:
        """Any settings and any path come back."""
        argument = "".join(f"{name.upper()}={value};" for name, value in settings.items()) + f" {path}"
        self.assertEqual(parse_fact_settings(argument), (settings, path))

    @given(st.text("aM=; ", max_size=12))
    def test_any_text(self, argument: str) -> None:
        """Any text is settings and a path, or refused."""
        try:
            settings, path = parse_fact_settings(argument)
        except ArgumentError:
            return
        self.assertTrue(settings)
        self.assertTrue(path)
