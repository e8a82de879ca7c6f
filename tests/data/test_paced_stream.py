"""Streams at a pace: in memory, over sockets, by sendfile and by TLS."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftpx.data.connection import DataConnection
from ftpx.data.paced_stream import paced
from ftpx.data.residency import Residency
from ftpx.data.stall import MINIMUM_RATE
from ftpx.data.stream import IFileStream, IStream
from ftpx.data.throttle import Bucket, Pace
from ftpx.data.transfer import REFUSAL_TIME, Transfer
from ftpx.errors import DataConnectionAborted, DataConnectionStalled, QuotaExceeded
from ftpx.interfaces import Block, IPace
from ftpx.testing.data import MemoryPeer
from tests.data.contract import TIMEOUT, DataConnectionContract, started
from tests.data.doubles import (
    DescriptorReactor,
    DescriptorSink,
    DescriptorSource,
    HangingPool,
    MemorySink,
    MemorySource,
)
from tests.data.test_connection import SocketCase, SocketPeer
from tests.data.test_memory import MemoryDataConnectionTests
from tests.data.tls import TlsCase, TlsPeer

_RATE = 100_000
_ENOUGH = 1 << 40
_HELD = 2 * 768 * 1024


class PacedMemoryTests(MemoryDataConnectionTests):
    """The contract holds at a pace that nobody notices, and at one that is no limit."""

    def connected(self, takes: bool = True) -> tuple[DataConnection, MemoryPeer]:
        connection, peer = super().connected(takes)
        connection.keep_pace(Pace([Bucket(self.clock, _ENOUGH), Bucket(self.clock, None)]))
        return connection, peer


class PacedSocketTests(SocketCase, DataConnectionContract):
    """The same over socket pairs."""

    def connected(self, takes: bool = True) -> tuple[DataConnection, SocketPeer]:
        connection, peer = super().connected(takes)
        connection.keep_pace(Pace([Bucket(self.clock, _ENOUGH), Bucket(self.clock, None)]))
        return connection, peer


class PacedTlsTests(TlsCase, DataConnectionContract):
    """The same by TLS."""

    def opened(self, takes: bool = True, session: Any = None) -> tuple[DataConnection, TlsPeer]:
        connection, peer = super().opened(takes, session)
        connection.keep_pace(Pace([Bucket(self.clock, _ENOUGH), Bucket(self.clock, None)]))
        return connection, peer


@implementer(IPace)
class ScriptedPace:
    """Allows what it is told to."""

    def __init__(self, *allowed: int) -> None:
        self.answers = list(allowed)
        self.asked: list[int] = []
        self.ended: list[int] = []
        self.refusal: Exception | None = None

    def allowed(self, moved: int) -> int:
        """The next answer; the last one again and again."""
        self.asked.append(moved)
        if self.refusal is not None:
            raise self.refusal
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def wait(self) -> float:
        """A second."""
        return 1.0

    def end(self, moved: int) -> None:
        """Note it."""
        self.ended.append(moved)


class StreamTests(SynchronousTestCase):
    """A stream in memory."""

    def setUp(self) -> None:
        self.clock = DescriptorReactor()
        self.peer = MemoryPeer()
        self.pace = ScriptedPace(10)
        self.stream = self.make()

    def make(self) -> Any:
        """A stream of the peer's at the pace."""
        return paced(self.peer.stream, self.pace, self.clock)

    def test_interface(self) -> None:
        """It is what the other one is."""
        verifyObject(IStream, self.stream)
        self.assertFalse(IFileStream.providedBy(self.stream))

    def test_send(self) -> None:
        """What is allowed moves, then nothing."""
        self.assertEqual(self.stream.send(b"0123456", False), 7)
        self.assertEqual(self.stream.send(b"0123456", False), 3)
        self.assertRaises(BlockingIOError, self.stream.send, b"x", False)
        self.assertEqual(self.peer.sent, b"0123456012")

    def test_more_follows(self) -> None:
        """The system does not hold a part back when the rest has to wait for the pace."""
        told: list[bool] = []

        def send(block: Block, more: bool) -> int:
            told.append(more)
            return len(block)

        self.patch(self.peer.stream, "send", send)
        self.assertEqual(self.stream.send(b"0123", True), 4)
        self.assertEqual(self.stream.send(b"0123456789", True), 6)
        self.assertEqual(told, [True, False])

    def test_receive(self) -> None:
        """What is allowed is taken, then nothing."""
        self.peer.send(b"0123456789abc")
        buffer = bytearray(100)
        self.assertEqual(self.stream.receive_into(memoryview(buffer)), 10)
        self.assertRaises(BlockingIOError, self.stream.receive_into, memoryview(buffer))
        self.assertEqual((buffer[:10], self.peer.waiting), (b"0123456789", 3))

    def test_receive_little(self) -> None:
        """What has not come uses nothing up, and neither does the end."""
        buffer = memoryview(bytearray(100))
        self.assertRaises(BlockingIOError, self.stream.receive_into, buffer)
        self.peer.send(b"ab")
        self.assertEqual(self.stream.receive_into(buffer), 2)
        self.assertRaises(BlockingIOError, self.stream.receive_into, buffer)
        self.peer.send(b"01234567")
        self.assertEqual(self.stream.receive_into(buffer), 8)
        self.peer.end()
        self.pace.answers = [11]
        self.successResultOf(self.stream.readable())
        self.assertEqual(self.stream.receive_into(buffer), 0)
        self.stream.close()
        self.assertEqual(self.pace.ended, [10])

    def test_wait(self) -> None:
        """A wait is for the pace first, and then for the stream."""
        self.peer.take(10)
        self.stream.send(bytes(10), False)
        waiting = self.stream.writable()
        for _ in range(3):
            self.clock.advance(1)
        self.assertNoResult(waiting)
        self.pace.answers = [20]
        self.clock.advance(1)
        self.assertNoResult(waiting)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.peer.take(5)
        self.successResultOf(waiting)
        self.assertEqual(self.stream.send(bytes(10), False), 5)
        self.assertEqual(set(self.pace.asked), {0, 10})

    def test_refused(self) -> None:
        """What the pace refuses for good, a wait fails with: at once, or when it has been waited for."""
        self.stream.send(bytes(10), False)
        waiting = self.stream.writable()
        self.pace.refusal = QuotaExceeded("used up")
        self.assertNoResult(waiting)
        self.clock.advance(1)
        self.failureResultOf(waiting, QuotaExceeded)
        for wait in (self.stream.writable, self.stream.readable):
            self.failureResultOf(wait(), QuotaExceeded)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_refused_from_the_beginning(self) -> None:
        """So does the first wait, if nothing is allowed at all."""
        self.pace.refusal = QuotaExceeded("used up")
        stream = self.make()
        self.assertRaises(BlockingIOError, stream.send, b"x", False)
        self.failureResultOf(stream.writable(), QuotaExceeded)

    def test_no_wait(self) -> None:
        """Where something may move already, there is no detour."""
        self.successResultOf(self.stream.writable())
        self.assertNoResult(self.stream.readable())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancel(self) -> None:
        """A wait for the pace can be cancelled, and one for the stream; then another begins."""
        self.stream.send(bytes(10), False)
        waiting = self.stream.writable()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        reading = self.stream.readable()
        self.pace.answers = [20]
        self.clock.advance(1)
        reading.cancel()
        self.failureResultOf(reading, CancelledError)
        self.peer.send(b"x")
        self.successResultOf(self.stream.readable())

    def test_abort(self) -> None:
        """An abort ends the wait for the pace at once, and every later one."""
        self.stream.send(bytes(10), False)
        waiting = self.stream.writable()
        self.stream.abort(DataConnectionAborted("first"), False)
        self.stream.abort(DataConnectionAborted("second"), False)
        self.assertEqual(str(self.failureResultOf(waiting, DataConnectionAborted).value), "first")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.failureResultOf(self.stream.writable(), DataConnectionAborted)
        self.failureResultOf(self.stream.readable(), DataConnectionAborted)

    def test_end(self) -> None:
        """The end, and what comes behind it, need not wait."""
        self.stream.send(bytes(10), False)
        self.stream.end()
        self.successResultOf(self.stream.acknowledged())
        self.assertIsNone(self.stream.established())
        self.stream.close()
        self.assertTrue(self.peer.complete)
        self.assertTrue(self.peer.closed)
        self.assertEqual(self.pace.ended, [10])

    def test_time_held(self) -> None:
        """Time for which the pace held the transfer counts as if the peer had moved enough in it, and no other time."""
        self.clock.advance(100)
        self.assertEqual(self.stream.progress(0), 0)
        self.stream.send(bytes(10), False)
        waiting = self.stream.writable()
        self.clock.advance(0.5)
        self.assertIn(self.stream.progress(10) - 10, range(32, 35))
        self.clock.advance(0.5)
        self.assertIn(self.stream.progress(10) - 10, range(64, 69))
        self.pace.answers = [20]
        self.clock.advance(1)
        self.successResultOf(waiting)
        self.clock.advance(100)
        self.assertIn(self.stream.progress(10) - 10, range(128, 136))

    def test_time_held_of_a_peer_that_takes_nothing(self) -> None:
        """But only if the peer has taken something since the last look, or has nothing to take."""
        taken = 3
        self.patch(self.peer.stream, "progress", lambda moved: taken)
        self.stream.send(bytes(10), False)
        waiting = self.stream.writable()
        self.clock.advance(0.5)
        self.assertGreater(first := self.stream.progress(10), taken)
        self.clock.advance(0.4)
        self.assertEqual(self.stream.progress(10), first)
        taken = 4
        self.assertGreater(second := self.stream.progress(10), first + 20)
        taken = 10
        self.clock.advance(0.05)
        self.assertGreater(self.stream.progress(10), second + 6)
        self.clock.advance(0.04)
        self.assertGreater(self.stream.progress(10), second + 8)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)

    def test_closed_before(self) -> None:
        """A pace for a connection that is closed already ends at once."""
        transfer = Transfer(self.clock, self.peer.stream, TIMEOUT)
        transfer.finish(clean=False)
        transfer.keep_pace(self.pace)
        self.assertEqual(self.pace.ended, [0])


class RateCase(SynchronousTestCase):
    """Transfers over whatever there is, with a clock that is advanced."""

    clock: Any

    def settle(self) -> None:
        """Let everything happen that can happen now."""

    def run_for(self, seconds: float) -> None:
        """Let time pass, and everything happen in it."""
        for _ in range(round(seconds / 0.01)):
            self.clock.advance(0.01)
            self.settle()

    def assert_near(self, value: float, expected: float) -> None:
        """Within 5 per cent."""
        self.assertLess(abs(value - expected), expected * 0.05, f"{value} is not about {expected}")


class MemoryRateTests(RateCase):
    """The rate of transfers in memory."""

    def setUp(self) -> None:
        self.clock = DescriptorReactor()

    def connected(self, rate: int | None) -> tuple[DataConnection, MemoryPeer, Bucket]:
        """A connection at a rate."""
        peer = MemoryPeer()
        connection = DataConnection(self.clock, peer.stream, TIMEOUT)
        bucket = Bucket(self.clock, rate)
        connection.keep_pace(Pace([bucket]))
        return connection, peer, bucket

    def test_blocks(self) -> None:
        """Ten seconds of a download, of large blocks and of small ones."""
        for size in (10, 1000, 1 << 20):

            async def blocks(size: int = size) -> Any:
                while True:
                    yield bytes(size)

            connection, peer, _ = self.connected(_RATE)
            transfer = started(connection.send_blocks(blocks()))
            self.run_for(10)
            self.assert_near(len(peer.sent), 10 * _RATE)
            connection.abort()
            self.failureResultOf(transfer, DataConnectionAborted)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_upload(self) -> None:
        """Ten seconds of an upload: no more is taken from the peer."""
        connection, peer, _ = self.connected(_RATE)
        sink = MemorySink()
        transfer = started(connection.receive(sink))
        peer.send(bytes(2_000_000))
        self.run_for(10)
        self.assert_near(len(sink.content), 10 * _RATE)
        self.run_for(10)
        peer.end()
        self.run_for(1)
        self.assertEqual(self.successResultOf(transfer), 2_000_000)

    def test_change(self) -> None:
        """A transfer that runs goes slower, and faster again."""
        connection, peer, bucket = self.connected(_RATE)
        transfer = started(connection.send_file(MemorySource(bytes(20 * _RATE)), 0, 20 * _RATE))
        for rate in (_RATE // 10, _RATE * 2 // 3, _RATE // 2):
            bucket.change(rate)
            before = len(peer.sent)
            self.run_for(5)
            self.assert_near(len(peer.sent) - before, 5 * rate)
        bucket.change(None)
        self.run_for(1)
        self.assertEqual(self.successResultOf(transfer), 20 * _RATE)

    def test_refused(self) -> None:
        """A transfer whose pace refuses more ends with that, in both directions, and its connection is reset."""
        for upload in (True, False):
            peer = MemoryPeer()
            pace = ScriptedPace(10)
            connection = DataConnection(self.clock, peer.stream, TIMEOUT)
            connection.keep_pace(pace)
            connection.keep_pace(Pace([Bucket(self.clock, _ENOUGH)]))
            sink = MemorySink()
            source = MemorySource(bytes(100))
            transfer = started(connection.receive(sink) if upload else connection.send_file(source, 0, 100))
            peer.send(bytes(100))
            self.run_for(1)
            pace.refusal = QuotaExceeded("used up")
            self.run_for(2)
            self.failureResultOf(transfer, QuotaExceeded)
            self.run_for(REFUSAL_TIME)
            self.assertEqual((connection.moved, len(sink.content)), (10, 10 if upload else 0))
            self.assertTrue(peer.closed and not peer.complete)
            self.assertEqual((pace.ended, self.clock.getDelayedCalls()), ([10], []))

    def test_abort_gives_back(self) -> None:
        """What a transfer has reserved is there for others when it ends."""
        connection, _, bucket = self.connected(100)
        transfer = started(connection.send_file(MemorySource(bytes(1000)), 0, 1000))
        self.run_for(2)
        connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        self.assertEqual(bucket.sharers, 0)
        self.run_for(0.2)
        self.assertTrue(bucket.full)

    def test_slow_is_no_stall(self) -> None:
        """A rate below what counts as a stall is not the peer's fault, for a download as for an upload."""
        for rate in (1, 5, MINIMUM_RATE - 1):
            connection, peer, _ = self.connected(rate)
            transfer = started(connection.send_file(MemorySource(bytes(_RATE)), 0, _RATE))
            upload, uploader, _ = self.connected(rate)
            sending = started(upload.receive(MemorySink()))
            uploader.send(bytes(_RATE))
            self.run_for(5 * TIMEOUT)
            self.assertNoResult(transfer)
            self.assertNoResult(sending)
            self.assert_near(len(peer.sent), rate * 5 * TIMEOUT)
            for each in (connection, upload):
                each.abort()
            self.failureResultOf(transfer, DataConnectionAborted)
            self.failureResultOf(sending, DataConnectionAborted)

    def test_nothing_for_long_is_no_stall(self) -> None:
        """Nor is it to wait behind many others for longer than the time-out."""
        connection, _, bucket = self.connected(1)
        bucket.reserve(1000)
        transfer = started(connection.send_file(MemorySource(bytes(10)), 0, 10))
        self.run_for(5 * TIMEOUT)
        self.assertNoResult(transfer)
        connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)

    def test_silent_upload(self) -> None:
        """A peer that sends nothing is a stall at any rate."""
        for rate in (1, 1000):
            connection, peer, _ = self.connected(rate)
            transfer = started(connection.receive(MemorySink()))
            peer.send(b"x")
            self.run_for(2 * TIMEOUT)
            self.failureResultOf(transfer, DataConnectionStalled)

    def test_download_that_is_not_taken(self) -> None:
        """A peer that takes nothing is a stall at any rate, once there is no room."""
        for rate in (10, 1000):
            connection, peer, _ = self.connected(rate)
            peer.take(100)
            transfer = started(connection.send_file(MemorySource(bytes(_RATE)), 0, _RATE))
            self.run_for(4 * TIMEOUT)
            self.failureResultOf(transfer, DataConnectionStalled)


class SocketRateTests(SocketCase, RateCase):
    """The rate of transfers over sockets, with files that have a descriptor."""

    def run_for(self, seconds: float) -> None:
        """Fewer turns than elsewhere, as each one has system calls."""
        for _ in range(round(seconds / 0.02)):
            self.clock.advance(0.02)
            self.clock.turn(2)
            for peer in self.peers:
                if peer.takes:
                    peer.take()

    def paced(self, rate: int | None, takes: bool = True) -> tuple[DataConnection, SocketPeer, Bucket]:
        """A connection at a rate."""
        connection, peer = self.connected(takes)
        bucket = Bucket(self.clock, rate)
        connection.keep_pace(Pace([bucket]))
        return connection, peer, bucket

    def test_sendfile(self) -> None:
        """Ten seconds of a file; the kernel moves it, and not a single octet is copied."""
        content = os.urandom(20 * _RATE)
        source = DescriptorSource(content)
        self.addCleanup(source.close)
        connection, peer, bucket = self.paced(_RATE)
        transfer = started(connection.send_file(source, 0, len(content)))
        self.run_for(10)
        self.assert_near(len(peer.sent), 10 * _RATE)
        bucket.change(None)
        self.run_for(2)
        self.assertEqual(self.successResultOf(transfer), len(content))
        self.assertEqual((peer.sent == content, source.copied), (True, 0))

    def test_small_file(self) -> None:
        """A file that is read at once is sent at the rate, too."""
        content = os.urandom(60_000)
        source = DescriptorSource(content)
        self.addCleanup(source.close)
        connection, peer, _ = self.paced(10_000)
        transfer = started(connection.send_file(source, 0, len(content)))
        self.run_for(3)
        self.assertLess(abs(len(peer.sent) - 32_000), 1600)
        self.run_for(4)
        self.assertEqual(self.successResultOf(transfer), len(content))
        self.assertEqual(peer.sent, content)

    def test_upload_by_a_thread(self) -> None:
        """What a thread takes is bounded by what it was allowed before."""
        content = os.urandom(3 * _RATE)
        pool = HangingPool()
        sink = DescriptorSink(b"", pool)
        self.addCleanup(sink.close)
        connection, peer, _ = self.paced(_RATE)
        transfer = started(connection.receive(sink))
        left = memoryview(content)
        for _ in range(300):
            if left:
                with contextlib.suppress(BlockingIOError):
                    left = left[peer.socket.send(left) :]
                if not left:
                    peer.end()
            self.clock.advance(0.01)
            self.clock.turn()
            pool.go_on()
            self.assertLessEqual(connection.moved, (self.clock.seconds() + 0.3) * _RATE)
        for _ in range(50):
            self.clock.advance(0.01)
            self.clock.turn()
            pool.go_on()
        self.assertEqual(self.successResultOf(transfer), len(content))
        self.assertEqual(sink.written == content, True)

    def test_abort_while_a_thread_moves(self) -> None:
        """A thread that hangs keeps its place; it is given back when the thread has returned."""
        pool = HangingPool()
        source = DescriptorSource(os.urandom(_RATE), pool)
        self.addCleanup(source.close)
        connection, peer, bucket = self.paced(_RATE)
        self.patch(Residency, "covers", lambda *arguments: False)
        transfer = started(connection.send_file(source, 0, _RATE))
        self.assertEqual(len(pool.calls), 1)
        connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        self.assertEqual((bucket.sharers, peer.closed), (1, False))
        pool.go_on()
        self.assertEqual((bucket.sharers, peer.closed), (0, True))

    def test_peer_that_does_not_take(self) -> None:
        """A peer whose system takes nothing more is a stall, also while there is room for more on our side."""
        source = DescriptorSource(bytes(10_000_000))
        self.addCleanup(source.close)
        connection, _, _ = self.paced(1000, takes=False)
        transfer = started(connection.send_file(source, 0, 10_000_000))
        self.run_for(3 * TIMEOUT)
        self.failureResultOf(transfer, DataConnectionStalled)

    def test_without_a_rate(self) -> None:
        """Without a pace the stream is the plain one; with one that is no limit there is no call more a window."""
        connection, _ = self.connected()
        self.assertNotIn("Paced", type(connection._transfer.stream).__name__)
        connection.abort()
        calls: list[int] = []
        source = DescriptorSource(bytes(8 << 20))
        self.addCleanup(source.close)
        for limited in (False, True):
            connection, _ = self.connected()
            if limited:
                connection.keep_pace(Pace([Bucket(self.clock, None)]))
            sent: list[int] = []
            send = os.sendfile
            self.patch(os, "sendfile", lambda *call, send=send, sent=sent: sent.append(call[3]) or send(*call))
            transfer = started(connection.send_file(source, 0, 8 << 20))
            while not transfer.called:
                self.settle()
                self.clock.advance(0.01)
            self.assertEqual(self.successResultOf(transfer), 8 << 20)
            calls.append(len(sent))
            self.assertGreaterEqual(max(sent), 512 << 10)
            self.patch(os, "sendfile", send)
        self.assertLess(abs(calls[0] - calls[1]), calls[0] * 0.2 + 3)


class TlsRateTests(TlsCase, RateCase):
    """The rate of transfers by TLS."""

    def run_for(self, seconds: float) -> None:
        """Fewer turns than elsewhere, as each one has system calls."""
        for _ in range(round(seconds / 0.02)):
            self.clock.advance(0.02)
            self.clock.turn(2)
            for peer in self.peers:
                peer.take()

    def paced(self, rate: int | None, takes: bool = True) -> tuple[DataConnection, TlsPeer, Bucket]:
        """A connection at a rate, after its handshake, which takes no time of the rate."""
        connection, peer = self.connected(takes)
        bucket = Bucket(self.clock, rate)
        connection.keep_pace(Pace([bucket]))
        return connection, peer, bucket

    def test_download(self) -> None:
        """Ten seconds of a file."""
        content = os.urandom(20 * _RATE)
        source = DescriptorSource(content)
        self.addCleanup(source.close)
        connection, peer, bucket = self.paced(_RATE)
        transfer = started(connection.send_file(source, 0, len(content)))
        self.run_for(10)
        self.assert_near(len(peer.sent), 10 * _RATE)
        bucket.change(None)
        self.run_for(2)
        self.assertEqual(self.successResultOf(transfer), len(content))
        self.assertEqual(peer.sent == content, True)

    def test_upload(self) -> None:
        """Ten seconds of an upload, in records that are larger than what may be taken at a time."""
        connection, peer, _ = self.paced(_RATE)
        sink = MemorySink()
        transfer = started(connection.receive(sink))
        content = os.urandom(2_000_000)
        records = memoryview(peer.tls.protect(content))
        for _ in range(500):
            with contextlib.suppress(BlockingIOError):
                records = records[peer.socket.send(records) :]
            self.run_for(0.02)
        self.assert_near(len(sink.content), 10 * _RATE)
        self.assertEqual(sink.content, content[: len(sink.content)])
        connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)

    def test_lower_rate_while_something_is_held(self) -> None:
        """What TLS has taken and holds is sent, however low the rate has become; it is owed then."""
        for from_file in (True, False):
            content = os.urandom(8 << 20)
            connection, peer, bucket = self.paced(None, takes=False)
            source: Any = DescriptorSource(content) if from_file else MemorySource(content)
            transfer = started(connection.send_file(source, 0, len(content)))
            self.run_for(0.1)
            before = connection.moved
            self.assertGreater(len(peer.socket.recv(1 << 20, socket.MSG_PEEK)), 0)
            bucket.change(50_000)
            peer.takes = True
            self.run_for(20)
            self.assertLess(connection.moved - before, 50_000 * 20 + _HELD)
            self.assertGreater(connection.moved - before, 50_000 * 19)
            bucket.change(None)
            self.run_for(5)
            self.assertEqual(self.successResultOf(transfer), len(content))
            self.assertEqual(peer.sent == content, True)
            if from_file:
                source.close()

    def test_one_octet_at_a_time(self) -> None:
        """The lowest rates go through TLS as well."""
        connection, peer, _ = self.paced(10)
        transfer = started(connection.send_file(MemorySource(b"0123456789" * 5), 0, 50))
        self.run_for(4)
        self.assertIn(len(peer.sent), range(40, 44))
        self.run_for(2)
        self.assertEqual(self.successResultOf(transfer), 50)
        self.assertEqual(peer.sent, b"0123456789" * 5)


class HandshakeTests(TlsCase):
    """A pace that comes before the handshake is over."""

    def test_before_the_handshake(self) -> None:
        """It holds for what comes behind."""
        connection, peer = self.opened()
        connection.keep_pace(Pace([Bucket(self.clock, _ENOUGH)]))
        transfer: Deferred[int] = started(connection.send_file(MemorySource(b"hello"), 0, 5))
        self.finish(transfer)
        self.assertEqual(self.successResultOf(transfer), 5)
        self.assertEqual(peer.sent, b"hello")
