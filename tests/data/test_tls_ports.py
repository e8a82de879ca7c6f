"""Passive and active ports with TLS."""

from __future__ import annotations

import socket
from typing import cast

from ftpx.data.active import ActivePort
from ftpx.data.passive import PassivePort
from ftpx.testing.tls import TlsClient
from tests.data.contract import TIMEOUT, started
from tests.data.doubles import FakeListener, MemorySource, connected_pair
from tests.data.test_ports import PEER, FakeDialler
from tests.data.tls import TlsCase, TlsPeer


class TlsPortTests(TlsCase):
    """Who is who does not depend on who connects."""

    def passive(self) -> PassivePort:
        """A passive port."""
        self.listener = FakeListener()
        return PassivePort(
            self.clock,
            cast(socket.socket, self.listener),
            "192.0.2.2",
            50000,
            peers=frozenset({PEER}),
            timeout=TIMEOUT,
            security=self.security,
        )

    def another(self) -> TlsPeer:
        """A peer without a stream yet."""
        ours, theirs = connected_pair()
        ours.setblocking(False)
        peer = TlsPeer(ours, theirs, TlsClient())
        self.peers.append(peer)
        return peer

    def test_passive(self) -> None:
        """A port with TLS accepts without being asked, so that the handshake may be over before the command."""
        port = self.passive()
        self.clock.advance(0)
        self.assertEqual(self.clock.readers, {port})
        peer = self.another()
        self.listener.arrivals.append((peer.ours, PEER))
        port.doRead()
        self.settle()
        self.assertEqual((peer.tls.established, self.security.judged), (True, [False]))
        connection = self.successResultOf(started(port.connect()))
        transfer = started(connection.send_file(MemorySource(b"hello"), 0, 5))
        self.settle()
        self.assertEqual((self.successResultOf(transfer), peer.sent), (5, b"hello"))

    def test_not_wanted(self) -> None:
        """A handshake under way ends with its port."""
        port = self.passive()
        peer = self.another()
        self.listener.arrivals.append((peer.ours, PEER))
        port.doRead()
        self.assertEqual(len(self.clock.readers), 1)
        port.close()
        self.assertTrue(peer.closed)
        self.assertEqual((self.clock.readers, self.clock.getDelayedCalls()), (set(), []))

    def test_active(self) -> None:
        """By TLS the peer is the client all the same, though we connect."""
        dialler = FakeDialler()
        port = ActivePort(
            self.clock, PEER, 40000, source=None, timeout=TIMEOUT, make_socket=dialler, security=self.security
        )
        opened = started(port.connect())
        peer = self.another()
        dialler.established = peer.ours
        port.doWrite()
        connection = self.successResultOf(opened)
        transfer = started(connection.send_file(MemorySource(b"hello"), 0, 5))
        self.settle()
        self.assertEqual((self.successResultOf(transfer), peer.sent, self.security.judged), (5, b"hello", [False]))
