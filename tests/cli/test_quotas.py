"""Tests of `ftpx.cli.quotas`."""

from __future__ import annotations

import time
from unittest.mock import patch

from sqlalchemy import Connection, insert, update

from ftpx.accounts.balance import Share
from ftpx.accounts.database.connection import open_database, parse_url, transaction
from ftpx.accounts.database.recounts import due_balances, write_count
from ftpx.accounts.database.schema import balances, servers
from ftpx.accounts.database.schema import traffic as traffic_table
from tests.cli.cases import CommandCase


class QuotaCase(CommandCase):
    """A user with a quota, one without, and a group with one."""

    def setUp(self) -> None:
        """Make them, as if all was counted."""
        super().setUp()
        self.done("group", "add", "staff", "--quota", "10Gi")
        self.add_user("alice", "--quota", "1M", "--quota-soft", "1K", "--quota-files", "10", "--upload-day", "2Ki")
        self.add_user("bob")
        self.change(_count_all)

    def change(self, work: object) -> None:
        """Change the database as a server would."""
        engine = open_database(parse_url(self.url))
        with transaction(engine, write=True) as connection:
            work(connection)  # type: ignore[operator]
        engine.dispose()


def _count_all(connection: Connection) -> None:
    for due in due_balances(connection, 0.0, 100):
        write_count(connection, due, Share(1536, 2), time.time())


def _serve(connection: Connection) -> None:
    connection.execute(insert(servers).values(id="1", host="here", pid=1))


def _move(connection: Connection) -> None:
    (day, month) = (time.strftime(form, time.gmtime()) for form in ("%Y-%m-%d", "%Y-%m"))
    rows = [
        {"balance_id": 2, "direction": "upload", "period": period, "octets": octets}
        for period, octets in ((day, 1024), (month, 3000), ("2020-01", 9))
    ]
    connection.execute(insert(traffic_table), rows)


def _break(connection: Connection) -> None:
    connection.execute(update(balances).values(octets=2**63 - 1))


class ShowTests(QuotaCase):
    """``ftpx quota show``."""

    def test_all(self) -> None:
        """All users and groups are shown, with what they have moved."""
        self.change(_move)
        lines = self.done("quota", "show").splitlines()
        self.assertRegex(lines[1], r"^user alice +1.5Ki +1M +1K +2 +10 +- +1Ki of 2Ki +3K +0 +0$")
        self.assertRegex(lines[2], r"^user bob +0 +- +- +0 +- +- +0 +0 +0 +0$")
        self.assertRegex(lines[3], r"^group staff +1.5Ki +10Gi +- +2 +- +- +0 +0 +0 +0$")

    def test_json(self) -> None:
        """JSON has exact numbers."""
        self.change(_move)
        (alice,) = self.read_json("quota", "show", "ALICE")
        self.assertEqual((alice["kind"], alice["name"], alice["octets"], alice["files"]), ("user", "alice", 1536, 2))
        self.assertEqual(alice["moved"]["upload_day"], 1024)
        self.assertEqual((alice["limits"]["quota"], alice["limits"]["download_day"]), (10**6, None))
        self.assertFalse(alice["recount_due"])

    def test_groups(self) -> None:
        """Only groups, or one group, can be asked for."""
        for arguments in (("--group",), ("--group", "Staff")):
            self.assertEqual([one["name"] for one in self.read_json("quota", "show", *arguments)], ["staff"])
        self.assertIn("no group 'alice'", self.refused("quota", "show", "--group", "alice"))
        self.assertIn("no user 'staff'", self.refused("quota", "show", "staff"))

    def test_cr08_broken_numbers(self) -> None:
        """CR08: a number that cannot be is told, and never shown as one."""
        self.change(_break)
        self.assertIn("broken", self.refused("quota", "show"))


class RecountTests(QuotaCase):
    """``ftpx quota recount``."""

    def due(self) -> list[str]:
        """Who is to be counted."""
        return [one["name"] for one in self.read_json("quota", "show") if one["recount_due"]]

    def test_one(self) -> None:
        """One user, or one group, is to be counted again."""
        self.change(_serve)
        before = self.due()
        self.assertNotIn("alice", before)
        self.assertEqual(self.done("quota", "recount", "alice"), "A server counts it in a moment.\n")
        self.assertEqual(set(self.due()) - set(before), {"alice"})
        self.assertRegex(self.done("quota", "show", "alice"), "to be counted again")
        self.done("quota", "recount", "--group", "staff")
        self.assertEqual(set(self.due()) - set(before), {"alice", "staff"})

    def test_all(self) -> None:
        """All are; without a server nobody does it now."""
        printed = self.done("quota", "recount", "--all")
        self.assertIn("now none does", printed)
        self.assertEqual(self.due(), ["alice", "bob", "staff"])

    def test_usage(self) -> None:
        """Either one is meant, or all are."""
        for arguments in ((), ("alice", "--all"), ("--all", "--group")):
            self.assertIn("--all", self.refused("quota", "recount", *arguments, status=2))

    def test_waiting(self) -> None:
        """To wait ends when a server has counted; who has no quota is not waited for."""
        self.change(_serve)
        with patch("ftpx.cli.quotas.Event") as event:
            event.return_value.wait.side_effect = lambda seconds: self.change(_count_all)
            self.assertEqual(self.done("quota", "recount", "--all", "--wait"), "It is counted.\n")
        self.assertEqual(event.return_value.wait.call_count, 1)

    def test_waiting_for_nobody(self) -> None:
        """Without a server it is not waited for; and not for ever for one that does not count."""
        result = self.run_ftpx("quota", "recount", "alice", "--wait")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("no server runs", result.stderr)
        self.change(_serve)
        with patch("ftpx.cli.quotas._PATIENCE", 0), patch("ftpx.cli.quotas.Event"):
            self.assertIn("not counted within", self.refused("quota", "recount", "alice", "--wait"))
