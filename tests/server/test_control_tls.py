"""When a control connection speaks TLS."""

from __future__ import annotations

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ftpx.server.control_tls import ControlTls
from ftpx.server.output import Output
from ftpx.testing.tls import TlsClient, make_tls_server
from ftpx.tls.channel import TlsFailed
from tests.server.test_output import PRODUCER

_SERVER = make_tls_server()


class ControlTlsTests(SynchronousTestCase):
    """Between the network and the commands."""

    def setUp(self) -> None:
        """A connection in clear."""
        self.transport = StringTransport()
        self.output = Output(self.transport, PRODUCER)
        self.tls = ControlTls(self.output)
        self.client = TlsClient()

    def sent(self) -> bytes:
        """What has gone out since this was last asked."""
        octets: bytes = self.transport.value()
        self.transport.clear()
        return octets

    def say(self, reply: bytes) -> None:
        """A reply goes out."""
        self.output.write(reply)
        self.output.flush()

    def begin(self) -> None:
        """Shake hands."""
        self.tls.begin(_SERVER.session().control())
        self.assertTrue(self.tls.switch())
        while not self.client.established:
            self.client.receive(self.sent())
            octets = self.client.outgoing()
            if octets:
                self.assertEqual(self.tls.receive(octets), b"")
        self.client.receive(self.sent())

    def test_in_clear(self) -> None:
        """Without TLS, octets are what they are."""
        self.assertEqual(self.tls.receive(b"NOOP\r\n"), b"NOOP\r\n")
        self.say(b"200 Done.\r\n")
        self.assertEqual(self.sent(), b"200 Done.\r\n")
        self.assertEqual((self.tls.secured, self.tls.shaking_hands, self.tls.peer_ended), (False, False, False))
        self.assertIsNone(self.tls.certified_name())
        self.tls.leave()
        self.assertFalse(self.tls.switch())
        self.assertEqual(self.sent(), b"")

    def test_behind_the_reply(self) -> None:
        """TLS begins behind the reply that was written before, and not earlier."""
        self.tls.begin(_SERVER.session().control())
        self.assertFalse(self.tls.secured)
        self.say(b"234 Begin.\r\n")
        self.assertTrue(self.tls.switch())
        self.assertEqual(self.sent(), b"234 Begin.\r\n")
        self.assertEqual((self.tls.secured, self.tls.shaking_hands), (True, True))
        self.assertFalse(self.tls.switch())

    def test_protected(self) -> None:
        """Behind the handshake, commands and replies go by TLS."""
        self.begin()
        self.assertEqual((self.tls.secured, self.tls.shaking_hands), (True, False))
        self.assertEqual(self.tls.receive(self.client.protect(b"NOOP\r\n")), b"NOOP\r\n")
        self.say(b"200 Done.\r\n")
        octets = self.sent()
        self.assertNotIn(b"200", octets)
        self.assertEqual(self.client.receive(octets), b"200 Done.\r\n")
        self.assertIsNone(self.tls.certified_name())

    def test_failed(self) -> None:
        """The alert goes out before the error is raised."""
        self.tls.begin(_SERVER.session().control())
        self.tls.switch()
        self.assertRaises(TlsFailed, self.tls.receive, b"\x17\x03\x03\x00\x10" + bytes(16))
        self.assertEqual(self.sent()[:1], b"\x15")

    def test_peer_ends(self) -> None:
        """The end that the peer says is noticed."""
        self.begin()
        self.assertFalse(self.tls.peer_ended)
        self.assertEqual(self.tls.receive(self.client.protect(b"QUIT\r\n") + self.client.end()), b"QUIT\r\n")
        self.assertTrue(self.tls.peer_ended)

    def test_end(self) -> None:
        """The reply to who ends TLS goes by TLS, then close_notify, and everything behind it in clear, both ways."""
        self.begin()
        self.tls.end()
        self.say(b"200 In clear.\r\n")
        self.assertFalse(self.tls.switch())
        self.assertEqual(self.client.receive(self.sent()), b"200 In clear.\r\n")
        self.assertTrue(self.client.ended)
        self.assertTrue(self.tls.secured)
        self.assertEqual(self.tls.receive(self.client.protect(b"DELE a\r\n")), b"")
        self.assertEqual(self.tls.receive(self.client.end() + b"NOOP\r\n"), b"NOOP\r\n")
        self.assertEqual((self.tls.secured, self.tls.peer_ended), (False, False))
        self.say(b"200 Done.\r\n")
        self.assertEqual(self.sent(), b"200 Done.\r\n")
        self.assertFalse(self.tls.switch())
        self.assertEqual(self.tls.receive(b"NOOP\r\n"), b"NOOP\r\n")

    def test_again(self) -> None:
        """Behind the end TLS may begin anew."""
        self.test_end()
        self.client = TlsClient()
        self.begin()
        self.assertEqual(self.tls.receive(self.client.protect(b"NOOP\r\n")), b"NOOP\r\n")

    def test_ticket(self) -> None:
        """A ticket that is asked for goes with the next reply; without TLS there is none."""
        self.tls.send_ticket()
        self.say(b"200 Done.\r\n")
        self.assertEqual(self.sent(), b"200 Done.\r\n")
        self.begin()
        sizes = []
        for _ in range(2):
            self.say(b"200 Done.\r\n")
            octets = self.sent()
            sizes.append(len(octets))
            self.assertEqual(self.client.receive(octets), b"200 Done.\r\n")
            self.tls.send_ticket()
        self.assertGreater(sizes[1], sizes[0] + 100)

    def test_leave(self) -> None:
        """What was written goes out before close_notify; a second time there is nothing to say."""
        self.begin()
        self.output.write(b"221 Goodbye.\r\n")
        self.tls.leave()
        self.assertEqual(self.client.receive(self.sent()), b"221 Goodbye.\r\n")
        self.assertTrue(self.client.ended)
        self.tls.leave()
        self.assertEqual(self.sent(), b"")

    def test_leave_while_leaving(self) -> None:
        """The connection may end before the peer has ended TLS."""
        self.begin()
        self.tls.end()
        self.tls.switch()
        self.client.receive(self.sent())
        self.tls.leave()
        self.assertEqual(self.sent(), b"")
