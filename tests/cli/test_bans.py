"""Tests of `ftpx.cli.bans`."""

from __future__ import annotations

from tests.cli.cases import CommandCase


class BanTests(CommandCase):
    """``ftpx ban``."""

    def subjects(self) -> list[str]:
        """Who is banned."""
        return [ban["subject"] for ban in self.read_json("ban", "list")["bans"]]

    def test_addresses(self) -> None:
        """An address is banned as servers know it: an IPv6 address with its /64."""
        for given, subject in (
            ("192.0.2.1", "address:192.0.2.1"),
            ("192.0.2.2/32", "address:192.0.2.2"),
            ("::ffff:192.0.2.3", "address:192.0.2.3"),
            ("2001:db8::1", "address:2001:db8::/64"),
            ("2001:db8:1::/64", "address:2001:db8:1::/64"),
        ):
            printed = self.done("ban", "add", given, "--for", "1h")
            self.assertTrue(printed.startswith(f"{subject} is banned until 2"), printed)
            self.assertEqual(self.subjects(), [subject])
            self.assertEqual(self.done("ban", "lift", given), f"{subject} is banned no more.\n")
            self.assertEqual(self.subjects(), [])

    def test_names(self) -> None:
        """A name is banned, however it is spelled."""
        self.done("ban", "add", "--name", "Alice", "--reason", "left [bold]us")
        self.assertEqual(self.subjects(), ["name:alice"])
        self.assertRegex(self.done("ban", "list"), r"name:alice +for ever +an operator +left \[bold\]us\n")
        self.done("ban", "lift", "--name", "ALICE")
        self.assertEqual(self.subjects(), [])

    def test_times(self) -> None:
        """A ban is as long as is said."""
        for text, seconds in (("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604800)):
            self.done("ban", "add", "192.0.2.1", "--for", text)
            (ban,) = self.read_json("ban", "list")["bans"]
            self.assertAlmostEqual(ban["until"] - ban["since"], seconds, 3)

    def test_refused(self) -> None:
        """What is no single client is refused."""
        for arguments, told in (
            (("192.0.2.0/24",), "neither one address"),
            (("2001:db8::/48",), "neither one address"),
            (("2001:db8::/96",), "neither one address"),
            (("alice",), "--name"),
            (("--name", "../etc"), "cannot be a name"),
            (("192.0.2.1", "--for", "soon"), "no time"),
            (("192.0.2.1", "--for", "0s"), "no time"),
        ):
            self.assertIn(told, self.refused("ban", "add", *arguments))

    def test_allowed_networks(self) -> None:
        """Networks that are never banned are listed, keep bans out, and can be like others again."""
        self.done("ban", "allow", "192.0.2.0/24")
        self.assertEqual(self.read_json("ban", "list"), {"bans": [], "allowed": ["192.0.2.0/24"]})
        self.assertRegex(self.done("ban", "list"), r"192.0.2.0/24 +never banned")
        self.assertIn("never banned", self.refused("ban", "add", "192.0.2.1"))
        self.done("ban", "disallow", "192.0.2.0/24")
        self.done("ban", "add", "192.0.2.1")
        self.assertIn("not allowed", self.refused("ban", "disallow", "192.0.2.0/24"))
        self.assertIn("no address", self.refused("ban", "allow", "everywhere"))

    def test_lifting_nothing(self) -> None:
        """To lift a ban that is not there is no error: failed logins are forgotten all the same."""
        self.add_user("alice")
        self.assertIn("was not banned", self.done("ban", "lift", "192.0.2.1"))
