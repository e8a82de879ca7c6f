"""Tests of `ftpx.cli.users`."""

from __future__ import annotations

import stat

from ftpx.accounts.checkers import MAXIMUM_PASSWORD
from ftpx.accounts.database.connection import open_database, parse_url, transaction
from ftpx.accounts.database.users import find_profile
from ftpx.accounts.passwords import Argon2Passwords
from ftpx.accounts.policy import items
from ftpx.accounts.profile import User
from ftpx.accounts.settings import Settings
from tests.cli.cases import PASSWORD, CommandCase

EXAMPLES = {
    "home": "/homes/{name}",
    "rights": "/pub=look",
    "mounts": "/shared=local:/srv/shared",
    "hidden": "*.tmp",
    "addresses": "192.0.2.0/24",
    "hours": "Mon-Fri 08:00-18:00",
    "tls": "yes",
    "expires": "2027-12-31T12:00:00Z",
}


class UserCase(CommandCase):
    """What the database has of a user."""

    def user(self, name: str) -> User:
        """The user as servers see it."""
        engine = open_database(parse_url(self.url))
        self.addCleanup(engine.dispose)
        with transaction(engine, write=False) as connection:
            profile = find_profile(connection, name)
        assert profile is not None
        return profile.user

    def assert_password(self, name: str, password: str | bytes) -> None:
        """The user has this password."""
        octets = password if isinstance(password, bytes) else password.encode()
        self.assertTrue(Argon2Passwords().verify(self.user(name).password, octets, Settings()))


class AddTests(UserCase):
    """``ftpx user add``."""

    def test_first(self) -> None:
        """The first user makes the database, which is nobody else's to read; the password is the first line."""
        printed = self.done("user", "add", "alice", stdin=f"{PASSWORD}\nrest\n")
        self.assertEqual(printed, "User alice is added.\n")
        self.assertEqual(stat.S_IMODE((self.folder / "accounts").stat().st_mode), 0o600)
        self.assert_password("alice", PASSWORD)

    def test_octets(self) -> None:
        """A password is octets, as a client sends them."""
        self.done("user", "add", "alice", stdin=b" p\xe4ss \r\n")
        self.assert_password("alice", b" p\xe4ss ")

    def test_no_password(self) -> None:
        """Somebody else can vouch for a user."""
        self.add_user("alice")
        self.assertIsNone(self.user("alice").password)

    def test_every_item_has_an_option(self) -> None:
        """Every item of a policy can be set, is shown, and can be taken back."""
        options = {name: EXAMPLES.get(name, "17") for name in items()}
        flags = {name: f"--{name.replace('_', '-')}" for name in options}
        self.add_user("alice", *(word for name, text in options.items() for word in (flags[name], text)))
        self.assertEqual(self.user("alice").policy.texts(), {name: (text,) for name, text in options.items()})
        shown = self.done("user", "show", "alice")
        for name, text in options.items():
            self.assertRegex(shown, rf"{flags[name][2:]} +{text.replace('{', '.').replace('*', '.')} +user alice")
        for flag in flags.values():
            self.done("user", "set", "alice", flag, "")
        self.assertEqual(self.user("alice").policy.texts(), {})

    def test_refused(self) -> None:
        """What cannot be is refused before a password is wanted."""
        self.add_user("alice")
        for arguments, told in (
            (("alice",), "already"),
            (("ALICE",), "already"),
            (("../etc",), "cannot be a name"),
            (("bob", "--quota", "much"), "quota: 'much'"),
            (("bob", "--home", "/../{name}"), "no home"),
        ):
            self.assertIn(told, self.refused("user", "add", *arguments))

    def test_au18_names_for_homes(self) -> None:
        """AU18: a name that could be another path is refused when a user is made."""
        for name in ("../../etc", ".", "..", "a/b", "", "x\ty", ".ssh", "a:b", "\N{FULLWIDTH SOLIDUS}etc"):
            self.assertIn("cannot be a name", self.refused("user", "add", name, "--no-password"))

    def test_au19_spellings(self) -> None:
        """AU19: every spelling of a name is the same user."""
        self.add_user("Jose\N{COMBINING ACUTE ACCENT}")
        self.assertIn("already", self.refused("user", "add", "jos\N{LATIN SMALL LETTER E WITH ACUTE}"))
        self.assertEqual(self.read_json("user", "show", "JOS\N{LATIN CAPITAL LETTER E WITH ACUTE}")["disabled"], False)

    def test_unknown_group(self) -> None:
        """A group that is not there is refused, and so nobody is added."""
        self.assertIn("no group 'staff'", self.refused("user", "add", "alice", "--no-password", "--group", "staff"))
        self.assertEqual(self.read_json("user", "list"), [])

    def test_passwords_that_cannot_be(self) -> None:
        """Nobody gets a password that no client can send; it is not printed."""
        for password in ("", "\n", "x\0y", "x\ry", "x" * (MAXIMUM_PASSWORD + 1)):
            line = self.refused("user", "add", "alice", stdin=password)
            self.assertIn("A password has", line)
            self.assertNotIn("xxx", line)


class ChangeTests(UserCase):
    """Changing a user."""

    def setUp(self) -> None:
        """Two groups and a user."""
        super().setUp()
        for group in ("staff", "guests"):
            self.done("group", "add", group)
        self.add_user("alice", "--quota", "1M", "--hidden", "*.a", "--hidden", "*.b", "--group", "staff")

    def test_set(self) -> None:
        """What is given takes the place of what was set, and nothing else changes."""
        self.done("user", "set", "alice", "--hidden", "*.c")
        self.assertEqual(self.user("alice").policy.texts(), {"quota": ("1000000",), "hidden": ("*.c",)})
        self.assertEqual(self.read_json("user", "show", "alice")["groups"], ["staff"])
        self.done("user", "set", "alice", "--quota", "2Ki", "--group", "guests", "--group", "staff")
        self.assertEqual(self.read_json("user", "show", "alice")["groups"], ["guests", "staff"])
        self.assertEqual(self.user("alice").policy.quota, 2048)
        self.done("user", "set", "alice", "--group", "")
        self.assertEqual(self.read_json("user", "show", "alice")["groups"], [])

    def test_taking_back_and_giving(self) -> None:
        """To take all values back and to give some at once makes no sense."""
        self.assertIn("alone", self.refused("user", "set", "alice", "--hidden", "", "--hidden", "x", status=2))

    def test_password(self) -> None:
        """A password can be changed and taken away."""
        self.done("user", "passwd", "Alice", stdin=PASSWORD)
        self.assert_password("alice", PASSWORD)
        self.assertTrue(self.read_json("user", "show", "alice")["password"])
        self.done("user", "passwd", "alice", "--no-password")
        self.assertIsNone(self.user("alice").password)

    def test_totp(self) -> None:
        """A new secret is printed once, as applications take it, and shown nowhere else."""
        printed = self.done("user", "totp", "alice").strip()
        secret = self.user("alice").totp or ""
        self.assertTrue(printed.startswith("otpauth://totp/"), printed)
        self.assertIn(secret, printed)
        self.assertNotIn(secret, self.done("user", "show", "alice", "--json") + self.done("user", "show", "alice"))
        self.assertTrue(self.read_json("user", "show", "alice")["totp"])
        self.done("user", "totp", "alice", "--off")
        self.assertIsNone(self.user("alice").totp)

    def test_disable(self) -> None:
        """A user can be let in no more, and again."""
        self.done("user", "disable", "alice")
        self.assertTrue(self.user("alice").disabled)
        self.assertIn("disabled", self.done("user", "list"))
        self.done("user", "enable", "alice")
        self.assertFalse(self.user("alice").disabled)

    def test_delete(self) -> None:
        """A user can be deleted."""
        self.done("user", "delete", "alice")
        self.assertEqual(self.read_json("user", "list"), [])

    def test_nobody(self) -> None:
        """Nothing can be done about a user who is not there."""
        for command in ("show", "set", "passwd", "totp", "disable", "enable", "delete"):
            self.assertIn("no user 'bob'", self.refused("user", command, "bob"))


class ShowTests(UserCase):
    """``ftpx user list`` and ``show``."""

    def test_list(self) -> None:
        """A table has a row for each user, JSON an object."""
        self.done("group", "add", "staff", "--hidden", "*.tmp")
        self.add_user("bob", "--group", "staff", "--quota", "10Gi")
        self.done("user", "add", "alice", stdin=PASSWORD)
        lines = self.done("user", "list").splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["name", "alice", "bob"])
        self.assertRegex(lines[2], r"^bob +staff +no password +10Gi +/bob$")
        listed = self.read_json("user", "list")
        self.assertEqual(
            listed[1],
            {
                "name": "bob",
                "groups": ["staff"],
                "disabled": False,
                "quota": 10 * 1024**3,
                "password": False,
                "totp": False,
            },
        )
        self.assertEqual(self.read_json("user", "show", "bob")["by_groups"], {"staff": {"hidden": ["*.tmp"]}})

    def test_no_hash_is_shown(self) -> None:
        """What is shown holds no hash."""
        self.done("user", "add", "alice", stdin=PASSWORD)
        for arguments in (("list",), ("show", "alice")):
            for form in ((), ("--json",)):
                self.assertNotIn("argon2", self.done("user", *arguments, *form))

    def test_hostile_texts(self) -> None:
        """Texts of the database are shown as they are, without control characters, markup and icons."""
        self.add_user("[red]smile", "--hidden", "\x1b[31m[bold]x\x9b")
        shown = self.done("user", "show", "[red]smile")
        self.assertIn("[red]smile", shown)
        self.assertIn("?[31m[bold]x?", shown)
        self.assertNotIn("\x1b", self.done("user", "show", "[red]smile", "--json"))

    def test_long_texts(self) -> None:
        """Where nobody looks, no line is broken."""
        pattern = "x" * 200
        self.add_user("alice", "--hidden", pattern)
        self.assertIn(pattern, self.done("user", "show", "alice"))
