"""AU15: changes that reach those who are logged in."""

from __future__ import annotations

from tests.integration.accounts_cases import AccountsTestCase
from tests.integration.control import Control
from tests.integration.server import FtpxServer


class LiveTests(AccountsTestCase):
    """One user is logged in when an operator changes something."""

    server: FtpxServer
    alice: Control

    def setUp(self) -> None:
        """Have alice logged in."""
        super().setUp()
        self.add_user("alice")
        self.server = self.start()
        self.alice = self.login(self.server, "alice")

    def test_au15_rights(self) -> None:
        """AU15: rights count at the next command."""
        self.alice.expect("MKD a", 257)
        self.ftpx("user", "set", "alice", "--rights", "/=look")
        self.eventually_answers(self.alice, "RMD a", 550)

    def test_au15_quota(self) -> None:
        """AU15: so does a quota."""
        self.alice.expect("ALLO 1000000", 200)
        self.ftpx("user", "set", "alice", "--quota", "10")
        self.eventually_answers(self.alice, "ALLO 1000000", 552)

    def test_au15_password(self) -> None:
        """AU15: who has logged in by another password has to do so again."""
        self.ftpx("user", "passwd", "alice", typed="another\n")
        self.assert_ends(self.alice)
        self.assertEqual(self.try_login(self.server, "alice").code, 530)
        self.login(self.server, "alice", "another")

    def test_au15_disabled(self) -> None:
        """AU15: a disabled user's sessions end, and nobody logs in."""
        self.ftpx("user", "disable", "alice")
        self.assert_ends(self.alice)
        self.assertEqual(self.try_login(self.server, "alice").code, 530)

    def test_au15_deleted(self) -> None:
        """AU15: a deleted user's sessions end."""
        self.ftpx("user", "delete", "alice")
        self.assert_ends(self.alice)

    def test_au15_group(self) -> None:
        """AU15: what changes by a group counts too."""
        self.ftpx("group", "add", "readers", "--rights", "/=look")
        self.ftpx("group", "join", "readers", "alice")
        self.eventually_answers(self.alice, "MKD b", 550)

    def test_au15_banned(self) -> None:
        """AU15: an operator's ban ends sessions."""
        self.ftpx("ban", "add", "127.0.0.1")
        self.assert_ends(self.alice)
        with Control((self.server.host, self.server.port)) as again:
            again.expect_reply(421)
        self.ftpx("ban", "lift", "127.0.0.1")

    def test_au15_home(self) -> None:
        """AU15: who has another home has to log in again."""
        self.ftpx("user", "set", "alice", "--home", "/elsewhere")
        self.assert_ends(self.alice)
