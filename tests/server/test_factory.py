"""How many sessions there may be, and how they end."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.server.factory import ControlFactory
from ftpx.testing.server import MemoryClient, MemoryTransport, ServerHarness
from tests.server.doubles import ServerCase, codes


class LimitTests(ServerCase):
    """RS03: the limits, and that places become free again."""

    def make_server(self) -> ServerHarness:
        """A server for three sessions, two from one address."""
        return ServerHarness(self.storage, max_sessions=3, max_sessions_per_ip=2)

    def greeting(self, address: str) -> tuple[MemoryClient, int]:
        """Connect; the client and the code that it is greeted with."""
        client = self.server.connect(address)
        return client, client.replies()[0].code

    def test_per_address(self) -> None:
        """RS03: one session too many from an address gets 421, other addresses do not, and places become free again."""
        second, code = self.greeting("127.0.0.1")
        self.assertEqual(code, 220)
        third, code = self.greeting("127.0.0.1")
        self.assertEqual((code, third.closed), (421, True))
        self.assertEqual(self.greeting("::ffff:127.0.0.1")[1], 421)
        self.assertEqual(self.greeting("192.0.2.1")[1], 220)
        second.command("QUIT")
        self.assertEqual(self.greeting("127.0.0.1")[1], 220)

    def test_all(self) -> None:
        """RS03: one session too many altogether gets 421, until another ends."""
        others = [self.greeting(f"192.0.2.{number}")[0] for number in (1, 2)]
        refused, code = self.greeting("192.0.2.3")
        self.assertEqual((code, refused.closed), (421, True))
        others[0].lose()
        self.assertEqual(self.greeting("192.0.2.3")[1], 220)

    def test_nothing_is_kept(self) -> None:
        """RS03: of sessions that ended no address is remembered."""
        for number in range(50):
            client, _ = self.greeting(f"192.0.2.{number}")
            client.lose()
        self.client.lose()
        self.assertEqual((len(self.server.factory._sessions), len(self.server.factory._per_address)), (0, 0))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_no_limit(self) -> None:
        """0 means no limit."""
        server = ServerHarness()
        clients = [server.connect() for _ in range(20)]
        self.assertEqual({codes(client.replies())[0] for client in clients}, {220})

    def test_refused_sessions_hear_nothing(self) -> None:
        """What a refused client sends is not looked at."""
        self.greeting("127.0.0.1")
        client = self.server.connect("127.0.0.1")
        client.stop_reading()
        client.send(b"NOOP\r\n")
        self.assertEqual(codes(client.replies()), [421])


class ShutdownTests(ServerCase):
    """CR15: sessions end in good order."""

    def shut_down(self, grace: float) -> Deferred[None]:
        """Begin to shut down."""
        done = self.server.factory.shut_down(grace)
        self.client.settle()
        return done

    def test_nobody(self) -> None:
        """Without sessions it is done at once, also a second time."""
        self.client.lose()
        self.successResultOf(self.shut_down(30))
        self.successResultOf(self.shut_down(30))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_idle_sessions(self) -> None:
        """CR15: idle sessions get 421 at once, and then it is done."""
        other = self.server.connect()
        other.replies()
        done = self.shut_down(30)
        self.assertNoResult(done)
        other.settle()
        self.successResultOf(done)
        self.assertEqual((codes(self.client.replies()), codes(other.replies())), ([421], [421]))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_new_sessions(self) -> None:
        """CR15: nobody gets in any more."""
        self.put("a", b"x" * 10)
        _, peer = self.client.begin("STOR b")
        done = self.shut_down(30)
        other = self.server.connect("192.0.2.1")
        self.assertEqual((codes(other.replies()), other.closed), ([421], True))
        peer.end()
        self.client.settle()
        self.successResultOf(done)

    def test_transfer_ends_in_time(self) -> None:
        """CR15: a transfer under way is finished, and then its session gets 421."""
        _, peer = self.client.begin("STOR a")
        done = self.shut_down(30)
        self.server.clock.advance(29)
        peer.send(b"content")
        peer.end()
        self.client.settle()
        self.server.clock.advance(0.1)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [226, 421])
        self.assertTrue(self.client.closed)
        self.assertEqual(self.get("a"), b"content")
        self.successResultOf(done)

    def test_grace_ends(self) -> None:
        """CR15: a transfer that takes longer is ended; the old file is whole."""
        self.put("a", b"old")
        _, peer = self.client.begin("STOR a")
        peer.send(b"new")
        done = self.shut_down(30)
        self.server.clock.advance(30)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [421])
        self.assertTrue(self.client.closed and peer.closed)
        self.assertEqual((self.get("a"), self.names()), (b"old", ["a"]))
        self.successResultOf(done)

    def test_second_call(self) -> None:
        """CR16: to shut down again ends the grace, and both calls fire."""
        _, peer = self.client.begin("STOR a")
        first, second = self.shut_down(30), self.shut_down(30)
        self.client.settle()
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertTrue(peer.closed)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_peer_that_does_not_read(self) -> None:
        """A client that does not read its 421 is cut off."""
        self.client.stop_reading()
        done = self.shut_down(5)
        self.assertNoResult(done)
        self.server.clock.advance(10)
        self.client.settle()
        self.assertTrue(self.client.transport.aborted)
        self.successResultOf(done)


class NumberedTransport(MemoryTransport):
    """A connection with a descriptor."""

    def __init__(self, address: IPv4Address, descriptor: int) -> None:
        super().__init__(address, address)
        self._descriptor = descriptor

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor


class DescriptorTests(SynchronousTestCase):
    """Sessions leave descriptors for transfers."""

    def test_refused(self) -> None:
        """RS04: a connection whose descriptor is too high gets 421, and one with a lower number is served again."""
        server = ServerHarness()
        factory = ControlFactory(server.services, 0, 0, 10)
        for descriptor, code in ((10, 220), (11, 421), (9, 220)):
            address = IPv4Address("TCP", "127.0.0.1", 2121)
            transport = NumberedTransport(address, descriptor)
            protocol = factory.buildProtocol(None)
            protocol.makeConnection(transport)
            self.assertTrue(transport.value().startswith(b"%d " % code), (descriptor, transport.value()))
