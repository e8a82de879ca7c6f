"""Which hosts other than its own a client may name."""

from __future__ import annotations

import errno
import socket
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.realm import Account
from ftpx.server import foreign
from ftpx.server.addresses import Addresses
from ftpx.server.foreign import is_of_this_machine, may_be_foreign, objection
from ftpx.storage.memory import MemoryStorage

# Addresses for documentation (RFC 5737, RFC 3849): no machine has them.
ELSEWHERE = "192.0.2.10"
ELSEWHERE_6 = "2001:db8::10"

_CLIENT = Addresses("198.51.100.2", frozenset({"198.51.100.2"}), "198.51.100.1", "198.51.100.1", 2121)
_CLIENT_6 = Addresses("2001:db8:1::2", frozenset({"2001:db8:1::2"}), "2001:db8:1::1", "2001:db8:1::1", 2121)
_NEIGHBOUR = Addresses("127.0.0.3", frozenset({"127.0.0.3"}), "127.0.0.1", "127.0.0.1", 2121)


class MayTests(SynchronousTestCase):
    """Who may."""

    def test_users(self) -> None:
        """Nobody, those named, or everybody but anonymous."""
        for name, anonymous, users, may in (
            ("alice", False, (), False),
            ("alice", False, ("bob",), False),
            ("alice", False, ("bob", "alice"), True),
            ("Alice", False, ("alice",), False),
            ("alice", False, ("*",), True),
            ("anonymous", True, ("*",), False),
            ("anonymous", True, ("anonymous",), False),
        ):
            account = Account(name, anonymous, MemoryStorage())
            self.assertIs(may_be_foreign(account, frozenset(users)), may, f"{name} of {users}")


class ObjectionTests(SynchronousTestCase):
    """Where to."""

    def refused(self, *hosts: str, addresses: Addresses = _CLIENT, known_as: tuple[str, ...] = ()) -> None:
        """There is an objection to each."""
        for host in hosts:
            self.assertIsNotNone(objection(host, 5000, addresses, known_as), host)

    def test_elsewhere(self) -> None:
        """Any other host will do, also of a private network."""
        for host in (ELSEWHERE, "203.0.113.255", "10.11.12.13"):
            self.assertIsNone(objection(host, 5000, _CLIENT, ()), host)
        self.assertIsNone(objection(ELSEWHERE_6, 5000, _CLIENT_6, ()))

    def test_no_hosts(self) -> None:
        """Addresses that are no host's, or no certain host's."""
        self.refused("0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "255.255.255.255", "240.0.0.1")
        self.refused("169.254.1.1", "169.254.169.254")
        self.refused("::", "ff02::1", "fe80::1", "::7f00:1", "64:ff9b::7f00:1", addresses=_CLIENT_6)
        self.refused("2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", addresses=_CLIENT_6)

    def test_loopback(self) -> None:
        """DC01: all of it is this machine."""
        self.refused("127.0.0.1", "127.0.0.2", "127.255.255.254")
        self.refused("::1", addresses=_CLIENT_6)

    def test_loopback_for_a_neighbour(self) -> None:
        """A client on a loopback address may use others, but not the server's own, and no control port."""
        self.assertIsNone(objection("127.0.0.2", 5000, _NEIGHBOUR, ()))
        self.refused("127.0.0.1", addresses=_NEIGHBOUR)
        self.assertIsNotNone(objection("127.0.0.2", 2121, _NEIGHBOUR, ()))

    def test_client_behind_a_local_proxy(self) -> None:
        """Who comes through a proxy on this machine is no neighbour."""
        through = attrs.evolve(_CLIENT, peers=frozenset({"198.51.100.2", "127.0.0.1"}))
        self.refused("127.0.0.2", addresses=through)

    def test_server(self) -> None:
        """DC03: the addresses that the server is reached by are its own, those of a router before it too."""
        through = attrs.evolve(_CLIENT, local="10.0.0.1")
        self.refused("10.0.0.1", "198.51.100.1", "203.0.113.9", addresses=through, known_as=("203.0.113.9",))

    def test_machine(self) -> None:
        """DC03: so are all others of this machine, whether or not the server listens there."""
        self.patch(foreign, "is_of_this_machine", lambda host: host == ELSEWHERE)
        self.refused(ELSEWHERE)
        self.assertIsNone(objection("192.0.2.11", 5000, _CLIENT, ()))


class ThisMachineTests(SynchronousTestCase):
    """What the kernel says."""

    def test_own(self) -> None:
        """Loopback addresses, and the one that leads to the rest of the world, if there is one."""
        own = ["127.0.0.1", "127.0.0.9"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            # For datagrams this only looks up the route: nothing is sent.
            if way.connect_ex((ELSEWHERE, 9)) == 0:
                own.append(way.getsockname()[0])
        for host in own:
            self.assertTrue(is_of_this_machine(host), host)

    def test_others(self) -> None:
        """Addresses that nobody here has."""
        for host in (ELSEWHERE, "203.0.113.7"):
            self.assertFalse(is_of_this_machine(host), host)

    def test_doubt(self) -> None:
        """Any answer but the clear one counts as yes."""
        for number in (errno.EMFILE, errno.EACCES, errno.EINVAL):

            def fails(*arguments: Any, number: int = number) -> socket.socket:
                raise OSError(number, "no")

            self.patch(socket, "socket", fails)
            self.assertTrue(is_of_this_machine(ELSEWHERE))
