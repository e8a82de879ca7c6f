"""Data connections over real TCP, with the reactor of the test run and peers in threads."""

from __future__ import annotations

import errno
import os
import random
import socket
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase
from zope.interface import implementer

from ftpx.data.factory import DataConnections
from ftpx.errors import DataConnectionAborted, DataConnectionLost, DataConnectionNotOpened, NoFreePort
from ftpx.interfaces import IWorkerPool
from tests.data.contract import started
from tests.data.doubles import DescriptorSink, DescriptorSource, MemorySink, MemorySource

_T = TypeVar("_T")

reactor: Any = global_reactor
OWNER = frozenset({"127.0.0.1"})
LIMIT = 30.0


@implementer(IWorkerPool)
class ThreadPool:
    """Calls in the reactor's own threads."""

    def run(
        self, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Deferred[_T]:
        """Call in a thread."""
        return deferToThread(function, *arguments)


def connect(port: Any, source: str | None = None) -> socket.socket:
    """Connect as a peer would."""
    address = None if source is None else (source, 0)
    return socket.create_connection((port.host, port.port), timeout=LIMIT, source_address=address)


def read_all(peer: socket.socket) -> bytes:
    """Everything up to the end, and close."""
    with peer:
        parts = []
        while part := peer.recv(1 << 20):
            parts.append(part)
        return b"".join(parts)


def resident() -> int:
    """Octets of memory that this process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class WireCase(TestCase):
    """Real data connections."""

    timeout = 60

    def data(self, timeout: float = LIMIT, ports: range | None = None) -> DataConnections:
        """The factory."""
        return DataConnections(reactor, timeout, ports, random.SystemRandom())

    def listen(self, data: DataConnections | None = None) -> Any:
        """A passive port of 127.0.0.1 for 127.0.0.1."""
        port = (data or self.data()).listen("127.0.0.1", OWNER)
        self.addCleanup(port.close)
        return port


class PassiveWireTests(WireCase):
    """Who may connect, and what happens if nobody does."""

    async def test_stranger(self) -> None:
        """DC07: a connection from another address is reset, and the owner still gets the file."""
        port = self.listen()
        opened = started(port.connect())
        try:
            stranger = await deferToThread(connect, port, "127.0.0.3")
            await deferToThread(read_all, stranger)
            self.fail("the stranger has seen a clean end")
        except ConnectionResetError:
            # That may be before the call to connect has come back.
            pass
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
            port.close()
            await self.assertFailure(opened, DataConnectionNotOpened)
            raise SkipTest("127.0.0.3 is not an address here") from error
        owner = await deferToThread(connect, port)
        connection = await opened
        reading = deferToThread(read_all, owner)
        self.assertEqual(await connection.send_file(MemorySource(b"secret"), 0, 6), 6)
        self.assertEqual(await reading, b"secret")

    async def test_three(self) -> None:
        """DC09: of three connections to a port the first is kept, and the others are reset."""
        port = self.listen()
        # In this thread, so that all are there before the reactor looks.
        peers = [connect(port) for _ in range(3)]
        connection = await started(port.connect())
        reading = deferToThread(read_all, peers[0])
        await connection.send_file(MemorySource(b"one"), 0, 3)
        self.assertEqual(await reading, b"one")
        for peer in peers[1:]:
            await self.assertFailure(deferToThread(read_all, peer), ConnectionResetError)
        await self.assertFailure(deferToThread(connect, port), ConnectionRefusedError)

    async def test_never(self) -> None:
        """DC10: if nobody connects, that is an error in time, and nobody listens any more."""
        port = self.listen(self.data(timeout=0.1))
        await self.assertFailure(started(port.connect()), DataConnectionNotOpened)
        await self.assertFailure(deferToThread(connect, port), ConnectionRefusedError)

    async def test_data_before_command(self) -> None:
        """DC15: what is pushed before a command wants it stays in kernel buffers."""
        port = self.listen()
        peer = await deferToThread(connect, port)
        block = bytes(1 << 20)
        before = resident()

        def push() -> int:
            pushed = 0
            peer.settimeout(0.5)
            try:
                while pushed < 64 << 20:
                    pushed += peer.send(block)
            except TimeoutError:
                pass
            return pushed

        pushed = await deferToThread(push)
        self.assertLess(pushed, 32 << 20)
        self.assertLess(resident() - before, 1 << 20)
        connection = await started(port.connect())
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(await connection.receive(MemorySink()), pushed)
        peer.close()

    async def test_ports_run_out(self) -> None:
        """DC26: when a range is used up there is no other port, and a port that is closed is free again."""
        ports = await deferToThread(_free_range, 10)
        data = self.data(ports=ports)
        held = [self.listen(data) for _ in range(10)]
        for _ in range(10):
            self.assertRaises(NoFreePort, data.listen, "127.0.0.1", OWNER)
        self.assertEqual({port.port for port in held}, set(ports))
        held[3].close()
        self.assertEqual(self.listen(data).port, held[3].port)

    async def test_taken(self) -> None:
        """DC27: a port that another process holds is skipped."""
        ports = await deferToThread(_free_range, 2)
        with socket.create_server(("127.0.0.1", ports[0])):
            for _ in range(10):
                port = self.listen(self.data(ports=ports))
                self.assertEqual(port.port, ports[1])
                port.close()

    async def test_guess(self) -> None:
        """DC32: the ports are spread evenly and do not count up."""
        data = self.data()
        drawn = []
        for _ in range(200):
            port = self.listen(data)
            drawn.append(port.port)
            port.close()
        bins = [0] * 16
        for number in drawn:
            bins[(number - 49152) * 16 // 16384] += 1
        expected = 200 / 16
        # 60 is exceeded by chance once in some million times with 15 degrees of freedom.
        self.assertLess(sum((count - expected) ** 2 / expected for count in bins), 60)
        steps = sum(after - before == 1 for before, after in pairwise(drawn))
        self.assertLess(steps, 3)

    async def test_ipv6(self) -> None:
        """The same over IPv6."""
        try:
            port = self.data().listen("::1", frozenset({"::1"}))
        except NoFreePort as error:
            raise SkipTest("no IPv6 here") from error
        self.addCleanup(port.close)
        peer = await deferToThread(connect, port)
        connection = await started(port.connect())
        reading = deferToThread(read_all, peer)
        await connection.send_file(MemorySource(b"six"), 0, 3)
        self.assertEqual(await reading, b"six")


class ActiveWireTests(WireCase):
    """Connections that we make."""

    async def test_connects_when_wanted(self) -> None:
        """DC01: nothing reaches the peer before the connection is wanted."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            port = self.data().dial("127.0.0.1", listener.getsockname()[1], "127.0.0.1")
            self.assertRaises(BlockingIOError, listener.accept)
            connection = await started(port.connect())
            peer, _ = listener.accept()
        reading = deferToThread(read_all, peer)
        await connection.send_file(MemorySource(b"active"), 0, 6)
        self.assertEqual(await reading, b"active")

    async def test_refused(self) -> None:
        """A peer that does not listen is an error at once."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            number = listener.getsockname()[1]
        port = self.data().dial("127.0.0.1", number, None)
        await self.assertFailure(started(port.connect()), DataConnectionNotOpened)

    async def test_never_accepts(self) -> None:
        """DC11: a peer whose backlog is full is an error in time."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            address = listener.getsockname()
            fillers = []
            for _ in range(4):
                filler = socket.socket()
                self.addCleanup(filler.close)
                filler.setblocking(False)
                filler.connect_ex(address)
                fillers.append(filler)
            port = self.data(timeout=0.2).dial("127.0.0.1", address[1], None)
            await self.assertFailure(started(port.connect()), DataConnectionNotOpened)


class TransferWireTests(WireCase):
    """Transfers, with threads that really are threads."""

    async def opened(self) -> tuple[Any, socket.socket]:
        """A connection and the other end."""
        port = self.listen()
        peer = await deferToThread(connect, port)
        return await started(port.connect()), peer

    async def test_download(self) -> None:
        """Files of all sizes arrive octet for octet."""
        content = os.urandom(1 << 20) * 12 + b"tail"
        for size in (0, 1, 1024, 65536, 65537, len(content)):
            source = DescriptorSource(content[:size], ThreadPool())
            connection, peer = await self.opened()
            reading = deferToThread(read_all, peer)
            self.assertEqual(await connection.send_file(source, 0, size), size)
            self.assertEqual(await reading, content[:size])
            source.close()

    async def test_upload(self) -> None:
        """Files of all sizes are stored octet for octet, with and without a descriptor."""
        content = os.urandom(1 << 20) * 12 + b"tail"
        for size in (0, 1, 1024, 1 << 20, len(content)):
            for sink in (DescriptorSink(pool=ThreadPool()), MemorySink()):
                connection, peer = await self.opened()
                receiving = started(connection.receive(sink))
                await deferToThread(peer.sendall, content[:size])
                peer.close()
                self.assertEqual(await receiving, size)
                if isinstance(sink, DescriptorSink):
                    self.assertEqual(sink.written, content[:size])
                    sink.close()
                else:
                    self.assertEqual(sink.content, content[:size])

    async def test_reset(self) -> None:
        """DC17: a connection reset after 100,000 octets is never a success."""
        for sink in (DescriptorSink(pool=ThreadPool()), MemorySink()):
            connection, peer = await self.opened()
            receiving = started(connection.receive(sink))
            await deferToThread(peer.sendall, bytes(100_000))
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
            await self.assertFailure(receiving, DataConnectionLost)

    async def test_reset_before_it_is_wanted(self) -> None:
        """DC17: so is one that was reset before the transfer began."""
        connection, peer = await self.opened()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        await self.assertFailure(started(connection.receive(MemorySink())), DataConnectionLost)

    async def test_closed_early(self) -> None:
        """DC18: a client that closes in the middle of a download has not got it."""
        size = 64 << 20
        source = DescriptorSource(b"", ThreadPool())
        os.truncate(source.fileno(), size)
        connection, peer = await self.opened()
        sending = started(connection.send_file(source, 0, size))
        await deferToThread(peer.recv, 1000)
        peer.close()
        await self.assertFailure(sending, DataConnectionLost)
        source.close()

    async def test_abort_is_a_reset(self) -> None:
        """DC21: a download that is aborted does not end as a whole file would."""
        size = 64 << 20
        source = DescriptorSource(b"", ThreadPool())
        os.truncate(source.fileno(), size)
        connection, peer = await self.opened()
        sending = started(connection.send_file(source, 0, size))
        await deferToThread(peer.recv, 1000)
        connection.abort()
        await self.assertFailure(sending, DataConnectionAborted)
        await self.assertFailure(deferToThread(read_all, peer), ConnectionResetError)
        source.close()


def _free_range(count: int) -> range:
    """So many ports in a row that nobody has."""
    for first in random.sample(range(20000, 30000, count), 100):
        held = []
        try:
            for number in range(first, first + count):
                held.append(socket.create_server(("127.0.0.1", number)))
        except OSError:
            continue
        finally:
            for listener in held:
                listener.close()
        return range(first, first + count)
    raise SkipTest("no free ports in a row")
