"""The data connections in memory pass the contract of the real ones."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.data.connection import DataConnection
from ftpx.errors import NoFreePort
from ftpx.interfaces import IDataConnections
from ftpx.testing.data import MemoryDataConnections, MemoryDataPort, MemoryPeer
from tests.data.contract import TIMEOUT, DataConnectionContract, DataPortContract, started

PEERS = frozenset({"192.0.2.1"})


class MemoryDataConnectionTests(SynchronousTestCase, DataConnectionContract):
    """A connection in memory."""

    def setUp(self) -> None:
        self.data = MemoryDataConnections(timeout=TIMEOUT)
        self.clock: Clock = self.data.clock

    def connected(self, takes: bool = True) -> tuple[DataConnection, MemoryPeer]:
        port = self.data.listen("192.0.2.2", PEERS)
        peer = port.accept()
        if not takes:
            peer.take(100_000)
        return self.successResultOf(started(port.connect())), peer

    def settle(self) -> None:
        """Everything happens at once."""


class MemoryPassivePortTests(SynchronousTestCase, DataPortContract):
    """A passive port in memory."""

    def setUp(self) -> None:
        self.data = MemoryDataConnections(timeout=TIMEOUT)
        self.clock: Clock = self.data.clock

    def port(self) -> MemoryDataPort:
        return self.data.listen("192.0.2.2", PEERS)

    def opens(self, port: MemoryDataPort) -> MemoryPeer:
        return port.accept()

    def refuses(self, port: MemoryDataPort) -> None:
        port.refuse()

    def settle(self) -> None:
        """Everything happens at once."""

    def test_untaken(self) -> None:
        """A connection nobody took is closed with its port."""
        port = self.port()
        peer = port.accept()
        port.close()
        self.assertTrue(peer.closed)


class MemoryActivePortTests(MemoryPassivePortTests):
    """An active port in memory."""

    def port(self) -> MemoryDataPort:
        return self.data.dial("192.0.2.1", 40000, "192.0.2.2")


class MemoryDataConnectionsTests(SynchronousTestCase):
    """The factory in memory."""

    def test_interface(self) -> None:
        """It provides its interface."""
        verifyObject(IDataConnections, MemoryDataConnections())

    def test_records(self) -> None:
        """What was listened for and dialled can be looked up."""
        data = MemoryDataConnections()
        passive = data.listen("192.0.2.2", PEERS)
        active = data.dial("192.0.2.1", 40000, None)
        self.assertEqual(data.ports, [passive, active])
        self.assertEqual((passive.host, passive.peers), ("192.0.2.2", PEERS))
        self.assertEqual((active.host, active.port, active.connecting), ("192.0.2.1", 40000, False))

    def test_full(self) -> None:
        """DC26: ports can run out."""
        data = MemoryDataConnections()
        data.full = True
        self.assertRaises(NoFreePort, data.listen, "192.0.2.2", PEERS)

    def test_unread(self) -> None:
        """DC15: what the peer sends before a transfer stays where it is."""
        port = MemoryDataConnections().listen("192.0.2.2", PEERS)
        peer = port.accept()
        peer.send(b"early")
        self.assertEqual(peer.waiting, 5)
        port.close()
