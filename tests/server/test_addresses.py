"""Which addresses belong to a control connection."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.testing import StringTransport
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.trial.unittest import SynchronousTestCase

from ftpx.server.addresses import Addresses, addresses_of
from ftpx.testing.server import MemoryClient, ServerHarness
from tests.server.doubles import codes


class AddressesTests(SynchronousTestCase):
    """Addresses off a transport."""

    def test_tcp(self) -> None:
        """The peer is the client and the only peer; the host is where to listen and what to tell."""
        transport = StringTransport(IPv4Address("TCP", "192.0.2.1", 21), IPv4Address("TCP", "192.0.2.9", 4000))
        self.assertEqual(
            addresses_of(transport), Addresses("192.0.2.9", frozenset({"192.0.2.9"}), "192.0.2.1", "192.0.2.1", 21)
        )

    def test_family(self) -> None:
        """Data connections have the family of the address that is listened on."""
        self.assertEqual(Addresses("", frozenset(), "192.0.2.1", "2001:db8::1").family, 1)
        self.assertEqual(Addresses("", frozenset(), "2001:db8::1", "192.0.2.1").family, 2)

    def test_unix(self) -> None:
        """A UNIX socket has no addresses, and so gets the loopback interface."""
        transport = StringTransport(UNIXAddress(b"/run/ftpx"), UNIXAddress(None))
        self.assertEqual(
            addresses_of(transport), Addresses("127.0.0.1", frozenset({"127.0.0.1"}), "127.0.0.1", "127.0.0.1")
        )

    def test_layers(self) -> None:
        """Behind a proxy there are two peers; the address to listen on and the port are those of this host."""
        inner = StringTransport(IPv4Address("TCP", "192.0.2.1", 2121), IPv4Address("TCP", "192.0.2.50", 4000))
        outer = StringTransport(IPv4Address("TCP", "203.0.113.1", 21), IPv4Address("TCP", "198.51.100.7", 1234))
        outer.transport = inner  # type: ignore[attr-defined]
        self.assertEqual(
            addresses_of(outer),
            Addresses("198.51.100.7", frozenset({"198.51.100.7", "192.0.2.50"}), "192.0.2.1", "203.0.113.1", port=2121),
        )


class ProxyTests(SynchronousTestCase):
    """Sessions behind a proxy that tells the client's address."""

    def setUp(self) -> None:
        """Make a server that one client at a time may use."""
        self.server = ServerHarness(max_sessions_per_ip=1)
        self.proxy = 0

    def through_proxy(self, header: bytes, proxy: str = "192.0.2.50") -> MemoryClient:
        """A client behind a proxy."""
        client = self.server.connect(proxy, "192.0.2.1", HAProxyWrappingFactory(self.server.factory))
        client.replies()
        client.send(header)
        client.settle()
        return client

    def test_data_peers(self) -> None:
        """Data connections may come from the client and from the proxy, to the address that we have."""
        client = self.through_proxy(b"PROXY TCP4 198.51.100.7 203.0.113.1 1234 21\r\n")
        client.login()
        self.assertEqual(client.command("PASV")[0].lines, ("Entering Passive Mode (203,0,113,1,195,80).",))
        self.assertEqual(client.last_port.host, "192.0.2.1")
        self.assertEqual(client.last_port.peers, frozenset({"198.51.100.7", "192.0.2.50"}))
        self.assertEqual(codes(client.command("PORT 198,51,100,7,20,0", "PORT 198,51,100,8,20,0")), [200, 501])

    def test_counted_as_client(self) -> None:
        """Clients behind one proxy are counted by their own addresses, and nobody twice."""
        first = self.through_proxy(b"PROXY TCP4 198.51.100.7 203.0.113.1 1234 21\r\n")
        self.assertEqual(codes(first.command("NOOP")), [200])
        second = self.through_proxy(b"PROXY TCP4 198.51.100.8 203.0.113.1 1234 21\r\n")
        self.assertEqual(codes(second.command("NOOP")), [200])
        third = self.through_proxy(b"PROXY TCP4 198.51.100.7 203.0.113.1 1235 21\r\nNOOP\r\nNOOP\r\n")
        self.assertEqual(codes(third.replies()), [421])
        self.assertTrue(third.closed)
        first.command("QUIT")
        fourth = self.through_proxy(b"PROXY TCP4 198.51.100.7 203.0.113.1 1235 21\r\n")
        self.assertEqual(codes(fourth.command("NOOP")), [200])

    def test_unknown(self) -> None:
        """A proxy that knows no address is the client itself."""
        client = self.through_proxy(b"PROXY UNKNOWN \r\n")
        client.login()
        client.command("EPSV")
        self.assertEqual(client.last_port.peers, frozenset({"192.0.2.50"}))

    def test_ipv6_client_of_ipv4_proxy(self) -> None:
        """PASV never tells an IPv6 address, and leaves no port open when it cannot tell one."""
        client = self.through_proxy(b"PROXY TCP6 2001:db8::7 2001:db8::1 1234 21\r\n")
        client.login()
        reply = client.command("PASV")[0]
        self.assertIn(reply.code, (425, 522))
        self.assertEqual([port for port in self.server.data.ports if not port.closed], [])
