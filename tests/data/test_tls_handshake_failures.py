"""TLS handshakes of data connections that come to nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from OpenSSL import SSL
from twisted.internet.defer import CancelledError

from ftpx.data.connection import DataConnection
from ftpx.errors import (
    DataConnectionAborted,
    DataConnectionLost,
    DataConnectionNotSecured,
    DataConnectionTruncated,
)
from ftpx.interfaces import Block
from tests.data.contract import TIMEOUT, started
from tests.data.doubles import MemorySink
from tests.data.tls import TlsCase

_HANDSHAKE_TIME = 10
_MOST_HANDSHAKE = 65536


class FailedTests(TlsCase):
    """TL17, TL18, TL19: handshakes that come to nothing."""

    def failed(self, octets: bytes, error: type[Exception] = DataConnectionNotSecured, *, cut: bool = False) -> None:
        """Octets are no handshake, whether they come before the transfer or in it."""
        for early in (True, False):
            connection, peer = self.opened()
            peer.gone = True
            if early:
                peer.socket.sendall(octets)
                self.settle()
            sink = MemorySink()
            transfer = started(connection.receive(sink))
            if not early:
                peer.socket.sendall(octets)
            if cut:
                peer.cut()
            self.settle()
            self.failureResultOf(transfer, error)
            self.assertEqual((sink.content, peer.closed, self.clock.getDelayedCalls()), (b"", True, []))

    def test_in_clear(self) -> None:
        """TL17: octets in clear are refused, and never content."""
        for octets in (b"content in clear", b"GET / HTTP/1.1\r\n\r\n", bytes(5), b"\x80" * 1000):
            self.failed(octets)

    def test_garbage(self) -> None:
        """TL19: so is what only looks like TLS."""
        for octets in (
            b"\x16\x03\x01\x00\x05hello",
            b"\x16\x03\x01\xff\xff" + bytes(65535),
            b"\x17\x03\x03\x00\x10" + bytes(16),
            b"\x15\x03\x03\x00\x02\x02\x28",
            b"\x16\x03\x01\x00\x00" * 40,
        ):
            self.failed(octets)

    def test_alert(self) -> None:
        """TL19: what is refused hears why."""
        connection, peer = self.opened()
        peer.socket.sendall(b"\x17\x03\x03\x00\x10" + bytes(16))
        self.clock.turn(4)
        self.assertEqual(peer.socket.recv(100)[:1], b"\x15")
        connection.abort()

    def test_endless(self) -> None:
        """TL19: a handshake without end is refused."""
        connection, peer = self.opened()
        peer.gone = True
        # A ClientHello of 16 MB, in records.
        octets = b"\x16\x03\x01\x3f\xff" + b"\x01\xff\xff\xff" + bytes(0x3FFF - 4)
        transfer = started(connection.receive(MemorySink()))
        sent = 0
        while not transfer.called and sent < 2 * _MOST_HANDSHAKE:
            sent += peer.socket.send(octets)
            octets = b"\x16\x03\x01\x3f\xff" + bytes(0x3FFF)
            self.clock.turn(4)
        self.failureResultOf(transfer, DataConnectionNotSecured)
        self.assertTrue(peer.closed)

    def test_endless_messages(self) -> None:
        """TL19: nor may it be of ever so many messages that OpenSSL does not mind."""
        connection, peer = self.opened()
        peer.gone = True
        self.patch(SSL.Connection, "do_handshake", _never)
        transfer = started(connection.receive(MemorySink()))
        for _ in range(10):
            if not transfer.called:
                peer.socket.send(b"\x16\x03\x01\x3f\xff" + bytes(0x3FFF))
            self.clock.turn(4)
        error = self.failureResultOf(transfer, DataConnectionNotSecured).value
        self.assertIn("without end", str(error))

    def test_ended(self) -> None:
        """A peer that goes before the handshake is over has agreed to nothing."""
        for octets in (b"", b"\x16", b"\x16\x03\x01\x00\x50", b"\x16\x03\x01\x00\x50abc"):
            self.failed(octets, cut=True)

    def test_reset(self) -> None:
        """A connection that breaks is lost."""
        connection, peer = self.opened()
        transfer = started(connection.receive(MemorySink()))
        peer.ours.broken = True
        peer.reset()
        self.settle()
        self.failureResultOf(transfer, DataConnectionLost)

    def test_truncated_right_behind_it(self) -> None:
        """TL13: a handshake and then nothing is no upload."""
        connection, peer = self.connected()
        transfer = started(connection.receive(MemorySink()))
        peer.cut()
        self.settle()
        self.failureResultOf(transfer, DataConnectionTruncated)

    def test_stalls(self) -> None:
        """TL18: a handshake that does not go on has its time, counted from the transfer."""
        for octets in (b"", b"\x16\x03\x01\x02\x00", b"\x16\x03\x01\x02\x00\x01"):
            connection, peer = self.opened()
            peer.gone = True
            peer.socket.send(octets)
            self.settle()
            self.clock.advance(100)
            transfer = started(connection.receive(MemorySink()))
            self.clock.advance(_HANDSHAKE_TIME - 1)
            self.settle()
            self.assertNoResult(transfer)
            self.clock.advance(1)
            error = self.failureResultOf(transfer, DataConnectionNotSecured).value
            self.assertIn("in time", str(error))
            self.assertTrue(peer.closed)

    def test_blocks_are_not_asked_for(self) -> None:
        """A source is not read for a peer that nothing can be sent to, and the peer sees no octet of it."""
        asked: list[int] = []

        async def blocks() -> AsyncGenerator[Block, None]:
            asked.append(1)
            yield b"secret"

        connection, peer = self.opened()
        peer.gone = True
        transfer = started(connection.send_blocks(blocks()))
        peer.socket.send(b"in clear")
        self.settle()
        self.failureResultOf(transfer, DataConnectionNotSecured)
        self.assertEqual(asked, [])


def _never(connection: SSL.Connection) -> None:
    """A handshake that always wants more."""
    raise SSL.WantReadError


class AbortTests(TlsCase):
    """DC21: a handshake may be broken off at any point."""

    def test_abort(self) -> None:
        """Before it, in the middle, behind it: the connection is closed and nothing is left."""
        for turns in range(6):
            for wanted in (True, False):
                connection, peer = self.opened()
                transfer = started(connection.receive(MemorySink())) if wanted else None
                for _ in range(turns):
                    self.clock.turn()
                    peer.take()
                connection.abort()
                if transfer is not None:
                    self.failureResultOf(transfer, DataConnectionAborted)
                self.assertTrue(peer.closed)
                self.assertEqual((self.clock.readers, self.clock.writers), (set(), set()))
                self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancel(self) -> None:
        """To cancel the wait for it closes the connection too."""
        connection, peer = self.opened()
        transfer = started(connection.receive(MemorySink()))
        transfer.cancel()
        self.failureResultOf(transfer, CancelledError)
        self.assertTrue(peer.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """A handshake that fails when nobody waits is told to who asks later."""
        connection, peer = self.opened()
        peer.gone = True
        peer.socket.send(b"in clear")
        self.settle()
        transfer = started(DataConnection(self.clock, self.stream, TIMEOUT).receive(MemorySink()))
        self.failureResultOf(transfer, DataConnectionNotSecured)
        connection.abort()
