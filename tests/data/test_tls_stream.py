"""A stream by TLS: octets in both directions, and the end."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable

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

_PIECE = 256 * 1024


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

    def test_held(self) -> None:
        """What there was no room for is held and comes first; until it has gone, nothing else is taken."""
        peer = self.peer(takes=False)
        self.settle()
        block = os.urandom(64 * _PIECE)
        sent = 0
        with self.assertRaises(BlockingIOError):
            while True:
                sent += self.stream.send(block[sent:], False)
                self.assertEqual(sent % _PIECE, 0)
        self.assertIn(self.stream.progress(sent), range(-_PIECE, sent - 1))
        self.assertGreater(self.stream.unacknowledged(), 0)
        self.assertRaises(BlockingIOError, self.stream.send, block[sent:], False)
        peer.takes = True
        while sent < len(block):
            peer.take()
            with contextlib.suppress(BlockingIOError):
                sent += self.stream.send(block[sent:], False)
        while not peer.complete:
            with contextlib.suppress(BlockingIOError):
                self.stream.end()
            peer.take()
        self.assertEqual(peer.sent == block, True)
        self.stream.close()

    def test_turns(self) -> None:
        """Of a large block a part is encrypted before others have their turn."""
        peer = self.peer()
        self.settle()
        self.assertEqual(self.stream.send(bytes(LARGE), False), _PIECE)
        peer.take()
        self.assertEqual(self.stream.send(b"abc", False), 3)
        self.assertEqual(peer.sent, bytes(_PIECE) + b"abc")
        self.stream.close()

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
        """Where something is held, nothing of a file is taken; once that has gone, it goes on behind it."""
        source = DescriptorSource(os.urandom(20 * _PIECE))
        self.addCleanup(source.close)
        peer = self.peer(takes=False)
        self.settle()
        self.stream.send(b"tickets go first", False)
        self.fill(peer)
        sent = self.stream.send_file(source.fileno(), 0, 20 * _PIECE)
        self.assertIn(sent, range(_PIECE, 20 * _PIECE))
        self.assertRaises(BlockingIOError, self.stream.send_file, source.fileno(), sent, 20 * _PIECE)
        self.drain(peer)
        while sent < 20 * _PIECE:
            with contextlib.suppress(BlockingIOError):
                sent += self.stream.send_file(source.fileno(), sent, 20 * _PIECE - sent)
            peer.take()
        self.assertEqual(self.stream.send_file(source.fileno(), sent, 5), 0)
        self.assertEqual(peer.sent == b"tickets go first" + source.written, True)
        self.stream.close()

    def test_disk_breaks_later(self) -> None:
        """What was read before an error of the disk is sent, and the error comes with the next call."""
        for good in (1, 8, 14):
            source = DescriptorSource(os.urandom(20 * _PIECE))
            self.addCleanup(source.close)
            peer = self.peer()
            self.settle()
            patch = self.patch(os, "preadv", _failing_after(good))
            sent = 0
            with contextlib.suppress(StopIteration):
                while True:
                    sent += self.some_of(source, sent)
                    peer.take()
            self.assertIn(sent, range(1, good * _PIECE + 1))
            patch.restore()
            peer.take()
            self.stream.send(b"more", False)
            peer.take()
            self.assertEqual(peer.sent == source.written[:sent] + b"more", True)
            self.stream.close()

    def some_of(self, source: DescriptorSource, offset: int) -> int:
        """Send of a file as much as goes; `StopIteration` at an error of the disk."""
        try:
            return self.stream.send_file(source.fileno(), offset, 20 * _PIECE - offset)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise StopIteration from error

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


def _failing_after(times: int) -> Callable[..., int]:
    """`os.preadv` that works so many times."""
    calls = iter(range(times))
    real = os.preadv

    def preadv(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        if next(calls, None) is None:
            raise OSError(errno.EIO, "Input/output error")
        return real(descriptor, buffers, offset)

    return preadv


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
        """What was moved counts; the tickets, which an upload never sends, do not."""
        self.peer()
        self.settle()
        self.assertEqual((self.stream.progress(5), self.stream.unacknowledged()), (5, 0))
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
