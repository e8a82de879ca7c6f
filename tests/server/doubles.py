"""A storage that fails or waits where a test says so, and what tests of the server share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Iterable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.interfaces import Block, Entry, IPartialFile, IReadableFile, IStagedContent, IStorage, IWritableFile, Path
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.server import EPOCH, ServerHarness
from ftpx.wire.replies import Reply

__all__ = ["PlainStorage", "ScriptedStorage", "ServerCase", "codes"]

_T = TypeVar("_T")


def codes(replies: Iterable[Reply]) -> list[int]:
    """The codes of replies."""
    return [reply.code for reply in replies]


class Script:
    """
    What the operations of a `ScriptedStorage` do: fail with an error out of ``faults``, or wait for one of
    ``waits``, by the name of the operation.
    """

    def __init__(self) -> None:
        self.faults: dict[str, Exception] = {}
        self.waits: dict[str, Deferred[None]] = {}
        self.done: list[str] = []

    async def step(self, name: str) -> None:
        """Do what is wanted for an operation."""
        waiting = self.waits.get(name)
        if waiting is not None:
            await waiting
        if name in self.faults:
            raise self.faults[name]
        self.done.append(name)

    def hold(self, name: str) -> Deferred[None]:
        """Let an operation wait until the result is fired."""
        self.waits[name] = Deferred()
        return self.waits[name]


@implementer(IReadableFile)
class _ScriptedReadable:
    def __init__(self, inner: IReadableFile, script: Script) -> None:
        self.entry: Entry = inner.entry
        self._inner = inner
        self._script = script

    async def read(self, offset: int, size: int) -> bytes:
        await self._script.step("read")
        return await self._inner.read(offset, size)

    def close(self) -> None:
        self._script.done.append("close")
        self._inner.close()


@implementer(IWritableFile)
class _ScriptedWritable:
    def __init__(self, inner: IWritableFile, script: Script) -> None:
        self.offset: int = inner.offset
        self._inner = inner
        self._script = script

    async def write(self, block: Block) -> None:
        await self._script.step("write")
        await self._inner.write(block)

    async def commit(self) -> Entry:
        await self._script.step("commit")
        return await self._inner.commit()

    async def abort(self) -> None:
        self._script.done.append("abort")
        await self._inner.abort()


@implementer(IPartialFile, IStagedContent)
class _ScriptedPartial(_ScriptedWritable):
    _inner: IPartialFile

    async def read_back(self, offset: int, size: int) -> bytes:
        return await IStagedContent(self._inner).read_back(offset, size)

    async def suspend(self) -> None:
        await self._script.step("suspend")
        await self._inner.suspend()


class ScriptedStorage(MemoryStorage):
    """A storage in memory whose operations fail or wait as its ``script`` says."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__(limit, clock=lambda: EPOCH)
        self.script = Script()

    async def stat(self, path: Path) -> Entry:
        """See `IStorage`."""
        await self.script.step("stat")
        return await super().stat(path)

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """See `IStorage`; the step of each page behind the first is ``page``."""
        step = "list"
        async for page in super().list_directory(path):
            await self.script.step(step)
            step = "page"
            yield page

    async def open_read(self, path: Path) -> IReadableFile:
        """See `IStorage`."""
        await self.script.step("open_read")
        return _ScriptedReadable(await super().open_read(path), self.script)

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """See `IStorage`."""
        await self.script.step("open_write")
        return _ScriptedWritable(await super().open_write(path, offset=offset, exclusive=exclusive), self.script)

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """See `IPartialUploads`; its step is ``open_write`` too."""
        await self.script.step("open_write")
        return _ScriptedPartial(await super().begin_upload(path, owner, exclusive=exclusive), self.script)

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """See `IPartialUploads`."""
        await self.script.step("continue_upload")
        continued = await super().continue_upload(path, owner, offset, exclusive=exclusive)
        return None if continued is None else _ScriptedPartial(continued, self.script)

    async def make_directory(self, path: Path) -> None:
        """See `IStorage`."""
        await self.script.step("make_directory")
        await super().make_directory(path)

    async def remove_directory(self, path: Path) -> None:
        """See `IStorage`."""
        await self.script.step("remove_directory")
        await super().remove_directory(path)

    async def remove_file(self, path: Path) -> None:
        """See `IStorage`."""
        await self.script.step("remove_file")
        await super().remove_file(path)

    async def rename(self, source: Path, destination: Path) -> None:
        """See `IStorage`."""
        await self.script.step("rename")
        await super().rename(source, destination)

    async def set_modified(self, path: Path, seconds: float) -> None:
        """See `ITimes`."""
        await self.script.step("set_modified")
        await super().set_modified(path, seconds)

    async def set_mode(self, path: Path, mode: int) -> None:
        """See `IModes`."""
        await self.script.step("set_mode")
        await super().set_mode(path, mode)

    async def copy(self, source: Path, destination: Path) -> None:
        """See `IServerSideCopy`."""
        await self.script.step("copy")
        await super().copy(source, destination)


@implementer(IStorage)
class PlainStorage:
    """Another storage without any of its optional abilities; ``entries`` are told in place of its own."""

    def __init__(self, inner: IStorage) -> None:
        self._inner = inner
        self.entries: dict[Path, Entry] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def stat(self, path: Path) -> Entry:
        """See `IStorage`."""
        return self.entries[path] if path in self.entries else await self._inner.stat(path)


async def _wait(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


class ServerCase(SynchronousTestCase):
    """A server in memory over a `ScriptedStorage`, with alice logged in."""

    def setUp(self) -> None:
        """Make the server."""
        super().setUp()
        self.storage = ScriptedStorage()
        self.script = self.storage.script
        self.server = self.make_server()
        self.client = self.server.client
        self.client.login()

    def make_server(self) -> ServerHarness:
        """The server; to be written otherwise by who wants another one."""
        return ServerHarness(self.storage)

    def result(self, awaitable: Awaitable[_T]) -> _T:
        """What an operation of the storage returns."""
        return self.successResultOf(Deferred.fromCoroutine(_wait(awaitable)))

    async def _put(self, path: Path, content: bytes) -> None:
        target = await MemoryStorage.open_write(self.storage, path)
        await target.write(content)
        await target.commit()

    def put(self, path: str, content: bytes = b"") -> None:
        """Put a file into the storage, past its script."""
        self.result(self._put(tuple(path.split("/")), content))

    def get(self, path: str) -> bytes:
        """The content of a file, past the script."""
        source = self.result(MemoryStorage.open_read(self.storage, tuple(path.split("/"))))
        return self.result(source.read(0, source.entry.size))

    async def _names(self, path: Path) -> list[str]:
        return [entry.name async for page in MemoryStorage.list_directory(self.storage, path) for entry in page]

    def names(self, *path: str) -> list[str]:
        """The names in a directory, past the script."""
        return sorted(self.result(self._names(path)))

    def codes(self, *lines: str) -> list[int]:
        """The codes of the replies to command lines."""
        return codes(self.client.command(*lines))

    def in_session(self, *lines: str) -> list[int]:
        """The codes of the replies to command lines, sent one by one."""
        return [code for line in lines for code in codes(self.client.command(line))]

    def texts(self, line: str) -> str:
        """All that is said to a command line."""
        return "\n".join(text for reply in self.client.command(line) for text in reply.lines)

    def log(self) -> list[str]:
        """What is logged from now until the test ends, as an operator reads it."""
        written: list[str] = []

        @implementer(ILogObserver)
        def observe(event: dict[str, Any]) -> None:
            written.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        return written
