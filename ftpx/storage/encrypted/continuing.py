"""Going on with encrypted files that are there, and with uploads that broke off."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress

from twisted.internet.defer import Deferred

from ftpx.errors import FileChanged, NotFound, OffsetBeyondEnd, StorageError
from ftpx.interfaces import Entry, IPartialFile, IPartialUploads, IStorage, IWorkerPool, IWritableFile, Path
from ftpx.storage.encrypted.content import NotAuthentic, Sealing
from ftpx.storage.encrypted.keys import KeyRing
from ftpx.storage.encrypted.layout import BLOCK, Ending, Extent, block_of, frame_start, kept_extent
from ftpx.storage.encrypted.reading import Blocks, EncryptedReadableFile, Fetch, read_back_of
from ftpx.storage.encrypted.writing import EncryptedWritableFile

__all__ = ["Continuing", "suspend_in_background"]

# An upload that broke off ends with a block that says so, or, if the server ended with it, with a whole one.
_OF_A_PARTIAL = (Ending.BROKEN_OFF, Ending.MORE)


def _same(one: Entry, other: Entry) -> bool:
    """Whether two entries are of one file with one content, as far as its storage can tell."""
    return (one.identity, one.version, one.size, one.modified) == (
        other.identity,
        other.version,
        other.size,
        other.modified,
    )


def suspend_in_background(file: EncryptedWritableFile | None) -> None:
    """Nobody waits for a file any more; what is kept of it is as it was."""
    if file is not None:
        Deferred.fromCoroutine(_suspended(file)).addErrback(lambda _: None)


async def _suspended(file: EncryptedWritableFile) -> None:
    try:
        await file.suspend()
    finally:
        await file.abort()


class Continuing:
    """
    Begins to write files, also behind the beginning of one.

    The blocks before the one that the offset is in stay as they are stored. That one is read, and written again with
    what follows: it is not the last one any more.
    """

    def __init__(self, inner: IStorage, keys: KeyRing, pool: IWorkerPool, random: Callable[[int], bytes] = os.urandom):
        self._inner = inner
        self._keys = keys
        self._pool = pool
        self._random = random

    def new(self, file: IWritableFile, path: Path) -> EncryptedWritableFile:
        """A file that begins, with a key of its own."""
        return EncryptedWritableFile(file, self._pool, self._begin, path[-1])

    def _begin(self) -> tuple[bytes, Sealing]:
        """In a thread."""
        header, cipher = self._keys.begin(self._random)
        octets = header.octets()
        return octets, Sealing(cipher, 0, octets, self._random)

    async def _behind(
        self, fetch: Fetch, extent: Extent, keep: int, endings: Sequence[Ending]
    ) -> tuple[Sealing, bytes]:
        """What goes on behind the first ``keep`` plain octets, and those of the last block that is written again."""
        index = block_of(keep)
        cipher, before, plain = await Blocks(fetch, self._pool, self._keys, extent, endings).block(index)
        return Sealing(cipher, index, before, self._random), plain[: keep - index * BLOCK]

    async def published(self, path: Path, offset: int | None, *, exclusive: bool) -> EncryptedWritableFile:
        """Go on with a file that is there; see `IStorage.open_write`."""
        source = None
        if not exclusive:
            with suppress(NotFound):
                source = await self._inner.open_read(path)
        if source is None:
            return await self._unpublished(path, offset, exclusive=exclusive)
        try:
            file = EncryptedReadableFile(source, self._pool, self._keys, path[-1])
            keep = file.entry.size if offset is None else offset
            if keep > file.entry.size:
                raise OffsetBeyondEnd("the file is shorter")
            sealing, held = await self._behind(source.read, file.extent, keep, (Ending.LAST,))
            target = await self._inner.open_write(path, offset=sealing.position)
            try:
                # From here on the other storage sees to it: it was the file that we read when that began.
                if not _same(source.entry, await self._inner.stat(path)):
                    raise FileChanged("the file was changed meanwhile")
            except BaseException:
                await target.abort()
                raise
        finally:
            source.close()
        return EncryptedWritableFile(target, self._pool, sealing, path[-1], held)

    async def _unpublished(self, path: Path, offset: int | None, *, exclusive: bool) -> EncryptedWritableFile:
        """Where nothing is to go on with: the other storage knows what is wrong with that, or that nothing is."""
        target = await self._inner.open_write(path, offset=offset, exclusive=exclusive)
        if target.offset:
            await target.abort()
            raise FileChanged("the file was made meanwhile")
        return self.new(target, path)

    async def partial(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool
    ) -> EncryptedWritableFile | None:
        """Go on with an upload that broke off; see `IPartialUploads.continue_upload`. Not to be cancelled."""
        partials = IPartialUploads(self._inner)
        stored = offset
        if offset:
            kept = await partials.kept_octets(owner, path)
            extent = kept_extent(kept)
            # Behind more than there is: so the other storage says that, or what else is wrong.
            stored = kept if extent is not None and offset <= extent.plain else kept + 1
        file = await partials.continue_upload(path, owner, stored, exclusive=exclusive)
        if file is None or offset == 0:
            return None if file is None else self.new(file, path)
        fetch, extent = read_back_of(file), kept_extent(file.offset)
        if fetch is None or extent is None:
            await file.abort()
            return None
        keep = extent.plain if offset is None else offset
        try:
            if keep > extent.plain:
                raise OffsetBeyondEnd("less has come")
            sealing, held = await self._behind(fetch, extent, keep, _OF_A_PARTIAL)
        except NotAuthentic:
            await self._cut(file, path, owner, frame_start(block_of(keep)), exclusive=exclusive)
            raise OffsetBeyondEnd("less has come than was written") from None
        except BaseException:
            await file.suspend()
            raise
        # It is read and now written from there; between the two it is kept as it was.
        await file.suspend()
        file = await partials.continue_upload(path, owner, sealing.position, exclusive=exclusive)
        return None if file is None else EncryptedWritableFile(file, self._pool, sealing, path[-1], held)

    async def _cut(self, file: IPartialFile, path: Path, owner: str, position: int, *, exclusive: bool) -> None:
        """A block was not written to its end, as the server ended before: keep what is before it."""
        if position == frame_start(0):
            await file.abort()
            return
        await file.suspend()
        with suppress(StorageError):
            cut = await IPartialUploads(self._inner).continue_upload(path, owner, position, exclusive=exclusive)
            if cut is not None:
                await cut.suspend()
