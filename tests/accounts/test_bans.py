"""Bans that servers share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.banning import address_subject
from ftpx.accounts.bans import MAXIMUM_WAITING, POLL, Bans
from ftpx.accounts.database import bans as sql
from ftpx.accounts.database import revision
from ftpx.accounts.database.schema import bans as bans_table
from ftpx.accounts.database.schema import failures
from ftpx.errors import AccountsUnavailable, ConfigurationError
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite
from tests.accounts.test_banning import Rules

_HERE, _THERE = "192.0.2.1", "198.51.100.1"


class _Case(DatabaseCase):
    """Two servers on one database."""

    def setUp(self) -> None:
        """Make the servers."""
        super().setUp()
        self.rules = Rules()
        self.one, self.two = self.new_bans(), self.new_bans()

    def new_bans(self) -> Bans:
        """A server that looks."""
        bans = Bans(self.database, self.clock, self.now, lambda: self.rules)
        bans.start()
        self.addCleanup(bans.stop)
        return bans

    def now(self) -> float:
        """The time."""
        return 1_000_000.0 + self.clock.seconds()

    def attempt(self, times: int, address: str = _HERE, name: str = "alice", server: Bans | None = None) -> None:
        """Fail to log in."""
        for _ in range(times):
            (server or self.one).failed(address, name)

    def attack(self, name: str = "alice") -> None:
        """Fail from everywhere."""
        for number in range(50):
            self.attempt(1, f"203.0.113.{number}", name)

    def refused(self, address: str = _HERE, name: str = "alice") -> tuple[bool, bool]:
        """Whether each of the servers refuses a login, when they have looked."""
        self.clock.advance(POLL)
        return self.one.refuses_login(address, name), self.two.refuses_login(address, name)

    def count(self, table: Any) -> int:
        """The rows of a table."""
        query = select(func.count()).select_from(table)
        return int(self.read(lambda connection: connection.execute(query).scalar_one()))

    def break_database(self) -> Any:
        """Have the database fail; what ends that."""
        return self.patch(self.database, "write", lambda *_, **__: fail(AccountsUnavailable("gone")))


class _AddressTests(_Case):
    """AU04: addresses."""

    def test_au04_banned_everywhere(self) -> None:
        """AU04: who fails ten times, by whatever names, is banned: here at once, and on other servers soon."""
        for number in range(9):
            self.attempt(1, name=f"user{number}")
        self.assertFalse(self.one.refuses(_HERE))
        self.attempt(1, name="nobody")
        self.assertTrue(self.one.refuses(_HERE))
        self.assertFalse(self.two.refuses(_HERE))
        self.clock.advance(POLL)
        self.assertTrue(self.two.refuses(_HERE))
        self.assertTrue(self.two.refuses_login(_HERE, "alice"))

    def test_au04_failures_add_up_over_servers(self) -> None:
        """AU04: five failures here and five there are ten."""
        self.attempt(5, server=self.one)
        self.attempt(5, server=self.two)
        self.assertTrue(self.two.refuses(_HERE))

    def test_au05_others_are_not(self) -> None:
        """AU05: a ban of one address keeps nobody at another out."""
        self.attempt(10)
        self.assertEqual(self.refused(_THERE), (False, False))

    def test_ends_and_grows(self) -> None:
        """A ban ends by itself, and the next one is longer."""
        for length in (60, 240):
            self.attempt(10)
            self.clock.advance(length - 1)
            self.assertTrue(self.one.refuses(_HERE))
            self.clock.advance(1)
            self.assertFalse(self.one.refuses(_HERE))

    def test_slow_guesser(self) -> None:
        """Failures that are far apart are no attack."""
        for _ in range(100):
            self.attempt(1)
            self.clock.advance(600)
        self.assertFalse(self.one.refuses(_HERE))

    def test_networks(self) -> None:
        """AU04: IPv6 addresses of one /64 are one, and an IPv4 address is the same by IPv6."""
        for number in range(10):
            self.attempt(1, f"2001:db8::{number:x}")
        self.assertTrue(self.one.refuses("2001:db8::ffff"))
        self.assertFalse(self.one.refuses("2001:db8:0:1::1"))
        self.attempt(10, "::ffff:192.0.2.9")
        self.assertTrue(self.one.refuses("192.0.2.9"))

    def test_allowed_networks(self) -> None:
        """Addresses of allowed networks are never banned; they are when that is taken back."""
        self.write(sql.allow_network, "192.0.2.0/24")
        self.attempt(30)
        self.assertEqual(self.refused(), (False, False))
        self.assertEqual(self.read(sql.list_bans), [])
        self.assertTrue(self.write(sql.disallow_network, "192.0.2.0/24"))
        self.assertFalse(self.write(sql.disallow_network, "192.0.2.0/24"))
        self.clock.advance(POLL)
        self.attempt(10)
        self.assertTrue(self.one.refuses(_HERE))
        self.write(sql.allow_network, "192.0.2.1")
        self.assertEqual(self.refused(), (False, False))

    def test_nothing_grows_without_end(self) -> None:
        """AU04: what does not count any more is taken away."""
        self.attempt(10)
        self.attempt(1, _THERE, "bob")
        self.assertEqual((self.count(failures), self.count(bans_table)), (4, 1))
        self.clock.advance(20_000)
        self.assertEqual((self.count(failures), self.count(bans_table)), (0, 1))
        self.clock.advance(86_400)
        self.assertEqual(self.count(bans_table), 0)

    def test_hostile_names(self) -> None:
        """AU16, CP23: whatever the name is, the failure counts for its address, and no name is kept that is none."""
        for name in ("' OR 1=1 --", "x\udcff", "a" * 5000, "x\0y", "\x1b[2J", "name:alice", "%", "_", "../x", ""):
            self.attempt(1, name=name)
        self.assertTrue(self.one.refuses(_HERE))


class _NameTests(_Case):
    """AU05: names."""

    def test_au05_attack_locks_nobody_out(self) -> None:
        """AU05: however much is tried from everywhere, an address where nothing failed has its try."""
        self.attack()
        self.assertEqual(self.refused(_THERE), (False, False))
        self.assertEqual(self.refused("203.0.113.3"), (False, False))

    def test_au04_one_try_each(self) -> None:
        """AU04: of a name under attack an address may fail once, and is then refused for this name, on all servers."""
        self.attack()
        self.attempt(1)
        self.assertEqual(self.refused(), (True, True))
        self.assertEqual(self.refused(name="ALICE"), (True, True))
        self.assertEqual(self.refused(name="bob"), (False, False))
        self.assertEqual(self.refused(_THERE), (False, False))
        self.assertFalse(self.one.refuses(_HERE))
        self.clock.advance(60)
        self.assertEqual(self.refused(), (False, False))

    def test_unknown_names(self) -> None:
        """AU01: names that nobody has are treated no otherwise."""
        self.attack("nobody")
        self.attempt(1, name="nobody")
        self.assertEqual(self.refused(name="nobody"), (True, True))

    def test_au19_spellings(self) -> None:
        """AU19: other spellings of a name are the same name."""
        for number in range(50):
            self.attempt(1, f"203.0.113.{number}", ("Alice", "ALICE", "alice")[number % 3])
        self.attempt(1)
        self.assertEqual(self.refused(), (True, True))

    def test_attack_from_allowed_network(self) -> None:
        """Failures in a network that is never banned put no name under attack."""
        self.write(sql.allow_network, "203.0.113.0/24")
        self.clock.advance(POLL)
        self.attack()
        self.attempt(1)
        self.assertEqual(self.refused(), (False, False))


class _OperatorTests(_Case):
    """Bans by hand."""

    def test_address(self) -> None:
        """An address is banned for ever, everywhere, and open sessions from there end."""
        self.write(sql.add_ban, address_subject(_HERE), None, "abuse", self.now())
        self.clock.advance(POLL)
        for server in (self.one, self.two):
            self.assertTrue(server.refuses(_HERE) and server.ends(_HERE, "alice"))
            self.assertFalse(server.refuses(_THERE) or server.ends(_THERE, "alice"))
        self.clock.advance(10**7)
        self.assertTrue(self.one.refuses(_HERE))

    def test_automatic_bans_end_no_session(self) -> None:
        """Who is logged in at an address where others guess stays."""
        self.attempt(10)
        self.attack()
        self.assertTrue(self.one.refuses(_HERE))
        self.assertFalse(self.one.ends(_HERE, "alice"))

    def test_name(self) -> None:
        """A name is banned from everywhere, whatever the password, and its sessions end."""
        self.write(sql.add_ban, "name:alice", 100, "left", self.now())
        self.assertEqual(self.refused(name="Alice"), (True, True))
        self.assertTrue(self.two.ends(_THERE, "alice"))
        self.assertFalse(self.one.refuses(_HERE))
        self.clock.advance(100)
        self.assertEqual(self.refused(), (False, False))

    def test_attack_does_not_shorten(self) -> None:
        """Failures make nothing of an operator's ban shorter or weaker."""
        self.write(sql.add_ban, "name:alice", None, "left", self.now())
        self.attack()
        self.assertEqual(self.refused(), (True, True))

    def test_lift(self) -> None:
        """A ban is lifted everywhere, with those of the address for single names, and what led to it is forgotten."""
        self.attack()
        self.attempt(10)
        self.assertEqual(self.refused(), (True, True))
        self.assertTrue(self.write(sql.lift_ban, address_subject(_HERE)))
        self.assertEqual(self.refused(), (False, False))
        self.assertFalse(self.write(sql.lift_ban, address_subject(_HERE)))
        self.attempt(5, name="bob")
        self.assertEqual(self.refused(name="bob"), (False, False))

    def test_lift_name(self) -> None:
        """A name is freed at all addresses, and no other name that looks like a part of it."""
        self.attack()
        self.attack("malice")
        self.attempt(1)
        self.attempt(1, name="malice")
        self.assertTrue(self.write(sql.lift_ban, "name:alice"))
        self.assertEqual((self.refused(), self.refused(name="malice")), ((False, False), (True, True)))

    def test_revision(self) -> None:
        """Changes by hand grow the revision, and failures do not."""
        before = self.read(revision.current)
        self.attempt(10)
        self.assertEqual(self.read(revision.current), before)
        self.write(sql.add_ban, "name:alice", None, "left")
        self.write(sql.lift_ban, "name:alice")
        self.write(sql.allow_network, "192.0.2.0/24")
        self.assertEqual(self.read(revision.current), before + 3)

    def test_list(self) -> None:
        """The bans in force are listed."""
        self.write(sql.add_ban, "name:bob", 10, "left", self.now())
        self.write(sql.add_ban, "name:alice", None, "left", self.now())

        def subjects(now: float) -> list[str]:
            return [ban.subject for ban in self.read(sql.list_bans, now)]

        self.assertEqual(subjects(self.now()), ["name:alice", "name:bob"])
        self.assertEqual(subjects(self.now() + 10), ["name:alice"])

    def test_refused_by_the_command(self) -> None:
        """What is allowed cannot be banned, and what is no network not be allowed."""
        self.write(sql.allow_network, "192.0.2.0/24")
        self.assertRaises(ConfigurationError, self.write, sql.add_ban, address_subject(_HERE), None, "x")
        for text in ("x", "192.0.2.1/24", ""):
            self.assertRaises(ConfigurationError, self.write, sql.allow_network, text)
        self.assertEqual([str(network) for network in self.read(sql.allowed_networks)], ["192.0.2.0/24"])


class _OutageTests(_Case):
    """CR07: without the database."""

    def test_own_memory(self) -> None:
        """CR07: addresses are banned here by what this server has seen, and bans that are known still hold."""
        self.attempt(10, _THERE)
        broken = self.break_database()
        self.attempt(10)
        self.assertTrue(self.one.refuses(_HERE) and self.one.refuses(_THERE))
        self.assertFalse(self.two.refuses(_HERE))
        broken.restore()
        self.clock.advance(POLL)
        self.assertTrue(self.one.refuses(_HERE))
        self.write(sql.lift_ban, address_subject(_HERE))
        self.clock.advance(POLL)
        self.assertFalse(self.one.refuses(_HERE))

    def test_bounded(self) -> None:
        """CR07: with a database that hangs, only so many failures wait."""
        waiting: Deferred[Any] = Deferred()
        self.patch(self.database, "write", lambda *_, **__: waiting)
        self.attempt(3 * MAXIMUM_WAITING)
        self.assertLessEqual(len(self.one._waiting), MAXIMUM_WAITING)
        self.assertTrue(self.one.refuses(_HERE))

    def test_burst_is_few_transactions(self) -> None:
        """Failures that come together are counted together."""
        first: Deferred[Any] = Deferred()
        calls: list[Any] = []
        real = self.database.write

        def write(work: Any, *arguments: Any, **named: Any) -> Any:
            calls.append(work)
            done = real(work, *arguments, **named)
            return first.addCallback(lambda _: done) if len(calls) == 1 else done

        self.patch(self.database, "write", write)
        self.attempt(200)
        self.assertEqual(len(calls), 1)
        first.callback(None)
        self.assertEqual(len(calls), 3)
        self.assertTrue(self.one.refuses(_HERE))


class SqliteAddressTests(_AddressTests, OnSqlite, SynchronousTestCase):
    """Addresses on SQLite."""


class PostgresqlAddressTests(_AddressTests, OnPostgresql, SynchronousTestCase):
    """Addresses on PostgreSQL."""


class SqliteNameTests(_NameTests, OnSqlite, SynchronousTestCase):
    """Names on SQLite."""


class PostgresqlNameTests(_NameTests, OnPostgresql, SynchronousTestCase):
    """Names on PostgreSQL."""


class SqliteOperatorTests(_OperatorTests, OnSqlite, SynchronousTestCase):
    """Bans by hand on SQLite."""


class PostgresqlOperatorTests(_OperatorTests, OnPostgresql, SynchronousTestCase):
    """Bans by hand on PostgreSQL."""


class OutageTests(_OutageTests, OnSqlite, SynchronousTestCase):
    """Outages; the kind of database makes no difference."""
