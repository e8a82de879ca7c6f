"""Open files of a local storage. Their descriptors are there for the kernel to move the bytes."""

from __future__ import annotations

import os
from typing import Final

from zope.interface import implementer

from ftpx.errors import StorageError, StorageUnavailable
from ftpx.interfaces import (
    Block,
    Entry,
    IDurableFile,
    IFileDescriptor,
    IPartialFile,
    IReadableFile,
    IStagedDescriptor,
    IStoragePool,
    IWorkerPool,
)
from ftpx.storage.deadline import LONGER
from ftpx.storage.descriptor import Descriptor, release
from ftpx.storage.failures import call, change, storage_error
from ftpx.storage.upload import Upload

__all__ = ["LocalReadableFile", "LocalWritableFile"]

_BEHIND: Final = 1 / 60
"""As `LONGER`, of what stands behind a call that was given up: it gets its turn whether anybody waits or not."""


def _read(descriptor: int, size: int, offset: int) -> bytes:
    """In a thread: read until there is enough, or the file ends."""
    block = os.pread(descriptor, size, offset)
    if not block or len(block) == size:
        return block
    blocks = [block]
    read = len(block)
    while read < size and (block := os.pread(descriptor, size - read, offset + read)):
        blocks.append(block)
        read += len(block)
    return b"".join(blocks)


@implementer(IReadableFile, IFileDescriptor)
class LocalReadableFile:
    """
    A file open for reading.

    :param nearby: the descriptor can be closed in the reactor thread unless that frees the file.
    """

    def __init__(self, pool: IStoragePool, descriptor: Descriptor, entry: Entry, *, nearby: bool) -> None:
        self.pool = pool.patient
        self._pool = pool
        self.entry = entry
        self._descriptor = descriptor
        self._nearby = nearby
        self._open = True

    def fileno(self) -> int:
        """The descriptor; see `IFileDescriptor`."""
        return self._descriptor.number

    def translate(self, error: OSError) -> StorageError:
        """What an error on the descriptor means; see `IFileDescriptor`."""
        return storage_error(error)

    async def read(self, offset: int, size: int) -> bytes:
        """Read octets that are not behind the end; see `IReadableFile`."""
        wanted = min(size, self.entry.size - offset)
        if wanted <= 0:
            return b""
        return await call(self._pool.allowing(ongoing=True), self._descriptor.use, _read, wanted, offset)

    def close(self) -> None:
        """Close the file; see `IReadableFile`."""
        if not self._open:
            return
        self._open = False
        if not (self._nearby and self._descriptor.close_now()):
            release(self.pool, self._descriptor)


_SMALL = 65536


@implementer(IPartialFile, IDurableFile, IStagedDescriptor)
class LocalWritableFile:
    """
    A file that is staged until it is committed.

    One small block is kept until the next call that goes to a thread, so a small file costs one such call less.
    """

    def __init__(self, pool: IStoragePool, upload: Upload) -> None:
        self.pool = pool.patient
        self._pool = pool
        self.offset = upload.offset
        self._upload = upload
        self._position = upload.offset
        self._kept: list[tuple[bytes, int]] = []

    def fileno(self) -> int:
        """The descriptor; see `IFileDescriptor`."""
        return self._upload.fileno()

    def translate(self, error: OSError) -> StorageError:
        """What an error on the descriptor means; see `IFileDescriptor`."""
        return storage_error(error)

    async def write(self, block: Block) -> None:
        """Add a block; see `IWritableFile`."""
        position = self._position
        self._position += len(block)
        if len(block) <= _SMALL and not self._kept and self._upload.open:
            self._kept.append((bytes(block), position))
        else:
            await call(self._pool.allowing(ongoing=True), self._upload.write, *self._kept, (block, position))
            self._kept.clear()

    async def commit(self) -> Entry:
        """Publish; see `IWritableFile`."""
        return await self._commit(durably=False)

    async def commit_durably(self) -> Entry:
        """Publish what is on disk; see `IDurableFile`."""
        return await self._commit(durably=True)

    async def _commit(self, *, durably: bool) -> Entry:
        return await change(self._last_calls(), self._upload.commit, durably, *self._kept)

    def prepare(self) -> None:
        """In a thread: see `IStagedDescriptor`."""
        self._upload.prepare()

    async def suspend(self) -> None:
        """Keep what was written; see `IPartialFile`."""
        if not self._upload.open:
            return
        behind = self._upload.busy
        try:
            await call(self._last_calls(), self._upload.suspend, *self._kept)
        except StorageUnavailable:
            # What broke the upload off is to be told, and not this; it is kept as soon as that call comes back.
            if not behind:
                raise

    async def abort(self) -> None:
        """Throw away; see `IWritableFile`."""
        # A commit that was made has closed it; one that was cancelled or refused may not have been.
        if self._upload.open:
            await release(self._last_calls(), self._upload)

    def _last_calls(self) -> IWorkerPool:
        """Where the upload is ended: with much time, unless that would be waiting for a call that was given up."""
        return self._pool.allowing(longer=_BEHIND if self._upload.busy else LONGER, ongoing=True)
