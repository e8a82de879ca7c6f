"""Uploads over sockets, into files with a descriptor."""

from __future__ import annotations

import os
from unittest import mock

from twisted.internet.defer import Deferred

from ftpx.data.transfer import REFUSAL_TIME
from ftpx.errors import DataConnectionAborted, DataConnectionLost, DataConnectionStalled, NoSpace
from ftpx.errors import StorageUnavailable as Unavailable
from ftpx.interfaces import Block
from tests.data.contract import TIMEOUT, started
from tests.data.doubles import DescriptorSink, FullPool, HangingPool, StagedSink, failing
from tests.data.test_connection import SocketCase, SocketPeer

BEGINNING = 16 * 1024
"""So much of an upload is taken in the reactor thread before another one takes over."""


class ReceiveTests(SocketCase):
    """Files with a descriptor: a small one is given in one block, all of a larger one is written by a thread."""

    def receive(self, sink: DescriptorSink) -> tuple[Deferred[int], SocketPeer]:
        self.connection, peer = self.connected()
        self.addCleanup(sink.close)
        return started(self.connection.receive(sink)), peer

    def send(self, peer: SocketPeer, content: bytes) -> None:
        """Send more than the buffers take."""
        left = memoryview(content)
        while left:
            left = left[peer.socket.send(left[:65536]) :]
            self.clock.turn()

    def beyond_the_beginning(self, sink: DescriptorSink) -> tuple[Deferred[int], SocketPeer]:
        """A transfer whose beginning a thread has written, and that waits for what the next is to take."""
        transfer, peer = self.receive(sink)
        peer.send(bytes(BEGINNING))
        self.settle()
        self.assertEqual((sink.written, sink.copied), (bytes(BEGINNING), 0))
        return transfer, peer

    def test_small(self) -> None:
        """A small file, however it comes, is written in one block behind what is kept, and without a thread."""
        pool = HangingPool()
        sink = DescriptorSink(b"kept ", pool)
        transfer, peer = self.receive(sink)
        self.settle()
        for part in (b"n", b"e", b"w"):
            peer.send(part)
            self.settle()
        self.assertEqual(sink.copied, 0)
        peer.end()
        self.settle()
        self.assertEqual(self.successResultOf(transfer), 3)
        self.assertEqual((sink.written, sink.copied, pool.calls), (b"kept new", 3, []))
        self.assertTrue(peer.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing(self) -> None:
        """An empty file is not written at all."""
        sink = DescriptorSink()
        sink.error = AssertionError("nothing came")
        transfer, peer = self.receive(sink)
        peer.end()
        self.settle()
        self.assertEqual(self.successResultOf(transfer), 0)

    def test_just_the_beginning(self) -> None:
        """A file that ends about where the thread takes over is complete."""
        for size in (BEGINNING - 1, BEGINNING, BEGINNING + 1):
            for at_once in (True, False):
                content = os.urandom(size)
                sink = DescriptorSink(b"kept ")
                transfer, peer = self.receive(sink)
                peer.send(content)
                if not at_once:
                    self.settle()
                peer.end()
                self.settle()
                self.assertEqual(self.successResultOf(transfer), size)
                self.assertEqual(sink.written, b"kept " + content)
                self.assertEqual(sink.copied, size if size < BEGINNING else 0)

    def test_from_the_offset(self) -> None:
        """What a thread takes is written behind the beginning, that behind what is kept, and nothing is copied."""
        content = os.urandom(300_000)
        sink = DescriptorSink(b"kept ")
        transfer, peer = self.receive(sink)
        self.send(peer, content)
        peer.end()
        self.settle()
        self.assertEqual(self.successResultOf(transfer), len(content))
        self.assertEqual(sink.written, b"kept " + content)
        self.assertEqual(sink.copied, 0)

    def test_abort_in_the_beginning(self) -> None:
        """DC21: an upload that is aborted before a thread took over raises at once; what came is left to be kept."""
        for sent in (b"", b"x"):
            sink = DescriptorSink()
            transfer, peer = self.receive(sink)
            peer.send(sent)
            self.settle()
            self.connection.abort()
            self.failureResultOf(transfer, DataConnectionAborted)
            self.assertTrue(peer.closed)
            self.assertEqual((sink.written, sink.blocks), (sent, [sent] if sent else []))
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_abort_with_a_sink_that_hangs(self) -> None:
        """DC21: a sink that must wait for what came before the abort does not get it, and nobody waits for it."""
        sink = DescriptorSink()
        sink.hangs = Deferred()
        transfer, peer = self.receive(sink)
        peer.send(b"x")
        self.settle()
        self.connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        self.assertTrue(peer.closed)
        self.assertEqual((sink.written, sink.hangs.called), (b"", True))

    def test_abort_with_a_sink_that_fails(self) -> None:
        """The error of a sink that cannot keep what came before the abort hides nothing of why it broke off."""
        sink = DescriptorSink()
        sink.error = NoSpace("full")
        transfer, peer = self.receive(sink)
        peer.send(b"x")
        self.settle()
        peer.reset()
        self.settle()
        self.failureResultOf(transfer, DataConnectionLost)
        self.assertEqual(sink.written, b"")

    def test_abort_while_the_last_is_written(self) -> None:
        """DC21: nor does an abort wait for a sink that hangs with all of a small file."""
        sink = DescriptorSink()
        sink.hangs = Deferred()
        transfer, peer = self.receive(sink)
        peer.send(bytes(BEGINNING - 1))
        peer.end()
        self.settle()
        self.assertNoResult(transfer)
        self.connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        self.assertTrue(peer.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_abort_while_the_beginning_is_written(self) -> None:
        """DC21: nor for a thread that hangs with the beginning; what it writes goes where it should."""
        pool = HangingPool()
        sink = DescriptorSink(pool=pool)
        transfer, peer = self.receive(sink)
        peer.send(b"x" * BEGINNING)
        self.settle()
        self.assertNoResult(transfer)
        self.connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        before = len(os.listdir("/dev/fd"))
        pool.go_on()
        pool.go_on()
        self.assertTrue(peer.closed)
        self.assertEqual((sink.written, sink.blocks), (b"x" * BEGINNING, []))
        self.assertEqual((len(os.listdir("/dev/fd")), self.clock.getDelayedCalls()), (before - 2, []))

    def test_staged(self) -> None:
        """A staged file is prepared once, in a thread and before anything is written to its descriptor, if that is."""
        for size, prepared in ((BEGINNING - 1, []), (BEGINNING, [b"kept "]), (BEGINNING * 20, [b"kept "])):
            content = os.urandom(size)
            sink = StagedSink(b"kept ")
            transfer, peer = self.receive(sink)
            self.send(peer, content)
            peer.end()
            self.settle()
            self.assertEqual(self.successResultOf(transfer), size)
            self.assertEqual((sink.written, sink.prepared), (b"kept " + content, prepared))
            self.assertEqual(sink.blocks, [] if prepared else [content])

    def test_cannot_be_prepared(self) -> None:
        """A staged file that cannot be prepared is not written to, and that is an error of the storage."""
        sink = StagedSink()
        sink.refusal = OSError(28, "full")
        transfer, peer = self.receive(sink)
        before = len(os.listdir("/dev/fd"))
        peer.send(bytes(BEGINNING))
        self.settle()
        self.failureResultOf(transfer, NoSpace)
        self.clock.advance(REFUSAL_TIME)
        self.assertTrue(peer.closed)
        self.assertEqual((sink.written, len(os.listdir("/dev/fd"))), (b"", before - 1))

    def test_abort_by_the_last_write(self) -> None:
        """DC19: a transfer that is aborted from within the write of all there is has not succeeded."""
        connection, peer = self.connected()

        class Suicidal(DescriptorSink):
            async def write(self, block: Block) -> None:
                connection.abort()

        sink = Suicidal()
        self.addCleanup(sink.close)
        transfer = started(connection.receive(sink))
        peer.send(b"x")
        peer.end()
        self.settle()
        self.failureResultOf(transfer, DataConnectionAborted)

    def test_beginning_cannot_be_written(self) -> None:
        """What the sink raises of the beginning is raised."""
        sink = DescriptorSink()
        sink.error = NoSpace("full")
        transfer, peer = self.receive(sink)
        peer.send(b"x")
        peer.end()
        self.settle()
        self.failureResultOf(transfer, NoSpace)
        self.clock.advance(REFUSAL_TIME)
        self.assertTrue(peer.closed)

    def test_large(self) -> None:
        """A large file is written octet for octet."""
        content = os.urandom(1 << 20) * 3
        sink = DescriptorSink()
        transfer, peer = self.receive(sink)
        self.send(peer, content)
        peer.end()
        self.settle()
        self.assertEqual(self.successResultOf(transfer), len(content))
        self.assertEqual(sink.written, content)

    def test_disk_full(self) -> None:
        """A full disk is an error of the storage, not of the connection, whenever it is full."""
        for begun in (False, True):
            sink = DescriptorSink()
            transfer, peer = self.beyond_the_beginning(sink) if begun else self.receive(sink)
            with mock.patch("os.pwrite", failing(28)):
                peer.send(bytes(BEGINNING))
                self.settle()
            self.failureResultOf(transfer, NoSpace)
            self.clock.advance(REFUSAL_TIME)
            self.assertTrue(peer.closed)

    def test_short_writes(self) -> None:
        """A write that takes only a part is continued."""
        real = os.pwrite
        self.patch(os, "pwrite", lambda descriptor, block, offset: real(descriptor, block[:3], offset))
        sink = DescriptorSink()
        transfer, peer = self.beyond_the_beginning(sink)
        peer.send(b"0123456789")
        peer.end()
        self.settle()
        self.assertEqual(self.successResultOf(transfer), BEGINNING + 10)
        self.assertEqual(sink.written, bytes(BEGINNING) + b"0123456789")

    def test_reset(self) -> None:
        """DC17: a reset is an error of the connection."""
        for begun in (self.receive, self.beyond_the_beginning):
            transfer, peer = begun(DescriptorSink())
            peer.send(b"x")
            self.settle()
            peer.reset()
            self.settle()
            self.failureResultOf(transfer, DataConnectionLost)

    def test_thread_hangs(self) -> None:
        """DC21: an abort does not wait for a thread, which writes into nobody else's file and leaves nothing open."""
        pool = HangingPool()
        sink = DescriptorSink(pool=pool)
        transfer, peer = self.receive(sink)
        peer.send(bytes(BEGINNING))
        self.settle()
        pool.go_on()
        self.settle()
        peer.send(b"late")
        self.clock.turn()
        self.connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        self.assertEqual(peer.socket.recv(10), b"")
        self.assertFalse(peer.closed)
        number = sink.fileno()
        sink.close()
        other = DescriptorSink(pool=pool)
        self.addCleanup(other.close)
        self.assertEqual(other.fileno(), number)
        before = len(os.listdir("/dev/fd"))
        pool.go_on()
        pool.go_on()
        self.assertEqual(other.written, b"")
        self.assertTrue(peer.closed)
        self.assertEqual(len(os.listdir("/dev/fd")), before - 2)

    def test_pool_is_full(self) -> None:
        """A pool that takes no call is an error of the storage, and no descriptor is lost."""
        sink = DescriptorSink(pool=FullPool())
        before = len(os.listdir("/dev/fd"))
        transfer, peer = self.receive(sink)
        peer.send(bytes(BEGINNING))
        self.settle()
        self.failureResultOf(transfer, Unavailable)
        self.clock.advance(REFUSAL_TIME)
        peer.socket.close()
        self.assertEqual(len(os.listdir("/dev/fd")), before)

    def test_stall_with_descriptor(self) -> None:
        """DC12: the stall rule also holds for a sink with a descriptor."""
        for begun in (self.receive, self.beyond_the_beginning):
            transfer, peer = begun(DescriptorSink())
            peer.send(b"x")
            self.settle()
            for _ in range(3):
                self.clock.advance(TIMEOUT)
            self.failureResultOf(transfer, DataConnectionStalled)
            self.assertTrue(peer.closed)

    def test_stall_from_the_start(self) -> None:
        """DC12: a peer that connects and says nothing has the time-out too."""
        transfer, peer = self.receive(DescriptorSink())
        self.clock.advance(TIMEOUT)
        self.failureResultOf(transfer, DataConnectionStalled)
        self.assertTrue(peer.closed)

    def test_slow_sink_is_not_the_peer(self) -> None:
        """DC12: a storage that is slow with the beginning costs the peer nothing of its time."""
        pool = HangingPool()
        sink = DescriptorSink(pool=pool)
        transfer, peer = self.receive(sink)
        self.settle()
        peer.send(bytes(BEGINNING))
        self.settle()
        for _ in range(5):
            self.clock.advance(TIMEOUT)
        self.assertNoResult(transfer)
        pool.go_on()
        self.settle()
        self.clock.advance(TIMEOUT / 2)
        peer.send(b"x")
        peer.end()
        for _ in range(3):
            self.settle()
            pool.go_on()
        self.assertEqual(self.successResultOf(transfer), BEGINNING + 1)
        self.assertEqual(sink.written, bytes(BEGINNING) + b"x")
