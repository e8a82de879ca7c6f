"""The control connection by TLS: handshakes, time and ends."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure

from ftpx.testing.client import MemoryClient
from ftpx.testing.tls import TlsClient
from tests.server.doubles import codes
from tests.server.tls_case import HANDSHAKE_TIME, TlsCase
from tests.tls.ends import client_context


class HandshakeTests(TlsCase):
    """TL18, TL19: handshakes that do not come, or come to nothing."""

    def begin(self) -> MemoryClient:
        """A client who said AUTH."""
        client = self.connect()
        self.assertEqual(codes(client.command("AUTH TLS")), [234])
        return client

    def test_versions(self) -> None:
        """TLS 1.2 and 1.3, each."""
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            client = self.connect()
            client.secure(TlsClient(client_context(version)))
            self.assertEqual(codes(client.login()), [331, 230, 200])
            client.lose()

    def test_stalls(self) -> None:
        """TL18: who does not shake hands in time is cut off without a word, wherever they stopped."""
        hello = TlsClient()
        hello.receive(b"")
        octets = hello.outgoing()
        for begun in (b"", octets[:1], octets[: len(octets) // 2], octets):
            client = self.begin()
            client.send_raw(begun)
            client.transport.clear()
            self.assertEqual(self.later(client, HANDSHAKE_TIME - 0.5), [])
            self.assertFalse(client.closed)
            self.assertEqual(self.later(client, 0.5), [])
            self.assertTrue(client.closed, len(begun))

    def test_slow(self) -> None:
        """TL18: one octet now and then does not lengthen the time."""
        client = self.begin()
        for _ in range(HANDSHAKE_TIME):
            client.send_raw(b"\x16")
            self.server.clock.advance(1)
        client.settle()
        self.assertTrue(client.closed)

    def test_limits_afterwards(self) -> None:
        """Behind the handshake there is the time for a login, from the beginning, and idleness as ever."""
        client = self.connect()
        self.server.clock.advance(25)
        client.secure()
        self.assertEqual(self.later(client, 4.5), [])
        self.assertEqual(self.later(client, 0.5), [421])
        client = self.connect()
        self.server.clock.advance(5)
        client.secure()
        client.login()
        self.assertEqual(self.later(client, 299), [])
        self.assertEqual(self.later(client, 1), [421])
        self.assertTrue(client.closed)

    def test_garbage(self) -> None:
        """TL02, TL19: what is no handshake ends the connection, with an alert at most, and is never a command."""
        log = self.log()
        for octets in (b"PWD\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x40\x01" + bytes(16385), b"\x80" * 9):
            client = self.begin()
            client.send_raw(octets)
            client.settle()
            self.assertTrue(client.closed, octets[:9])
            sent = client.transport.value()
            self.assertTrue(sent == b"" or sent[:1] == b"\x15", sent)
        self.server.services.journal.flush()
        self.assertEqual(len([line for line in log if "TLS with 127.0.0.1 failed: " in line]), 4)
        self.assertEqual(self.codes("NOOP"), [200])

    def test_lost(self) -> None:
        """A client may go in the middle of a handshake; nothing is left of it."""
        client = self.begin()
        client.send_raw(b"\x16\x03")
        client.lose()
        self.client.lose()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_shutdown(self) -> None:
        """CR15: a server that ends has nothing to say to who shakes hands."""
        client = self.begin()
        self.server.factory.shut_down(5)
        client.settle()
        self.assertEqual((client.transport.value(), client.closed), (b"", True))

    def test_shutdown_by_tls(self) -> None:
        """CR15: the last word goes by TLS, and so does the end of it."""
        client = self.connect()
        tls = TlsClient()
        client.secure(tls)
        self.server.factory.shut_down(5)
        client.settle()
        self.assertEqual((codes(client.replies()), tls.ended, client.closed), ([421], True, True))

    def test_changed_records(self) -> None:
        """TL17: a session whose TLS breaks ends."""
        client = self.connect()
        client.secure()
        client.login()
        client.send_raw(b"NOOP\r\n")
        client.settle()
        self.assertTrue(client.closed)


class EndTests(TlsCase):
    """How sessions by TLS end."""

    def secured(self) -> tuple[MemoryClient, TlsClient]:
        """A client that is logged in by TLS."""
        client, tls = self.connect(), TlsClient()
        client.secure(tls)
        client.login()
        return client, tls

    def test_quit(self) -> None:
        """The goodbye goes by TLS, close_notify behind it, and no timer is left."""
        client, tls = self.secured()
        self.assertEqual(codes(client.command("QUIT", "NOOP")), [221])
        self.assertEqual((tls.ended, client.closed), (True, True))
        self.client.lose()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_close_notify(self) -> None:
        """A client that ends TLS has ended its session."""
        client, tls = self.secured()
        client.send_raw(tls.end())
        client.settle()
        self.assertTrue(client.closed)
        client.replies()
        self.assertTrue(tls.ended)

    def test_commands_and_close_notify(self) -> None:
        """Commands that come together with the end are run, and answered."""
        client, tls = self.secured()
        client.send_raw(tls.protect(b"MKD d\r\nNOOP\r\n") + tls.end())
        client.settle()
        self.assertEqual((codes(client.replies()), self.names(), client.closed), ([257, 200], ["d"], True))

    def test_quit_and_close_notify(self) -> None:
        """So is a QUIT."""
        client, tls = self.secured()
        client.send_raw(tls.protect(b"QUIT\r\n") + tls.end())
        client.settle()
        self.assertEqual((codes(client.replies()), client.closed), ([221], True))

    def test_close_notify_in_a_transfer(self) -> None:
        """TL13: the end of the control connection ends an upload, which is not published."""
        client, tls = self.secured()
        _, peer = client.begin("STOR a")
        peer.send(b"content")
        client.send_raw(tls.end())
        client.settle()
        self.assertEqual((client.closed, peer.closed, self.names()), (True, True, []))

    def test_foreign_verbs(self) -> None:
        """TL24, ALPACA: a verb of HTTP or SMTP ends the session, in clear and by TLS, and nothing behind it is run."""
        for verb in ("GET / HTTP/1.1", "POST /x HTTP/1.1", "CONNECT a:1 HTTP/1.1", "EHLO me", "MAIL FROM:<a>", "data"):
            for secure in (False, True):
                client = self.connect()
                if secure:
                    client.secure()
                client.login()
                self.assertEqual(codes(client.command(verb, "MKD d", "Host: x")), [421], verb)
                self.assertEqual((client.closed, self.names()), (True, []))

    def test_foreign_verbs_are_not_echoed(self) -> None:
        """TL24: nothing of what came is sent back."""
        client, _ = self.secured()
        replies = client.command("POST /secret-4711 HTTP/1.1", "<script>")
        self.assertNotIn("4711", str(replies))

    def test_pressure(self) -> None:
        """CP16: by TLS, too, as many commands as one likes are answered, and those that nobody reads wait."""
        client, _ = self.secured()
        client.send(b"NOOP\r\n" * 30_000)
        self.assertGreater(client.unread, 0)
        while client.unread:
            client.settle()
        client.settle()
        self.assertEqual(codes(client.replies()), [200] * 30_000)
        client.stop_reading()
        client.send(b"FEAT\r\n" * 10)
        client.settle()
        self.assertEqual(client.transport.value(), b"")
        client.resume_reading()
        self.assertEqual(codes(client.replies()), [211] * 10)


class _Socket(Connection):  # type: ignore[misc,unused-ignore]
    """A connected socket of Twisted's, which takes everything."""

    def __init__(self) -> None:
        self.connected = 1
        self.sent = b""

    def getHandle(self) -> Any:
        """It is the socket as well."""
        return self

    def fileno(self) -> int:
        """Some number."""
        return 5

    def send(self, data: bytes) -> int:
        """Take it."""
        self.sent += data
        return len(data)

    def getPeer(self) -> Any:
        """Somebody."""
        return None

    getHost = getPeer

    def connectionLost(self, reason: Failure) -> None:
        """Tell the protocol, at once."""
        self.connected = 0
        self.protocol.connectionLost(reason)


class SocketTests(TlsCase):
    """Sockets that replies go to straight away, and that are closed at once."""

    def test_last_command_and_close_notify(self) -> None:
        """A connection that a command has closed is not closed again by the end that came along."""
        for line in (b"QUIT\r\n", b"GET / HTTP/1.1\r\n"):
            transport, tls = _Socket(), TlsClient()
            protocol: Any = self.server.factory.buildProtocol(None)
            transport.protocol = protocol
            protocol.makeConnection(transport)
            protocol.dataReceived(b"AUTH TLS\r\n")
            transport.sent = b""
            tls.receive(b"")
            while not tls.established:
                protocol.dataReceived(tls.outgoing())
                tls.receive(transport.sent)
                transport.sent = b""
            protocol.dataReceived(tls.outgoing() + tls.protect(line) + tls.end())
            self.assertFalse(transport.connected)
            self.assertIn(tls.receive(transport.sent)[:3], (b"221", b"421"))
            self.assertTrue(tls.ended)
