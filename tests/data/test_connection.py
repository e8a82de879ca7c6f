"""Data connections over sockets."""

from __future__ import annotations

import os
import socket

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.data import sending
from ftpx.data.connection import DataConnection
from ftpx.data.stream import SocketStream
from ftpx.data.transfer import REFUSAL_TIME
from ftpx.errors import DataConnectionAborted, DataConnectionLost, DataConnectionStalled, StorageFailure
from tests.data.contract import LARGE, TIMEOUT, DataConnectionContract, started
from tests.data.doubles import (
    DescriptorReactor,
    DescriptorSource,
    FaultySocket,
    HangingPool,
    connected_pair,
    failing,
)

UNCONFIRMED = 64 * 1024
"""A download of so much is over when it is sent."""


class SocketPeer:
    """The other end of a socket pair."""

    def __init__(self, ours: FaultySocket, socket_: socket.socket, takes: bool) -> None:
        self.ours = ours
        self.socket = socket_
        self.takes = takes
        self.complete = False
        self._sent = b""

    @property
    def sent(self) -> bytes:
        """All that has come so far."""
        self.take()
        return self._sent

    @property
    def closed(self) -> bool:
        """Whether our end is closed."""
        return self.ours.closed

    def take(self) -> None:
        """Take what has come."""
        try:
            while block := self.socket.recv(1 << 20):
                self._sent += block
            self.complete = self.ours.lingers is None
            # As every client does that has seen the end.
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def send(self, data: bytes) -> None:
        """Send, all at once."""
        assert self.socket.send(data) == len(data)

    def end(self) -> None:
        """No more is sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break the connection."""
        self.ours.broken = True
        self.socket.close()


class SocketCase(SynchronousTestCase):
    """Connections over socket pairs, driven by hand."""

    def setUp(self) -> None:
        self.clock = DescriptorReactor()
        self.peers: list[SocketPeer] = []

    def tearDown(self) -> None:
        for peer in self.peers:
            peer.socket.close()
            peer.ours.close()
        self.assertEqual((self.clock.readers, self.clock.writers), (set(), set()))

    def connected(self, takes: bool = True) -> tuple[DataConnection, SocketPeer]:
        """A connection and the other end of it."""
        ours, theirs = connected_pair()
        peer = SocketPeer(ours, theirs, takes)
        self.peers.append(peer)
        return DataConnection(self.clock, SocketStream(self.clock, ours), TIMEOUT), peer

    def settle(self) -> None:
        """Turn until nothing new can come."""
        for _ in range(8):
            self.clock.turn()
            for peer in self.peers:
                if peer.takes:
                    peer.take()


class SocketDataConnectionTests(SocketCase, DataConnectionContract):
    """The contract, over socket pairs."""


class SendFileTests(SocketCase):
    """Files with a descriptor are sent by the kernel."""

    def send(
        self, source: DescriptorSource, offset: int, end: int, takes: bool = True
    ) -> tuple[Deferred[int], SocketPeer]:
        connection, peer = self.connected(takes)
        self.addCleanup(source.close)
        self.connection = connection
        return started(connection.send_file(source, offset, end)), peer

    def finish(self, transfer: Deferred[int]) -> None:
        for _ in range(2000):
            if transfer.called:
                return
            self.settle()

    def test_small(self) -> None:
        """A small file goes without a turn of the reactor, from any offset."""
        source = DescriptorSource(b"0123456789")
        transfer, peer = self.send(source, 3, 7)
        self.assertEqual(peer.sent, b"3456")
        self.finish(transfer)
        self.assertEqual(self.successResultOf(transfer), 4)
        self.assertEqual(source.copied, 0)

    def test_large(self) -> None:
        """A large file arrives octet for octet, and none is copied by the source."""
        content = os.urandom(1 << 20) * 3 + b"tail"
        source = DescriptorSource(content)
        transfer, peer = self.send(source, 1, len(content))
        self.finish(transfer)
        self.assertEqual(self.successResultOf(transfer), len(content) - 1)
        self.assertEqual(peer.sent, content[1:])
        self.assertEqual(source.copied, 0)

    def test_copied_where_sendfile_cannot(self) -> None:
        """A file system without sendfile is copied from."""
        content = os.urandom(1 << 20)
        source = DescriptorSource(content)
        self.patch(os, "sendfile", failing(22))
        transfer, peer = self.send(source, 0, len(content))
        self.finish(transfer)
        self.assertEqual(self.successResultOf(transfer), len(content))
        self.assertEqual(peer.sent, content)
        self.assertEqual(source.copied, len(content))

    def test_disk_breaks(self) -> None:
        """An error of the disk is one of the storage, and the peer sees no clean end."""
        source = DescriptorSource(bytes(1 << 20))
        self.patch(os, "sendfile", failing(5))
        transfer, peer = self.send(source, 0, 1 << 20)
        self.failureResultOf(transfer, StorageFailure)
        self.clock.advance(REFUSAL_TIME)
        self.assertTrue(peer.closed)
        peer.take()
        self.assertFalse(peer.complete)

    def test_truncated(self) -> None:
        """A file that became shorter is an error, whether small or large."""
        for size in (1000, 1 << 20):
            transfer, _ = self.send(DescriptorSource(bytes(size)), 0, size + 10)
            self.finish(transfer)
            self.failureResultOf(transfer, StorageFailure)

    def test_cold(self) -> None:
        """What is not in memory is sent by a thread, and a thread that hangs does not delay an abort."""
        pool = HangingPool()
        source = DescriptorSource(os.urandom(1 << 20), pool)
        self.patch(sending, "Residency", _Cold)
        transfer, peer = self.send(source, 0, 1 << 20)
        self.assertEqual(len(pool.calls), 1)
        self.connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        self.assertFalse(peer.closed)
        source.close()
        pool.go_on()
        self.assertTrue(peer.closed)

    def test_cold_completes(self) -> None:
        """A file that has to come from the disk arrives all the same."""
        pool = HangingPool()
        content = os.urandom(3 << 20)
        source = DescriptorSource(content, pool)
        self.patch(sending, "Residency", _Cold)
        transfer, peer = self.send(source, 0, len(content))
        for _ in range(200):
            pool.go_on()
            self.settle()
        self.assertEqual(self.successResultOf(transfer), len(content))
        self.assertEqual(peer.sent, content)

    def test_peer_gone(self) -> None:
        """DC18: a peer that closes before it has the file has not got it."""
        transfer, peer = self.send(DescriptorSource(bytes(LARGE)), 0, LARGE, takes=False)
        self.settle()
        peer.socket.close()
        self.finish(transfer)
        self.failureResultOf(transfer, DataConnectionLost)

    def test_small_not_taken(self) -> None:
        """A small file is sent when the system has it, and arrives when the peer takes it."""
        content = os.urandom(UNCONFIRMED)
        transfer, peer = self.send(DescriptorSource(content), 0, len(content), takes=False)
        self.assertEqual(self.successResultOf(transfer), len(content))
        self.assertTrue(peer.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(peer.sent, content)
        self.assertTrue(peer.complete)

    def test_small_to_a_peer_that_is_gone(self) -> None:
        """DC18: a small file for a peer that has gone is an error."""
        connection, peer = self.connected()
        peer.socket.close()
        source = DescriptorSource(bytes(10))
        self.addCleanup(source.close)
        self.failureResultOf(started(connection.send_file(source, 0, 10)), DataConnectionLost)

    def test_not_taken(self) -> None:
        """A larger file that waits in the buffers of a peer who does not read it is not sent yet."""
        size = UNCONFIRMED + 1
        transfer, peer = self.send(DescriptorSource(bytes(size)), 0, size, takes=False)
        for _ in range(5):
            self.settle()
        self.assertNoResult(transfer)
        peer.takes = True
        self.settle()
        self.clock.advance(0.25)
        self.assertEqual(self.successResultOf(transfer), size)

    def test_never_taken(self) -> None:
        """DC14: nor does it wait for ever."""
        size = UNCONFIRMED + 1
        transfer, _ = self.send(DescriptorSource(bytes(size)), 0, size, takes=False)
        for _ in range(3):
            self.clock.advance(TIMEOUT)
        self.failureResultOf(transfer, DataConnectionStalled)

    def test_peer_that_talks(self) -> None:
        """DC16: what the peer says while it is sent a file neither stops it nor keeps us busy."""
        size = UNCONFIRMED + 1
        transfer, peer = self.send(DescriptorSource(bytes(size)), 0, size, takes=False)
        peer.send(b"noise")
        self.clock.turn()
        self.assertEqual(self.clock.readers, set())
        peer.take()
        self.clock.advance(0.25)
        self.assertEqual(self.successResultOf(transfer), size)


class _Cold:
    """Nothing is in memory."""

    def __init__(self, descriptor: int) -> None:
        pass

    def read(self, offset: int, size: int) -> None:
        """It would wait."""

    def covers(self, offset: int, size: int) -> bool:
        """It would wait."""
        return False
