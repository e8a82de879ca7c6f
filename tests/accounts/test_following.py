"""Open sessions follow what operators change."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import text
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.accounts.banning import address_subject
from ftpx.accounts.bans import Bans
from ftpx.accounts.database.bans import add_ban
from ftpx.accounts.database.groups import add_group, change_group, delete_group
from ftpx.accounts.database.settings import set_setting
from ftpx.accounts.database.users import (
    add_user,
    change_user,
    delete_user,
    find_profile,
    replace_password,
    set_disabled,
    set_password,
    set_totp,
)
from ftpx.accounts.database_account import CurrentProfile, DatabaseAccount
from ftpx.accounts.following import POLL, Following
from ftpx.accounts.settings import Settings
from ftpx.errors import AccountsUnavailable
from ftpx.interfaces import IClient, Right
from ftpx.storage.memory import MemoryStorage
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite

_NOON = float(calendar.timegm((2027, 6, 1, 12, 0, 0)))


@implementer(IClient)
@attrs.define
class FakeClient:
    """A client that notes what it is told at its end."""

    address: str = "192.0.2.1"
    secured: bool = False
    told: list[str] = attrs.Factory(list)

    def end(self, text: str) -> None:
        """Note it."""
        self.told.append(text)


class _Case(DatabaseCase):
    """A server that follows, with alice logged in."""

    def setUp(self) -> None:
        """Log alice in."""
        super().setUp()
        self.write(add_group, "staff")
        self.write(add_user, "alice", password="hash", items={"rights": ["/pub=look"]}, groups=["staff"])
        self.write(add_user, "bob", password="hash")
        self.bans = Bans(self.database, self.clock, self.now, lambda: self.following.settings)
        self.following = Following(self.database, self.clock, self.now, self.bans, Settings())
        self.bans.start()
        self.addCleanup(self.bans.stop)
        self.following.start()
        self.addCleanup(self.following.stop)
        self.account, self.client = self.log_in("alice")
        self.clock.advance(POLL)

    def now(self) -> float:
        """The time."""
        return _NOON + self.clock.seconds()

    def log_in(self, name: str, **client: Any) -> tuple[DatabaseAccount, FakeClient]:
        """A session."""
        profile = self.read(find_profile, name)
        assert profile is not None
        account, fake = DatabaseAccount(CurrentProfile(profile), MemoryStorage(), None), FakeClient(**client)
        self.unregister = self.following.register(account, fake)
        return account, fake

    def change(self, **items: Sequence[str]) -> None:
        """Change what is said for alice, and let the server look."""
        self.write(change_user, "alice", items={name: list(values) for name, values in items.items()})
        self.clock.advance(POLL)

    def assert_ended(self, word: str) -> None:
        """The session was ended, once, with a text that holds a word, and nobody else's was."""
        _, bob = self.log_in("bob")
        self.clock.advance(3 * POLL)
        self.assertEqual((len(self.client.told), bob.told), (1, []))
        self.assertIn(word, self.client.told[0])


class _GoesOnTests(_Case):
    """AU15: changes that a session goes on with."""

    def test_rights(self) -> None:
        """AU15: rights that an operator changes count in the session."""
        rights = self.account.current.rights
        self.assertEqual((rights(("pub",)), rights(())), (Right.LOOK, Right.ALL))
        self.change(rights=["/=list"])
        self.assertEqual((rights(("pub",)), rights(())), (Right.LIST, Right.LIST))
        self.assertEqual(self.client.told, [])

    def test_hidden_limits_and_tls(self) -> None:
        """AU15: hidden names, limits and the need for TLS count in the session."""
        self.client.secured = True
        self.change(hidden=["*.tmp"], sessions=["3"], tls=["yes"], quota=["1G"])
        self.assertTrue(self.account.current.is_hidden(("a.tmp",)))
        self.assertEqual((self.account.profile.user.policy.sessions, self.account.requires_tls), (3, True))
        self.assertEqual((self.account.profile.user.policy.quota, self.client.told), (10**9, []))

    def test_groups(self) -> None:
        """AU15: what changes for a group, and who is in it, counts for its members."""
        self.write(change_group, "staff", items={"hidden": ["*.bak"], "rights": ["/staff=none"]})
        self.clock.advance(POLL)
        self.assertTrue(self.account.current.is_hidden(("a.bak",)))
        self.assertTrue(self.account.current.is_boundary(("staff",)))
        self.write(delete_group, "staff")
        self.clock.advance(POLL)
        self.assertFalse(self.account.current.is_hidden(("a.bak",)))
        self.assertEqual((self.account.profile.groups, self.client.told), ((), []))

    def test_password_hashed_anew(self) -> None:
        """A hash with other parameters is the same password."""
        self.write(replace_password, self.account.profile.user.id, "hash", "better")
        self.change(hidden=["*.tmp"])
        self.assertEqual((self.account.profile.user.password, self.client.told), ("better", []))

    def test_change_during_login(self) -> None:
        """AU15: what was changed between the look-up of a user and the end of the login is not missed."""
        self.write(change_user, "alice", items={"hidden": ["*.tmp"]})
        self.clock.advance(POLL)
        profile = self.account.profile
        self.following.register(DatabaseAccount(CurrentProfile(profile), MemoryStorage(), None), FakeClient())
        self.write(change_user, "bob", items={"hidden": ["*.old"]})
        stale = self.read(find_profile, "bob")
        assert stale is not None
        self.write(change_user, "bob", items={"hidden": ["*.new"]})
        self.clock.advance(POLL)
        account = DatabaseAccount(CurrentProfile(stale), MemoryStorage(), None)
        self.following.register(account, FakeClient())
        self.assertFalse(account.current.is_hidden(("a.new",)))
        self.clock.advance(POLL)
        self.assertTrue(account.current.is_hidden(("a.new",)))

    def test_settings(self) -> None:
        """Settings that are changed count; those that somebody breaks stay as they were."""
        self.write(set_setting, "ban_failures", "3")
        self.clock.advance(POLL)
        self.assertEqual(self.following.settings.ban_failures, 3)
        self.write(lambda connection: connection.execute(text("UPDATE settings SET value = '-1'")))
        self.change(hidden=["*.tmp"])
        self.assertEqual((self.following.settings.ban_failures, self.client.told), (3, []))
        self.assertTrue(self.account.current.is_hidden(("a.tmp",)))

    def test_logged_out(self) -> None:
        """Who has logged out is not looked up any more."""
        before = len(self.following)
        self.log_in("bob")
        self.unregister()
        self.unregister()
        self.assertEqual(len(self.following), before)

    def test_quiet(self) -> None:
        """As long as nothing changes, a look is one small question."""
        asked: list[str] = []
        real = self.database.read

        def read(work: Any, *arguments: Any) -> Any:
            asked.append(work.__name__)
            return real(work, *arguments)

        self.bans.stop()
        self.patch(self.database, "read", read)
        self.clock.pump([POLL] * 10)
        self.assertEqual(asked, ["current"] * 10)

    def test_many(self) -> None:
        """Hundreds of sessions follow, not all in one turn of the reactor."""
        sessions = [self.log_in("alice") for _ in range(450)]
        self.write(change_user, "alice", items={"hidden": ["*.tmp"]})
        turns: list[float] = []
        real = self.clock.callLater

        def note(delay: float, *call: Any) -> Any:
            turns.append(delay)
            return real(delay, *call)

        self.patch(self.clock, "callLater", note)
        self.clock.advance(POLL)
        self.assertGreaterEqual(turns.count(0), 2)
        self.assertTrue(all(account.current.is_hidden(("a.tmp",)) for account, _ in sessions))


class _EndsTests(_Case):
    """AU15: changes that end a session."""

    def test_deleted(self) -> None:
        """AU15: who is deleted is out."""
        self.write(delete_user, "alice")
        self.assert_ended("deleted")

    def test_disabled(self) -> None:
        """AU15: who is disabled is out."""
        self.write(set_disabled, "alice", True)
        self.assert_ended("disabled")

    def test_password(self) -> None:
        """AU15: who has another password is out."""
        self.write(set_password, "alice", "other")
        self.assert_ended("password")

    def test_totp(self) -> None:
        """AU15: who has other one-time passwords is out."""
        self.write(set_totp, "alice", "ABCDEFGH")
        self.assert_ended("password")

    def test_home(self) -> None:
        """AU15: whose home moves is out."""
        self.write(change_user, "alice", items={"home": ["/elsewhere"]})
        self.assert_ended("another place")

    def test_mounts_of_a_group(self) -> None:
        """AU15: whose group gets another folder is out."""
        self.write(change_group, "staff", items={"mounts": ["/shared=memory:"]})
        self.assert_ended("another place")

    def test_objections(self) -> None:
        """AU15: whoever could not log in now is out."""
        for items, word in (
            ({"addresses": ["198.51.100.0/24"]}, "address"),
            ({"tls": ["yes"]}, "TLS"),
            ({"expires": ["2027-05-31"]}, "expired"),
        ):
            self.write(change_user, "alice", items={"addresses": [], "tls": [], "expires": [], **items})
            _, client = self.log_in("alice")
            self.clock.advance(POLL)
            self.assertEqual(len(client.told), 1, items)
            self.assertIn(word, client.told[0])

    def test_time_passes(self) -> None:
        """An account that expires, and hours that end, end the session without a change."""
        self.change(expires=["2027-06-01T12:01:00Z"])
        self.clock.advance(40)
        self.assertEqual(self.client.told, [])
        self.clock.advance(30)
        self.assert_ended("expired")

    def test_damaged(self) -> None:
        """CR08: who has a limit that is none any more is out."""
        breaking = "INSERT INTO user_items (user_id, item, place, value) VALUES (1, 'quota', 0, '-5')"
        self.write(lambda connection: connection.execute(text(breaking)))
        self.write(change_user, "bob", items={"hidden": ["*.x"]})
        self.assert_ended("cannot be read")

    def test_banned_name(self) -> None:
        """AU15: whose name an operator bans is out."""
        self.write(add_ban, "name:alice", None, "left", self.now())
        self.assert_ended("banned")

    def test_banned_address(self) -> None:
        """AU15: whose address an operator bans is out, and who is elsewhere is not."""
        _, elsewhere = self.log_in("alice", address="198.51.100.1")
        self.write(add_ban, address_subject("192.0.2.1"), None, "abuse", self.now())
        self.clock.advance(POLL)
        self.clock.advance(POLL)
        self.assertEqual((len(self.client.told), elsewhere.told), (1, []))


class _OutageTests(_Case):
    """CR07: sessions without the database."""

    def test_go_on(self) -> None:
        """CR07: open sessions go on while the database is away, and follow when it is back."""
        broken = self.patch(self.database, "read", lambda *_: fail(AccountsUnavailable("gone")))
        self.change(hidden=["*.tmp"])
        self.clock.pump([POLL] * 30)
        self.assertFalse(self.account.current.is_hidden(("a.tmp",)))
        broken.restore()
        self.clock.advance(POLL)
        self.assertTrue(self.account.current.is_hidden(("a.tmp",)))
        self.assertEqual(self.client.told, [])

    def test_time_passes(self) -> None:
        """CR07: an account expires also without the database."""
        self.change(expires=["2027-06-01T12:01:00Z"])
        self.patch(self.database, "read", lambda *_: fail(AccountsUnavailable("gone")))
        self.clock.pump([POLL] * 35)
        self.assertEqual(len(self.client.told), 1)

    def test_hangs(self) -> None:
        """CR07: looks do not gather behind one that is not answered."""
        asked: list[Deferred[Any]] = []

        def hang(*_: Any) -> Deferred[Any]:
            asked.append(Deferred())
            return asked[-1]

        self.bans.stop()
        self.patch(self.database, "read", hang)
        self.clock.pump([POLL] * 10)
        self.assertEqual(len(asked), 1)


class SqliteGoesOnTests(_GoesOnTests, OnSqlite, SynchronousTestCase):
    """On SQLite."""


class PostgresqlGoesOnTests(_GoesOnTests, OnPostgresql, SynchronousTestCase):
    """On PostgreSQL."""


class SqliteEndsTests(_EndsTests, OnSqlite, SynchronousTestCase):
    """On SQLite."""


class PostgresqlEndsTests(_EndsTests, OnPostgresql, SynchronousTestCase):
    """On PostgreSQL."""


class OutageTests(_OutageTests, OnSqlite, SynchronousTestCase):
    """Outages; the kind of database makes no difference."""
