"""Each private binding does what it says."""

from __future__ import annotations

import socket

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from ftpx.testing.tls import TlsClient
from ftpx.tls.openssl import (
    PARTIAL_WRITES,
    attach,
    read_into,
    select_protocol,
    session_reused,
    store_no_more_sessions,
)
from tests.tls.ends import AUTHORITY, client_context, meet

_SERVER = AUTHORITY.issue("localhost", "localhost")
_RECORD = 16384
_WITHOUT_TICKETS = client_context(SSL.TLS1_2_VERSION, tickets=False)


def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate(_SERVER.certificate)
    context.use_privatekey(_SERVER.key)
    context.set_session_id(b"test")
    return context


def _accepting(context: SSL.Context) -> SSL.Connection:
    connection = SSL.Connection(context, None)
    connection.set_accept_state()
    return connection


class SessionTests(SynchronousTestCase):
    """Sessions that are resumed and stored."""

    def setUp(self) -> None:
        """A connection that goes away without an end spoils its session, so all of them stay."""
        self.ends: list[SSL.Connection] = []

    def reused(self, context: SSL.Context, session: SSL.Session | None) -> bool:
        """Whether a handshake with a session resumes it."""
        server = _accepting(context)
        self.client = TlsClient(_WITHOUT_TICKETS, session=session)
        self.ends += (server, self.client.connection)
        meet(server, self.client)
        return session_reused(server)

    def test_reused(self) -> None:
        """A session is resumed or it is not."""
        context = _context()
        self.assertFalse(self.reused(context, None))
        session = self.client.connection.get_session()
        self.assertTrue(self.reused(context, session))
        self.assertFalse(self.reused(_context(), session))

    def test_before_the_handshake(self) -> None:
        """Before its handshake a connection has resumed nothing."""
        self.assertFalse(session_reused(_accepting(_context())))

    def test_store_no_more(self) -> None:
        """What is stored can be resumed, what comes later is not stored, in a context that is in use."""
        context = _context()
        self.reused(context, None)
        kept = self.client.connection.get_session()
        store_no_more_sessions(context)
        for _ in range(3):
            self.assertFalse(self.reused(context, None))
            later = self.client.connection.get_session()
            self.assertFalse(self.reused(context, later))
            self.assertTrue(self.reused(context, kept))


class SocketTests(SynchronousTestCase):
    """A connection whose handshake was in memory goes on over a socket."""

    def setUp(self) -> None:
        """Shake hands, and hand over."""
        ours, self.peer = socket.socketpair()
        for each in (ours, self.peer):
            each.setblocking(False)
            self.addCleanup(each.close)
        context = _context()
        context.clear_mode(PARTIAL_WRITES)
        self.server = _accepting(context)
        self.client = TlsClient(client_context(SSL.TLS1_2_VERSION))
        meet(self.server, self.client)
        attach(self.server, ours.fileno())

    def test_attach(self) -> None:
        """Octets go over the socket, in both directions, and so does the end."""
        self.server.sendall(b"hello")
        self.assertEqual(self.client.receive(self.peer.recv(1000)), b"hello")
        self.peer.sendall(self.client.protect(b"world"))
        self.assertEqual(self.server.recv(100), b"world")
        self.server.shutdown()
        self.client.receive(self.peer.recv(1000))
        self.assertTrue(self.client.ended)

    def read(self, buffer: memoryview) -> tuple[int, type[SSL.Error] | None]:
        """What reading gives, and the kind of error that it tells."""
        size, error = read_into(self.server, buffer)
        return size, None if error is None else type(error)

    def test_read_into(self) -> None:
        """Records go into the buffer one behind the other, as far as it goes, and nothing else is touched."""
        buffer = bytearray(b"." * 10)
        self.peer.sendall(self.client.protect(b"abcdef") + self.client.protect(b"gh"))
        self.assertEqual(self.read(memoryview(buffer)[2:6]), (4, None))
        self.assertEqual(buffer, b"..abcd....")
        self.assertEqual(self.read(memoryview(buffer)), (4, SSL.WantReadError))
        self.assertEqual(buffer, b"efghcd....")

    def test_read_into_keeps_nothing(self) -> None:
        """The buffer is let go of, whatever it tells."""
        buffer = bytearray(10)
        self.assertEqual(self.read(memoryview(buffer)), (0, SSL.WantReadError))
        buffer.clear()

    def test_read_into_end(self) -> None:
        """The clean end is told together with what came before it, and again."""
        self.peer.sendall(self.client.protect(b"abc") + self.client.end())
        buffer = memoryview(bytearray(10))
        self.assertEqual(self.read(buffer), (3, SSL.ZeroReturnError))
        self.assertEqual(self.read(buffer), (0, SSL.ZeroReturnError))

    def test_read_into_broken(self) -> None:
        """An end without close_notify is no end, however often one looks."""
        self.peer.sendall(self.client.protect(b"abc"))
        self.peer.close()
        buffer = memoryview(bytearray(10))
        self.assertEqual(self.read(buffer), (3, SSL.SysCallError))
        for _ in range(2):
            size, error = read_into(self.server, buffer)
            self.assertEqual(size, 0)
            self.assertNotIsInstance(error, SSL.ZeroReturnError | SSL.WantReadError)

    def test_whole_writes(self) -> None:
        """Without partial writes a call takes all it is given, and what there was no room for is given again."""
        block = bytes(8 * _RECORD)
        sent = 0
        with self.assertRaises(SSL.WantWriteError):
            for _ in range(1000):
                sent += self.server.send(block)
        self.assertEqual(sent % len(block), 0)
        received = self._receive_all()
        self.assertGreater(received, sent)
        self.assertEqual(self.server.send(bytes(block)), len(block))
        self.assertEqual(received + self._receive_all(), sent + len(block))

    def test_partial_writes(self) -> None:
        """With them it is one record."""
        context = _context()
        context.set_mode(PARTIAL_WRITES)
        connection = _accepting(context)
        meet(connection, TlsClient())
        self.assertEqual(connection.send(bytes(8 * _RECORD)), _RECORD)

    def _receive_all(self) -> int:
        received = 0
        try:
            while True:
                received += len(self.client.receive(self.peer.recv(1 << 20)))
        except BlockingIOError:
            return received


class SelectProtocolTests(SynchronousTestCase):
    """TL23: the choice of a protocol."""

    def setUp(self) -> None:
        """A context that speaks one protocol only."""
        self.context = _context()
        select_protocol(self.context, self.select)

    def select(self, connection: SSL.Connection, offered: list[bytes]) -> bytes:
        """Take "good" or nothing."""
        return {b"good": b"good"}[offered[0]]

    def test_chosen(self) -> None:
        """What the function chooses is spoken."""
        client = TlsClient(client_context(protocols=(b"good",)))
        meet(_accepting(self.context), client)
        self.assertEqual(client.connection.get_alpn_proto_negotiated(), b"good")

    def test_refused(self) -> None:
        """If it raises, both ends fail, with the alert that says why."""
        client = TlsClient(client_context(protocols=(b"bad",)))
        error = self.assertRaises(SSL.Error, meet, _accepting(self.context), client)
        self.assertIn("application protocol", str(error))

    def test_others(self) -> None:
        """What was raised for one connection is raised in no other one of the context, whatever it waits for."""
        other = _accepting(self.context)
        meet(other, TlsClient())
        refused, client = _accepting(self.context), TlsClient(client_context(protocols=(b"bad",)))
        client.receive(b"")
        refused.bio_write(client.outgoing())
        seen: list[type[BaseException] | None] = []

        def look(connection: SSL.Connection, offered: list[bytes]) -> bytes:
            raise KeyError(offered[0])

        self.patch(self, "select", look)
        # The call of the one that is refused is not over when the other one makes its own, as in two threads.
        self.patch(refused, "_raise_ssl_error", lambda *_: seen.append(_error_of(other)))
        refused.do_handshake()
        self.assertEqual(len(seen), 1)
        # Older versions of pyOpenSSL leave OpenSSL's own error behind in this thread.
        self.assertIn(seen[0], {SSL.WantReadError, SSL.Error})


def _error_of(connection: SSL.Connection) -> type[BaseException] | None:
    """What a connection with nothing to read raises."""
    try:
        connection.recv(1)
    except SSL.Error as error:
        return type(error)
    return None
