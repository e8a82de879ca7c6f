"""Sessions of the users of a database, on two servers in memory that share it."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import func, select
from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.account_realm import AccountRealm
from ftpx.accounts.allowance import Allowance
from ftpx.accounts.bans import Bans
from ftpx.accounts.database import revision
from ftpx.accounts.database.presence import Server
from ftpx.accounts.database.schema import slots
from ftpx.accounts.database.users import add_user, change_user, delete_user, find_profile, set_disabled, set_password
from ftpx.accounts.database_account import CurrentProfile, DatabaseAccount
from ftpx.accounts.following import Following
from ftpx.accounts.presence import Presence
from ftpx.accounts.settings import Settings
from ftpx.accounts.verified_name import VerifiedName
from ftpx.interfaces import Direction, IClient
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.permitted import PermittedStorage
from ftpx.testing.server import EPOCH, MemoryClient, ServerHarness
from tests.accounts.databases import DatabaseCase, OnSqlite
from tests.server.doubles import codes

_IN_TIME = 5.0


async def _ended(stopping: Any) -> None:
    if stopping is not None:
        await stopping


class _Node:
    """A server of the users of a database."""

    def __init__(self, case: _Case, name: str, storage: MemoryStorage) -> None:
        database, clock = case.database, case.clock
        self.bans = Bans(database, clock, case.now, lambda: self.following.settings)
        self.following = Following(database, clock, case.now, self.bans, Settings())
        numbers = iter(range(10**6))
        self.presence = Presence(
            database,
            clock,
            case.now,
            Server(name, name, 1),
            new_id=lambda: f"{name}-{next(numbers)}",
            mark_recount=lambda connection, server_id: None,
        )
        self.storage = storage
        realm = AccountRealm(database, case.now, self.presence, self.following, self._open)
        users = {"alice": "secret", "bob": "secret"}
        self.harness = ServerHarness(storage, users=users, realm=realm, bans=self.bans, anonymous=False)
        for part in (self.bans, self.following, self.presence):
            part.start()
            case.addCleanup(lambda stop: Deferred.fromCoroutine(_ended(stop())), part.stop)

    async def _open(self, current: CurrentProfile, client: IClient, anonymous: bool) -> DatabaseAccount:
        async def no_traffic(direction: Direction) -> None:
            return None

        async def no_lines() -> list[str]:
            return []

        allowance = Allowance(lambda: current.profile, client.address, self.presence, no_traffic, no_lines)
        return DatabaseAccount(current, PermittedStorage(self.storage, current), allowance)


class _Case(DatabaseCase):
    """Two servers, with alice and bob."""

    def setUp(self) -> None:
        """Make the servers."""
        super().setUp()
        self.write(add_user, "alice", items={"rights": ["/=all"]})
        self.write(add_user, "bob")
        self.storage = MemoryStorage()
        self.one, self.two = _Node(self, "one", self.storage), _Node(self, "two", self.storage)
        self.clock.advance(2)

    def now(self) -> float:
        """The time."""
        return EPOCH + self.clock.seconds()

    def connect(self, node: _Node | None = None, address: str = "192.0.2.1") -> MemoryClient:
        """Somebody who has not logged in."""
        client = (node or self.one).harness.connect(address)
        self.greeting = codes(client.replies())
        self.addCleanup(self.leave, client)
        return client

    def leave(self, client: MemoryClient) -> None:
        """The client goes."""
        if not client.closed:
            client.lose()

    def log_in(self, client: MemoryClient, name: str = "alice", password: str = "secret") -> list[int]:
        """Log in; what is said, after the delay of a wrong password."""
        client.command(f"USER {name}")
        said = client.command(f"PASS {password}")
        waited = 0
        while not said and waited < 20:
            for node in (self.one, self.two):
                node.harness.clock.advance(1)
            client.settle()
            said, waited = client.replies(), waited + 1
        return codes(said)

    def slots(self) -> int:
        """How many sessions the database counts."""
        query = select(func.count()).select_from(slots)
        return int(self.read(lambda connection: connection.execute(query).scalar_one()))

    def pass_time(self, seconds: float = _IN_TIME) -> None:
        """Let time pass for all that servers do by themselves."""
        self.clock.pump([0.5] * round(seconds / 0.5))


class LimitTests(_Case, OnSqlite, SynchronousTestCase):
    """Sessions at once."""

    def test_au23_exactly_three(self) -> None:
        """AU23: of 50 logins on two servers exactly three get in, and when they are gone nothing is counted."""
        self.write(change_user, "alice", items={"sessions": ["3"]})
        for _ in range(2):
            clients = [self.connect((self.one, self.two)[number % 2]) for number in range(50)]
            results = [self.log_in(client) for client in clients]
            self.assertEqual(results.count([230]), 3)
            self.assertEqual(results.count([421]), 47)
            self.assertEqual(self.slots(), 3)
            for client in clients:
                self.leave(client)
            self.assertEqual(self.slots(), 0)

    def test_au11_next_user(self) -> None:
        """AU11: USER gives the place of the old login back at once, and the new one is counted for its own user."""
        for name in ("alice", "bob"):
            self.write(change_user, name, items={"sessions": ["1"]})
        first, second = self.connect(), self.connect(self.two)
        self.assertEqual(self.log_in(first), [230])
        self.assertEqual(self.log_in(second), [421])
        self.assertEqual(self.log_in(first, "bob"), [230])
        self.assertEqual(self.log_in(self.connect(self.two)), [230])
        self.assertEqual(self.slots(), 2)

    def test_transfers(self) -> None:
        """A transfer too many is 450 on every server, and may be made when the other is done."""
        self.write(change_user, "alice", items={"transfers": ["1"]})
        first, second = self.connect(), self.connect(self.two)
        for client in (first, second):
            client.login()
        _, peer = first.begin("STOR a")
        second.command("EPSV")
        self.assertEqual(codes(second.command("STOR b")), [450])
        peer.send(b"abc")
        peer.end()
        first.settle()
        self.assertEqual(codes(first.replies()), [226])
        self.assertEqual(codes(second.store("STOR b", b"def")), [150, 226])


class GuessingTests(_Case, OnSqlite, SynchronousTestCase):
    """AU04, AU05: many wrong passwords."""

    def guess(self, node: _Node, address: str, times: int) -> int:
        """Guess in sessions of three tries; how many sessions were refused."""
        refused = 0
        for _ in range(times):
            client = self.connect(node, address)
            if self.greeting == [421]:
                refused += 1
                continue
            while not client.closed:
                self.log_in(client, password="wrong")
        return refused

    def test_au04_many_sessions(self) -> None:
        """AU04: of 200 sessions from one address all but a few are refused at connect, on both servers."""
        refused = self.guess(self.one, "192.0.2.1", 200)
        self.assertGreaterEqual(refused, 195)
        self.pass_time()
        self.assertEqual(self.guess(self.two, "192.0.2.1", 1), 1)
        self.assertEqual(self.log_in(self.connect(self.two, "192.0.2.2")), [230])

    def test_au05_attack_from_everywhere(self) -> None:
        """AU05: after 60 addresses have guessed alice's password she logs in from a fresh one, and they do not."""
        for number in range(60):
            self.guess(self.one, f"198.51.100.{number}", 1)
        self.pass_time()
        self.assertEqual(self.log_in(self.connect(self.two, "192.0.2.2")), [230])
        self.assertEqual(self.log_in(self.connect(self.two, "198.51.100.59")), [530])
        self.assertEqual(self.log_in(self.connect(self.two, "198.51.100.59"), "bob"), [230])


class LiveTests(_Case, OnSqlite, SynchronousTestCase):
    """AU15: changes reach open sessions within 5 seconds."""

    def setUp(self) -> None:
        """Log alice in on both servers, and bob."""
        super().setUp()
        self.clients = [self.connect(self.one), self.connect(self.two)]
        for client in self.clients:
            client.login()
        self.bob = self.connect()
        self.bob.login("bob")
        self.clients[0].store("STOR a", b"abc")

    def assert_out(self) -> None:
        """Alice is out everywhere, and bob is not."""
        self.pass_time()
        for client in self.clients:
            client.settle()
            self.assertEqual(codes(client.replies()), [421])
            self.assertTrue(client.closed)
        self.assertEqual(codes(self.bob.command("NOOP")), [200])
        self.assertEqual((len(self.one.following), len(self.two.following)), (1, 0))

    def test_au15_rights(self) -> None:
        """AU15: rights that are taken away count at the next command."""
        self.assertEqual(codes(self.clients[1].command("RNFR a", "RNTO b", "RNFR b", "RNTO a")), [350, 250, 350, 250])
        self.write(change_user, "alice", items={"rights": ["/=look"]})
        self.pass_time()
        for client in self.clients:
            self.assertEqual(codes(client.command("DELE a", "MKD d", "SIZE a")), [550, 550, 213])

    def test_au15_hidden(self) -> None:
        """AU15: names that are hidden are gone at the next command."""
        self.write(change_user, "alice", items={"hidden": ["a"]})
        self.pass_time()
        for client in self.clients:
            self.assertEqual(codes(client.command("SIZE a")), [550])
            self.assertEqual(client.fetch("NLST")[1], b"")

    def test_au15_disabled(self) -> None:
        """AU15: who is disabled gets 421."""
        self.write(set_disabled, "alice", True)
        self.assert_out()
        self.assertEqual(self.log_in(self.connect()), [530])

    def test_au15_password(self) -> None:
        """AU15: who has another password gets 421, and may log in again."""
        self.write(set_password, "alice", "other")
        self.assert_out()
        self.assertEqual(self.log_in(self.connect()), [230])

    def test_au15_password_changed_in_login(self) -> None:
        """AU15: a password that is changed while it is verified does not get in any more."""

        class Verified:
            """A checker whose user's password changes right behind it."""

            credentialInterfaces = (IUsernamePassword,)

            def requestAvatarId(inner, credentials: Any) -> VerifiedName:
                profile, number = self.read(find_profile, "alice"), self.read(revision.current)
                assert profile is not None
                self.write(set_password, "alice", "other")
                return VerifiedName.of(credentials.username, profile, number)

        client, checker = self.connect(), cast(Any, Verified())
        self.one.harness.services.portal.registerChecker(checker, IUsernamePassword)
        self.assertEqual(self.log_in(client), [530])
        self.assertEqual((len(self.one.following), self.slots()), (2, 0))

    def test_au15_deleted(self) -> None:
        """AU15: who is deleted gets 421, and nothing is counted any more."""
        self.write(delete_user, "alice")
        self.assert_out()
        self.assertEqual(self.log_in(self.connect()), [530])

    def test_au15_in_transfer(self) -> None:
        """AU15: an upload under way of who is disabled does not come to be."""
        _, peer = self.clients[0].begin("STOR new")
        peer.send(b"123")
        self.write(set_disabled, "alice", True)
        self.pass_time()
        self.clients[0].settle()
        self.assertEqual(codes(self.clients[0].replies()), [421])
        self.assertTrue(peer.closed)
        self.assertEqual(codes(self.bob.command("SIZE new")), [550])
