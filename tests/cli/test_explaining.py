"""Tests of `ftpx.cli.explaining`."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.cases import CommandCase


class ExplainTests(CommandCase):
    """``ftpx explain``."""

    def setUp(self) -> None:
        """A user with all kinds of rules."""
        super().setUp()
        self.done("group", "add", "staff", "--hidden", "*.tmp", "--quota", "0")
        self.add_user(
            "alice", "--rights", "/pub=look", "--addresses", "192.0.2.0/24", "--hours", "Mon-Fri 08:00-18:00",
            "--tls", "yes", "--mounts", "/s=local:/srv/s",
        )  # fmt: skip

    def asked(self, *arguments: str) -> tuple[int, str]:
        """The exit status, and the rule that decides. It is noon on a Monday."""
        result = self.run_ftpx("explain", *arguments, "--at", "2027-03-01T12:00")
        self.assertEqual(result.stderr, "")
        return result.exit_code, result.stdout.splitlines()[0]

    def test_allowed(self) -> None:
        """What is allowed is told with the rule that allows it, and status 0."""
        self.assertEqual(self.asked("alice", "retr", "/pub/a"), (0, "allowed: rights /pub=look of user alice"))

    def test_refused(self) -> None:
        """What is refused is told with the rule that refuses it, and status 3."""
        rule = "refused: rights /pub=look of user alice; STOR needs write"
        self.assertEqual(self.asked("ALICE", "STOR", "/pub/a"), (3, rule))

    def test_each_rule(self) -> None:
        """Each kind of rule can decide."""
        self.done("ban", "add", "192.0.2.66", "--reason", "scans")
        for arguments, told in (
            (("bob", "CWD", "/"), "no user bob"),
            (("alice", "CWD", "/", "--ip", "192.0.2.66"), "address:192.0.2.66 is banned, until for ever: scans"),
            (("alice", "CWD", "/", "--ip", "198.51.100.1"), "addresses 192.0.2.0/24"),
            (("alice", "CWD", "/", "--no-tls"), "tls yes"),
            (("alice", "SITE CHMOD", "/pub/a"), "needs attributes"),
            (("alice", "STOR", "/a", "--there", "directory"), "where there is: nothing or file"),
            (("alice", "RMD", "/s"), "a folder is mounted"),
            (("alice", "RNTO", "/a", "--from", "/pub/a"), "it needs rename"),
        ):
            status, line = self.asked(*arguments)
            self.assertEqual(status, 3, arguments)
            self.assertIn(told, line)
        self.assertEqual(self.asked("alice", "CWD", "/", "--ip", "192.0.2.1")[0], 0)

    def test_time(self) -> None:
        """The time that counts can be said."""
        result = self.run_ftpx("explain", "alice", "CWD", "/", "--at", "2027-03-01T20:00")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("hours Mon-Fri 08:00-18:00", result.stdout)

    def test_groups(self) -> None:
        """What a group hides and what its quota leaves is told with its name."""
        self.done("group", "join", "staff", "alice")
        self.assertIn("hidden *.tmp of group staff", self.asked("alice", "RETR", "/a.tmp")[1])
        self.assertIn("quota of group staff: 0 of 0 octets used", self.asked("alice", "STOR", "/a")[1])
        self.assertEqual(self.asked("alice", "STOR", "/s/a")[0], 0)

    def test_banned_name(self) -> None:
        """A name that an operator has banned is so from everywhere."""
        self.done("ban", "add", "--name", "alice")
        self.assertIn("name:alice is banned", self.asked("Alice", "CWD", "/")[1])

    def test_json(self) -> None:
        """JSON has all steps, in their order."""
        result = self.run_ftpx("explain", "alice", "STOR", "/pub/a", "--json", "--at", "2027-03-01T12:00")
        self.assertEqual(result.exit_code, 3)
        told: dict[str, Any] = json.loads(result.stdout)
        self.assertFalse(told["allowed"])
        self.assertEqual([step["about"] for step in told["steps"]], ["user", "bans", "login", "rights", "place"])
        self.assertEqual(told["steps"][-1]["rule"], "home: /alice/pub/a of the storage that is served")

    def test_wrong_questions(self) -> None:
        """What is no question is refused with status 1."""
        for arguments, told in (
            (("alice", "NOOP", "/"), "no verb with a path"),
            (("alice", "CWD", "pub"), "begins with /"),
            (("alice", "CWD", "/", "--ip", "here"), "no address"),
            (("alice", "CWD", "/", "--at", "soon"), "no moment"),
            (("alice", "CWD", "/", "--from", "/a"), "Only RNTO"),
        ):
            self.assertIn(told, self.refused("explain", *arguments))
