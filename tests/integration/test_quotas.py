"""Quotas on the wire: uploads that end at the limit, and servers that die in the middle of them."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

from tests.integration.accounts_cases import AccountsTestCase, PostgresqlAccountsTestCase
from tests.integration.control import Control
from tests.integration.quota_rounds import QUOTA, Books, stored
from tests.integration.waiting import eventually

_MIB = 1024 * 1024
# A lease, a look, a little for the servers to agree, and a busy machine.
_PATIENCE = 90.0


class SqliteQuotasTests(AccountsTestCase):
    """Alice may store 10 MiB."""

    def setUp(self) -> None:
        """Add her."""
        super().setUp()
        self.add_user("alice", "secret", "--quota", str(QUOTA))
        self.books = Books(self.url)
        self.addCleanup(self.books.close)

    def used(self) -> tuple[int, int]:
        """What the ledger says."""
        usage = self.books.of("alice")
        return usage.octets, usage.files

    def send(self, control: Control, command: str, octets: int) -> tuple[int, int]:
        """Upload so much, or as much as is taken: how much was sent, and the code of the last reply."""
        data = control.open_data()
        code = control.command(command).code
        sent = 0
        with suppress(OSError):
            while code == 150 and sent < octets:
                sent += data.send(bytes(min(_MIB, octets - sent)))
        data.close()
        return sent, control.reply().code if code == 150 else code

    def test_rs08_in_flight(self) -> None:
        """RS08: 100 MiB end at the limit with 552, within what the system holds on the way."""
        control = self.login(self.start(), "alice")
        sent, code = self.send(control, "STOR a", 100 * _MIB)
        self.assertEqual(code, 552)
        self.assertLess(sent, 40 * _MIB)
        self.assertEqual((self.used(), stored(self.root / "alice")), ((0, 0), (0, 0)))
        self.assertEqual(self.send(control, "STOR a", QUOTA), (QUOTA, 226))
        self.assertEqual(self.used(), (QUOTA, 1))
        control.expect("SITE QUOTA", 211)

    def test_rs08_translated(self) -> None:
        """RS08: the same in ASCII, whose octets go another way."""
        control = self.login(self.start(), "alice")
        control.expect("TYPE A", 200)
        self.assertEqual(self.send(control, "STOR a", 30 * _MIB)[1], 552)
        self.assertEqual(self.used(), (0, 0))

    def test_cr03_killed(self) -> None:
        """CR03: what a server held that was killed in the middle comes back, and what it did not write is counted."""
        first, second = self.start(), self.start()
        eventually(lambda: not self.books.of("alice").recount_due, seconds=_PATIENCE, what="the home is counted")
        controls = [self.login(first, "alice") for _ in range(4)]
        opened = []
        for number, control in enumerate(controls):
            data = control.open_data()
            control.expect(f"STOR {number}", 150)
            data.sendall(os.urandom(_MIB))
            opened.append(data)
        eventually(lambda: self.books.of("alice").held_octets >= 4 * _MIB, seconds=_PATIENCE, what="room is set aside")
        first.signal(signal.SIGKILL)
        first.wait()
        for data in opened:
            data.close()
        eventually(self._free, seconds=_PATIENCE, what="what was set aside is free, and all is counted")
        control = self.login(second, "alice")
        left = QUOTA - self.used()[0]
        self.assertEqual(self.send(control, "STOR rest", left), (left, 226))
        self.assertEqual(self.send(control, "STOR more", 1)[1], 552)

    def _free(self) -> bool:
        usage: Any = self.books.of("alice")
        return not usage.held_octets and not usage.recount_due


class PostgresqlQuotasTests(SqliteQuotasTests, PostgresqlAccountsTestCase):
    """The same on PostgreSQL."""
