"""Two servers with one database: what one knows, the other knows."""

from __future__ import annotations

import signal

from tests.integration.accounts_cases import AccountsTestCase, PostgresqlAccountsTestCase
from tests.integration.cases import content
from tests.integration.server import FtpxServer
from tests.integration.waiting import eventually


def _has_room_for_two(test: AccountsTestCase, server: FtpxServer) -> bool:
    with test.connect(server) as one, test.connect(server) as other:
        for control in (one, other):
            control.expect("USER alice", 331)
        return [control.command("PASS secret").code for control in (one, other)] == [230, 230]


class _SharedTests:
    """The tests of both kinds of database."""

    def test_quota(self: AccountsTestCase) -> None:  # type: ignore[misc]
        """What is stored by one server counts at the other."""
        self.add_user("alice", "secret", "--quota", "1Mi")
        first, second = self.start(), self.start()
        self.assertEqual(self.login(first, "alice").store("STOR a", content(700_000)).code, 226)
        alice = self.login(second, "alice")
        alice.expect("ALLO 700000", 552)
        alice.expect("DELE a", 250)
        self.login(first, "alice").expect("ALLO 700000", 200)

    def test_au23_sessions(self: AccountsTestCase) -> None:  # type: ignore[misc]
        """AU23: sessions are counted together, and those of a server that was killed do not count for ever."""
        self.add_user("alice", "secret", "--sessions", "2")
        first, second = self.start(), self.start()
        one, other = self.login(first, "alice"), self.login(second, "alice")
        self.assertIn(self.try_login(first, "alice").code, {421, 530})
        self.assertIn(self.try_login(second, "alice").code, {421, 530})
        other.expect("QUIT", 221)
        eventually(lambda: self.try_login(first, "alice").code == 230, what="the session is counted out")
        self.assertEqual(one.command("NOOP").code, 200)
        first.signal(signal.SIGKILL)
        first.wait()
        eventually(lambda: _has_room_for_two(self, second), seconds=40, pause=0.5, what="the lease has ended")

    def test_bans(self: AccountsTestCase) -> None:  # type: ignore[misc]
        """Who fails at one server is banned at the other."""
        self.add_user("alice")
        self.ftpx("settings", "set", "ban_failures", "2")
        first, second = self.start(), self.start()
        for _ in range(2):
            self.try_login(first, "alice", "wrong", source="127.0.0.9")
        eventually(
            lambda: self.try_login(second, "alice", source="127.0.0.9").code == 421, pause=0.5, what="the ban is known"
        )
        self.assertEqual(self.try_login(second, "alice", source="127.0.0.10").code, 230)


class SqliteSharedTests(_SharedTests, AccountsTestCase):
    """With SQLite."""


class PostgresqlSharedTests(_SharedTests, PostgresqlAccountsTestCase):
    """With PostgreSQL."""
