"""TLS from the first octet on, and TLS behind the PROXY protocol."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory

from ftpx.testing.client import MemoryClient
from ftpx.testing.tls import TlsClient
from tests.server.doubles import codes
from tests.server.tls_case import HANDSHAKE_TIME, TlsCase
from tests.tls.ends import client_context


class ImplicitTests(TlsCase):
    """TLS from the first octet on."""

    def test_greeting(self) -> None:
        """The greeting comes behind the handshake, and data connections are protected without being asked for."""
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            client = self.server.connect(factory=self.server.implicit_tls)
            self.assertEqual(client.transport.value(), b"")
            client.shake_hands(TlsClient(client_context(version)))
            self.assertEqual(codes(client.replies()), [220])
            client.login()
            self.assertEqual(codes(client.command("AUTH TLS", "PBSZ 0", "PROT P", "EPSV")), [503, 200, 200, 229])
            self.assertIsNotNone(client.last_port.security)
            client.lose()

    def test_protection(self) -> None:
        """Where it is allowed, PROT C leaves data connections in clear."""
        client = self.connect(self.server.implicit_tls)
        client.shake_hands()
        client.login()
        client.command("EPSV")
        self.assertIsNotNone(client.last_port.security)
        self.assertEqual(codes(client.command("PROT C", "EPSV")), [200, 229])
        self.assertIsNone(client.last_port.security)

    def test_reinitialize(self) -> None:
        """REIN keeps TLS, and the protection is what it was at the beginning."""
        client = self.connect(self.server.implicit_tls)
        client.shake_hands()
        client.login()
        self.assertEqual(codes(client.command("PROT C", "REIN", "PWD")), [200, 220, 530])
        client.login()
        client.command("EPSV")
        self.assertIsNotNone(client.last_port.security)

    def test_stalls(self) -> None:
        """TL18: the handshake has its time."""
        client = self.connect(self.server.implicit_tls)
        self.assertEqual(self.later(client, HANDSHAKE_TIME), [])
        self.assertTrue(client.closed)

    def test_in_clear(self) -> None:
        """TL24: who speaks in clear hears nothing."""
        for octets in (b"USER alice\r\n", b"POST / HTTP/1.1\r\n\r\n"):
            client = self.connect(self.server.implicit_tls)
            client.send_raw(octets)
            client.settle()
            self.assertEqual((client.transport.value(), client.closed), (b"", True))

    def test_too_many(self) -> None:
        """RS03: one session too many is closed without a word, as there is no TLS yet, and without a handshake."""
        others = [self.connect(self.server.implicit_tls) for _ in range(4)]
        client = self.server.connect(factory=self.server.implicit_tls)
        self.assertEqual((client.transport.value(), client.closed), (b"", True))
        others[0].lose()
        client = self.connect(self.server.implicit_tls)
        self.assertTrue(client.shake_hands().established)

    def test_lost_before_anything(self) -> None:
        """A client may go at once."""
        self.connect(self.server.implicit_tls).lose()
        self.client.lose()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])


class ProxyTests(TlsCase):
    """Behind the PROXY protocol, explicit and implicit."""

    def through_proxy(self, factory: Any, client: str = "198.51.100.7") -> MemoryClient:
        """A client behind a proxy."""
        connected = self.server.connect("192.0.2.50", "192.0.2.1", HAProxyWrappingFactory(factory))
        connected.replies()
        connected.send(f"PROXY TCP4 {client} 203.0.113.1 1234 21\r\n".encode())
        return connected

    def test_explicit(self) -> None:
        """AUTH, and all that comes, is as without a proxy."""
        client = self.through_proxy(self.server.factory)
        self.assertEqual(codes(client.secure()), [234])
        self.assertEqual(codes(client.login()), [331, 230, 200])
        client.protect()
        client.command("EPSV")
        self.assertEqual(client.last_port.peers, frozenset({"198.51.100.7", "192.0.2.50"}))
        self.assertEqual(codes(client.command("QUIT")), [221])
        self.assertTrue(client.closed)

    def test_implicit(self) -> None:
        """The handshake comes behind the proxy's header."""
        client = self.through_proxy(self.server.implicit_tls)
        client.shake_hands()
        self.assertEqual(codes(client.replies()), [220])
        self.assertEqual(codes(client.login()), [331, 230, 200])

    def test_too_many(self) -> None:
        """RS03: who is refused once the proxy has told the address gets no handshake."""
        for _ in range(5):
            self.assertTrue(self.through_proxy(self.server.implicit_tls).shake_hands().established)
        client = self.through_proxy(self.server.implicit_tls)
        tls = client.shake_hands()
        self.assertEqual((tls.established, client.closed), (False, True))
        self.assertTrue(self.through_proxy(self.server.implicit_tls, "198.51.100.8").shake_hands().established)
