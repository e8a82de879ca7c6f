"""Servers that share accounts, and the sessions and transfers that count against limits."""

from __future__ import annotations

import itertools
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.database.presence import Limit, Server, SlotRow, Terms, take_slot
from ftpx.accounts.database.schema import groups, login_counts, memberships, servers, slots, users
from ftpx.accounts.presence import BEAT, LEASE, Presence, _is_dead, this_machine
from ftpx.accounts.profile import Profile
from ftpx.accounts.refusals import LoginRefused, TooManySessions
from ftpx.errors import AccountsUnavailable, TooManyTransfers
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite
from tests.accounts.profiles import profile_of


def _people(connection: Connection) -> None:
    """Alice and bob, both of the staff."""
    for number, name in enumerate(("alice", "bob"), 1):
        connection.execute(insert(users).values(id=number, name=name, identity=name))
    connection.execute(insert(groups).values(id=1, name="staff", identity="staff"))
    for number in (1, 2):
        connection.execute(insert(memberships).values(user_id=number, group_id=1))


class _Case(DatabaseCase):
    """Servers on one database, with clocks of their own making."""

    def setUp(self) -> None:
        """Make two users."""
        super().setUp()
        self.write(_people)
        self.recounts: list[str] = []
        self.appearances: list[str] = []
        self.dead: set[int] = set()
        self._ids = itertools.count(1)

    def new_presence(self, name: str = "one", host: str = "machine", *, pid: int = 1) -> Presence:
        """A server that is not started."""
        return Presence(
            self.database,
            self.clock,
            lambda: 6_000.0 + self.clock.seconds(),
            Server(name, host, 0),
            new_id=lambda: f"{name}-{next(self._ids)}",
            mark_recount=lambda connection, server_id: self.recounts.append(server_id),
            reappeared=lambda: self.appearances.append(name),
            is_dead=lambda number: number in self.dead,
            own_pid=lambda: pid,
        )

    def presence(self, name: str = "one", host: str = "machine", *, pid: int = 1) -> Presence:
        """A server that lives until the end of the test."""
        made = self.new_presence(name, host, pid=pid)
        made.start()
        self.addCleanup(self._end, made)
        return made

    def _end(self, presence: Presence) -> None:
        if presence._beating.running:
            presence._beating.stop()

    def freeze(self, presence: Presence) -> None:
        """Let a server beat no more, as if its process were stopped."""
        presence._beating.stop()

    def count(self, table: Any = slots) -> int:
        """The rows of a table."""
        query = select(func.count()).select_from(table)
        return int(self.read(lambda connection: connection.execute(query).scalar_one()))

    def servers(self) -> list[str]:
        """The servers that are known."""
        return self.read(lambda connection: sorted(connection.execute(select(servers.c.id)).scalars()))

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / BEAT)):
            self.clock.advance(BEAT)

    def break_database(self) -> Any:
        """Have every transaction that writes fail; what ends that."""
        return self.patch(self.database, "write", lambda *_, **__: _failing())


def _failing() -> Deferred[Any]:
    answer: Deferred[Any] = Deferred()
    answer.errback(AccountsUnavailable("gone"))
    return answer


class _LimitTests(_Case):
    """Sessions and transfers at once."""

    def admit(self, presence: Presence, profile: Profile, address: str = "192.0.2.1") -> Any:
        """A session."""
        return self.result(presence.admit(profile, address))

    def refused(self, presence: Presence, profile: Profile, address: str = "192.0.2.1") -> TooManySessions:
        """Why a session is refused."""
        attempt = Deferred.fromCoroutine(presence.admit(profile, address))
        refusal: TooManySessions = self.failureResultOf(attempt, TooManySessions).value
        return refusal

    def test_without_limits(self) -> None:
        """Who has no limit costs the database nothing."""
        self.database.close()
        presence = self.new_presence()
        self.admit(presence, profile_of()).release()
        self.result(presence.begin_transfer(profile_of(), "192.0.2.1")).release()

    def test_au23_sessions_on_two_servers(self) -> None:
        """AU23: sessions of a user on all servers count together, and one that ended makes room."""
        one, other, alice = self.presence("one"), self.presence("two"), profile_of({"sessions": "2"})
        first = self.admit(one, alice)
        self.admit(other, alice, "192.0.2.2")
        refusal = self.refused(one, alice)
        self.assertEqual(refusal.reason, "sessions 2 of user alice")
        self.assertIn("2 at once", refusal.text)
        first.release()
        first.release()
        self.admit(other, alice)
        self.refused(one, alice)
        self.assertEqual(self.count(), 2)

    def test_group_together(self) -> None:
        """What is set for a group counts for its members together."""
        presence = self.presence()
        self.admit(presence, profile_of(groups={"staff": {"sessions": "1"}}))
        bob = profile_of(groups={"staff": {"sessions": "1"}}, name="bob", user_id=2)
        self.assertEqual(self.refused(presence, bob).reason, "sessions 1 of group staff")

    def test_per_address(self) -> None:
        """Sessions from one address count by the address; of IPv6, by its /64."""
        presence, alice = self.presence(), profile_of({"sessions_per_address": "1"})
        for address, same in (("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:2")):
            self.admit(presence, alice, address)
            self.assertEqual(self.refused(presence, alice, same).reason, "sessions-per-address 1 of user alice")
        self.admit(presence, alice, "2001:db8:0:1::1")
        # Another user at the address.
        self.admit(presence, profile_of({"sessions_per_address": "1"}, name="bob", user_id=2))

    def test_logins_per_minute(self) -> None:
        """So many logins in each minute, ended or not; the counts of earlier minutes do not stay."""
        presence, alice = self.presence(), profile_of({"logins_per_minute": "2"})
        for _ in range(3):
            self.admit(presence, alice).release()
            self.admit(presence, alice).release()
            self.assertIn("2 in a minute", self.refused(presence, alice).text)
            self.run_for(60)
        self.assertLessEqual(self.count(login_counts), 2)

    def test_refused_login_is_not_counted(self) -> None:
        """A login that another limit refuses is none."""
        presence, alice = self.presence(), profile_of({"logins_per_minute": "2", "sessions": "1"})
        slot = self.admit(presence, alice)
        for _ in range(3):
            self.assertIn("sessions 1", self.refused(presence, alice).reason)
        slot.release()
        self.admit(presence, alice)

    def test_transfers(self) -> None:
        """Transfers have limits of their own, for the user and for a group."""
        presence, limited = self.presence(), {"transfers": "1"}
        for profile in (profile_of(limited), profile_of(groups={"staff": limited}, name="bob", user_id=2)):
            slot = self.result(presence.begin_transfer(profile, "192.0.2.1"))
            beginning = Deferred.fromCoroutine(presence.begin_transfer(profile, "192.0.2.1"))
            self.failureResultOf(beginning, TooManyTransfers)
            slot.release()
            self.result(presence.begin_transfer(profile, "192.0.2.1")).release()

    def test_au23_race(self) -> None:
        """AU23: of many servers that count a session in at the same moment, exactly as many do as may."""
        limits = [Limit(3), Limit(3, group_id=1)]

        def take(number: int) -> bool:
            row = SlotRow(f"slot-{number}", "session", 1 + number % 2, "192.0.2.1")
            return self.write(take_slot, Server(f"server-{number % 4}", "machine", 1), row, Terms(limits)) is None

        with ThreadPoolExecutor(6) as threads:
            taken = list(threads.map(take, range(24)))
        self.assertEqual((taken.count(True), self.count()), (3, 3))

    def test_deleted_user(self) -> None:
        """AU15: a user who was deleted a moment ago does not get in."""
        self.write(lambda connection: connection.execute(delete(users).where(users.c.id == 1)))
        attempt = Deferred.fromCoroutine(self.presence().admit(profile_of({"sessions": "9"}), "192.0.2.1"))
        refusal = self.failureResultOf(attempt, LoginRefused).value
        self.assertNotIsInstance(refusal, TooManySessions)
        self.assertEqual(self.count(), 0)

    def test_database_down(self) -> None:
        """CR07: nobody with a limit gets in while it cannot be looked up."""
        presence = self.presence()
        self.break_database()
        attempt = Deferred.fromCoroutine(presence.admit(profile_of({"sessions": "9"}), "192.0.2.1"))
        self.failureResultOf(attempt, AccountsUnavailable)
        self.assertEqual(presence._held, {})

    def test_release_while_down(self) -> None:
        """CR07: a session that ends while the database is down is counted out when it is back."""
        presence = self.presence()
        slot = self.admit(presence, profile_of({"sessions": "9"}))
        broken = self.break_database()
        slot.release()
        self.run_for(9)
        self.assertEqual(self.count(), 1)
        broken.restore()
        self.run_for(3)
        self.assertEqual(self.count(), 0)

    def test_client_that_goes(self) -> None:
        """AU23: a client that goes while it is counted in leaves nothing, even if it was counted in the last moment."""
        presence, waiting, discarded = self.presence(), Deferred[Any](), []
        real = self.database.write

        def late(work: Any, *arguments: Any, discard: Any) -> Any:
            discarded.append(discard)
            real(work, *arguments)
            return waiting

        late_writes = self.patch(self.database, "write", late)
        attempt = Deferred.fromCoroutine(presence.admit(profile_of({"sessions": "9"}), "192.0.2.1"))
        attempt.cancel()
        self.failureResultOf(attempt, CancelledError)
        self.assertEqual(self.count(), 1)
        late_writes.restore()
        discarded[0](None)
        self.assertEqual(self.count(), 0)


class _LifeTests(_Case):
    """Which servers live."""

    def setUp(self) -> None:
        """Have a server that looks."""
        super().setUp()
        self.one = self.presence("one")

    def test_stop(self) -> None:
        """A server that ends in good order is not there any more, and what it was changing is counted again."""
        other = self.presence("two")
        self.result(other.admit(profile_of({"sessions": "9"}), "192.0.2.1"))
        self.assertEqual((self.servers(), self.count()), (["one", "two"], 1))
        self.result(other.stop())
        self.assertEqual((self.servers(), self.count(), self.recounts), (["one"], 0, ["two"]))

    def test_stop_while_down(self) -> None:
        """A server ends also without its database."""
        other = self.presence("two")
        self.break_database()
        self.result(other.stop())

    def test_lease(self) -> None:
        """CR02: a server that beats no more is dead after the lease, and what it held is free."""
        other = self.presence("two", "elsewhere")
        self.result(other.admit(profile_of({"sessions": "9"}), "192.0.2.1"))
        self.run_for(60)
        self.assertEqual(self.servers(), ["one", "two"])
        self.freeze(other)
        self.run_for(LEASE - BEAT)
        self.assertEqual(self.servers(), ["one", "two"])
        self.run_for(2 * BEAT)
        self.assertEqual((self.servers(), self.count(), self.recounts), (["one"], 0, ["two"]))

    def test_dead_process(self) -> None:
        """A server of this machine whose process is gone is dead at once; one of another machine is not."""
        for name, host, pid in (("two", "machine", 2), ("three", "elsewhere", 2), ("four", "machine", 4)):
            self.freeze(self.presence(name, host, pid=pid))
        self.dead.add(2)
        self.run_for(BEAT)
        self.assertEqual(self.servers(), ["four", "one", "three"])

    def test_outage_kills_nobody(self) -> None:
        """CR07: nobody is taken for dead because nobody could beat."""
        other = self.presence("two", "elsewhere")
        self.run_for(9)
        broken = self.break_database()
        self.run_for(60)
        broken.restore()
        # The first look after the outage comes before the other's beat.
        self.freeze(other)
        self.run_for(LEASE - BEAT)
        self.assertEqual(self.servers(), ["one", "two"])

    def test_frozen_itself(self) -> None:
        """A server that was stopped for a while does not take the others for dead when it goes on."""
        self.freeze(self.presence("two", "elsewhere"))
        self.run_for(9)
        self.clock.advance(120)
        self.run_for(9)
        self.assertEqual(self.servers(), ["one", "two"])

    def test_taken_for_dead(self) -> None:
        """A server that was taken for dead and is not is there again, with all that it holds and nothing else."""
        kept = self.result(self.one.admit(profile_of({"sessions": "9"}), "192.0.2.1"))
        ended = self.result(self.one.admit(profile_of({"sessions": "9"}), "192.0.2.1"))
        self.write(lambda connection: connection.execute(delete(servers)))
        ended.release()
        self.run_for(BEAT)
        self.assertEqual((self.servers(), self.count(), self.appearances), (["one"], 1, ["one"]))
        kept.release()
        self.assertEqual(self.count(), 0)

    def test_login_of_a_server_taken_for_dead(self) -> None:
        """A login finds out that the server is not known any more, and goes on."""
        self.write(lambda connection: connection.execute(delete(servers)))
        self.result(self.one.admit(profile_of({"sessions": "9"}), "192.0.2.1"))
        self.assertEqual((self.servers(), self.count()), (["one"], 1))

    def test_restored_without_deleted_users(self) -> None:
        """What is put back is what there still is a user for."""
        for number, name in ((1, "alice"), (2, "bob")):
            profile = profile_of({"sessions": "9"}, name=name, user_id=number)
            self.result(self.one.admit(profile, "192.0.2.1"))
        self.write(lambda connection: connection.execute(delete(servers)))
        self.write(lambda connection: connection.execute(delete(users).where(users.c.id == 1)))
        self.run_for(BEAT)
        self.assertEqual(self.count(), 1)

    def test_stray_slot(self) -> None:
        """A slot that nobody holds does not stay for longer than half a minute."""
        row = {"id": "stray", "server_id": "one", "kind": "session", "user_id": 1, "address": "192.0.2.1"}
        self.write(lambda connection: connection.execute(insert(slots).values(**row)))
        self.run_for(30)
        self.assertEqual(self.count(), 0)

    def test_beat_that_hangs(self) -> None:
        """Beats do not gather behind one that is not answered."""
        waiting: list[Deferred[Any]] = []

        def hang(*_: Any, **__: Any) -> Deferred[Any]:
            waiting.append(Deferred())
            return waiting[-1]

        self.patch(self.database, "write", hang)
        self.run_for(30)
        self.assertEqual(len(waiting), 1)

    def test_reaping_an_old_beat(self) -> None:
        """A server that beats in the moment in which it would be taken for dead lives."""
        other = self.presence("two", "elsewhere")
        self.freeze(other)
        real = self.database.write

        def write(work: Any, *arguments: Any, **named: Any) -> Any:
            if work.__name__ == "reap":
                self.write(lambda connection: connection.execute(update(servers).values(beat=999)))
            return real(work, *arguments, **named)

        self.patch(self.database, "write", write)
        self.run_for(30)
        self.assertEqual((self.servers(), self.recounts), (["one", "two"], []))


class SqliteLimitTests(_LimitTests, OnSqlite, SynchronousTestCase):
    """Limits on SQLite."""


class PostgresqlLimitTests(_LimitTests, OnPostgresql, SynchronousTestCase):
    """Limits on PostgreSQL."""


class SqliteLifeTests(_LifeTests, OnSqlite, SynchronousTestCase):
    """Life on SQLite."""


class PostgresqlLifeTests(_LifeTests, OnPostgresql, SynchronousTestCase):
    """Life on PostgreSQL."""

    def test_lock_order(self) -> None:
        """A slot is taken under the lock of the user's row, so two servers cannot take the last one."""
        with self.engine.begin() as connection:
            connection.execute(text("SELECT id FROM users WHERE id = 1 FOR NO KEY UPDATE"))
            attempt = Deferred.fromCoroutine(self.one.admit(profile_of({"sessions": "1"}), "192.0.2.1"))
            self.failureResultOf(attempt, AccountsUnavailable)


class MachineTests(SynchronousTestCase):
    """What tells machines apart."""

    def test_same(self) -> None:
        """Two processes of one machine agree about it."""
        self.assertEqual(this_machine(), this_machine())

    def test_processes(self) -> None:
        """Of processes of this machine it is told which are there, and of those of others nothing."""
        ended = subprocess.Popen(["true"])
        ended.wait()
        self.assertTrue(_is_dead(ended.pid))
        self.assertFalse(_is_dead(os.getpid()))
        self.assertFalse(_is_dead(1))
