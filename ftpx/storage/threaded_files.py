"""Open files of a blocking storage, whose calls are made in threads."""

from __future__ import annotations

from zope.interface import implementer

from ftpx.errors import StorageFailure
from ftpx.interfaces import (
    Block,
    Entry,
    IBlockingReadableFile,
    IBlockingWritableFile,
    IReadableFile,
    IStoragePool,
    IStoredDigests,
    IWritableFile,
)
from ftpx.storage.deadline import LONGER
from ftpx.storage.failures import change
from ftpx.storage.in_turn import CallsInTurn

__all__ = ["ThreadedReadableFile", "ThreadedWritableFile", "require_entry", "threaded_readable"]


def require_entry(entry: Entry) -> Entry:
    """In a thread: what a storage calls an entry, if it is one. :raises TypeError: it is not."""
    if not isinstance(entry, Entry):
        raise TypeError(f"this is no entry: {type(entry).__name__}")
    return entry


def _read(file: IBlockingReadableFile, offset: int, size: int) -> bytes:
    block = bytes(file.read(offset, size))
    if len(block) > size:
        raise ValueError(f"{size} octets were wanted, and {len(block)} came")
    return block


def _commit(file: IBlockingWritableFile) -> Entry:
    return require_entry(file.commit())


@implementer(IReadableFile)
class ThreadedReadableFile:
    """A file open for reading."""

    def __init__(self, file: IBlockingReadableFile, pool: IStoragePool) -> None:
        self.entry = file.entry
        self._file = file
        self._pool = pool
        self._turns = CallsInTurn()

    async def read(self, offset: int, size: int) -> bytes:
        """Octets that are not behind the end; see `IReadableFile`."""
        wanted = min(size, self.entry.size - offset)
        if wanted <= 0:
            return b""
        return await self._turns.make(self._pool.allowing(ongoing=True), _read, self._file, offset, wanted)

    def close(self) -> None:
        """Let go of the file; see `IReadableFile`."""
        self._turns.end(self._pool.patient, self._file.close)


@implementer(IStoredDigests)
class _DigestedFile(ThreadedReadableFile):
    """A file whose digests the storage knows."""

    def __init__(self, file: IBlockingReadableFile, pool: IStoragePool, digests: IStoredDigests) -> None:
        super().__init__(file, pool)
        self._digests = digests

    def stored_digest(self, algorithm: str) -> str | None:
        """What the storage knows; see `IStoredDigests`."""
        return self._digests.stored_digest(algorithm)


def threaded_readable(file: IBlockingReadableFile, pool: IStoragePool) -> ThreadedReadableFile:
    """A file open for reading. It provides `IStoredDigests` if the blocking one does."""
    digests = IStoredDigests(file, None)
    return ThreadedReadableFile(file, pool) if digests is None else _DigestedFile(file, pool, digests)


@implementer(IWritableFile)
class ThreadedWritableFile:
    """A file being written. If a block of it was lost, it cannot be published any more."""

    def __init__(self, file: IBlockingWritableFile, pool: IStoragePool) -> None:
        self.offset = file.offset
        self._file = file
        self._pool = pool
        self._turns = CallsInTurn()
        self._whole = True
        self._committed = False

    async def write(self, block: Block) -> None:
        """Add a block; see `IWritableFile`."""
        try:
            # The call may go on when nobody waits for it any more, and the memory is not ours then.
            await self._turns.make(self._pool.allowing(ongoing=True), self._file.write, bytes(block))
        except BaseException:
            self._whole = False
            raise

    async def commit(self) -> Entry:
        """Publish; see `IWritableFile`."""
        if self._committed or not self._whole:
            raise StorageFailure("it is published already" if self._committed else "a block of it was lost")
        publishing = self._pool.allowing(longer=LONGER, ongoing=True)
        entry = await self._turns.make(publishing, _commit, self._file, how=change)
        self._committed = True
        return entry

    async def abort(self) -> None:
        """Throw away; see `IWritableFile`."""
        if not self._committed:
            await self._turns.end(self._pool.allowing(ongoing=True), self._file.abort)
