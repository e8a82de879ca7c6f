"""CR06, CR07, CR08: the database is locked, hangs, goes away or is damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.integration.accounts_cases import AccountsTestCase, PostgresqlAccountsTestCase
from tests.integration.cases import content
from tests.integration.control import Reply
from tests.integration.server import FtpxServer
from tests.integration.waiting import eventually
from tests.postgresql import PostgresqlServer

# A login is answered within five seconds; the rest is for machines that are busy.
_PATIENCE = 10.0


class _OutageTestCase(AccountsTestCase):
    def try_now(self, server: FtpxServer, name: str = "alice") -> Reply:
        """The answer to a login, which comes soon."""
        control = self.connect(server)
        control.socket.settimeout(_PATIENCE)
        control.expect(f"USER {name}", 331)
        return control.command("PASS secret")

    def assert_later(self, reply: Reply) -> None:
        """It says to try again later."""
        self.assertIn(reply.code, {421, 530})
        self.assertIn("later", reply.text)


class LockedTests(_OutageTestCase):
    """CR06: somebody holds SQLite's lock for writing."""

    def test_cr06_locked(self) -> None:
        """CR06: who can be let in without writing is; others are told to try later; open sessions go on."""
        self.add_user("alice")
        self.add_user("bob", "secret", "--sessions", "1")
        server = self.start()
        alice = self.login(server, "alice")
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:"), isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            self.assert_later(self.try_now(server, "bob"))
            self.assertEqual(self.try_now(server).code, 230)
            self.assertEqual(alice.store("STOR a", content(100_000)).code, 226)
            holder.execute("ROLLBACK")
        eventually(lambda: self.try_now(server, "bob").code == 230, seconds=_PATIENCE, what="bob is let in again")


class OutageTests(_OutageTestCase, PostgresqlAccountsTestCase):
    """CR07: PostgreSQL hangs, or is gone, and comes back."""

    postgresql: PostgresqlServer

    def make_database(self) -> str:
        """The URL of a database in a PostgreSQL of this test's own."""
        self.postgresql = PostgresqlServer()
        self.addCleanup(self.postgresql.remove)
        self.postgresql.start()
        return self.postgresql.url(self.postgresql.create_database())

    def test_cr07_outages(self) -> None:
        """CR07: nobody is let in on old knowledge, those who are in go on, and the server finds the database again."""
        self.add_user("alice")
        server = self.start()
        alice = self.login(server, "alice")
        for away, back in (
            (self.postgresql.freeze, self.postgresql.thaw),
            (self.postgresql.kill, self.postgresql.start),
            (self.postgresql.stop, self.postgresql.start),
        ):
            away()
            for _ in range(3):
                self.assert_later(self.try_now(server))
            alice.expect("NOOP", 200)
            self.assertEqual(alice.store("STOR a", content(300_000)).code, 226)
            self.assertEqual(alice.retrieve("RETR a"), content(300_000))
            back()
            eventually(lambda: self.try_now(server).code == 230, seconds=30, pause=0.5, what="the server is back")
        self.assertEqual(server.log.count("The accounts cannot be read:"), 3, server.log)

    def test_cr07_quota(self) -> None:
        """CR07: who has a quota stores nothing while it cannot be kept."""
        self.add_user("alice", "secret", "--quota", "1M")
        server = self.start()
        alice = self.login(server, "alice")
        self.postgresql.freeze()
        alice.socket.settimeout(_PATIENCE)
        with alice.open_data():
            alice.expect("STOR a", 450)
        self.postgresql.thaw()
        eventually(lambda: self._stores(server), seconds=30, pause=0.5, what="alice can store again")

    def _stores(self, server: FtpxServer) -> bool:
        with self.login(server, "alice") as alice, alice.open_data() as data:
            if alice.command("STOR a").code != 150:
                return False
            data.sendall(b"x")
            data.close()
            return alice.reply().code == 226


class DamagedTests(_OutageTestCase):
    """CR08: somebody has changed numbers by hand."""

    def _damage(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:"), isolation_level=None)) as connection:
            connection.execute("PRAGMA ignore_check_constraints=ON")
            connection.execute(statement, values)

    def test_cr08_ledger(self) -> None:
        """CR08: what is used is no number: nothing is stored, and the log says why; a count puts it right."""
        self.add_user("alice", "secret", "--quota", "1M")
        server = self.start()
        alice = self.login(server, "alice")
        self.assertEqual(alice.store("STOR a", b"12345").code, 226)
        for octets in (-1, "much", 2**63 - 1, 1.5):
            self._damage("UPDATE balances SET octets = ?, recount_due = 0", octets)
            with alice.open_data():
                alice.expect("STOR b", 450, 451, 452, 552)
        self.assertIn("alice", server.log)
        self.ftpx("quota", "recount", "alice", "--wait")
        self.assertEqual(alice.store("STOR b", b"1").code, 226)
        (usage,) = self.told("quota", "show", "alice")
        self.assertEqual((usage["octets"], usage["files"]), (6, 2))

    def test_cr08_quota(self) -> None:
        """CR08: a quota that is none is not "no limit": the user is refused."""
        self.add_user("alice", "secret", "--quota", "1M")
        server = self.start()
        for quota in ("-5", "much", "", "1e9"):
            self._damage("UPDATE user_items SET value = ? WHERE item = 'quota'", quota)
            self.assertIn(self.try_now(server).code, {421, 530})
        self.assertIn("quota", server.log)
