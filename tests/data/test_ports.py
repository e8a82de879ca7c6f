"""Passive and active ports, with sockets that are not real."""

from __future__ import annotations

import errno
import socket
from typing import Any, cast

from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ftpx.data.active import ActivePort
from ftpx.data.passive import PassivePort
from ftpx.errors import DataConnectionNotOpened
from tests.data.contract import TIMEOUT, DataPortContract, started
from tests.data.doubles import DescriptorReactor, FakeListener, connected_pair
from tests.data.test_connection import SocketPeer

PEER = "192.0.2.1"
PATIENCE = 0.05
LOST = Failure(ConnectionLost())


class PortCase(SynchronousTestCase):
    """A reactor and peers."""

    def setUp(self) -> None:
        self.clock = DescriptorReactor()
        self.peers: list[SocketPeer] = []

    def tearDown(self) -> None:
        for peer in self.peers:
            peer.socket.close()
            peer.ours.close()
        self.assertEqual((self.clock.readers, self.clock.writers), (set(), set()))

    def settle(self) -> None:
        """Turn, while the peers take what comes."""
        for _ in range(4):
            self.clock.turn()
            for peer in self.peers:
                peer.take()

    def peer(self) -> SocketPeer:
        """A new peer."""
        peer = SocketPeer(*connected_pair(), True)
        self.peers.append(peer)
        return peer


class PassivePortTests(PortCase, DataPortContract):
    """A passive port over a fake listening socket."""

    def port(self, peers: frozenset[str] | None = frozenset({PEER})) -> PassivePort:
        self.listener = FakeListener()
        self.addCleanup(lambda: self.assertTrue(self.listener.closed))
        listener = cast(socket.socket, self.listener)
        return PassivePort(self.clock, listener, "192.0.2.2", 50000, peers=peers, timeout=TIMEOUT)

    def settle(self) -> None:
        """The fake listener has no descriptor, so it is asked by hand."""
        ready = [reader for reader in self.clock.readers if isinstance(reader, PassivePort)]
        for port in ready:
            port.doRead()
        super().settle()

    def opens(self, port: PassivePort, host: str = PEER) -> SocketPeer:
        peer = self.peer()
        self.listener.arrivals.append((peer.ours, host))
        return peer

    def refuses(self, port: PassivePort) -> None:
        self.listener.arrivals.append(OSError(errno.EMFILE, "Too many open files"))

    def test_early(self) -> None:
        """A peer that came before it was wanted is kept, and further ones are not accepted."""
        port = self.port()
        self.opens(port)
        second = self.opens(port)
        port.doRead()
        self.assertTrue(self.listener.closed)
        self.assertEqual(len(self.listener.arrivals), 1)
        self.successResultOf(started(port.connect())).abort()
        second.ours.close()

    def test_unread(self) -> None:
        """DC15: what comes before a transfer is left in the kernel."""
        port = self.port()
        peer = self.opens(port)
        peer.send(b"early")
        port.doRead()
        self.clock.turn(3)
        self.assertEqual(self.clock.readers, set())
        self.assertEqual(peer.ours.recv(10, socket.MSG_PEEK), b"early")
        port.close()

    def test_stranger(self) -> None:
        """DC07: a stranger is closed and the owner still gets through."""
        port = self.port()
        opened = started(port.connect())
        strangers = [self.opens(port, host) for host in ("192.0.2.3", "198.51.100.1")]
        port.doRead()
        self.assertEqual([stranger.closed for stranger in strangers], [True, True])
        self.assertNoResult(opened)
        owner = self.opens(port)
        port.doRead()
        self.successResultOf(opened).abort()
        self.assertTrue(owner.closed)

    def test_stranger_is_reset(self) -> None:
        """A stranger that is a server sees no clean end, which it would take for an empty file."""
        port = self.port()
        stranger = self.opens(port, "192.0.2.3")
        port.doRead()
        self.assertIsNotNone(stranger.ours.lingers)
        port.close()

    def test_anybody(self) -> None:
        """Without peers the first to come is the peer."""
        for host in (PEER, "198.51.100.1", "2001:db8::1"):
            port = self.port(None)
            opened = started(port.connect())
            peer = self.opens(port, host)
            port.doRead()
            self.successResultOf(opened).abort()
            self.assertTrue(peer.closed)

    def test_many_strangers(self) -> None:
        """DC07: a flood of strangers is worked off in parts, so others get their turn."""
        port = self.port()
        for _ in range(40):
            self.opens(port, "192.0.2.3")
        port.doRead()
        self.assertEqual(len(self.listener.arrivals), 24)
        port.close()

    def test_mapped(self) -> None:
        """An IPv4 peer is the same in IPv6 clothes, on either side."""
        for allowed, comes in (("::ffff:192.0.2.1", PEER), (PEER, "::ffff:192.0.2.1"), ("fe80::1", "fe80:0::1%2")):
            port = self.port(frozenset({allowed}))
            self.opens(port, comes)
            port.doRead()
            self.successResultOf(started(port.connect())).abort()

    def test_untaken(self) -> None:
        """A connection nobody took is closed with its port."""
        port = self.port()
        peer = self.opens(port)
        port.doRead()
        port.close()
        self.assertTrue(peer.closed)

    def test_no_descriptor(self) -> None:
        """Without a descriptor for it a connection cannot be accepted: the port closes instead of trying for ever."""
        for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS):
            port = self.port()
            self.listener.arrivals.append(OSError(number, "no room"))
            port.doRead()
            self.assertTrue(self.listener.closed)
            self.failureResultOf(started(port.connect()), DataConnectionNotOpened)

    def test_peer_gave_up(self) -> None:
        """A peer that gave up before it was accepted does not stop the next."""
        port = self.port()
        self.listener.arrivals.append(OSError(errno.ECONNABORTED, "aborted"))
        self.opens(port)
        port.doRead()
        self.successResultOf(started(port.connect())).abort()

    def test_late_news(self) -> None:
        """News of another socket that had the same descriptor does not end the listening, nor outlives the port."""
        for watched in (False, True):
            port = self.port()
            if watched:
                self.clock.advance(PATIENCE)
                self.clock.removeReader(port)
            port.connectionLost(LOST)
            self.assertEqual(self.clock.readers, {port})
            port.close()
            port.connectionLost(LOST)
            self.assertEqual(self.clock.readers, set())

    def test_in_time(self) -> None:
        """A port whose connection is wanted soon is never watched, and no timer is left of it."""
        port = self.port()
        self.clock.advance(PATIENCE / 2)
        self.opens(port)
        self.assertEqual(self.clock.readers, set())
        self.successResultOf(started(port.connect())).abort()
        self.assertTrue(self.listener.closed)
        self.assertEqual((self.clock.readers, self.clock.getDelayedCalls()), (set(), []))

    def test_wanted_before_it_comes(self) -> None:
        """A port whose connection is wanted is watched from then on, once."""
        port = self.port()
        opened = started(port.connect())
        self.assertEqual(self.clock.readers, {port})
        self.clock.advance(PATIENCE)
        self.assertEqual(self.clock.readers, {port})
        self.opens(port)
        port.doRead()
        self.successResultOf(opened).abort()
        self.assertEqual((self.clock.readers, self.clock.getDelayedCalls()), (set(), []))

    def test_not_wanted_for_long(self) -> None:
        """DC07: strangers are closed soon, also while no transfer asks for a connection."""
        port = self.port()
        stranger = self.opens(port, "192.0.2.3")
        self.clock.advance(PATIENCE)
        self.assertEqual(self.clock.readers, {port})
        port.doRead()
        self.assertTrue(stranger.closed)
        self.opens(port)
        port.doRead()
        self.assertEqual((self.clock.readers, self.clock.getDelayedCalls()), (set(), []))
        self.successResultOf(started(port.connect())).abort()

    def test_closed_unwatched(self) -> None:
        """A port that is closed before it is watched never will be."""
        port = self.port()
        port.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(PATIENCE)
        self.assertEqual(self.clock.readers, set())

    def test_names(self) -> None:
        """The address is given as FTP writes it."""
        port = self.port()
        self.assertEqual((port.host, port.port), ("192.0.2.2", 50000))
        port.close()


class FakeDialler:
    """A socket that connects when a test says so."""

    def __init__(self, result: int = errno.EINPROGRESS) -> None:
        self.result = result
        self.error = 0
        self.established: socket.socket | None = None
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, family: int, kind: int) -> socket.socket:
        self.calls.append(("socket", family, kind))
        return cast(socket.socket, self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.established, name)

    def setsockopt(self, *arguments: Any) -> None:
        """Any option will do."""

    def setblocking(self, blocking: bool) -> None:
        """Must not block."""
        assert not blocking

    def bind(self, address: tuple[Any, ...]) -> None:
        """Remember it."""
        self.calls.append(("bind", address))

    def connect_ex(self, address: tuple[Any, ...]) -> int:
        """Remember it."""
        self.calls.append(("connect", address))
        return self.result

    def getsockopt(self, *arguments: Any) -> int:
        """The error, once."""
        error, self.error = self.error, 0
        return error

    def getpeername(self) -> str:
        """Fails until the connection is there."""
        if self.established is None:
            raise OSError(errno.ENOTCONN, "not connected")
        return ""

    def fileno(self) -> int:
        """That of the connection, once it is there."""
        return -1 if self.established is None else self.established.fileno()

    def close(self) -> None:
        """Remember it."""
        self.calls.append(("close",))
        if self.established is not None:
            self.established.close()


class ActivePortTests(PortCase, DataPortContract):
    """An active port over a fake socket."""

    def port(self, result: int = errno.EINPROGRESS, source: str | None = "192.0.2.2") -> ActivePort:
        self.dialler = FakeDialler(result)
        return ActivePort(self.clock, PEER, 40000, source=source, timeout=TIMEOUT, make_socket=self.dialler)

    def opens(self, port: ActivePort) -> SocketPeer:
        peer = self.peer()
        self.dialler.established = peer.ours
        port.doWrite()
        return peer

    def refuses(self, port: ActivePort) -> None:
        self.dialler.error = errno.ECONNREFUSED
        self.clock.removeWriter(port)
        port.connectionLost(LOST)

    def test_nothing_before_connect(self) -> None:
        """DC01: nothing is sent to the peer before the connection is wanted."""
        port = self.port()
        self.assertEqual(self.dialler.calls, [])
        port.close()

    def test_addresses(self) -> None:
        """The connection goes from our address to the peer's."""
        port = self.port()
        opened = started(port.connect())
        expected = [
            ("socket", socket.AF_INET, socket.SOCK_STREAM),
            ("bind", ("192.0.2.2", 0)),
            ("connect", (PEER, 40000)),
        ]
        self.assertEqual(self.dialler.calls, expected)
        port.close()
        self.failureResultOf(opened, DataConnectionNotOpened)
        self.assertEqual(self.dialler.calls[-1], ("close",))

    def test_refused_at_once(self) -> None:
        """An unreachable network is known at once."""
        port = self.port(errno.ENETUNREACH, None)
        self.failureResultOf(started(port.connect()), DataConnectionNotOpened)

    def test_late_news(self) -> None:
        """News of another socket that had the same descriptor does not end the connecting."""
        port = self.port()
        opened = started(port.connect())
        self.clock.removeWriter(port)
        port.connectionLost(LOST)
        port.doWrite()
        self.assertNoResult(opened)
        self.assertEqual(self.clock.writers, {port})
        self.opens(port)
        self.successResultOf(opened).abort()
