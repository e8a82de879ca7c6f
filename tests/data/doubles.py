"""What stands around a data connection in the tests: reactor, sockets, sources and sinks."""

from __future__ import annotations

import errno
import os
import select
import socket
import tempfile
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from ftpx.errors import NoSpace, StorageError, StorageFailure, StorageUnavailable
from ftpx.interfaces import (
    Block,
    Entry,
    IFileDescriptor,
    IReadableFile,
    IStagedDescriptor,
    IWorkerPool,
    IWritableFile,
    Kind,
)
from ftpx.testing.pool import InlinePool

_T = TypeVar("_T")


class DescriptorReactor(Clock):
    """A clock that also watches descriptors, when `turn` is called."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        """Watch for something to read."""
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        """Watch no longer."""
        self.readers.discard(reader)

    def addWriter(self, writer: Any) -> None:
        """Watch for room to write."""
        self.writers.add(writer)

    def removeWriter(self, writer: Any) -> None:
        """Watch no longer."""
        self.writers.discard(writer)

    def turn(self, times: int = 1) -> None:
        """Tell whoever watches what is ready now, without waiting."""
        for _ in range(times):
            readable, writable, _ = select.select(list(self.readers), list(self.writers), [], 0)
            for reader in readable:
                reader.doRead()
            for writer in writable:
                if writer in self.writers:
                    writer.doWrite()


class FaultySocket(socket.socket):
    """A socket on which everything fails once ``broken`` is set."""

    broken = False
    closed = False
    lingers: bytes | None = None

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        """Receive, or fail."""
        self._check()
        return super().recv_into(*arguments, **named)

    def send(self, *arguments: Any, **named: Any) -> int:
        """Send, or fail."""
        self._check()
        return super().send(*arguments, **named)

    def setsockopt(self, *arguments: Any) -> None:
        """Remember the linger option."""
        if arguments[1] == socket.SO_LINGER:
            self.lingers = arguments[2]
        super().setsockopt(*arguments)

    def close(self) -> None:
        """Close, and remember it."""
        self.closed = True
        super().close()

    def _check(self) -> None:
        if self.broken:
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


def connected_pair() -> tuple[FaultySocket, socket.socket]:
    """Two connected sockets without any port: ours and the peer's."""
    ours, peer = socket.socketpair()
    peer.setblocking(False)
    return FaultySocket(fileno=ours.detach()), peer


class FakeListener:
    """A listening socket: ``arrivals`` holds connections with the peers' addresses, or errors."""

    def __init__(self) -> None:
        self.arrivals: deque[tuple[socket.socket, str] | OSError] = deque()
        self.closed = False

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        """The next arrival."""
        if not self.arrivals:
            raise BlockingIOError
        arrival = self.arrivals.popleft()
        if isinstance(arrival, OSError):
            raise arrival
        return arrival[0], (arrival[1], 40000)

    def arrive(self, host: str) -> socket.socket:
        """Somebody connects; returns their end."""
        ours, peer = connected_pair()
        self.arrivals.append((ours, host))
        return peer

    def fileno(self) -> int:
        """No descriptor is needed."""
        return -1

    def close(self) -> None:
        """Listen no longer."""
        self.closed = True


@implementer(IWorkerPool)
class HangingPool:
    """Makes no call until it is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def run(
        self, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Deferred[_T]:
        """Keep the call."""
        waiting: Deferred[_T] = Deferred()
        self.calls.append((waiting, lambda: function(*arguments)))
        return waiting

    def go_on(self) -> None:
        """Make the calls that were kept."""
        calls, self.calls = self.calls, []
        for waiting, call in calls:
            try:
                result = call()
            except Exception as error:
                waiting.errback(error)
            else:
                waiting.callback(result)


@implementer(IWorkerPool)
class FullPool:
    """Takes no call."""

    def run(
        self, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Deferred[_T]:
        """Refuse."""
        raise StorageUnavailable("too many calls are waiting")


@implementer(IReadableFile)
class MemorySource:
    """A file in memory; reads wait if ``hangs`` is set."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.entry = Entry("a", Kind.FILE, size=len(content))
        self.read_to = 0
        self.hangs: Deferred[None] | None = None
        self.error: Exception | None = None

    async def read(self, offset: int, size: int) -> bytes:
        """A part of it."""
        if self.hangs is not None:
            await self.hangs
        if self.error is not None:
            raise self.error
        self.read_to = offset + size
        return self.content[offset : offset + size]

    def close(self) -> None:
        """Nothing is open."""


@implementer(IWritableFile)
class MemorySink:
    """Keeps what is written; writes wait if ``hangs`` is set."""

    offset = 0

    def __init__(self) -> None:
        self.content = b""
        self.hangs: Deferred[None] | None = None
        self.error: Exception | None = None

    async def write(self, block: Block) -> None:
        """Add a block."""
        if self.hangs is not None:
            await self.hangs
        if self.error is not None:
            raise self.error
        self.content += bytes(block)

    async def commit(self) -> Entry:
        """Nobody sees it anyway."""
        return Entry("a", Kind.FILE, size=len(self.content))

    async def abort(self) -> None:
        """Forget it."""


class _OnDisk:
    def __init__(self, content: bytes, pool: IWorkerPool | None) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115
        self.file.write(content)
        self.file.flush()
        self.pool: IWorkerPool = InlinePool() if pool is None else pool

    def fileno(self) -> int:
        """The descriptor."""
        return self.file.fileno()

    def translate(self, error: OSError) -> StorageError:
        """The one interesting cause."""
        return NoSpace("full") if error.errno == errno.ENOSPC else StorageFailure(str(error))

    @property
    def written(self) -> bytes:
        """All of the file."""
        return os.pread(self.file.fileno(), 1 << 30, 0)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


@implementer(IReadableFile, IFileDescriptor)
class DescriptorSource(_OnDisk):
    """A file on disk."""

    def __init__(self, content: bytes, pool: IWorkerPool | None = None) -> None:
        super().__init__(content, pool)
        self.entry = Entry("a", Kind.FILE, size=len(content))
        self.copied = 0

    async def read(self, offset: int, size: int) -> bytes:
        """A part of it, copied."""
        block = os.pread(self.fileno(), size, offset)
        self.copied += len(block)
        return block


@implementer(IWritableFile, IFileDescriptor)
class DescriptorSink(_OnDisk):
    """A file on disk that is written by position."""

    def __init__(self, content: bytes = b"", pool: IWorkerPool | None = None) -> None:
        super().__init__(content, pool)
        self.offset = len(content)
        self.blocks: list[bytes] = []
        self.hangs: Deferred[None] | None = None
        self.error: Exception | None = None

    @property
    def copied(self) -> int:
        """How many octets came as blocks."""
        return sum(map(len, self.blocks))

    async def write(self, block: Block) -> None:
        """Add a block by copying it; waits if ``hangs`` is set."""
        if self.hangs is not None:
            await self.hangs
        if self.error is not None:
            raise self.error
        self.file.seek(self.offset + self.copied)
        self.file.write(block)
        self.file.flush()
        self.blocks.append(bytes(block))

    async def commit(self) -> Entry:
        """Nobody sees it anyway."""
        return Entry("a", Kind.FILE, size=len(self.written))

    async def abort(self) -> None:
        """Forget it."""


@implementer(IStagedDescriptor)
class StagedSink(DescriptorSink):
    """A file on disk that wants to be prepared; ``prepared`` has what was written when it was."""

    def __init__(self, content: bytes = b"", pool: IWorkerPool | None = None) -> None:
        super().__init__(content, pool)
        self.prepared: list[bytes] = []
        self.refusal: OSError | None = None

    def prepare(self) -> None:
        """Note it, or fail."""
        if self.refusal is not None:
            raise self.refusal
        self.prepared.append(self.written)


def failing(number: int) -> Callable[..., int]:
    """A system call that fails with an errno."""

    def call(*arguments: object, **named: object) -> int:
        raise OSError(number, os.strerror(number))

    return call
