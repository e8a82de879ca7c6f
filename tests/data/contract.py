"""What every data connection and every data port does; runs on the real ones and on those in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from ftpx.data.transfer import REFUSAL_TIME
from ftpx.errors import (
    DataConnectionAborted,
    DataConnectionLost,
    DataConnectionNotOpened,
    DataConnectionStalled,
    NoSpace,
    StorageFailure,
)
from ftpx.interfaces import Block, IDataConnection, IDataPort
from tests.data.doubles import MemorySink, MemorySource

__all__ = ["LARGE", "TIMEOUT", "DataConnectionContract", "DataPortContract", "Peer", "started"]

_T = TypeVar("_T")

TIMEOUT = 60.0
LARGE = 24 * 1024 * 1024


class Peer(Protocol):
    """The other end, as a test needs it."""

    @property
    def sent(self) -> bytes: ...

    @property
    def complete(self) -> bool: ...

    @property
    def closed(self) -> bool: ...

    def send(self, data: bytes) -> None: ...
    def end(self) -> None: ...
    def reset(self) -> None: ...


def started(awaitable: Awaitable[_T]) -> Deferred[_T]:
    """Begin to wait for something."""

    async def wait() -> _T:
        return await awaitable

    return Deferred.fromCoroutine(wait())


class DataConnectionContract:
    """
    Mix it into a test case that has ``clock`` and these two methods.
    """

    clock: Any

    def connected(self, takes: bool = True) -> tuple[Any, Peer]:
        """A connection and its `Peer`, which takes nothing it is sent if ``takes`` is false."""
        raise NotImplementedError

    def settle(self) -> None:
        """Let everything happen that can happen now."""
        raise NotImplementedError

    def outcome(self: Any, transfer: Deferred[_T]) -> _T:
        """What a transfer returns, or raises, when everything has happened."""
        self.settle()
        result: _T = self.successResultOf(transfer)
        return result

    def broken(self: Any, transfer: Deferred[Any], error: type[BaseException]) -> None:
        """The transfer has failed like this."""
        self.settle()
        self.failureResultOf(transfer, error)

    def test_interface(self) -> None:
        """A data connection provides its interface."""
        connection, _ = self.connected()
        verifyObject(IDataConnection, connection)
        connection.abort()

    def test_send_file(self: Any) -> None:
        """The octets of a file between two offsets arrive, the end is clean and the connection closed."""
        connection, peer = self.connected()
        transfer = started(connection.send_file(MemorySource(b"0123456789"), 2, 8))
        self.assertEqual(self.outcome(transfer), 6)
        self.assertEqual((peer.sent, peer.complete, peer.closed), (b"234567", True, True))
        self.assertEqual(connection.moved, 6)

    def test_send_nothing(self: Any) -> None:
        """An empty file is a clean end."""
        connection, peer = self.connected()
        self.assertEqual(self.outcome(started(connection.send_file(MemorySource(b""), 0, 0))), 0)
        self.assertEqual((peer.sent, peer.complete), (b"", True))

    def test_send_blocks(self: Any) -> None:
        """Blocks of any kind and size arrive in order; an empty one is no end."""

        async def blocks() -> AsyncGenerator[Block, None]:
            for block in (b"one ", b"", bytearray(b"two "), memoryview(b"three")):
                yield block

        connection, peer = self.connected()
        self.assertEqual(self.outcome(started(connection.send_blocks(blocks()))), 13)
        self.assertEqual((peer.sent, peer.complete), (b"one two three", True))

    def test_receive(self: Any) -> None:
        """Everything until the clean end is written."""
        connection, peer = self.connected()
        sink = MemorySink()
        transfer = started(connection.receive(sink))
        peer.send(b"first ")
        self.settle()
        peer.send(b"second")
        self.settle()
        self.assertNoResult(transfer)
        peer.end()
        self.assertEqual(self.outcome(transfer), 12)
        self.assertEqual((sink.content, connection.moved, peer.closed), (b"first second", 12, True))

    def test_back_pressure(self: Any) -> None:
        """DC14: a source is read only as far as the peer and a buffer take it; a peer that takes nothing is a stall."""
        connection, peer = self.connected(takes=False)
        source = MemorySource(bytes(LARGE))
        transfer = started(connection.send_file(source, 0, LARGE))
        self.settle()
        self.assertNoResult(transfer)
        self.assertLess(source.read_to, LARGE // 4)
        self.clock.advance(TIMEOUT)
        self.clock.advance(TIMEOUT)
        self.broken(transfer, DataConnectionStalled)
        self.assertTrue(peer.closed)

    def test_reset_while_receiving(self: Any) -> None:
        """DC17: a reset is never a success."""
        connection, peer = self.connected()
        transfer = started(connection.receive(MemorySink()))
        peer.send(b"some")
        self.settle()
        peer.reset()
        self.broken(transfer, DataConnectionLost)
        self.assertTrue(peer.closed)

    def test_reset_while_sending(self: Any) -> None:
        """DC18: a peer that goes away before the end is an error."""
        connection, peer = self.connected(takes=False)
        transfer = started(connection.send_file(MemorySource(bytes(LARGE)), 0, LARGE))
        self.settle()
        peer.reset()
        self.broken(transfer, DataConnectionLost)
        self.assertTrue(peer.closed)

    def test_stall(self: Any) -> None:
        """DC12: a peer that says something and then nothing has the time-out, no more."""
        connection, peer = self.connected()
        transfer = started(connection.receive(MemorySink()))
        peer.send(b"x")
        self.settle()
        self.clock.advance(TIMEOUT - 1)
        self.settle()
        self.assertNoResult(transfer)
        self.clock.advance(1)
        self.broken(transfer, DataConnectionStalled)
        self.assertTrue(peer.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_trickle(self: Any) -> None:
        """DC13: one octet now and then does not keep a connection open."""
        connection, peer = self.connected()
        transfer = started(connection.receive(MemorySink()))
        for _ in range(3):
            peer.send(b"x")
            self.settle()
            self.clock.advance(TIMEOUT / 3)
        self.broken(transfer, DataConnectionStalled)

    def test_slow_but_alive(self: Any) -> None:
        """DC13: a peer that moves the minimum in each window is let go on."""
        connection, peer = self.connected()
        sink = MemorySink()
        transfer = started(connection.receive(sink))
        for _ in range(5):
            self.clock.advance(TIMEOUT / 2)
            peer.send(bytes(64 * int(TIMEOUT)))
            self.settle()
            self.clock.advance(TIMEOUT / 2)
        peer.end()
        self.assertEqual(self.outcome(transfer), 5 * 64 * int(TIMEOUT))

    def test_slow_storage_is_not_the_peer(self: Any) -> None:
        """A sink may take longer than the time-out; the peer still has its own time afterwards."""
        connection, peer = self.connected()
        sink = MemorySink()
        sink.hangs = Deferred()
        transfer = started(connection.receive(sink))
        peer.send(b"x")
        self.settle()
        for _ in range(5):
            self.clock.advance(TIMEOUT)
        self.assertNoResult(transfer)
        sink.hangs.callback(None)
        self.settle()
        self.clock.advance(TIMEOUT / 2)
        self.assertNoResult(transfer)
        for _ in range(3):
            self.clock.advance(TIMEOUT)
        self.broken(transfer, DataConnectionStalled)

    def test_abort(self: Any) -> None:
        """DC21: a transfer that is aborted raises at once and the connection is closed; again does nothing."""
        connection, peer = self.connected()
        transfer = started(connection.receive(MemorySink()))
        self.settle()
        connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        connection.abort()
        self.assertTrue(peer.closed)
        self.assertFalse(peer.complete)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_abort_before_the_transfer(self: Any) -> None:
        """A connection that was aborted serves no transfer."""
        connection, peer = self.connected()
        connection.abort()
        self.assertTrue(peer.closed)
        self.broken(started(connection.receive(MemorySink())), DataConnectionAborted)

    def test_abort_while_the_storage_hangs(self: Any) -> None:
        """DC21: a storage that does not answer does not delay an abort, and its late answer changes nothing."""
        connection, peer = self.connected()
        sink = MemorySink()
        hangs: Deferred[None] = Deferred(lambda _: None)
        sink.hangs = hangs
        transfer = started(connection.receive(sink))
        peer.send(b"x")
        self.settle()
        connection.abort()
        self.failureResultOf(transfer, DataConnectionAborted)
        self.assertTrue(peer.closed)

    def test_abort_by_the_sink(self: Any) -> None:
        """DC19: a transfer may be aborted from within a write."""
        connection, peer = self.connected()

        class Suicidal(MemorySink):
            async def write(self, block: Block) -> None:
                connection.abort()

        transfer = started(connection.receive(Suicidal()))
        peer.send(b"x")
        peer.end()
        self.broken(transfer, DataConnectionAborted)
        self.assertTrue(peer.closed)

    def test_cancel(self: Any) -> None:
        """To cancel the wait for a transfer closes the connection too."""
        connection, peer = self.connected()
        transfer = started(connection.receive(MemorySink()))
        self.settle()
        transfer.cancel()
        self.failureResultOf(transfer, CancelledError)
        self.assertTrue(peer.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_source_fails(self: Any) -> None:
        """What the source raises is raised, and the peer sees no clean end."""
        connection, peer = self.connected()
        source = MemorySource(bytes(10))
        source.error = StorageFailure("broken disk")
        self.broken(started(connection.send_file(source, 0, 10)), StorageFailure)
        self.clock.advance(REFUSAL_TIME)
        self.assertEqual((peer.complete, peer.closed), (False, True))

    def test_source_too_short(self: Any) -> None:
        """A file that was truncated meanwhile is an error, not a short file."""
        connection, peer = self.connected()
        self.broken(started(connection.send_file(MemorySource(bytes(10)), 0, 20)), StorageFailure)
        self.assertFalse(peer.complete)

    def test_sink_fails(self: Any) -> None:
        """What the sink raises is raised; the peer has a moment to read why before it is reset."""
        connection, peer = self.connected()
        sink = MemorySink()
        sink.error = NoSpace("full")
        transfer = started(connection.receive(sink))
        peer.send(b"x")
        self.broken(transfer, NoSpace)
        self.assertFalse(peer.closed)
        self.clock.advance(REFUSAL_TIME)
        self.assertTrue(peer.closed)
        self.assertFalse(peer.complete)

    def test_abort_behind_refusal(self: Any) -> None:
        """Whoever wants the place of a connection that was refused need not wait."""
        connection, peer = self.connected()
        sink = MemorySink()
        sink.error = NoSpace("full")
        transfer = started(connection.receive(sink))
        peer.send(b"x")
        self.broken(transfer, NoSpace)
        connection.abort()
        self.assertTrue(peer.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_blocks_fail(self: Any) -> None:
        """An error of the source of blocks is raised after what went before it."""

        async def blocks() -> AsyncGenerator[Block, None]:
            yield b"first"
            raise StorageFailure("broken disk")

        connection, peer = self.connected()
        self.broken(started(connection.send_blocks(blocks())), StorageFailure)
        self.assertFalse(peer.complete)

    def test_blocks_are_closed(self: Any) -> None:
        """A source of blocks is closed when the peer goes away, also one that waits for its storage."""
        for waits in (False, True):
            events: list[str] = []

            async def blocks(waits: bool = waits, events: list[str] = events) -> AsyncGenerator[Block, None]:
                try:
                    yield b"first"
                    if waits:
                        await Deferred()
                    while True:
                        yield bytes(1024 * 1024)
                finally:
                    events.append("closed")

            connection, _ = self.connected(takes=waits)
            transfer = started(connection.send_blocks(blocks()))
            self.settle()
            self.assertEqual(events, [])
            connection.abort()
            self.failureResultOf(transfer, DataConnectionAborted)
            self.assertEqual(events, ["closed"])


class DataPortContract:
    """
    Mix it into a test case that has ``clock`` and these methods.
    """

    clock: Any

    def port(self) -> Any:
        """A data port."""
        raise NotImplementedError

    def opens(self, port: Any) -> Peer:
        """The peer connects or accepts; returns it."""
        raise NotImplementedError

    def refuses(self, port: Any) -> None:
        """The connection cannot be made."""
        raise NotImplementedError

    def settle(self) -> None:
        """Let everything happen that can happen now."""
        raise NotImplementedError

    def test_port_interface(self) -> None:
        """A data port provides its interface."""
        port = self.port()
        verifyObject(IDataPort, port)
        port.close()

    def test_connect(self: Any) -> None:
        """The connection that comes about is given, and works."""
        port = self.port()
        opened = started(port.connect())
        self.assertNoResult(opened)
        peer = self.opens(port)
        self.settle()
        connection = self.successResultOf(opened)
        transfer = started(connection.send_file(MemorySource(b"hello"), 0, 5))
        self.settle()
        self.assertEqual(peer.sent, b"hello")
        self.settle()
        self.assertEqual(self.successResultOf(transfer), 5)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_never(self: Any) -> None:
        """DC10, DC11: a peer that does not come is an error when the time is over."""
        port = self.port()
        opened = started(port.connect())
        self.clock.advance(29)
        self.assertNoResult(opened)
        self.clock.advance(1)
        self.failureResultOf(opened, DataConnectionNotOpened)

    def test_refused(self: Any) -> None:
        """What cannot be opened is an error."""
        port = self.port()
        opened = started(port.connect())
        self.refuses(port)
        self.settle()
        self.failureResultOf(opened, DataConnectionNotOpened)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_close(self: Any) -> None:
        """A port that is closed opens nothing, whoever waits is told, and closing again does nothing."""
        port = self.port()
        opened = started(port.connect())
        port.close()
        port.close()
        self.failureResultOf(opened, DataConnectionNotOpened)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.failureResultOf(started(port.connect()), DataConnectionNotOpened)

    def test_cancel_connect(self: Any) -> None:
        """To cancel the wait closes the port."""
        port = self.port()
        opened = started(port.connect())
        opened.cancel()
        self.failureResultOf(opened, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.failureResultOf(started(port.connect()), DataConnectionNotOpened)
