"""Where data ports are opened: the port that is drawn, addresses, the factory."""

from __future__ import annotations

import errno
import random
import socket
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.data.addresses import normalised, socket_address
from ftpx.data.factory import DataConnections
from ftpx.data.listening import DYNAMIC_PORTS, open_listener
from ftpx.errors import NoFreePort
from ftpx.interfaces import IDataConnections
from tests.data.contract import TIMEOUT
from tests.data.doubles import DescriptorReactor
from tests.data.test_ports import PATIENCE, PEER


class FakeNetwork:
    """Makes listening sockets; ``taken`` ports cannot be had, and only ``hosts`` are ours."""

    def __init__(self, taken: frozenset[int] = frozenset(), hosts: frozenset[str] = frozenset({"192.0.2.2"})) -> None:
        self.taken = taken
        self.hosts = hosts
        self.tried: list[int] = []
        self.open = 0
        self.free = 1000

    def __call__(self, family: int, kind: int) -> socket.socket:
        if not self.free:
            raise OSError(errno.EMFILE, "Too many open files")
        self.open += 1
        return cast(socket.socket, _FakeBinding(self, family))


class _FakeBinding:
    def __init__(self, network: FakeNetwork, family: int) -> None:
        self.network = network
        self.family = family
        self.bound: tuple[Any, ...] | None = None

    def setsockopt(self, *arguments: Any) -> None:
        """Any option will do."""

    def setblocking(self, blocking: bool) -> None:
        """Must not block."""
        assert not blocking

    def bind(self, address: tuple[Any, ...]) -> None:
        """Take a port."""
        if address[0] not in self.network.hosts:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        self.network.tried.append(address[1])
        # Two sockets may be bound to one port as long as none listens: then listen fails.
        self.bound = address

    def listen(self, backlog: int) -> None:
        """Listen."""
        assert self.bound is not None
        if self.bound[1] in self.network.taken:
            raise OSError(errno.EADDRINUSE, "Address already in use")

    def close(self) -> None:
        """Count it."""
        self.network.open -= 1


class ListeningTests(SynchronousTestCase):
    """The port that is drawn."""

    def test_one_left(self) -> None:
        """DC27: a port that somebody else has is skipped, until the one that is free is found."""
        ports = range(50000, 50100)
        network = FakeNetwork(frozenset(ports) - {50042})
        _, port = open_listener("192.0.2.2", ports, random.Random(1), network)
        self.assertEqual(port, 50042)
        self.assertEqual(network.open, 1)

    def test_none_left(self) -> None:
        """DC26: no port outside of the range is ever tried, and every one in it is."""
        ports = range(50000, 50010)
        network = FakeNetwork(frozenset(ports))
        self.assertRaises(NoFreePort, open_listener, "192.0.2.2", ports, random.Random(1), network)
        self.assertEqual(set(network.tried), set(ports))
        self.assertEqual(network.open, 0)

    def test_default_range(self) -> None:
        """DC32: without a range the ports are drawn from the dynamic ones, not by the kernel."""
        network = FakeNetwork()
        drawn = {open_listener("192.0.2.2", DYNAMIC_PORTS, random.Random(seed), network)[1] for seed in range(50)}
        self.assertGreater(len(drawn), 45)
        self.assertTrue(all(port in DYNAMIC_PORTS for port in drawn))

    def test_address_not_ours(self) -> None:
        """Behind a proxy the address is not ours; the wildcard of its family is listened on."""
        for host, wildcard, family in (
            ("198.51.100.7", "0.0.0.0", socket.AF_INET),
            ("2001:db8::7", "::", socket.AF_INET6),
        ):
            network = FakeNetwork(hosts=frozenset({wildcard}))
            listener, _ = open_listener(host, range(50000, 50010), random.Random(1), network)
            binding = cast(_FakeBinding, listener)
            self.assertEqual((binding.bound or ())[0], wildcard)
            self.assertEqual(binding.family, family)

    def test_no_descriptor(self) -> None:
        """DC26: without a descriptor there is no port, and that is said like that."""
        network = FakeNetwork()
        network.free = 0
        self.assertRaises(NoFreePort, open_listener, "192.0.2.2", range(50000, 50010), random.Random(1), network)


class AddressTests(SynchronousTestCase):
    """How addresses are written."""

    def test_normalised(self) -> None:
        """One address has one spelling."""
        self.assertEqual(normalised("::FFFF:192.0.2.1"), "192.0.2.1")
        self.assertEqual(normalised("2001:DB8:0::1"), "2001:db8::1")
        self.assertEqual(normalised("fe80::1%eth0"), "fe80::1")
        self.assertRaises(ValueError, normalised, "localhost")

    def test_socket_address(self) -> None:
        """A zone becomes the scope."""
        self.assertEqual(socket_address("192.0.2.1", 21), ("192.0.2.1", 21))
        self.assertEqual(socket_address("fe80::1%7", 21), ("fe80::1", 21, 0, 7))
        self.assertEqual(socket_address("::1", 21), ("::1", 21, 0, 0))


class DataConnectionsTests(SynchronousTestCase):
    """The factory."""

    def test_interface(self) -> None:
        """It provides its interface and gives both kinds of ports."""
        reactor = DescriptorReactor()
        data = DataConnections(reactor, TIMEOUT, range(50000, 50001), random.Random(1), FakeNetwork())
        verifyObject(IDataConnections, data)
        passive = data.listen("192.0.2.2", frozenset({PEER}))
        self.assertEqual((passive.host, passive.port), ("192.0.2.2", 50000))
        reactor.advance(PATIENCE)
        self.assertEqual(reactor.readers, {passive})
        passive.close()
        active = data.dial(PEER, 40000, None)
        self.assertEqual((active.host, active.port), (PEER, 40000))
