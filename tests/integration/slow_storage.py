"""``gated:FIFO``: files in memory. To read one called ``slow`` blocks a thread until a test opens the gate."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path as FilePath
from types import TracebackType

from twisted.plugin import IPlugin
from zope.interface import implementer

from ftpx.interfaces import Entry, IReadableFile, IStorage, IStoragePlugin, IStoragePool, IWritableFile, Path
from ftpx.storage.registry import open_storage
from tests.integration.waiting import eventually

__all__ = ["Gate", "GatedPlugin", "plugin_folder"]

_SLOW = "slow"


@implementer(IReadableFile)
class _GatedFile:
    """A file that waits at the gate before each read."""

    def __init__(self, file: IReadableFile, pool: IStoragePool, gate: str) -> None:
        self.entry: Entry = file.entry
        self._file = file
        self._pool = pool
        self._gate = gate

    async def read(self, offset: int, size: int) -> bytes:
        """See `IReadableFile`."""
        await self._pool.run(_pass, self._gate)
        return await self._file.read(offset, size)

    def close(self) -> None:
        """See `IReadableFile`."""
        self._file.close()


def _pass(gate: str) -> None:
    """In a thread: wait until somebody has opened the gate, and closed it behind us."""
    with open(gate, "rb") as waiting:
        waiting.read()


@implementer(IStorage)
class _GatedStorage:
    """A storage in memory behind a gate."""

    def __init__(self, storage: IStorage, pool: IStoragePool, gate: str) -> None:
        self._storage = storage
        self._pool = pool
        self._gate = gate

    async def stat(self, path: Path) -> Entry:
        """See `IStorage`."""
        return await self._storage.stat(path)

    def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """See `IStorage`."""
        return self._storage.list_directory(path)

    async def open_read(self, path: Path) -> IReadableFile:
        """See `IStorage`."""
        file = await self._storage.open_read(path)
        return _GatedFile(file, self._pool, self._gate) if path[-1] == _SLOW else file

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """See `IStorage`."""
        return await self._storage.open_write(path, offset=offset, exclusive=exclusive)

    async def make_directory(self, path: Path) -> None:
        """See `IStorage`."""
        await self._storage.make_directory(path)

    async def remove_directory(self, path: Path) -> None:
        """See `IStorage`."""
        await self._storage.remove_directory(path)

    async def remove_file(self, path: Path) -> None:
        """See `IStorage`."""
        await self._storage.remove_file(path)

    async def rename(self, source: Path, destination: Path) -> None:
        """See `IStorage`."""
        await self._storage.rename(source, destination)


@implementer(IPlugin, IStoragePlugin)
class GatedPlugin:
    """``gated:FIFO``."""

    prefix = "gated"
    argument_format = "FIFO"
    help = "Files in memory; those called slow wait at a gate."

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """See `IStoragePlugin`."""
        return _GatedStorage(open_storage("memory:", pool), pool, arguments)


def plugin_folder(directory: FilePath) -> FilePath:
    """A folder that makes the plugin known to a server which has it in its PYTHONPATH."""
    plugins = directory / "plugins" / "twisted" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "gated_plugin.py").write_text(
        "from tests.integration.slow_storage import GatedPlugin\n\ngated = GatedPlugin()\n", encoding="utf-8"
    )
    return directory / "plugins"


class Gate:
    """The gate of a storage, with somebody before it. It is opened at the latest at the end of the context."""

    def __init__(self, path: FilePath) -> None:
        self._descriptor = eventually(lambda: _reader_waits(path), what="somebody waits at the gate")

    def open(self) -> None:
        """Let who waits through."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open()


def _reader_waits(path: FilePath) -> int:
    """A descriptor that keeps a reader of the FIFO waiting; 0 if there is none."""
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return 0
