"""The TLS handshake of a data connection."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from ftpx.data.stream import SocketStream
from ftpx.data.tls_stream import TlsStream, make_stream
from ftpx.errors import (
    DataConnectionAborted,
    DataConnectionLost,
    DataConnectionNotResumed,
    DataConnectionNotSecured,
)
from ftpx.interfaces import Block
from ftpx.testing.tls import TlsClient
from tests.data.contract import started
from tests.data.doubles import MemorySink, MemorySource, connected_pair
from tests.data.tls import TLS_1_2, TLS_1_3, TlsCase, TlsPeer
from tests.tls.ends import client_context

_HANDSHAKE_TIME = 10
_DECLINED = 0.5
_MOST_HANDSHAKE = 65536
_VERSIONS = (TLS_1_2, TLS_1_3)


class HandshakeTests(TlsCase):
    """Handshakes that succeed."""

    def test_before_the_transfer(self) -> None:
        """It needs no transfer: some clients send the command behind it only."""
        for self.context in _VERSIONS:
            connection, peer = self.opened()
            self.settle()
            self.assertTrue(peer.tls.established)
            self.assertIsNone(self.stream.established())
            self.assertEqual(self.clock.readers, set())
            transfer = started(connection.receive(MemorySink()))
            peer.send(b"content")
            peer.end()
            self.finish(transfer)
            self.assertEqual(self.successResultOf(transfer), 7)

    def test_in_the_transfer(self) -> None:
        """The transfer waits for it, and no timer is left."""
        for self.context in _VERSIONS:
            connection, peer = self.opened()
            transfer = started(connection.send_file(MemorySource(b"hello"), 0, 5))
            self.assertNoResult(transfer)
            self.finish(transfer)
            self.assertEqual((self.successResultOf(transfer), peer.sent, peer.complete), (5, b"hello", True))
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_octets_right_behind_it(self) -> None:
        """An upload in the same segment as the end of the handshake is whole."""
        for self.context in _VERSIONS:
            connection, peer = self.opened()
            transfer = started(connection.receive(MemorySink()))
            while not peer.tls.established:
                self.clock.turn()
                peer.tls.receive(peer._received())
                octets = peer.tls.outgoing()
                if peer.tls.established:
                    octets += peer.tls.protect(b"content") + peer.tls.protect(bytes(50_000)) + peer.tls.end()
                peer.socket.send(octets)
            peer.gone = True
            self.finish(transfer)
            self.assertEqual(self.successResultOf(transfer), 50_007)

    def test_client_that_ends_at_once(self) -> None:
        """An empty upload is one."""
        for self.context in _VERSIONS:
            connection, peer = self.opened()
            self.settle()
            peer.end()
            transfer = started(connection.receive(MemorySink()))
            self.finish(transfer)
            self.assertEqual(self.successResultOf(transfer), 0)

    @given(st.sampled_from(_VERSIONS), st.lists(st.integers(1, 5000), max_size=20))
    def test_any_split(self, context: SSL.Context, cuts: list[int]) -> None:
        """However the network cuts it, what stands behind the handshake is not lost."""
        self.setUp()
        self.context = context
        connection, peer = self.opened()
        sink = MemorySink()
        transfer = started(connection.receive(sink))
        peer.tls.receive(b"")
        while not peer.tls.established:
            self.in_pieces(peer, peer.tls.outgoing(), cuts)
            peer.tls.receive(peer._received())
        peer.gone = True
        self.in_pieces(peer, peer.tls.outgoing() + peer.tls.protect(b"content") + peer.tls.end(), cuts)
        self.finish(transfer)
        self.assertEqual((self.successResultOf(transfer), sink.content), (7, b"content"))
        self.tearDown()

    def in_pieces(self, peer: TlsPeer, octets: bytes, cuts: list[int]) -> None:
        """Send octets cut at places, with a turn of the reactor between."""
        places = sorted({0, len(octets), *(cut % (len(octets) + 1) for cut in cuts)})
        for begin, end in pairwise(places):
            peer.socket.send(octets[begin:end])
            self.clock.turn(2)

    def test_slow_reader(self) -> None:
        """A peer that does not read yet gets its part of the handshake when it does."""
        for self.context in _VERSIONS:
            ours, theirs = connected_pair()
            peer = TlsPeer(ours, theirs, TlsClient(self.context))
            self.peers.append(peer)
            narrow = cast(SocketStream, _Narrow(SocketStream(self.clock, ours)))
            stream = TlsStream(narrow, self.security)
            for _ in range(100):
                self.settle()
            self.assertTrue(peer.tls.established)
            self.assertIsNone(stream.established())
            stream.close()

    def test_clear(self) -> None:
        """Without TLS the stream is the socket's."""
        ours, theirs = connected_pair()
        self.addCleanup(theirs.close)
        stream = make_stream(self.clock, ours, None)
        self.assertIsInstance(stream, SocketStream)
        stream.close()
        ours, theirs = connected_pair()
        self.addCleanup(theirs.close)
        stream = make_stream(self.clock, ours, self.security)
        self.assertIsInstance(stream, TlsStream)
        stream.abort(DataConnectionAborted(), False)
        stream.close()


class _Narrow:
    """A stream that takes a few octets now and then."""

    def __init__(self, inner: SocketStream) -> None:
        self._inner = inner
        self._open = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def send(self, block: Block, more: bool) -> int:
        """Every other time, a few octets."""
        self._open = not self._open
        if not self._open:
            raise BlockingIOError
        return self._inner.send(block[:50], more)


class BindingTests(TlsCase):
    """TL15, TL16: whose connection it is."""

    def test_judged(self) -> None:
        """The judge hears whether the session was resumed, once each."""
        for context in (*_VERSIONS, client_context(SSL.TLS1_2_VERSION, tickets=False)):
            self.setUp()
            self.context = context
            ticket = self.ticket(context)
            for session in (None, ticket, ticket):
                connection, peer = self.opened(session=session)
                transfer = started(connection.send_file(MemorySource(b"hello"), 0, 5))
                self.finish(transfer)
                self.assertEqual((self.successResultOf(transfer), peer.sent), (5, b"hello"))
            self.assertEqual(self.security.judged, [False, True, True])

    def test_refused(self) -> None:
        """Who is refused gets no octet and gives none; TLS ends in good order, and the connection a little later."""
        self.security.error = DataConnectionNotResumed("no")
        for self.context in _VERSIONS:
            sink = MemorySink()
            for receives in (True, False):
                connection, peer = self.opened()
                self.settle()
                transfer = started(
                    connection.receive(sink) if receives else connection.send_file(MemorySource(b"secret"), 0, 6)
                )
                self.settle()
                self.failureResultOf(transfer, DataConnectionNotResumed)
                self.assertEqual((peer.sent, peer.complete, peer.closed), (b"", True, False))
                self.stream.close()
                self.clock.advance(_DECLINED)
                self.assertEqual((peer.closed, self.clock.getDelayedCalls()), (True, []))
            self.assertEqual(sink.content, b"")

    def test_refused_in_vain(self) -> None:
        """Who has gone cannot be told."""
        self.security.error = DataConnectionNotResumed("no")
        self.context = TLS_1_2
        connection, peer = self.opened()
        peer.tls.receive(b"")
        peer.socket.send(peer.tls.outgoing())
        self.clock.turn(4)
        peer.tls.receive(peer._received())
        peer.socket.send(peer.tls.outgoing())
        peer.reset()
        self.clock.turn(4)
        transfer = started(connection.receive(MemorySink()))
        self.settle()
        self.failureResultOf(transfer, DataConnectionNotSecured, DataConnectionLost)
        self.clock.advance(_DECLINED)
        self.assertTrue(peer.closed)

    def test_aborted_transfers(self) -> None:
        """An aborted transfer does not take the session with it: the next one resumes it too."""
        for context in (*_VERSIONS, client_context(SSL.TLS1_2_VERSION, tickets=False)):
            self.setUp()
            self.context = context
            ticket = self.ticket(context)
            for _ in range(3):
                connection, _ = self.opened(session=ticket)
                transfer = started(connection.receive(MemorySink()))
                self.settle()
                connection.abort()
                self.failureResultOf(transfer, DataConnectionAborted)
                # What nobody holds any more is gone.
                del connection, self.stream
            self.assertEqual(self.security.judged, [True] * 3)
