"""A server as it is built from a configuration."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx import service as service_module
from ftpx.config import Config, Home
from ftpx.errors import ConfigurationError
from ftpx.lifetime import Entrance, FtpService
from ftpx.service import make_service
from ftpx.testing.data import MemoryDataConnections
from ftpx.testing.pool import InlinePool
from ftpx.testing.server import MemoryClient, MemoryTransport
from ftpx.wire.replies import Reply


class _Pool(InlinePool):
    """A pool without threads that notes its life, and may hang at the end."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__()
        self.name = arguments[-1]
        self.life: list[str] = []
        self.end: Deferred[None] = succeed(None)

    def start(self) -> None:
        """Note it."""
        self.life.append("start")

    def stop(self) -> Deferred[None]:
        """Note it."""
        self.life.append("stop")
        return self.end


class ServiceCase(SynchronousTestCase):
    """Servers on a reactor in memory, with pools that have no threads."""

    def setUp(self) -> None:
        """Make the reactor."""
        super().setUp()
        self.reactor: Any = MemoryReactorClock()
        self.pools: list[_Pool] = []
        self.patch(service_module, "WorkerPool", self.make_pool)

    def make_pool(self, *arguments: Any) -> _Pool:
        """In the place of `WorkerPool`."""
        self.pools.append(_Pool(*arguments))
        return self.pools[-1]

    def make(self, **config: Any) -> FtpService:
        """A server over memory, where alice and bob may log in and anybody may look."""
        values = {"storage": "memory:", "auth": ("memory:alice:secret:bob:secret", "anonymous"), **config}
        return make_service(Config(**values), self.reactor)

    def client(self, service: FtpService, name: str = "alice") -> MemoryClient:
        """Somebody who is logged in."""
        address = IPv4Address("TCP", "192.0.2.1", 4000)
        transport = MemoryTransport(address, address)
        client = MemoryClient(service.factory, self.reactor, MemoryDataConnections(), transport)
        client.login(name)
        return client

    def codes(self, client: MemoryClient, *lines: str) -> list[int]:
        """The codes of the replies to command lines."""
        client.replies()
        return [reply.code for reply in client.command(*lines)]


class BuildTests(ServiceCase):
    """From the configuration to what a client sees."""

    def test_accounts(self) -> None:
        """Named users may write, anonymous ones may not, and all are in one tree."""
        service = self.make()
        alice, guest = self.client(service), self.client(service, "anonymous")
        self.assertEqual(self.codes(alice, "MKD d", "CWD d"), [257, 250])
        self.assertEqual(self.codes(guest, "CWD d", "MKD e", "RMD /d"), [250, 550, 550])

    def test_read_only(self) -> None:
        """Nobody writes to a server that is read-only."""
        self.assertEqual(self.codes(self.client(self.make(read_only=True)), "PWD", "MKD d"), [257, 550])

    def test_homes(self) -> None:
        """Each named user is in a directory of their own, made at the first login; anonymous ones are in the root."""
        service = self.make(home=Home.PER_USER)
        alice, bob = self.client(service), self.client(service, "bob")
        self.assertEqual(self.codes(alice, "PWD", "MKD d"), [257, 257])
        self.assertEqual(self.codes(bob, "CWD d", "CWD ../alice/d", "CWD /alice"), [550] * 3)
        again = self.client(service)
        self.assertEqual(self.codes(again, "CWD d"), [250])
        guest = self.client(service, "anonymous")
        self.assertEqual(self.codes(guest, "CWD alice/d", "CWD /bob", "MKD /bob/x"), [250, 250, 550])

    def test_database_of_users(self) -> None:
        """What does not go with a database of users, and a database that cannot be used, is refused at the start."""
        top = Path(self.mktemp())
        top.mkdir()
        for options in (
            {"accounts": f"sqlite:{top}/accounts", "home": Home.PER_USER},
            {"accounts": f"sqlite:{top}/accounts", "storage": f"local:{top}"},
            {"accounts": f"sqlite:{top}/not/there"},
            {"accounts": "mysql://root@localhost/x"},
        ):
            self.assertRaises(ConfigurationError, self.make, **options)

    def test_home_that_is_refused(self) -> None:
        """AU18: a name that is no name of a directory does not get in."""
        service = self.make(home=Home.PER_USER, auth=("memory:..:secret:a/b:secret:.x:secret",))
        for name in ("..", "a/b", ".x"):
            client = self.client(service, name)
            self.reactor.advance(16)
            client.settle()
            self.assertEqual(self.codes(client, "PWD"), [530], name)
            client.lose()

    def test_policy(self) -> None:
        """What the operator says about sessions is said to them."""
        service = self.make(
            banner="Welcome.",
            no_active=True,
            symbolic_links=True,
            hide_owners=True,
            idle_timeout=5.0,
            login_timeout=7.0,
        )
        policy = service.factory.services.policy
        self.assertEqual((policy.idle_timeout, policy.login_timeout, policy.active), (5.0, 7.0, False))
        self.assertTrue(policy.symbolic_links and policy.hide_owners)
        self.assertGreaterEqual(len(policy.unique_key), 16)
        self.assertNotEqual(policy.unique_key, self.make().factory.services.policy.unique_key)
        self.assertEqual(self.codes(self.client(service), "PORT 192,0,2,1,20,0"), [502])

    def test_passive_address(self) -> None:
        """The passive address is the one that was given."""
        policy = self.make(passive_address="203.0.113.1").factory.services.policy

        async def told() -> str:
            return await policy.passive_address("192.0.2.1")

        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(told())), "203.0.113.1")

    def test_limits(self) -> None:
        """The numbers of sessions are bounded as was said."""
        service = self.make(max_sessions_per_ip=1)
        self.client(service)
        address = IPv4Address("TCP", "192.0.2.1", 4001)
        other = MemoryClient(service.factory, self.reactor, MemoryDataConnections(), MemoryTransport(address, address))
        self.assertEqual([reply.code for reply in other.replies()], [421])

    def test_pools(self) -> None:
        """AU07: logins and storage have pools of their own."""
        self.make()
        self.assertEqual(
            [pool.name for pool in self.pools], ["ftpx-storage", "ftpx-login", "ftpx-asking", "ftpx-computing"]
        )

    def test_tokens(self) -> None:
        """Names of STOU cannot be guessed."""
        token = self.make().factory.services.token
        self.assertEqual((len(token()), token() != token()), (16, True))

    def test_refused(self) -> None:
        """What cannot be used is told in one line, before anything listens."""
        for config in (
            {"port": ("nonsense",)},
            {"port": ("tcp:x",)},
            {"port": ("",)},
            {"storage": "nonsense:x"},
            {"storage": "local:/does/not/exist"},
            {"storage": "memory:x"},
            {"auth": ("nonsense",)},
            {"auth": ("memory:alice",)},
            {"auth": ("file:/does/not/exist",)},
        ):
            with self.assertRaises(ConfigurationError, msg=str(config)) as caught:
                self.make(**config)
            self.assertNotIn("\n", str(caught.exception))
        self.assertEqual(self.reactor.tcpServers, [])


class _Port:
    """A listening port."""

    socket: object = None


class LifeTests(ServiceCase):
    """Start and end."""

    def start(self, service: FtpService) -> None:
        """As twistd does it."""
        service.privilegedStartService()
        service.startService()

    def test_start(self) -> None:
        """It listens everywhere it was told to, and only then the pools start."""
        service = self.make(port=("tcp:2121", "tcp:2122:interface=127.0.0.1", "unix:/run/ftpx"))
        self.assertEqual(self.reactor.tcpServers, [])
        service.privilegedStartService()
        self.assertEqual(
            [(server[0], server[3]) for server in self.reactor.tcpServers], [(2121, ""), (2122, "127.0.0.1")]
        )
        self.assertEqual(self.reactor.unixServers[0][0], "/run/ftpx")
        self.assertEqual(self.pools[0].life, [])
        service.startService()
        self.assertEqual([pool.life for pool in self.pools], [["start"]] * 4)
        self.assertEqual(service.name, "ftpx")

    def test_options(self) -> None:
        """DC21: connections inherit what makes replies prompt and keeps the line end of an urgent ABOR."""
        service = self.make()
        options: list[tuple[int, int, int]] = []

        class _Listener:
            family = socket.AF_INET6

            def setsockopt(self, *option: int) -> None:
                options.append(cast(tuple[int, int, int], option))

        port = _Port()
        port.socket = _Listener()
        self.patch(self.reactor, "listenTCP", lambda *arguments, **keywords: port)
        service.privilegedStartService()
        self.assertIn((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), options)
        self.assertIn((socket.SOL_SOCKET, socket.SO_OOBINLINE, 1), options)

    def test_cannot_listen(self) -> None:
        """A port that is taken, or that one may not have, is told in one line."""
        for error in (
            CannotListenError("127.0.0.1", 2121, OSError(errno.EADDRINUSE, "Address already in use")),
            PermissionError(errno.EACCES, "Permission denied"),
            CannotListenError("127.0.0.1", 2121, "strange"),
        ):
            service = self.make()

            def refuse(*arguments: Any, error: Exception = error, **options: Any) -> None:
                raise error

            self.patch(self.reactor, "listenTCP", refuse)
            with self.assertRaises(ConfigurationError) as caught:
                service.privilegedStartService()
            self.assertIn("--port tcp:2121: cannot listen there: ", str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))

    def test_listening_breaks(self) -> None:
        """An endpoint that is broken in another way is not hidden."""
        service = self.make()

        class _Broken:
            def listen(self, factory: Any) -> Deferred[Any]:
                return fail(ZeroDivisionError())

        service._entrances = [Entrance("broken", cast(IStreamServerEndpoint, _Broken()))]
        self.assertRaises(ZeroDivisionError, service.privilegedStartService)

    def test_stop(self) -> None:
        """CR15: no new sessions, 421 to idle ones, then the pools end."""
        service = self.make()
        self.start(service)
        client = self.client(service)
        client.replies()
        stopped = service.stopService()
        self.assertNoResult(stopped)
        self.assertEqual(self.pools[0].life, ["start"])
        client.settle()
        self.assertEqual(client.replies(), [Reply(421, "The server is shutting down.")])
        self.successResultOf(stopped)
        self.assertEqual([pool.life for pool in self.pools], [["start", "stop"]] * 4)

    def test_stop_waits_for_ports(self) -> None:
        """A port that takes time to close is waited for."""
        service = self.make()
        closed: Deferred[None] = Deferred()

        class _Port:
            def stopListening(self) -> Deferred[None]:
                return closed

        class _At:
            def listen(self, factory: Any) -> Deferred[Any]:
                return succeed(_Port())

        service._entrances = [Entrance("slow", cast(IStreamServerEndpoint, _At()))]
        self.start(service)
        stopped = service.stopService()
        self.assertNoResult(stopped)
        closed.callback(None)
        self.successResultOf(stopped)

    def test_hasten(self) -> None:
        """CR16: the grace can be ended."""
        service = self.make(shutdown_grace=1000.0)
        self.start(service)
        client = self.client(service)
        client.command("USER alice", "PASS wrong")
        stopped = service.stopService()
        client.settle()
        self.assertNoResult(stopped)
        service.end_grace()
        client.settle()
        self.successResultOf(stopped)

    def test_calls_that_hang(self) -> None:
        """CR18: a call that never returns does not keep the server from ending, and is told."""
        written: list[str] = []

        @implementer(ILogObserver)
        def observe(event: dict[str, Any]) -> None:
            written.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        service = self.make()
        self.start(service)
        self.pools[0].end = Deferred()
        stopped = service.stopService()
        self.assertNoResult(stopped)
        self.reactor.advance(5)
        self.successResultOf(stopped)
        self.assertTrue(any("ending without waiting any longer" in line for line in written))
        self.assertEqual(self.pools[1].life, ["start", "stop"])
