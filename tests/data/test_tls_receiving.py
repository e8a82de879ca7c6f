"""Uploads by TLS."""

from __future__ import annotations

import contextlib
import os

from OpenSSL import SSL
from twisted.internet.defer import CancelledError

from ftpx.data import tls_stream
from ftpx.errors import DataConnectionLost, DataConnectionTruncated
from tests.data.contract import started
from tests.data.doubles import DescriptorSink, MemorySink
from tests.data.tls import TLS_1_2, TlsCase, TlsPeer


class ReceivingTests(TlsCase):
    """Uploads."""

    def test_truncated(self) -> None:
        """TL13: an end without close_notify is never a clean one, whatever came before and whoever writes it."""
        for content in (b"", b"x", bytes(5000), bytes(100_000)):
            for sink in (MemorySink(), DescriptorSink()):
                connection, peer = self.connected()
                transfer = started(connection.receive(sink))
                if content:
                    peer.send(content)
                peer.cut()
                self.finish(transfer)
                error = self.failureResultOf(transfer, DataConnectionTruncated).value
                self.assertIn("without close_notify", str(error))
                self.assertTrue(peer.closed)

    def test_truncated_is_sticky(self) -> None:
        """TL13: however often one tries."""
        peer = self.peer()
        self.settle()
        peer.send(b"abc")
        peer.cut()
        buffer = memoryview(bytearray(10))
        self.assertEqual(self.stream.receive_into(buffer), 3)
        for _ in range(3):
            self.assertRaises(DataConnectionLost, self.stream.receive_into, buffer)
        self.stream.close()

    def test_broken_record(self) -> None:
        """TL17: what is no record breaks the transfer."""
        connection, peer = self.connected()
        transfer = started(connection.receive(MemorySink()))
        peer.send(b"good")
        peer.socket.send(b"and then in clear")
        peer.gone = True
        self.finish(transfer)
        self.failureResultOf(transfer, DataConnectionLost)

    def test_end_is_sticky(self) -> None:
        """Behind the clean end there is nothing, however often one asks; what came with it is given first."""
        for content in (b"", b"abc"):
            peer = self.peer()
            self.settle()
            if content:
                peer.send(content)
            peer.end()
            buffer = memoryview(bytearray(10))
            received = self.stream.receive_into(buffer)
            self.assertEqual(bytes(buffer[:received]), content)
            for _ in range(3):
                self.assertEqual(self.stream.receive_into(buffer), 0)
            self.stream.close()

    def test_end_is_answered(self) -> None:
        """A client that ends gets our end too, and the tickets that were held back, for it may wait for them."""
        connection, peer = self.connected()
        transfer = started(connection.receive(MemorySink()))
        peer.send(b"content")
        self.settle()
        handshake = len(peer.raw)
        peer.send(b"more")
        self.settle()
        self.assertEqual(len(peer.raw), handshake)
        peer.end()
        self.finish(transfer)
        self.assertEqual(self.successResultOf(transfer), 11)
        answer = peer.socket.recv(1 << 16)
        self.assertGreater(len(answer), 200)
        self.assertEqual(peer.tls.receive(answer), b"")
        self.assertTrue(peer.tls.ended)

    def test_end_of_who_has_gone(self) -> None:
        """A client that is not there any more to hear our end has sent everything all the same."""
        for sink in (MemorySink(), DescriptorSink()):
            connection, peer = self.connected()
            transfer = started(connection.receive(sink))
            peer.send(b"content")
            peer.end()
            peer.socket.close()
            self.finish(transfer)
            self.assertEqual(self.successResultOf(transfer), 7)

    def test_descriptor(self) -> None:
        """A large upload into a file arrives octet for octet, whatever records it has."""
        content = os.urandom(300_000)
        connection, peer = self.connected()
        sink = DescriptorSink()
        self.addCleanup(sink.close)
        transfer = started(connection.receive(sink))
        place = 0
        for size in (1, 16383, 16384, 16385, 40_000, 100_000, 300_000):
            peer.send(content[place : place + size])
            place += len(content[place : place + size])
            self.settle()
        peer.end()
        self.finish(transfer)
        self.assertEqual(self.successResultOf(transfer), len(content))
        self.assertEqual(sink.written, content)

    def test_rest_of_a_record(self) -> None:
        """What OpenSSL has decrypted already is readable, though the socket is not."""
        peer = self.peer()
        self.settle()
        peer.send(b"0123456789")
        buffer = memoryview(bytearray(4))
        self.assertEqual(self.stream.receive_into(buffer), 4)
        self.successResultOf(self.stream.readable())
        self.assertEqual(self.clock.readers, set())
        self.assertEqual(self.stream.receive_into(buffer), 4)
        self.assertEqual(self.stream.receive_into(buffer), 2)
        self.assertRaises(BlockingIOError, self.stream.receive_into, buffer)
        waiting = self.stream.readable()
        self.assertNoResult(waiting)
        peer.send(b"x")
        self.clock.turn()
        self.successResultOf(waiting)
        self.stream.close()

    def test_beginning_of_a_record(self) -> None:
        """What is left of a full buffer may be the beginning of a record; its rest is taken once it is there."""
        peer = self.peer()
        self.settle()
        first, second = peer.tls.protect(b"0123456789"), peer.tls.protect(b"more")
        peer.socket.send(first + second[:7])
        buffer = memoryview(bytearray(10))
        self.assertEqual(self.stream.receive_into(buffer), 10)
        peer.socket.send(second[7:])
        self.assertEqual(self.stream.receive_into(buffer), 4)
        self.assertEqual(bytes(buffer[:4]), b"more")
        self.stream.close()

    def test_single_octets(self) -> None:
        """TL28: records of one octet are as good as any, and fill a buffer together."""
        peer = self.peer()
        self.settle()
        for octet in b"0123456789" * 20:
            peer.send(bytes([octet]))
        buffer = memoryview(bytearray(300))
        self.assertEqual(self.stream.receive_into(buffer), 200)
        self.assertEqual(bytes(buffer[:200]), b"0123456789" * 20)
        self.stream.close()


class AnswerTests(TlsCase):
    """TL21: what TLS itself has to say while an upload comes."""

    context = TLS_1_2

    def asked(self, takes: bool = True) -> TlsPeer:
        """A peer that wants new keys in the old way, which it is refused."""
        peer = self.peer()
        self.settle()
        peer.takes = takes
        peer.tls.connection.renegotiate()
        with contextlib.suppress(SSL.WantReadError):
            peer.tls.connection.do_handshake()
        peer.socket.send(peer.tls.outgoing())
        return peer

    def test_answer(self) -> None:
        """It is sent though nothing else is."""
        peer = self.asked(takes=False)
        self.assertRaises(BlockingIOError, self.stream.receive_into, memoryview(bytearray(10)))
        self.assertGreater(len(peer.socket.recv(1000)), 0)
        self.assertEqual(self.stream.unacknowledged(), 0)
        self.stream.close()

    def test_nobody_reads(self) -> None:
        """Who takes no answers gets no more than some of them."""
        for most, error in ((1000, BlockingIOError), (10, DataConnectionLost)):
            self.patch(tls_stream, "_MOST_ANSWERS", most)
            peer = self.asked(takes=False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    peer.ours.send(bytes(100_000))
            for _ in range(2):
                self.assertRaises(error, self.stream.receive_into, memoryview(bytearray(10)))
            self.stream.close()

    def test_others_have_their_turn(self) -> None:
        """Behind a record without data the next one waits for its turn, though it has come already."""
        peer = self.asked()
        peer.socket.send(b"\x17\x03")
        self.assertRaises(BlockingIOError, self.stream.receive_into, memoryview(bytearray(10)))
        waiting = self.stream.readable()
        self.assertNoResult(waiting)
        self.clock.turn()
        self.successResultOf(waiting)
        self.assertRaises(BlockingIOError, self.stream.receive_into, memoryview(bytearray(10)))
        waiting = self.stream.readable()
        self.clock.turn()
        self.assertNoResult(waiting)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.stream.close()
