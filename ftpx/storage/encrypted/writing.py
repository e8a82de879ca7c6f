"""Encrypted files that are written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from twisted.internet.defer import DeferredLock
from zope.interface import alsoProvides, implementer

from ftpx.errors import StorageError, StorageFailure
from ftpx.interfaces import (
    Block,
    Entry,
    IDurableFile,
    IPartialFile,
    IStagedContent,
    IWorkerPool,
    IWritableFile,
)
from ftpx.running import to_the_end
from ftpx.storage.encrypted.content import Sealing
from ftpx.storage.encrypted.layout import BLOCK, Ending, Extent
from ftpx.storage.encrypted.reading import SPAN, Blocks, plain_entry, read_back_of

__all__ = ["Beginning", "EncryptedWritableFile"]

_T = TypeVar("_T")

Beginning = Callable[[], tuple[bytes, Sealing]]
"""Begins to encrypt: what is to be stored first, and the rest. Made in a thread."""


@implementer(IWritableFile)
class EncryptedWritableFile:
    """
    A file around another one that gets the encrypted content, with the abilities of that one but for its descriptor.

    It holds back what may be the last block, since that is marked as the last.

    :param sealing: goes on behind blocks that are stored, or begins a file.
    :param name: what the file is called.
    :param held: plain octets behind the blocks that are stored.
    """

    def __init__(
        self, inner: IWritableFile, pool: IWorkerPool, sealing: Sealing | Beginning, name: str, held: bytes = b""
    ) -> None:
        self._inner = inner
        self._pool = pool
        self._sealing = sealing
        self._name = name
        self._held = bytearray(held)
        self.offset = self._stored + len(held)
        self._turn = DeferredLock()
        self._over = False
        self._broken = False
        self._fetch = read_back_of(inner)
        alsoProvides(self, *(kind for kind in (IDurableFile, IPartialFile) if kind.providedBy(inner)))
        if self._fetch is not None:
            alsoProvides(self, IStagedContent)

    @property
    def _stored(self) -> int:
        """Plain octets of the blocks that are stored."""
        return self._sealing.index * BLOCK if isinstance(self._sealing, Sealing) else 0

    async def write(self, block: Block) -> None:
        """Add a block; see `IWritableFile`."""
        self._require_open()
        self._held += block
        if len(self._held) > SPAN:
            # A transfer that is broken off waits no longer; what it wrote is stored all the same, before it is kept.
            await to_the_end(self._alone(self._store_whole_blocks))

    async def commit(self) -> Entry:
        """Publish; see `IWritableFile`."""
        return await self._alone(partial(self._publish, self._inner.commit))

    async def commit_durably(self) -> Entry:
        """Publish what is on disk; see `IDurableFile`."""
        return await self._alone(partial(self._publish, IDurableFile(self._inner).commit_durably))

    async def suspend(self) -> None:
        """
        Keep what was written; see `IPartialFile`.

        Where it could not be read back, it could not be continued either, and is thrown away.
        """
        await to_the_end(self._alone(self._suspend))

    async def abort(self) -> None:
        """Throw away; see `IWritableFile`."""
        if self._turn.locked or not self._over:
            await to_the_end(self._alone(self._abort))

    async def read_back(self, offset: int, size: int) -> bytes:
        """Read what was written; see `IStagedContent`."""
        return await self._alone(partial(self._read_back, offset, size))

    async def _alone(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """One call at a time: who waited for one may have been cancelled, and come with another."""
        await self._turn.acquire()
        try:
            return await work()
        finally:
            self._turn.release()

    def _require_open(self) -> None:
        if self._over or self._broken:
            raise StorageFailure("the upload is closed")

    async def _store_whole_blocks(self) -> None:
        self._require_open()
        while len(self._held) > SPAN:
            whole = bytes(self._held[:SPAN])
            del self._held[:SPAN]
            try:
                await self._store(whole, Ending.MORE)
            except BaseException:
                # What comes behind would not fit to what is stored.
                self._broken = True
                raise

    async def _store(self, plain: Block, ending: Ending) -> None:
        await self._inner.write(await self._pool.run(self._seal, plain, ending))

    def _seal(self, plain: Block, ending: Ending) -> bytes:
        """In a thread: what is to be stored of plain octets."""
        first = b""
        if not isinstance(self._sealing, Sealing):
            first, self._sealing = self._sealing()
        return first + self._sealing.seal(plain, ending)

    async def _publish(self, publish: Callable[[], Awaitable[Entry]]) -> Entry:
        self._require_open()
        self._over = True
        try:
            await self._store(self._held, Ending.LAST)
            entry = await publish()
        except BaseException:
            await self._inner.abort()
            raise
        return plain_entry(entry, self._name)

    async def _suspend(self) -> None:
        if self._over:
            return
        self._over = True
        if self._fetch is None:
            await self._inner.abort()
            return
        if self._held and not self._broken:
            # If there is no room for it, or no thread, the whole blocks are kept.
            with suppress(StorageError):
                await self._store(self._held, Ending.BROKEN_OFF)
        await IPartialFile(self._inner).suspend()

    async def _abort(self) -> None:
        self._over = True
        await self._inner.abort()

    async def _read_back(self, offset: int, size: int) -> bytes:
        self._require_open()
        stored = self._stored
        size = min(size, stored + len(self._held) - offset)
        octets = b""
        if self._fetch is not None and isinstance(self._sealing, Sealing) and offset < stored and size > 0:
            extent = Extent(self._sealing.position, self._sealing.index, stored)
            blocks = Blocks(self._fetch, self._pool, self._sealing.cipher, extent, (Ending.MORE,))
            octets = await blocks.read(offset, min(size, stored - offset))
        start = offset + len(octets) - stored
        return octets + self._held[start : start + size - len(octets)] if size > len(octets) else octets
