"""Tests of `ftpx.cli.groups`."""

from __future__ import annotations

from tests.cli.cases import CommandCase


class GroupTests(CommandCase):
    """``ftpx group``."""

    def setUp(self) -> None:
        """Two users and a group."""
        super().setUp()
        for name in ("alice", "bob"):
            self.add_user(name)
        self.done("group", "add", "staff", "--quota", "10Gi", "--hidden", "*.tmp")

    def test_show(self) -> None:
        """A group is shown with its items and members."""
        self.done("group", "join", "Staff", "bob", "alice")
        self.assertRegex(self.done("group", "list"), r"staff +2 +10Gi\n")
        self.assertRegex(self.done("group", "show", "staff"), r"member +alice\nmember +bob\n")
        expected = {"name": "staff", "hidden": ["*.tmp"], "quota": 10 * 1024**3, "members": ["alice", "bob"]}
        self.assertEqual(self.read_json("group", "show", "STAFF"), expected)
        self.assertEqual(self.read_json("group", "list"), [expected])

    def test_members(self) -> None:
        """Users come and go."""
        self.done("group", "join", "staff", "alice", "bob")
        self.done("group", "leave", "staff", "alice")
        self.assertEqual(self.read_json("group", "show", "staff")["members"], ["bob"])
        self.assertIn("no user 'carol'", self.refused("group", "join", "staff", "carol"))

    def test_set(self) -> None:
        """Items are changed one by one."""
        self.done("group", "set", "staff", "--quota", "", "--sessions", "3")
        self.assertEqual(
            self.read_json("group", "show", "staff"),
            {"name": "staff", "hidden": ["*.tmp"], "sessions": 3, "members": []},
        )

    def test_delete(self) -> None:
        """Members of a group that is deleted stay."""
        self.done("group", "join", "staff", "alice")
        self.done("group", "delete", "staff")
        self.assertEqual((self.read_json("group", "list"), self.read_json("user", "show", "alice")["groups"]), ([], []))

    def test_refused(self) -> None:
        """A group is there once, and only what is there can be changed."""
        self.assertIn("already", self.refused("group", "add", "STAFF"))
        for arguments in (("show",), ("set",), ("delete",), ("join", "alice"), ("leave", "alice")):
            command, *rest = arguments
            self.assertIn("no group 'none'", self.refused("group", command, "none", *rest))

    def test_help_says_for_whom_items_count(self) -> None:
        """The help of a group's items says whether they count together."""
        words = " ".join(self.done("group", "add", "--help").split())
        self.assertIn("Octets that may be stored. Counts for all members together.", words)
        self.assertIn("Counts for each member.", words)
