"""Each private binding does what it says."""

from __future__ import annotations

import contextlib
import os

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from ftpx.testing.tls import TlsClient
from ftpx.tls.channel import outgoing
from ftpx.tls.openssl import (
    PARTIAL_WRITES,
    decrypt_into,
    encrypt_into,
    input_waits,
    output_waits,
    pause_at_each_record,
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


class MemoryTests(SynchronousTestCase):
    """Octets and records in memory, without copies."""

    def setUp(self) -> None:
        """Shake hands."""
        context = _context()
        context.clear_mode(PARTIAL_WRITES)
        context.set_options(SSL.OP_NO_RENEGOTIATION)
        self.server = _accepting(context)
        self.client = TlsClient(client_context(SSL.TLS1_2_VERSION))
        meet(self.server, self.client)

    def encrypted(self, octets: bytes, room: int = 1 << 20) -> bytes:
        """The records of octets."""
        records = memoryview(bytearray(room))
        return bytes(records[: encrypt_into(self.server, memoryview(octets), records)])

    def decrypted(self, records: bytes, buffer: memoryview) -> tuple[int, type[SSL.Error] | None]:
        """What records give, and the kind of error that is told."""
        return self.read(decrypt_into(self.server, memoryview(records), buffer))

    def read(self, result: tuple[int, SSL.Error | None]) -> tuple[int, type[SSL.Error] | None]:
        """A result that can be compared."""
        return result[0], None if result[1] is None else type(result[1])

    def test_encrypt(self) -> None:
        """All of it is encrypted, in as many records as it takes."""
        for size in (1, _RECORD, 8 * _RECORD + 1):
            block = os.urandom(size)
            self.assertEqual(self.client.receive(self.encrypted(block)), block)

    def test_encrypt_more_than_there_is_room_for(self) -> None:
        """What the records have no room for comes first next time."""
        first = self.encrypted(bytes(2 * _RECORD), _RECORD)
        self.assertEqual(len(first), _RECORD)
        self.assertTrue(output_waits(self.server))
        self.assertEqual(self.client.receive(first + self.encrypted(b"more")), bytes(2 * _RECORD) + b"more")
        self.assertFalse(output_waits(self.server))

    def test_encrypt_behind_the_end(self) -> None:
        """Behind close_notify nothing can be encrypted."""
        self.server.shutdown()
        self.assertRaises(SSL.Error, self.encrypted, b"more")

    def test_output_waits(self) -> None:
        """What TLS says by itself waits until somebody takes it."""
        self.assertFalse(output_waits(self.server))
        self.server.shutdown()
        self.assertTrue(output_waits(self.server))
        outgoing(self.server)
        self.assertFalse(output_waits(self.server))

    def test_decrypt(self) -> None:
        """Records go into the buffer one behind the other, as far as it goes, and nothing else is touched."""
        buffer = bytearray(b"." * 10)
        records = self.client.protect(b"abcdef") + self.client.protect(b"gh") + self.client.protect(b"i")
        self.assertFalse(input_waits(self.server))
        self.assertEqual(self.decrypted(records, memoryview(buffer)[2:6]), (4, None))
        self.assertTrue(input_waits(self.server))
        self.assertEqual(buffer, b"..abcd....")
        self.assertEqual(self.read(read_into(self.server, memoryview(buffer))), (5, SSL.WantReadError))
        self.assertEqual(buffer, b"efghid....")
        self.assertFalse(input_waits(self.server))

    def test_pause(self) -> None:
        """A connection gives control back after a record without data, though there is more, if that is wanted."""
        for pauses in (False, True):
            self.setUp()
            if pauses:
                pause_at_each_record(self.server)
            self.client.connection.renegotiate()
            with contextlib.suppress(SSL.WantReadError):
                self.client.connection.do_handshake()
            octets = self.client.outgoing() + b"\x17\x03"
            self.assertEqual(self.decrypted(octets, memoryview(bytearray(10))), (0, SSL.WantReadError))
            self.assertEqual(input_waits(self.server), pauses)

    def test_decrypt_pieces(self) -> None:
        """A record may come in any pieces, and where they were is of no importance later."""
        buffer = memoryview(bytearray(1000))
        octets = self.client.protect(b"abcdef") + self.client.protect(b"gh")
        received = b""
        for place in range(0, len(octets), 7):
            piece = bytearray(octets[place : place + 7])
            size, _ = decrypt_into(self.server, memoryview(piece), buffer)
            piece[:] = bytes(len(piece))
            received += bytes(buffer[:size])
        self.assertEqual(received, b"abcdefgh")

    def test_decrypt_after_bio_write(self) -> None:
        """What was given before, as in a handshake, is read first; afterwards more can be given in either way."""
        buffer = memoryview(bytearray(100))
        self.server.bio_write(self.client.protect(b"abc"))
        self.assertEqual(self.read(read_into(self.server, buffer)), (3, SSL.WantReadError))
        self.assertEqual(self.decrypted(self.client.protect(b"defg"), buffer), (4, SSL.WantReadError))
        self.server.bio_write(self.client.protect(b"hi"))
        self.assertEqual(self.server.recv(100), b"hi")

    def test_decrypt_keeps_nothing(self) -> None:
        """Records and buffer are let go of, whatever is told."""
        for octets in (self.client.protect(b"abc"), b"no record at all"):
            buffer, records = bytearray(10), bytearray(octets)
            decrypt_into(self.server, memoryview(records), memoryview(buffer))
            buffer.clear()
            records.clear()

    def test_decrypt_end(self) -> None:
        """The clean end is told together with what came before it, and again."""
        buffer = memoryview(bytearray(10))
        self.assertEqual(
            self.decrypted(self.client.protect(b"abc") + self.client.end(), buffer), (3, SSL.ZeroReturnError)
        )
        self.assertEqual(self.read(read_into(self.server, buffer)), (0, SSL.ZeroReturnError))

    def test_decrypt_garbage(self) -> None:
        """What is no record is told behind what came before it."""
        buffer = memoryview(bytearray(10))
        self.assertEqual(self.decrypted(self.client.protect(b"abc") + bytes(100), buffer), (3, SSL.Error))

    def test_partial_writes(self) -> None:
        """In that mode it is one record."""
        context = _context()
        context.set_mode(PARTIAL_WRITES)
        connection = _accepting(context)
        meet(connection, TlsClient())
        self.assertEqual(connection.send(bytes(8 * _RECORD)), _RECORD)


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
