"""Rates, as the clients of a server in memory see them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.server.rates import RateTable, parse_rule
from ftpx.testing.data import MemoryPeer
from ftpx.testing.server import MemoryClient, ServerHarness
from tests.server.doubles import codes

_SIZE = 1_000_000


class ThrottlingTests(SynchronousTestCase):
    """Transfers of a server with rates."""

    def serve(self, *rates: str) -> ServerHarness:
        """A server with a file that is too large to come at once."""
        server = ServerHarness(users={"alice": "secret", "bob": "secret"})
        server.login()
        server.store("STOR large", bytes(_SIZE))
        for line in ("MKD directory", *(f"MKD directory/{number:0100}" for number in range(100))):
            server.command(line)
        limited = ServerHarness(server.storage, users={"alice": "secret", "bob": "secret"}, rates=rates)
        self.server = limited
        return limited

    def session(self, user: str = "alice", address: str = "192.0.2.1") -> MemoryClient:
        """A session that is logged in."""
        client = self.server.connect(address)
        client.login(user)
        self.addCleanup(self.end, client)
        return client

    def end(self, client: MemoryClient) -> None:
        """End a session and what it does."""
        if not client.closed:
            client.lose()

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        self.server.clock.pump([0.02] * round(seconds / 0.02))

    def download(self, client: MemoryClient, line: str = "RETR large") -> MemoryPeer:
        """Begin a download."""
        replies, peer = client.begin(line)
        self.assertEqual(codes(replies)[0], 150)
        return peer

    def assert_sent(self, peer: MemoryPeer, octets: int) -> None:
        """So much has come, within 5 per cent."""
        self.assertLess(abs(len(peer.sent) - octets), octets * 0.05, len(peer.sent))

    def test_download(self) -> None:
        """A download comes at the rate, whole, and is 226."""
        self.serve("transfer:down=50K")
        client = self.session()
        peer = self.download(client)
        self.run_for(10)
        self.assert_sent(peer, 500_000)
        self.run_for(11)
        self.assertEqual((len(peer.sent), peer.complete), (_SIZE, True))
        self.assertEqual(codes(client.replies()), [226])

    def test_upload(self) -> None:
        """An upload is taken at the rate, and is 226."""
        self.serve("transfer:up=50K", "transfer:down=1")
        client = self.session()
        replies, peer = client.begin("STOR new")
        self.assertEqual(codes(replies), [150])
        peer.send(bytes(_SIZE))
        peer.end()
        self.run_for(10)
        self.assertLess(abs(_SIZE - peer.waiting - 500_000), 25_000)
        self.run_for(11)
        self.assertEqual(codes(client.replies()), [226])

    def test_listing(self) -> None:
        """A listing is a download."""
        self.serve("transfer:down=1K")
        peer = self.download(self.session(), "NLST directory")
        self.run_for(5)
        self.assertLess(abs(len(peer.sent) - 5200), 300)

    def test_mode_z(self) -> None:
        """With MODE Z what goes over the wire counts."""
        self.serve("transfer:down=100")
        client = self.session()
        self.assertEqual(codes(client.command("MODE Z")), [200])
        peer = self.download(client)
        self.run_for(5)
        self.assertLess(abs(len(peer.sent) - 520), 30)

    def test_user_over_sessions(self) -> None:
        """All sessions of a user share their rate; another user has a rate of their own."""
        self.serve("user=30K", "user:bob=20K")
        peers = [self.download(self.session(name)) for name in ("alice", "alice", "alice", "bob")]
        self.run_for(20)
        for peer in peers:
            # The burst goes to the first one.
            self.assertLess(abs(len(peer.sent) - (400_000 if peer is peers[3] else 200_000)), 20_000)

    def test_address(self) -> None:
        """All sessions from an address share its rate, whoever has logged in."""
        self.serve("address=40K")
        peers = [
            self.download(self.session(name, address))
            for name, address in (("alice", "192.0.2.1"), ("bob", "192.0.2.1"), ("alice", "192.0.2.2"))
        ]
        self.run_for(20)
        for peer, octets in zip(peers, (400_000, 400_000, 800_000), strict=True):
            self.assert_sent(peer, octets)

    def test_session(self) -> None:
        """One transfer of a session after the other is held to its rate, and a second session has its own."""
        self.serve("session=10K")
        for client in (self.session(), self.session()):
            before = self.server.clock.seconds()
            for _ in range(20):
                peer = self.download(client, "NLST directory")
                while not peer.complete:
                    self.run_for(0.02)
                client.settle()
                self.assertEqual(codes(client.replies()), [226])
            seconds = self.server.clock.seconds() - before
            self.assertLess(abs(seconds - 20 * len(peer.sent) / 10_000), 1.5)

    def test_abort(self) -> None:
        """ABOR ends a transfer that waits for its rate, at once, and leaves nothing for the clock to do."""
        self.serve("server=1")
        client = self.session()
        self.download(client)
        self.run_for(3)
        self.assertEqual(codes(client.command("ABOR")), [426, 226])
        other = self.session("bob")
        peer = self.download(other)
        self.run_for(2)
        self.assertEqual(len(peer.sent), 2)
        other.lose()
        client.command("QUIT")
        self.server.clock.advance(1000)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_change(self) -> None:
        """Other rates hold for what runs."""
        self.serve("server=10K")
        peer = self.download(self.session())
        self.run_for(5)
        before = len(peer.sent)
        self.server.services.rates.change(RateTable([parse_rule("user:alice=50K")]))
        self.run_for(5)
        self.assertLess(abs(len(peer.sent) - before - 250_000), 12_500)
        self.server.services.rates.change(RateTable())
        self.run_for(1)
        self.assertEqual(len(peer.sent), _SIZE)

    def test_no_rates(self) -> None:
        """Without rates a transfer takes no time."""
        self.serve()
        peer = self.download(self.session())
        self.assertTrue(peer.complete)
        self.assertEqual(len(self.server.services.rates), 0)
