"""A stream by TLS: octets in both directions, and the end."""

from __future__ import annotations

import contextlib
import os

from OpenSSL import SSL
from zope.interface.verify import verifyObject

from ftpx.data import sending
from ftpx.data.stream import IFileStream
from ftpx.errors import (
    DataConnectionAborted,
    DataConnectionLost,
    DataConnectionStalled,
    StorageFailure,
)
from tests.data.contract import LARGE, TIMEOUT, DataConnectionContract, started
from tests.data.doubles import DescriptorSource, HangingPool, MemorySource, failing
from tests.data.tls import TLS_1_2, TlsCase, TlsPeer

_PORTION = 512 * 1024


class TlsDataConnectionTests(TlsCase, DataConnectionContract):
    """The contract, by TLS 1.3."""


class OldTlsDataConnectionTests(TlsDataConnectionTests):
    """The contract, by TLS 1.2."""

    context = TLS_1_2


class SendingTests(TlsCase):
    """Downloads."""

    def test_tickets_come_first(self) -> None:
        """TL15: what was held back comes before the first octet, so that a client can resume with it."""
        connection, peer = self.connected()
        handshake = len(peer.raw)
        transfer = started(connection.send_file(MemorySource(b"hello"), 0, 5))
        self.finish(transfer)
        self.assertEqual((peer.sent, peer.complete), (b"hello", True))
        self.assertGreater(len(peer.raw) - handshake, 200)
        session = peer.tls.connection.get_session()
        _, other = self.opened(session=session)
        self.settle()
        self.assertEqual(self.security.judged, [False, True])
        self.stream.abort(DataConnectionAborted(), False)
        self.assertTrue(other.tls.established)

    def test_blocks_for_a_slow_reader(self) -> None:
        """Blocks of any size arrive octet for octet at a peer that takes them now and then."""
        content = os.urandom(3_000_000)
        connection, peer = self.connected(takes=False)
        transfer = started(connection.send_file(MemorySource(content), 0, len(content)))
        for count in range(4000):
            if transfer.called:
                break
            peer.takes = count % 3 == 0
            self.settle()
        peer.takes = True
        self.finish(transfer)
        self.assertEqual(self.successResultOf(transfer), len(content))
        self.assertEqual(peer.sent == content, True)

    def test_same_octets_again(self) -> None:
        """What there was no room for is not counted, and comes once it is given again."""
        peer = self.peer(takes=False)
        self.settle()
        block = os.urandom(8 * _PORTION)
        sent = 0
        with self.assertRaises(BlockingIOError):
            while True:
                sent += self.stream.send(block[sent:], False)
                self.assertEqual(sent % _PORTION, 0)
        peer.takes = True
        while sent < len(block):
            peer.take()
            with contextlib.suppress(BlockingIOError):
                sent += self.stream.send(block[sent:], False)
        self.assertEqual(peer.sent == block, True)
        self.stream.close()

    def test_turns(self) -> None:
        """Of a large block a part is encrypted before others have their turn."""
        peer = self.peer()
        self.patch(SSL.Connection, "send", lambda connection, octets: len(octets))
        self.settle()
        self.assertEqual(self.stream.send(bytes(LARGE), False), _PORTION)
        self.assertEqual(self.stream.send(b"abc", False), 3)
        self.stream.close()
        self.assertTrue(peer.closed)

    def test_file(self) -> None:
        """A file is read and encrypted in a thread, and arrives octet for octet, from any offset."""
        content = os.urandom(3 << 20) + b"tail"
        for takes in (True, False):
            pool = HangingPool()
            source = DescriptorSource(content, pool)
            self.addCleanup(source.close)
            connection, peer = self.connected(takes)
            transfer = started(connection.send_file(source, 1, len(content)))
            for count in range(4000):
                if transfer.called:
                    break
                pool.go_on()
                peer.takes = takes or count % 3 == 0
                self.settle()
            peer.takes = True
            self.finish(transfer)
            self.assertEqual(self.successResultOf(transfer), len(content) - 1)
            self.assertEqual((peer.sent == content[1:], peer.complete, source.copied), (True, True, 0))

    def test_no_room_for_a_file(self) -> None:
        """Where there is no room, nothing of a file is sent, and the same octets come once there is."""
        source = DescriptorSource(os.urandom(_PORTION))
        self.addCleanup(source.close)
        peer = self.peer(takes=False)
        self.settle()
        self.stream.send(b"tickets go first", False)
        self.fill(peer)
        self.assertRaises(BlockingIOError, self.stream.send_file, source.fileno(), 0, _PORTION)
        self.drain(peer)
        sent = 0
        while not sent:
            peer.take()
            with contextlib.suppress(BlockingIOError):
                sent = self.stream.send_file(source.fileno(), 0, _PORTION)
        self.assertEqual(sent, _PORTION)
        peer.take()
        self.assertEqual(peer.sent == b"tickets go first" + source.written, True)
        self.assertEqual(self.stream.send_file(source.fileno(), _PORTION, 5), 0)
        self.stream.close()

    def test_small_file(self) -> None:
        """A small file needs no thread."""
        source = DescriptorSource(b"0123456789", HangingPool())
        self.addCleanup(source.close)
        connection, peer = self.connected()
        transfer = started(connection.send_file(source, 3, 7))
        self.finish(transfer)
        self.assertEqual((self.successResultOf(transfer), peer.sent), (4, b"3456"))

    def test_short_file(self) -> None:
        """A file that became shorter is an error, and the peer sees no clean end."""
        for size in (1000, 1 << 20):
            source = DescriptorSource(bytes(size))
            self.addCleanup(source.close)
            connection, peer = self.connected()
            transfer = started(connection.send_file(source, 0, size + 10))
            self.finish(transfer)
            self.failureResultOf(transfer, StorageFailure)
            peer.take()
            self.assertFalse(peer.complete)

    def test_disk_breaks(self) -> None:
        """An error of the disk is one of the storage."""
        source = DescriptorSource(bytes(1 << 20))
        self.addCleanup(source.close)
        self.patch(sending, "Residency", _Cold)
        self.patch(os, "preadv", failing(5))
        connection, peer = self.connected()
        transfer = started(connection.send_file(source, 0, 1 << 20))
        self.finish(transfer)
        self.failureResultOf(transfer, StorageFailure)
        self.assertFalse(peer.complete)

    def test_no_room_for_the_end(self) -> None:
        """The end, and what was held back before it, may have to wait too."""
        for size in (0, 5):
            peer = self.peer(takes=False)
            self.settle()
            if size:
                self.assertEqual(self.stream.send(bytes(size), False), size)
            self.fill(peer)
            self.assertRaises(BlockingIOError, self.stream.end)
            self.assertRaises(BlockingIOError, self.stream.end)
            self.drain(peer)
            self.stream.end()
            self.assertEqual(peer.sent, bytes(size))
            self.assertTrue(peer.complete)
            self.stream.close()

    def fill(self, peer: TlsPeer) -> None:
        """Let the socket have no room, with octets that are no TLS and that `drain` takes out again."""
        self.noise = 0
        try:
            while True:
                self.noise += peer.ours.send(bytes(100_000))
        except BlockingIOError:
            return

    def drain(self, peer: TlsPeer) -> None:
        """Make room; what came before the noise is given to TLS."""
        octets = b""
        try:
            while True:
                octets += peer.socket.recv(1 << 20)
        except BlockingIOError:
            pass
        peer.hear(octets[: len(octets) - self.noise])
        peer.takes = True

    def test_peer_gone(self) -> None:
        """DC18: to send to who has gone is an error, of octets as of the end."""
        for ends in (False, True):
            peer = self.peer()
            self.settle()
            self.stream.send(b"tickets go first", False)
            peer.socket.close()
            with self.assertRaises(DataConnectionLost):
                if ends:
                    self.stream.end()
                self.stream.send(b"x", False)
            self.stream.close()

    def test_stall(self) -> None:
        """DC14: a peer that takes nothing is a stall, in the middle of a record."""
        connection, peer = self.connected(takes=False)
        transfer = started(connection.send_file(MemorySource(bytes(LARGE)), 0, LARGE))
        self.settle()
        for _ in range(3):
            self.clock.advance(TIMEOUT)
        self.failureResultOf(transfer, DataConnectionStalled)
        self.assertTrue(peer.closed)

    def test_abort_in_a_thread(self) -> None:
        """DC21: a thread that hangs does not delay an abort, and the connection lives until it is back."""
        pool = HangingPool()
        source = DescriptorSource(os.urandom(1 << 20), pool)
        self.addCleanup(source.close)
        connection, peer = self.connected()
        transfer = started(connection.send_file(source, 0, 1 << 20))
        self.assertEqual(len(pool.calls), 1)
        connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        self.assertFalse(peer.closed)
        pool.go_on()
        self.assertTrue(peer.closed)


class _Cold:
    """Nothing is in memory."""

    def __init__(self, descriptor: int) -> None:
        pass

    def read(self, offset: int, size: int) -> None:
        """It would wait."""

    def covers(self, offset: int, size: int) -> bool:
        """It would wait."""
        return False


class StreamTests(TlsCase):
    """The rest of the interface."""

    def test_interface(self) -> None:
        """It provides its interface, and its files belong in a thread."""
        self.peer()
        self.settle()
        verifyObject(IFileStream, self.stream)
        self.assertTrue(self.stream.computes)
        self.stream.close()

    def test_progress(self) -> None:
        """What was moved counts, and of a download what the peer's system has got, where that is told."""
        self.peer()
        self.settle()
        self.patch(self.stream._stream, "acknowledged_octets", lambda: 100)
        self.assertEqual(self.stream.progress(5), 5)
        self.stream.send(b"hello", False)
        self.assertEqual(self.stream.progress(5), 105)
        self.stream.close()

    def test_aborted(self) -> None:
        """After an abort every call fails with its error."""
        self.peer()
        self.settle()
        error = DataConnectionAborted("stop")
        self.stream.abort(error, in_use=False)
        descriptor = os.open("/dev/zero", os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        for call in (
            lambda: self.stream.receive_into(memoryview(bytearray(1))),
            lambda: self.stream.send(b"x", False),
            lambda: self.stream.send_file(descriptor, 0, 1),
        ):
            self.assertIs(self.assertRaises(DataConnectionAborted, call), error)
        self.failureResultOf(self.stream.writable(), DataConnectionAborted)
        self.stream.close()
        self.stream.close()
