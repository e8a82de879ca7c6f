"""Tickets that a control connection gives again."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from ftpx.testing.tls import TlsClient, make_tls_server
from ftpx.tls.channel import Channel
from ftpx.tls.openssl import session_reused
from ftpx.tls.session import TlsSession
from ftpx.tls.tickets import TicketRecords, note_secret, ticket_records
from tests.tls.ends import client_context, meet, meet_channel

_SERVER = make_tls_server()
_SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_REPLY = b"226 Done.\r\n"


def _context(suite: str) -> SSL.Context:
    """A client of TLS 1.3 that knows one cipher suite."""
    context = client_context(SSL.TLS1_3_VERSION)
    context.set_tls13_ciphersuites(suite.encode())
    return context


class TicketTests(SynchronousTestCase):
    """TL15: tickets never run dry."""

    def met(self, context: SSL.Context) -> tuple[TlsSession, Channel, TlsClient]:
        """A control connection behind the handshake."""
        session = _SERVER.session()
        channel, client = session.control(), TlsClient(context)
        meet_channel(channel, client)
        self.assertEqual(client.receive(channel.protect(_REPLY)), _REPLY)
        return session, channel, client

    def test_again(self) -> None:
        """With each reply that is to have one comes a ticket that is good, and every record is in order."""
        for suite in _SUITES:
            context = _context(suite)
            session, channel, client = self.met(context)
            ends = []
            for count in range(10):
                before = client.connection.get_session()
                channel.send_ticket()
                self.assertEqual(client.receive(channel.protect(_REPLY)), _REPLY, (suite, count))
                ticket = client.connection.get_session()
                self.assertIsNot(ticket, before)
                data = TlsClient(context, session=ticket)
                ends.append(data)
                server = session.data()
                meet(server, data)
                self.assertTrue(session_reused(server), (suite, count))
                self.assertEqual(client.receive(channel.protect(_REPLY)), _REPLY)
                self.assertEqual(channel.receive(client.protect(b"NOOP\r\n")), b"NOOP\r\n")

    def test_large(self) -> None:
        """The reply may be of several records."""
        _, channel, client = self.met(_context(_SUITES[0]))
        channel.send_ticket()
        octets = bytes(range(256)) * 500
        self.assertEqual(client.receive(channel.protect(octets)), octets)
        self.assertEqual(client.receive(channel.protect(_REPLY)), _REPLY)

    def test_counted(self) -> None:
        """RFC 8446, section 5.3: a ticket has a nonce of its own, so without its record the others cannot be read."""
        _, channel, client = self.met(_context(_SUITES[0]))
        channel.send_ticket()
        octets = channel.protect(_REPLY)
        ticket = octets[: 5 + int.from_bytes(octets[3:5], "big")]
        self.assertGreater(len(octets), len(ticket))
        self.assertRaises(SSL.Error, client.receive, octets[len(ticket) :])

    def test_old(self) -> None:
        """TLS 1.2 resumes the same session for ever, so its replies have no ticket with them."""
        _, channel, client = self.met(client_context(SSL.TLS1_2_VERSION))
        size = len(channel.protect(_REPLY))
        channel.send_ticket()
        octets = channel.protect(_REPLY)
        self.assertEqual(len(octets), size)
        self.assertIsNone(ticket_records(_connection(client)))

    def test_other_keys(self) -> None:
        """Once the keys are others, or if there was no ticket, the record that OpenSSL made is sent as it is."""
        records = TicketRecords(_SUITES[0], bytes(32))
        self.assertIsNone(records.in_place_of(b"\x17\x03\x03\x00\x11" + bytes(17)))
        _, channel, client = self.met(_context(_SUITES[0]))
        channel._tickets = records
        for octets in (_REPLY, bytes(40_000)):
            channel.send_ticket()
            self.assertEqual(client.receive(channel.protect(octets)), octets)

    def test_secret(self) -> None:
        """Of the key log only the server's own secret is kept, and only until the handshake is over."""
        connection = _connection(TlsClient())
        note_secret(connection, b"CLIENT_TRAFFIC_SECRET_0 00 11")
        self.assertIsNone(connection.get_app_data())
        note_secret(connection, b"SERVER_TRAFFIC_SECRET_0 00 11ff")
        self.assertEqual(connection.get_app_data(), b"\x11\xff")
        self.assertIsNone(ticket_records(connection))
        self.assertIsNone(connection.get_app_data())


def _connection(client: TlsClient) -> SSL.Connection:
    return client.connection
