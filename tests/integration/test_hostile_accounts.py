"""Attacks on logins and accounts, against the real server with a database of users."""

from __future__ import annotations

import contextlib
import sqlite3
import time

from tests.integration.accounts_cases import AccountsTestCase
from tests.integration.control import Control
from tests.integration.server import FtpxServer
from tests.integration.waiting import eventually

# What nobody may have to wait for an answer in another session, with much to spare on a busy machine.
_HANG = 1.0
_HASH_MEMORY = 19 << 20
_LOGIN_THREADS = 2


class _HostileCase(AccountsTestCase):
    """A server with alice and bob."""

    server: FtpxServer

    def setUp(self) -> None:
        """Start it."""
        super().setUp()
        self.add_user("alice")
        self.add_user("bob")
        self.server = self.start()

    def open(self, source: str) -> Control:
        """A connection of which nothing has been read."""
        control = Control((self.server.host, self.server.port), source=source)
        self.addCleanup(control.close)
        return control

    def guess(self, source: str, name: str = "alice", times: int = 1) -> list[int]:
        """Guess in a session of its own; the codes, of which 421 is the last."""
        control = self.open(source)
        codes = [control.reply().code]
        while codes[-1] != 421 and times:
            times -= 1
            try:
                control.send(b"USER %s\r\nPASS wrong\r\n" % name.encode())
                codes += [control.reply().code, control.reply().code]
            except (EOFError, ConnectionError):
                codes.append(421)
        return codes


class GuessingTests(_HostileCase):
    """AU03 to AU06, AU20: passwords that are guessed."""

    def test_au04_one_address(self) -> None:
        """AU04: an address that guesses in many sessions is banned, and a right login from elsewhere works at once."""
        self.ftpx("settings", "set", "ban_failures", "5")
        controls = [self.open("127.0.9.1") for _ in range(30)]
        for control in controls:
            control.send(b"USER alice\r\nPASS wrong\r\n")
        eventually(lambda: self.guess("127.0.9.1", times=0) == [421], seconds=30, pause=0.5, what="the ban")
        start = time.monotonic()
        self.login(self.server, "alice", source="127.0.9.2")
        self.assertLess(time.monotonic() - start, 2 * _HANG)
        bans = self.told("ban", "list")
        self.assertIn("127.0.9.1", str(bans))
        self.assertNotIn("127.0.9.2", str(bans))

    def test_au05_many_addresses(self) -> None:
        """AU05: a name that is guessed from everywhere is not locked: its owner gets in, who failed does not."""
        controls = [self.open(f"127.0.10.{number}") for number in range(1, 61)]
        for control in controls:
            control.send(b"USER alice\r\nPASS wrong\r\n")
        for control in controls:
            self.assertEqual([control.reply().code for _ in range(3)], [220, 331, 530])
        eventually(
            lambda: "alice" in str(self.told("ban", "list")), seconds=30, pause=0.5, what="the name under attack"
        )
        self.guess("127.0.10.99")
        self.login(self.server, "alice", source="127.0.11.1")
        self.assertEqual(self.try_login(self.server, "alice", source="127.0.10.99").code, 530)
        self.login(self.server, "bob", source="127.0.10.99")

    def test_au20_sentinel(self) -> None:
        """AU20: no name opens a port."""
        before = self.server.process.listening_ports
        for number, name in enumerate(("x:)", "alice:)", ":)", "root")):
            self.assertEqual(self.guess(f"127.0.12.{number + 1}", name), [220, 331, 530])
        self.assertEqual(self.server.process.listening_ports, before)

    def test_au22_anonymous_is_off(self) -> None:
        """AU22: anonymous and ftp are users like any other, and there are none of that name."""
        answers = []
        for number, name in enumerate(("anonymous", "ftp", "nobody", "bob")):
            control = self.connect(self.server, source=f"127.0.13.{number + 1}")
            answers.append((control.command(f"USER {name}").text, control.command("PASS wrong").text))
        self.assertEqual(len(set(answers)), 1)
        self.assertEqual(answers[0][1], "530 Login incorrect.")


class StormTests(_HostileCase):
    """AU07, AU23: many logins at once."""

    def storm(self, count: int) -> list[Control]:
        """Connections that all send the right password at the same time."""
        controls = [self.open(f"127.0.{14 + number // 200}.{number % 200 + 1}") for number in range(count)]
        for control in controls:
            self.assertEqual(control.reply().code, 220)
        for control in controls:
            control.send(b"USER alice\r\nPASS secret\r\n")
        return controls

    def test_au07_hashes(self) -> None:
        """AU07: 200 passwords at once take the memory of as many hashes as there are threads, and hold up nobody."""
        bob = self.login(self.server, "bob")
        process = self.server.process
        process.reset_peak_memory()
        before = process.memory
        controls = self.storm(200)
        slowest = 0.0
        for _ in range(100):
            start = time.monotonic()
            self.assertEqual(bob.command("NOOP").code, 200)
            slowest = max(slowest, time.monotonic() - start)
        for control in controls:
            self.assertEqual([control.reply().code for _ in range(2)], [331, 230])
        self.assertLess(slowest, _HANG)
        # Less than four more hashes would take, and so far from 200.
        self.assertLess(process.peak_memory - before, (_LOGIN_THREADS + 4) * _HASH_MEMORY)

    def test_au23_exactly_three(self) -> None:
        """AU23: of 50 logins at once exactly three get in, and when they are killed their places are free again."""
        self.ftpx("user", "set", "alice", "--sessions", "3")
        for _ in range(2):
            controls = self.storm(50)
            codes = []
            for control in controls:
                self.assertEqual(control.reply().code, 331)
                codes.append(control.reply().code)
            self.assertEqual((codes.count(230), codes.count(421)), (3, 47))
            for control in controls:
                control.reset()
            self.wait_for_room()

    def wait_for_room(self) -> None:
        """Wait until no session is counted any more."""

        def counted() -> int:
            with contextlib.closing(sqlite3.connect(self.work / "accounts.db")) as database:
                return int(database.execute("SELECT count(*) FROM slots").fetchone()[0])

        eventually(lambda: counted() == 0, seconds=20, pause=0.2, what="no session is counted")

    def test_lost_in_login(self) -> None:
        """AU23: clients that go while their passwords are verified leave no place taken."""
        self.ftpx("user", "set", "alice", "--sessions", "3")
        for control in self.storm(60):
            control.reset()
        self.wait_for_room()
