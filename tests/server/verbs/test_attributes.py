"""MFMT, MFCT and MFF."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ArgumentError, PermissionDenied
from ftpx.server.verbs.attributes import parse_mode
from tests.server.doubles import ServerCase


class ParseModeTests(SynchronousTestCase):
    """PH23: permission bits and nothing else."""

    def test_modes(self) -> None:
        """Up to three octal digits, or four that begin with 0."""
        for text, mode in (("644", 0o644), ("0777", 0o777), ("0", 0), ("7", 7)):
            self.assertEqual(parse_mode(text), mode)

    def test_refused(self) -> None:
        """Special bits, other digits and anything else are refused."""
        for text in ("4777", "1000", "0888", "-1", "", "00644", "u+x", "0x1ff", "\u0666\u0664\u0664", "6 4"):
            with self.assertRaises(ArgumentError, msg=text):
                parse_mode(text)


class AttributesTests(ServerCase):
    """Facts that can be set."""

    def setUp(self) -> None:
        """Put a file."""
        super().setUp()
        self.put("a b", b"x")

    def facts(self) -> str:
        """What MLST tells."""
        return self.texts("MLST a b")

    def test_modify(self) -> None:
        """MFMT sets the modification, names with blanks too, and repeats it."""
        self.assertEqual(self.texts("MFMT 20190203040506 a b"), "Modify=20190203040506; /a b")
        self.assertIn("modify=20190203040506;", self.facts())
        self.assertEqual(self.codes("MFMT 20190203040506.25 a b"), [213])

    def test_create(self) -> None:
        """MFCT sets the creation."""
        self.assertEqual(self.texts("MFCT 20190203040506 a b"), "Create=20190203040506; /a b")
        self.assertIn("create=20190203040506;", self.facts())

    def test_several(self) -> None:
        """MFF sets several facts and repeats them."""
        self.assertEqual(
            self.texts("MFF Modify=20190203040506;create=20180203040506;unix.MODE=600; a b"),
            "modify=20190203040506;create=20180203040506;UNIX.mode=600; /a b",
        )
        facts = self.facts()
        for fact in ("modify=20190203040506;", "create=20180203040506;", "UNIX.mode=0600;"):
            self.assertIn(fact, facts)

    def test_all_or_nothing(self) -> None:
        """MFF looks at all facts before it sets the first."""
        before = self.facts()
        for settings, code in (
            ("modify=20190203040506;UNIX.mode=4755;", 501),
            ("modify=20190203040506;size=5;", 504),
            ("modify=20190203040506;modify=20190203040506;", 501),
            ("modify=20190203040506;x", 501),
        ):
            self.assertEqual(self.codes(f"MFF {settings} a b"), [code], settings)
        self.assertEqual(self.facts(), before)

    def test_times(self) -> None:
        """PH23: years are those that can be written."""
        self.assertEqual(
            self.codes("MFMT 00000101000000 a b", "MFMT 99991231235959 a b", "MFMT 20190229000000 a b"), [501, 213, 501]
        )

    def test_storage_errors(self) -> None:
        """RS06: what the storage says is told."""
        self.script.faults["set_modified"] = PermissionDenied()
        self.assertEqual(
            self.codes("MFMT 20190203040506 a b", "MFF modify=20190203040506; a b", "SITE UTIME 201902030405 a b"),
            [550] * 3,
        )
