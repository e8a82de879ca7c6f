"""Deflated data connections, over connections in memory and over sockets."""

from __future__ import annotations

import os
import zlib
from collections.abc import AsyncGenerator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.data import deflate
from ftpx.data.connection import DataConnection
from ftpx.data.deflate import UNCOUNTED, DeflatedConnection
from ftpx.data.stream import SocketStream
from ftpx.errors import (
    DataConnectionAborted,
    DataConnectionLost,
    DeflatedDataInvalid,
    DeflatedDataTruncated,
    InflatesTooFar,
    StorageUnavailable,
)
from ftpx.interfaces import Block, IDataConnection, IPace, IWorkerPool
from ftpx.testing.data import MemoryDataConnections, MemoryPeer
from ftpx.testing.pool import InlinePool
from tests.data.contract import TIMEOUT, DataConnectionContract, Peer, started
from tests.data.doubles import DescriptorSink, DescriptorSource, FullPool, HangingPool, MemorySink, MemorySource
from tests.data.test_connection import SocketCase, SocketPeer

_RATIO = 200
_AS_IS = 0
"""zlib's level that stores octets: what is sent takes the room that the contract of connections reckons with."""


class DeflatingPeer:
    """The other end, which deflates what it sends and inflates what it gets."""

    def __init__(self, wire: Peer) -> None:
        self.wire = wire
        self._deflate = zlib.compressobj(_AS_IS)

    @property
    def sent(self) -> bytes:
        """The plain octets of all that it was sent."""
        stream = zlib.decompressobj()
        plain = stream.decompress(self.wire.sent)
        assert not stream.unused_data
        return plain

    @property
    def complete(self) -> bool:
        """Whether the end was clean, that of the deflated octets too."""
        stream = zlib.decompressobj()
        stream.decompress(self.wire.sent)
        return self.wire.complete and stream.eof

    @property
    def closed(self) -> bool:
        """Whether our end is closed."""
        return self.wire.closed

    def send(self, data: bytes) -> None:
        """Send octets."""
        self.wire.send(self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH))

    def end(self) -> None:
        """No more is sent."""
        self.wire.send(self._deflate.flush())
        self.wire.end()

    def reset(self) -> None:
        """Break the connection."""
        self.wire.reset()


class DeflatedContract(DataConnectionContract):
    """The contract, over a connection of `wire`; what is counted is the octets there, which are not the content's."""

    def wire(self, takes: bool) -> tuple[Any, Any]:
        """A connection and its peer, as they are without MODE Z."""
        raise NotImplementedError

    def connected(self, takes: bool = True) -> tuple[DeflatedConnection, DeflatingPeer]:
        """A deflated connection and the other end."""
        connection, peer = self.wire(takes)
        return DeflatedConnection(connection, InlinePool(), _AS_IS, _RATIO), DeflatingPeer(peer)

    def test_send_file(self: Any) -> None:
        """The octets between two offsets of the plain content arrive."""
        connection, peer = self.connected()
        transfer = started(connection.send_file(MemorySource(b"0123456789"), 2, 8))
        moved = self.outcome(transfer)
        self.assertEqual((peer.sent, peer.complete, peer.closed), (b"234567", True, True))
        self.assertEqual((moved, connection.moved), (len(peer.wire.sent),) * 2)

    def test_send_nothing(self: Any) -> None:
        """An empty file is an empty stream, which is not nothing."""
        connection, peer = self.connected()
        self.assertEqual(self.outcome(started(connection.send_file(MemorySource(b""), 0, 0))), len(peer.wire.sent))
        self.assertEqual((peer.sent, peer.complete), (b"", True))
        self.assertNotEqual(peer.wire.sent, b"")

    def test_send_blocks(self: Any) -> None:
        """Blocks of any kind and size arrive in order."""

        async def blocks() -> AsyncGenerator[Block, None]:
            for block in (b"one ", b"", bytearray(b"two "), memoryview(b"three")):
                yield block

        connection, peer = self.connected()
        self.outcome(started(connection.send_blocks(blocks())))
        self.assertEqual((peer.sent, peer.complete), (b"one two three", True))

    def test_receive(self: Any) -> None:
        """Everything until the clean end is written, as it comes."""
        connection, peer = self.connected()
        sink = MemorySink()
        transfer = started(connection.receive(sink))
        peer.send(b"first ")
        self.settle()
        self.assertEqual(sink.content, b"first ")
        peer.send(b"second")
        self.settle()
        self.assertNoResult(transfer)
        peer.end()
        moved = self.outcome(transfer)
        self.assertEqual((sink.content, connection.moved, peer.closed), (b"first second", moved, True))

    def test_slow_but_alive(self: Any) -> None:
        """A peer that moves the minimum in each window is let go on."""
        connection, peer = self.connected()
        sink = MemorySink()
        transfer = started(connection.receive(sink))
        for _ in range(5):
            self.clock.advance(30)
            peer.send(os.urandom(64 * 60))
            self.settle()
            self.clock.advance(30)
        peer.end()
        self.outcome(transfer)
        self.assertEqual(len(sink.content), 5 * 64 * 60)


class _MemoryCase(SynchronousTestCase):
    """Connections in memory."""

    def setUp(self) -> None:
        self.data = MemoryDataConnections(timeout=TIMEOUT)
        self.clock = self.data.clock

    def wire(self, takes: bool = True) -> tuple[DataConnection, MemoryPeer]:
        """A connection without MODE Z and its peer."""
        port = self.data.listen("192.0.2.2", None)
        peer = port.accept()
        if not takes:
            peer.take(100_000)
        return self.successResultOf(started(port.connect())), peer

    def settle(self) -> None:
        """Everything happens at once."""


class MemoryDeflatedTests(_MemoryCase, DeflatedContract):
    """The contract, in memory."""


class SocketDeflatedTests(DeflatedContract, SocketCase):  # type: ignore[misc] # `connected` is the contract's
    """The contract, over socket pairs."""

    def wire(self, takes: bool) -> tuple[DataConnection, SocketPeer]:
        return SocketCase.connected(self, takes)

    def settle(self) -> None:
        SocketCase.settle(self)


class LostAtTheEndTests(SocketCase):
    """A peer that closes before it has seen the end."""

    def lost(self, left: int, deflated: bool) -> Deferred[int]:
        """A download whose connection is lost at the end, with so many octets on their way."""

        def end(stream: SocketStream) -> None:
            raise DataConnectionLost("reset")

        self.patch(SocketStream, "end", end)
        self.patch(SocketStream, "unacknowledged", lambda stream: left)
        connection: IDataConnection = self.connected()[0]
        if deflated:
            connection = DeflatedConnection(connection, InlinePool(), 6, _RATIO)
        return started(connection.send_file(MemorySource(b"all of it"), 0, 9))

    def test_has_everything(self) -> None:
        """It has seen the end of what was deflated, and needs no other."""
        for left in (0, 100_000):
            self.successResultOf(self.lost(left, deflated=True))

    def test_something_was_on_its_way(self) -> None:
        """So much cannot have come without an acknowledgement."""
        self.failureResultOf(self.lost(1_000_000, deflated=True), DataConnectionLost)

    def test_not_deflated(self) -> None:
        """Only the end of the connection tells the end of what is sent as it is."""
        self.failureResultOf(self.lost(0, deflated=False), DataConnectionLost)


class DownloadTests(_MemoryCase):
    """Deflating."""

    def begin(self, pool: IWorkerPool, level: int = 6) -> tuple[DeflatedConnection, Any]:
        """A connection and its peer."""
        connection, peer = self.wire()
        return DeflatedConnection(connection, pool, level, _RATIO), peer

    def test_large(self) -> None:
        """A large file goes through in slices, and becomes small."""
        pool = InlinePool()
        content = b"all work and no play " * 200_000
        connection, peer = self.begin(pool)
        source = MemorySource(content)
        moved = self.successResultOf(started(connection.send_file(source, 1, len(content) - 1)))
        self.assertEqual(zlib.decompress(peer.sent), content[1:-1])
        self.assertLess(moved, len(content) // 100)
        self.assertEqual(pool.calls, -(-(len(content) - 2) // deflate._DEFLATED_AT_ONCE))

    def test_levels(self) -> None:
        """A higher level makes less."""
        content = b"".join(b"%d %d\n" % (number, number**3) for number in range(20_000))
        sizes = []
        for level in (1, 6, 9):
            connection, peer = self.begin(InlinePool(), level)
            sizes.append(self.successResultOf(started(connection.send_file(MemorySource(content), 0, len(content)))))
            self.assertEqual(zlib.decompress(peer.sent), content)
        self.assertGreater(sizes[0], max(sizes[1:]))

    def test_listing_takes_one_call(self) -> None:
        """Many small blocks are one call in a thread."""

        async def blocks() -> AsyncGenerator[Block, None]:
            for number in range(1000):
                yield b"line %d\r\n" % number

        pool = InlinePool()
        connection, peer = self.begin(pool)
        self.successResultOf(started(connection.send_blocks(blocks())))
        self.assertEqual(zlib.decompress(peer.sent).count(b"\r\n"), 1000)
        self.assertEqual(pool.calls, 1)

    def test_huge_block(self) -> None:
        """A block of any size goes in slices."""

        async def blocks() -> AsyncGenerator[Block, None]:
            yield content

        content = os.urandom(3 * deflate._DEFLATED_AT_ONCE + 1)
        pool = InlinePool()
        connection, peer = self.begin(pool)
        self.successResultOf(started(connection.send_blocks(blocks())))
        self.assertEqual(zlib.decompress(peer.sent), content)
        self.assertEqual(pool.calls, 4)

    def test_file_with_descriptor(self) -> None:
        """A file with a descriptor is read, and not sent by the kernel."""
        source = DescriptorSource(b"0123456789")
        self.addCleanup(source.close)
        connection, peer = self.begin(InlinePool())
        self.successResultOf(started(connection.send_file(source, 3, 10)))
        self.assertEqual((zlib.decompress(peer.sent), source.copied), (b"3456789", 7))

    def test_abort_while_deflating(self) -> None:
        """An abort does not wait for the thread, whose late answer changes nothing; the blocks are closed."""
        events = []

        async def blocks() -> AsyncGenerator[Block, None]:
            try:
                yield bytes(deflate._DEFLATED_AT_ONCE + 1)
                yield b"never asked for"
            finally:
                events.append("closed")

        pool = HangingPool()
        connection, peer = self.begin(pool)
        transfer = started(connection.send_blocks(blocks()))
        self.assertEqual(len(pool.calls), 1)
        connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        self.assertEqual((events, peer.closed, peer.complete), (["closed"], True, False))

    def test_peer_takes_nothing(self) -> None:
        """As long as the peer takes nothing, nothing more is read or deflated."""
        pool = InlinePool()
        connection, peer = self.begin(pool)
        peer.take(0)
        source = MemorySource(os.urandom(16 * deflate._DEFLATED_AT_ONCE))
        transfer = started(connection.send_file(source, 0, len(source.content)))
        self.assertNoResult(transfer)
        self.assertLessEqual(pool.calls, 2)
        peer.take(None)
        self.successResultOf(transfer)
        self.assertEqual(zlib.decompress(peer.sent), source.content)

    def test_pool_is_full(self) -> None:
        """Where no thread can be had, the transfer fails and the peer sees no clean end."""
        connection, peer = self.begin(FullPool())
        self.failureResultOf(started(connection.send_file(MemorySource(b"x"), 0, 1)), StorageUnavailable)
        self.assertFalse(peer.complete)

    def test_pace(self) -> None:
        """The pace is that of the connection below."""
        paces: list[object] = []

        class Wire:
            keep_pace = paces.append

        pace: Any = IPace
        DeflatedConnection(Wire(), InlinePool(), 6, 0).keep_pace(pace)  # type: ignore[arg-type]
        self.assertEqual(paces, [IPace])


class UploadTests(_MemoryCase):
    """Inflating."""

    def upload(
        self, *blocks: bytes, end: bool = True, ratio: int = _RATIO, pool: IWorkerPool | None = None
    ) -> tuple[Deferred[int], MemorySink]:
        """The peer sends blocks as they are."""
        connection, peer = self.wire()
        self.peer = peer
        sink = MemorySink()
        self.connection = DeflatedConnection(connection, pool or InlinePool(), 6, ratio)
        transfer = started(self.connection.receive(sink))
        for block in blocks:
            peer.send(block)
        if end:
            peer.end()
        return transfer, sink

    def test_any_split(self) -> None:
        """Where the blocks are divided does not matter."""
        deflated = zlib.compress(b"some content" * 10)
        for place in range(1, len(deflated)):
            transfer, sink = self.upload(deflated[:place], deflated[place:])
            self.assertEqual(self.successResultOf(transfer), len(deflated))
            self.assertEqual(sink.content, b"some content" * 10)

    def test_pieces(self) -> None:
        """What a block inflates to is written in pieces of bounded size, to the last octet."""
        pieces = []

        class Sink(MemorySink):
            async def write(self, block: Block) -> None:
                pieces.append(len(block))

        for size in (deflate._INFLATED_AT_ONCE, deflate._INFLATED_AT_ONCE + 1, 5 * deflate._INFLATED_AT_ONCE - 1):
            pieces.clear()
            connection, peer = self.wire()
            transfer = started(DeflatedConnection(connection, InlinePool(), 6, 0).receive(Sink()))
            peer.send(zlib.compress(bytes(size)))
            peer.end()
            self.successResultOf(transfer)
            self.assertEqual(sum(pieces), size)
            self.assertEqual(max(pieces), deflate._INFLATED_AT_ONCE)

    def test_sink_with_descriptor(self) -> None:
        """A file with a descriptor gets the plain content, behind what it has."""
        sink = DescriptorSink(b"kept ")
        self.addCleanup(sink.close)
        connection, peer = self.wire()
        transfer = started(DeflatedConnection(connection, InlinePool(), 6, _RATIO).receive(sink))
        peer.send(zlib.compress(b"new"))
        peer.end()
        self.successResultOf(transfer)
        self.assertEqual(sink.written, b"kept new")

    def test_empty(self) -> None:
        """An empty file is an empty stream or nothing at all."""
        for blocks in ((zlib.compress(b""),), ()):
            transfer, sink = self.upload(*blocks)
            self.assertEqual(self.successResultOf(transfer), sum(map(len, blocks)))
            self.assertEqual(sink.content, b"")

    def test_truncated(self) -> None:
        """An end at any place before the last octet is none, and what was written is the beginning of the content."""
        content = os.urandom(20) + b"the same again and again " * 20
        deflated = zlib.compress(content)
        for place in range(1, len(deflated)):
            transfer, sink = self.upload(deflated[:place])
            self.failureResultOf(transfer, DeflatedDataTruncated)
            self.assertTrue(content.startswith(sink.content))
        # The last four octets are the checksum: all of the content had come.
        self.assertEqual(sink.content, content)

    def test_reset(self) -> None:
        """A connection that breaks leaves the beginning of the content, all of it that had come."""
        content = os.urandom(5_000_000)
        connection, peer = self.wire()
        sink = MemorySink()
        transfer = started(DeflatedConnection(connection, InlinePool(), 6, _RATIO).receive(sink))
        peer.send(zlib.compress(content)[:3_000_000])
        peer.reset()
        self.failureResultOf(transfer, DataConnectionLost)
        self.assertTrue(content.startswith(sink.content))

    def test_invalid(self) -> None:
        """What is not zlib's format, damaged or longer than it should be is an error of its own."""
        deflated = zlib.compress(b"content" * 100)
        raw = zlib.compressobj(wbits=-15)
        packed = zlib.compressobj(wbits=31)
        dictionary = zlib.compressobj(zdict=b"content")
        for name, octets in {
            "plain": b"just text, as in MODE S",
            "raw": raw.compress(b"content" * 100) + raw.flush(),
            "gzip": packed.compress(b"content") + packed.flush(),
            "dictionary": dictionary.compress(b"content") + dictionary.flush(),
            "checksum": deflated[:-1] + bytes([deflated[-1] ^ 1]),
            "damaged": deflated[:3] + b"\xff\xff\xff" + deflated[6:],
            "behind the end": deflated + b"x",
            "twice": deflated + deflated,
        }.items():
            transfer, _ = self.upload(octets, end=False)
            self.failureResultOf(transfer, DeflatedDataInvalid)
            self.assertTrue(self.peer.closed, name)

    def test_behind_the_end_later(self) -> None:
        """Octets that come when the stream has ended are an error too."""
        transfer, sink = self.upload(zlib.compress(b"content"), b"x")
        self.failureResultOf(transfer, DeflatedDataInvalid)
        self.assertEqual(sink.content, b"content")

    def test_bomb(self) -> None:
        """What inflates too far is refused, long before all of it is written."""
        bomb = zlib.compress(bytes(256 * UNCOUNTED), 9)
        self.assertLess(len(bomb), 300_000)
        pool = InlinePool()
        transfer, sink = self.upload(bomb, pool=pool)
        self.failureResultOf(transfer, InflatesTooFar)
        self.assertLessEqual(len(sink.content), UNCOUNTED + _RATIO * len(bomb))

    def test_bomb_in_drops(self) -> None:
        """What counts is what has come so far, not what may still come."""
        bomb = zlib.compress(bytes(64 * UNCOUNTED), 9)
        transfer, sink = self.upload(bomb[:8192], end=False)
        self.failureResultOf(transfer, InflatesTooFar)
        self.assertLessEqual(len(sink.content), UNCOUNTED + _RATIO * 8192)

    def test_small_zeroes(self) -> None:
        """A small file of zeroes is no bomb."""
        transfer, sink = self.upload(zlib.compress(bytes(UNCOUNTED), 9))
        self.successResultOf(transfer)
        self.assertEqual(len(sink.content), UNCOUNTED)

    def test_no_limit(self) -> None:
        """Without a ratio everything goes."""
        transfer, sink = self.upload(zlib.compress(bytes(20 * UNCOUNTED), 9), ratio=0)
        self.successResultOf(transfer)
        self.assertEqual(len(sink.content), 20 * UNCOUNTED)

    def test_abort_while_inflating(self) -> None:
        """An abort does not wait for the thread, and what it still inflates is not written."""
        pool = HangingPool()
        transfer, sink = self.upload(zlib.compress(b"content"), end=False, pool=pool)
        self.assertEqual(len(pool.calls), 1)
        self.connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        self.assertEqual(sink.content, b"")

    def test_slow_sink_holds_the_peer(self) -> None:
        """While the sink is busy, nothing more is inflated."""
        pool = InlinePool()
        connection, peer = self.wire()
        sink = MemorySink()
        sink.hangs = Deferred()
        transfer = started(DeflatedConnection(connection, pool, 6, 0).receive(sink))
        peer.send(zlib.compress(bytes(30 * UNCOUNTED)))
        peer.end()
        self.assertEqual(pool.calls, 1)
        hangs, sink.hangs = sink.hangs, None
        hangs.callback(None)
        self.successResultOf(transfer)
        self.assertEqual(len(sink.content), 30 * UNCOUNTED)

    def test_commit_and_abort_are_the_sinks(self) -> None:
        """Around a file the sink stays a file."""
        events: list[str] = []

        class Sink(MemorySink):
            async def abort(self) -> None:
                events.append("abort")

        sink = deflate._InflatingSink(Sink(), InlinePool(), 0)
        self.assertEqual(self.successResultOf(started(sink.commit())).size, 0)
        self.successResultOf(started(sink.abort()))
        self.assertEqual(events, ["abort"])


class SliceTests(SynchronousTestCase):
    """How much is done in one call."""

    def test_bounds(self) -> None:
        """One call is far below a second's work and far above the cost of going to a thread."""
        self.assertLessEqual(64 * 1024, deflate._DEFLATED_AT_ONCE)
        self.assertLessEqual(deflate._DEFLATED_AT_ONCE, 1024 * 1024)
        self.assertLessEqual(deflate._INFLATED_AT_ONCE, 4 * 1024 * 1024)
