"""Sessions of accounts that have limits, and of those that are banned, over whole servers in memory."""

from __future__ import annotations

import socket
from typing import Any

from twisted.cred.error import LoginDenied
from twisted.internet.defer import Deferred, succeed

from ftpx.accounts.refusals import LoginNeedsTls, LoginRefused, TooManySessions
from ftpx.errors import QuotaExceeded, TooManyTransfers
from ftpx.interfaces import Direction
from ftpx.testing.server import MemoryClient, ServerHarness
from ftpx.testing.tls import make_tls_server
from tests.server.accounts import FakeBans, FakeRealm, LimitedPace
from tests.server.doubles import ServerCase, codes

_TLS = make_tls_server()


class _Case(ServerCase):
    """A server whose users and bans are a test's."""

    def make_server(self) -> ServerHarness:
        """The server."""
        self.realm, self.bans = FakeRealm(self.storage), FakeBans()
        return ServerHarness(
            self.storage, users={"alice": "secret", "bob": "secret"}, realm=self.realm, bans=self.bans, anonymous=False
        )

    def connect(self, address: str = "192.0.2.1") -> MemoryClient:
        """Somebody who has not logged in."""
        client = self.server.connect(address)
        client.replies()
        self.addCleanup(self.leave, client)
        return client

    def leave(self, client: MemoryClient) -> None:
        """The client goes, if it is still there."""
        if not client.closed:
            client.lose()

    def attempt(self, client: MemoryClient, password: str = "secret", seconds: float = 0) -> list[str]:
        """Try to log in as alice, and wait; what is said behind PASS."""
        client.command("USER alice")
        said = client.command(f"PASS {password}")
        self.server.clock.advance(seconds)
        client.settle()
        return [f"{reply.code} {reply.lines[0]}" for reply in [*said, *client.replies()]]


class RefusalTests(_Case):
    """Logins that a rule stands against."""

    def test_au01_reads_as_wrong_password(self) -> None:
        """AU01: a rule that stands against a login reads as a wrong password, takes as long, and counts as much."""
        wrong = self.attempt(self.connect("192.0.2.7"), "wrong", 1)
        for error in (LoginRefused("expires 2026-01-01 of user alice"), LoginDenied()):
            self.realm.error = error
            client = self.connect("192.0.2.8" if isinstance(error, LoginRefused) else "192.0.2.9")
            self.assertEqual(self.attempt(client, seconds=0.9), [])
            self.assertEqual(self.attempt(client, seconds=0.1)[:1], wrong)
        self.assertEqual({failure[1] for failure in self.bans.failures}, {"alice"})

    def test_reason_is_logged(self) -> None:
        """The operator reads why."""
        logged = self.log()
        self.realm.error = LoginRefused("expires 2026-01-01 of user alice")
        self.attempt(self.connect())
        self.server.services.journal.flush()
        wanted = "login of alice from 192.0.2.1 refused: expires 2026-01-01 of user alice"
        self.assertIn(wanted, logged)

    def test_needs_tls(self) -> None:
        """Who has the right password of an account that needs TLS is told so, at once."""
        self.realm.error = LoginNeedsTls("tls yes of user alice")
        client = self.connect()
        self.assertEqual(self.attempt(client), ["530 This account needs TLS: send AUTH TLS first."])
        self.assertEqual((self.bans.failures, client.closed), ([], False))
        self.assertEqual(self.attempt(client, "wrong", 1), ["530 Login incorrect."])

    def test_au23_too_many_sessions(self) -> None:
        """AU23: one session too many is told so, and ends."""
        self.realm.error = TooManySessions("Too many sessions of user alice.", "sessions 3 of user alice")
        client = self.connect()
        client.command("USER alice")
        client.send(b"PASS secret\r\nPWD\r\n")
        client.settle()
        self.assertEqual(codes(client.replies()), [421])
        self.assertTrue(client.closed)
        self.assertEqual(self.bans.failures, [])

    def test_wrong_password_does_not_ask_the_realm(self) -> None:
        """AU23: who does not know the password does not learn of limits."""
        self.realm.error = TooManySessions("Too many sessions of user alice.", "sessions 3 of user alice")
        self.assertEqual(self.attempt(self.connect(), "wrong", 1), ["530 Login incorrect."])


class BanTests(_Case):
    """Who may not even try."""

    def test_au04_at_connect(self) -> None:
        """AU04: a banned address gets 421 at once, by IPv6 sockets too, and others are served."""
        self.bans.addresses = {"192.0.2.1"}
        for address, code in (("192.0.2.1", 421), ("::ffff:192.0.2.1", 421), ("192.0.2.2", 220)):
            client = self.server.connect(address)
            self.assertEqual(codes(client.replies()), [code])
            self.assertEqual(client.closed, code == 421)

    def test_banned_while_connected(self) -> None:
        """AU04: who was banned since connecting cannot log in any more."""
        client = self.connect()
        self.bans.addresses = {"192.0.2.1"}
        self.assertEqual(self.attempt(client, seconds=1), ["530 Login incorrect."])

    def test_au05_right_password(self) -> None:
        """AU05: with the right password a banned login reads as wrong, is as late, and does not ask the realm."""
        self.bans.logins = {("192.0.2.1", "alice")}
        client, logins = self.connect(), len(self.realm.clients)
        self.assertEqual(self.attempt(client, seconds=0.9), [])
        self.server.clock.advance(0.1)
        self.assertEqual(codes(client.replies()), [530])
        self.assertEqual((len(self.realm.clients), self.bans.failures), (logins, []))
        self.assertEqual(self.attempt(self.connect("192.0.2.2")), ["230 Logged in."])

    def test_as_much_work(self) -> None:
        """AU02: a banned login is looked at as any other is, and yet nobody learns of a try at that name."""
        verified: list[bytes] = []
        portal: Any = self.server.services.portal
        real = portal.login

        def login(credentials: Any, *rest: Any) -> Any:
            verified.append(credentials.username)
            return real(credentials, *rest)

        self.patch(portal, "login", login)
        self.bans.logins = {("192.0.2.1", "alice")}
        self.attempt(self.connect())
        self.assertEqual(len(verified), 1)
        self.assertNotEqual(verified, [b"alice"])

    def test_plugin_that_takes_everything(self) -> None:
        """A banned login stays one, whatever a plugin says."""
        portal: Any = self.server.services.portal
        ended: list[int] = []
        account = (None, object(), lambda: ended.append(1))
        self.patch(portal, "login", lambda *_: succeed(account))
        self.bans.logins = {("192.0.2.1", "alice")}
        self.assertEqual(self.attempt(self.connect(), seconds=1), ["530 Login incorrect."])
        self.assertEqual(ended, [1])

    def test_failures_count(self) -> None:
        """AU04: each failure counts, with the name that was tried and the address that it came from."""
        client = self.connect()
        client.command("USER nobody", "PASS x")
        self.server.clock.advance(1)
        self.attempt(client, "wrong", 2)
        self.attempt(self.connect("2001:db8::1"), "wrong", 1)
        wanted = [("192.0.2.1", "nobody"), ("192.0.2.1", "alice"), ("2001:db8::1", "alice")]
        self.assertEqual(self.bans.failures, wanted)


class ClientTests(_Case):
    """What a realm sees of the client."""

    def test_au17_no_names(self) -> None:
        """AU17: nobody asks for the name of a client's address, whatever the client does; the log has the address."""
        asked: list[str] = []
        for name in ("gethostbyaddr", "getnameinfo", "getfqdn", "gethostbyname", "getaddrinfo"):
            self.patch(socket, name, lambda *_, name=name, **__: asked.append(name))
        logged = self.log()
        self.bans.addresses = {"203.0.113.9"}
        self.connect("203.0.113.9")
        client = self.connect("203.0.113.7")
        self.attempt(client, "wrong", 1)
        self.attempt(client)
        client.store("STOR a", b"abc")
        client.command("QUIT")
        self.server.services.journal.flush()
        self.assertEqual(asked, [])
        self.assertTrue(any("203.0.113.7" in line for line in logged))

    def test_address_and_security(self) -> None:
        """The client's address and that it does not speak TLS."""
        self.attempt(self.connect("2001:db8::7"))
        client = self.realm.clients[-1]
        self.assertEqual((client.address, client.secured), ("2001:db8::7", False))

    def test_au15_end(self) -> None:
        """AU15: an idle session ends at once, with a text, and is logged out once."""
        client = self.connect()
        self.attempt(client)
        self.realm.clients[-1].end("Your account was deleted; closing.")
        client.settle()
        [reply] = client.replies()
        self.assertEqual((reply.code, reply.lines[0]), (421, "Your account was deleted; closing."))
        self.assertEqual((client.closed, self.realm.logouts), (True, 1))
        self.realm.clients[-1].end("again")

    def test_au15_end_in_transfer(self) -> None:
        """AU15: a transfer under way ends with the session, and the old file stays."""
        self.put("a", b"old")
        client = self.connect()
        client.login()
        _, peer = client.begin("STOR a")
        peer.send(b"new")
        self.realm.clients[-1].end("Your account was deleted; closing.")
        client.settle()
        self.assertEqual(codes(client.replies()), [421])
        self.assertTrue(client.closed and peer.closed)
        self.assertEqual((self.get("a"), self.realm.logouts), (b"old", 1))

    def test_lost_in_login(self) -> None:
        """A client that goes while the realm works takes nothing with it: the realm's work is cancelled."""
        self.realm.waiting = Deferred()
        client = self.connect()
        self.attempt(client)
        client.lose()
        self.client.lose()
        self.assertEqual((len(self.realm.accounts), self.server.clock.getDelayedCalls()), (1, []))

    def test_logouts(self) -> None:
        """AU11, AU13: USER, REIN, QUIT and the loss of the connection log out, once; a new login counts anew."""
        for number, end in enumerate(("USER alice", "REIN", "QUIT", ""), 1):
            client = self.connect()
            self.attempt(client)
            if end:
                client.command(end)
            self.assertEqual(self.realm.logouts, number - (not end), end)
            if not client.closed:
                client.lose()
            self.assertEqual(self.realm.logouts, number, end)

    def test_au12_user_in_transfer(self) -> None:
        """AU12: USER waits for the transfer, which ends as the old user; then the old login ends and the new begins."""
        client = self.connect()
        client.login()
        _, peer = client.begin("STOR a")
        client.command("USER bob", "PASS secret")
        self.assertEqual(self.realm.logouts, 0)
        peer.send(b"content")
        peer.end()
        client.settle()
        self.assertEqual(codes(client.replies()), [226, 331, 230])
        self.assertEqual(self.realm.logouts, 1)
        self.assertEqual([account.name for account in self.realm.accounts[-2:]], ["alice", "bob"])


class TlsTests(_Case):
    """Accounts that need TLS."""

    def setUp(self) -> None:
        """Have alice need it from now on."""
        super().setUp()
        self.realm.accounts[-1].requires_tls = True

    def test_data_in_clear(self) -> None:
        """521 for data in clear, before and whatever the data port is."""
        self.put("a", b"x")
        self.assertEqual(self.in_session("EPSV", "RETR a", "STOR b", "LIST"), [229, 521, 521, 521])

    def test_only_that_account(self) -> None:
        """Another account of the same server may."""
        other = self.server.connect("192.0.2.3")
        other.login("bob")
        self.assertEqual(codes(other.fetch("NLST")[0])[0], 150)


class ProtectedTests(ServerCase):
    """Accounts that need TLS, on a server that has it."""

    def make_server(self) -> ServerHarness:
        """A server where TLS is everybody's own choice, and CCC allowed."""
        self.realm = FakeRealm(self.storage)
        return ServerHarness(self.storage, realm=self.realm, tls=_TLS, allow_ccc=True)

    def setUp(self) -> None:
        """Log in by TLS."""
        super().setUp()
        self.client = self.server.connect()
        self.client.replies()
        self.client.secure()
        self.client.login()
        self.realm.accounts[-1].requires_tls = True

    def test_protection(self) -> None:
        """Data goes protected and cannot be had in clear: 521 before PROT P, 534 for PROT C, 533 for CCC."""
        self.assertEqual(self.in_session("EPSV", "NLST"), [229, 521])
        self.assertEqual(codes(self.client.protect()), [200, 200])
        self.assertEqual(self.in_session("PROT C", "CCC", "PWD"), [534, 533, 257])
        self.assertEqual(codes(self.client.fetch("NLST")[0])[0], 150)
        self.assertTrue(self.realm.clients[-1].secured)

    def test_others(self) -> None:
        """AU15: an account that needs it no more may go back to clear."""
        self.client.protect()
        self.realm.accounts[-1].requires_tls = False
        self.assertEqual(self.in_session("PROT C", "CCC"), [200, 200])


class TransferTests(_Case):
    """What an account may transfer."""

    def setUp(self) -> None:
        """Have a file."""
        super().setUp()
        self.allowance = self.realm.allowance
        self.put("a", b"x" * 1000)

    def test_counted(self) -> None:
        """Each transfer of a file is counted in, and out with its octets; listings are not."""
        self.client.fetch("RETR a")
        self.client.store("STOR b", b"12345")
        self.client.fetch("LIST")
        self.assertEqual(self.allowance.begun, [Direction.DOWNLOAD, Direction.UPLOAD])
        self.assertEqual(self.allowance.ends, [1000, 5])

    def test_refused(self) -> None:
        """450 for one transfer too many, 552 when the octets are used up; the data port stays good."""
        for error, code in ((TooManyTransfers(), 450), (QuotaExceeded("The octets of today are used up."), 552)):
            self.allowance.error = error
            self.codes("EPSV")
            port = self.client.last_port
            self.assertEqual(self.in_session("RETR a", "STOR b"), [code, code])
            self.assertFalse(port.closed)
        self.assertIn("octets of today", self.texts("RETR a"))
        self.allowance.error = None
        self.client.command("RETR a")
        port.accept()
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [150, 226])
        self.assertEqual((self.names(), self.allowance.ends), (["a"], [1000]))

    def test_not_opened(self) -> None:
        """A transfer whose data connection does not come about is counted out."""
        self.codes("EPSV")
        self.client.command("RETR a")
        self.server.clock.advance(60)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [425])
        self.assertEqual(self.allowance.ends, [0])

    def test_broken_off(self) -> None:
        """A transfer that breaks off is counted out with what has moved."""
        _, peer = self.client.begin("STOR b")
        peer.send(b"123")
        self.client.settle()
        peer.reset()
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [426])
        self.assertEqual(self.allowance.ends, [3])

    def test_lost_while_asking(self) -> None:
        """A client that goes while its account is asked leaves nothing."""
        self.allowance.waiting = Deferred()
        self.codes("EPSV")
        self.client.command("STOR b")
        self.client.lose()
        self.assertEqual((self.allowance.begun, self.names()), ([], ["a"]))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_abort_while_asking(self) -> None:
        """ABOR ends the waiting for an account."""
        self.allowance.waiting = Deferred()
        self.codes("EPSV")
        self.client.command("STOR b")
        self.assertEqual(self.codes("ABOR"), [426, 226])

    def test_pace(self) -> None:
        """A transfer goes no further than its allowance, and ends with the error of that."""
        self.allowance.pace = LimitedPace(300, QuotaExceeded("The octets of today are used up."))
        replies, peer = self.client.begin("RETR a")
        self.assertEqual(codes(replies), [150, 552])
        self.assertEqual((len(peer.sent), peer.complete), (300, False))
        self.assertEqual(self.allowance.ends, [300])
        self.assertEqual(self.codes("NOOP"), [200])


class RateTests(_Case):
    """Rates of accounts."""

    def setUp(self) -> None:
        """Have a large file."""
        super().setUp()
        self.put("large", bytes(1_000_000))

    def tearDown(self) -> None:
        """Leave."""
        if not self.client.closed:
            self.client.lose()

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        self.server.clock.pump([0.02] * round(seconds / 0.02))

    def assert_sent(self, sent: int, octets: int) -> None:
        """So much has come, within 5 per cent."""
        self.assertLess(abs(sent - octets), octets * 0.05, sent)

    def test_shared(self) -> None:
        """All sessions of a user share the user's rate."""
        self.realm.allowance.shared = (("user:alice", 50_000), ("group:staff", None))
        other = self.connect()
        other.login()
        peers = [client.begin("RETR large")[1] for client in (self.client, other)]
        self.run_for(8)
        self.assert_sent(sum(len(peer.sent) for peer in peers), 400_000)
        other.lose()

    def test_au15_changes_under_way(self) -> None:
        """AU15: a transfer under way follows the rates of its account, also from none to one."""
        self.realm.allowance.shared = (("user:alice", None),)
        self.client.command("EPSV")
        peer = self.client.last_port.accept()
        peer.take(1000)
        self.client.command("RETR large")
        self.realm.allowance.shared = (("user:alice", 10_000),)
        # What was allowed before is taken first.
        peer.take(1000)
        peer.take(None)
        self.run_for(5)
        self.assert_sent(len(peer.sent), 52_000)
        before = len(peer.sent)
        self.realm.allowance.shared = (("user:alice", 100_000),)
        self.run_for(5)
        self.assert_sent(len(peer.sent) - before, 500_000)

    def test_buckets_do_not_stay(self) -> None:
        """RS03: nothing is kept of accounts that transfer no more."""
        for number in range(40):
            self.realm.allowance.shared = ((f"user:{number}", 10**9),)
            self.client.fetch("RETR large")
            self.server.clock.advance(60)
        self.assertLess(len(self.server.services.rates), 5)
