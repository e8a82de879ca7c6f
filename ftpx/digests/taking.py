"""The digest of an upload, taken while its octets arrive."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Final

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from zope.interface import alsoProvides, implementer

from ftpx.buffer import thread_buffer
from ftpx.digests.algorithms import Algorithm
from ftpx.digests.descriptor import HeldDescriptor
from ftpx.errors import NotSupported, StorageError, StorageFailure, StorageUnavailable
from ftpx.interfaces import (
    Block,
    Entry,
    IDurableFile,
    IFileDescriptor,
    IPartialFile,
    IStagedContent,
    IStagedDescriptor,
    IWorkerPool,
    IWritableFile,
)

__all__ = ["DigestingFile", "take_digest"]

_SMALL: Final = 64 * 1024
"""What is kept of a file, in octets, until its end or until more comes: a small one costs one trip to a thread."""
_BLOCK: Final = 1024 * 1024
_SLICE: Final = 16 * 1024 * 1024
"""How much a thread reads before others may have it."""
_WORTHWHILE: Final = 1024 * 1024
"""How many octets must have come before a thread is asked to read them."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 0.8
"""How long nobody looks whether more has come, in seconds."""


def take_digest(
    sink: IWritableFile, algorithms: Iterable[Algorithm], pool: IWorkerPool, clock: IReactorTime
) -> DigestingFile:
    """
    Take digests of the whole next content of a file while it is written.

    :param pool: for work that keeps a processor busy.
    """
    return DigestingFile(sink, algorithms, pool, clock)


@implementer(IWritableFile)
class DigestingFile:
    """
    A writable file around another one, with all of its abilities. What `write` is given is hashed at the same time as
    it is written; what goes by the descriptor is read back from there, behind the transfer: see `follow`.

    ``offset`` is that of the file inside. The octets that it keeps are read back and hashed first.
    """

    def __init__(
        self, sink: IWritableFile, algorithms: Iterable[Algorithm], pool: IWorkerPool, clock: IReactorTime
    ) -> None:
        self.offset = sink.offset
        self._inner = sink
        self._computing = pool
        self._clock = clock
        self._sums = {algorithm: algorithm.new() for algorithm in algorithms}
        self._hashed = 0
        self._waiting: list[Block] = []
        self._given = sink.offset
        self._moved: Callable[[], int] | None = None
        self._unsure: int | None = None
        self._held: HeldDescriptor | None = None
        self._turn = DeferredLock()
        self._broken = False
        self._following: Deferred[None] | None = None
        self._pause: Deferred[None] | None = None
        self._ending = False
        self._digests: dict[Algorithm, str] | None = None
        self._file = IFileDescriptor(sink, None)
        self._able = not sink.offset or self._file is not None or IStagedContent.providedBy(sink)
        if self._file is not None:
            self.pool = self._file.pool
            alsoProvides(self, IStagedDescriptor)
        alsoProvides(self, *(kind for kind in (IDurableFile, IPartialFile, IStagedContent) if kind.providedBy(sink)))

    # The file inside

    def fileno(self) -> int:
        """The descriptor; see `IFileDescriptor`."""
        return IFileDescriptor(self._inner).fileno()

    def translate(self, error: OSError) -> StorageError:
        """What an error on the descriptor means; see `IFileDescriptor`."""
        return IFileDescriptor(self._inner).translate(error)

    def prepare(self) -> None:
        """In a thread: from here on the octets go by the descriptor; see `IStagedDescriptor`."""
        staged = IStagedDescriptor(self._inner, None)
        if staged is not None:
            staged.prepare()
        # These were counted before they were written; as soon as more are counted, they have been written too.
        self._unsure = 0 if self._moved is None else self._moved()

    async def read_back(self, offset: int, size: int) -> bytes:
        """Read what was written; see `IStagedContent`."""
        return await IStagedContent(self._inner).read_back(offset, size)

    async def write(self, block: Block) -> None:
        """Add a block, and hash it meanwhile; see `IWritableFile`."""
        self._given += len(block)
        if not self._able or not self._sums:
            await self._inner.write(block)
        elif self._given - self.offset <= _SMALL:
            self._waiting.append(bytes(block))
            await self._inner.write(block)
        else:
            self._waiting.append(block)
            await _both(self._hash(0), self._inner.write(block))

    async def commit(self) -> Entry:
        """Publish; see `IWritableFile`."""
        self._let_go()
        return await self._inner.commit()

    async def commit_durably(self) -> Entry:
        """Publish what is on disk; see `IDurableFile`."""
        self._let_go()
        return await IDurableFile(self._inner).commit_durably()

    async def suspend(self) -> None:
        """Keep what was written; see `IPartialFile`."""
        self._let_go()
        await IPartialFile(self._inner).suspend()

    async def abort(self) -> None:
        """Throw away what was written; see `IWritableFile`."""
        self._let_go()
        await self._inner.abort()

    # The digests

    @property
    def size(self) -> int:
        """How many octets the next content has so far, those that were kept included."""
        return self._given if self._unsure is None or self._moved is None else self.offset + self._moved()

    def follow(self, moved: Callable[[], int]) -> None:
        """
        Read what is written to the descriptor, behind whoever writes there. To be called once, before the transfer;
        where everything comes by `write`, it does no harm.

        :param moved: how many octets of the content came so far. Each is counted when it has been written, but for
            those that are counted when `prepare` is called.
        """
        self._moved = moved
        if self._file is not None and self._able and self._sums:
            self._following = Deferred.fromCoroutine(self._follow())

    async def digest(self, algorithm: Algorithm) -> str:
        """
        The digest of the whole next content, in lower case: when all was written, and before it is published.

        :raises NotSupported: some of the content was kept, and the storage cannot read it back.
        :raises StorageFailure: the content could not be read.
        :raises StorageUnavailable: too much is being computed.
        """
        if not self._able:
            raise NotSupported
        if self._unsure is not None and self._moved is None:
            raise StorageFailure("what went by the descriptor was not followed")
        if self._digests is None:
            await self._end_following()
            await self._hash(self.size)
            self._digests = {known: total.hexdigest() for known, total in self._sums.items()}
            self._let_go()
        return self._digests[algorithm]

    async def _follow(self) -> None:
        pause = _SHORTEST_PAUSE
        await self._wait(pause)
        while not self._ending:
            end = max(self._written(), self.offset)
            pause = min(2 * pause, _LONGEST_PAUSE)
            if end - self._hashed >= _WORTHWHILE:
                # A pool that is too busy now is asked again.
                with suppress(StorageUnavailable):
                    await self._hash(end)
                    pause = _SHORTEST_PAUSE
            await self._wait(pause)

    def _written(self) -> int:
        """Up to where the descriptor has the content for certain."""
        moved = 0 if self._moved is None else self._moved()
        return 0 if self._unsure is None or moved <= self._unsure else self.offset + moved

    async def _wait(self, seconds: float) -> None:
        """Wait, but not once the end has come."""
        if self._ending:
            return
        self._pause = Deferred()
        call = self._clock.callLater(seconds, self._pause.callback, None)
        try:
            await self._pause
        finally:
            self._pause = None
            if call.active():
                call.cancel()

    async def _end_following(self) -> None:
        self._ending = True
        if self._pause is not None:
            self._pause.callback(None)
        following, self._following = self._following, None
        if following is not None:
            await following

    def _let_go(self) -> None:
        self._ending = True
        following, self._following = self._following, None
        if following is not None:
            following.addErrback(lambda _: None)
            following.cancel()
        if self._held is not None:
            self._held.release()

    async def _hash(self, end: int) -> None:
        """Hash what was kept and what `write` was given, and then what the descriptor has up to ``end``."""
        await self._turn.acquire()
        try:
            if self._broken:
                raise StorageFailure("the digest was broken off")
            await self._hash_read_back()
            if self._file is not None and self._held is None and (self._hashed < self.offset or self._given < end):
                self._held = HeldDescriptor(self._file)
            while self._waiting or self._hashed < max(end, self.offset):
                await self._computing.run(self._advance, end)
        except CancelledError:
            # A thread may still be at it.
            self._broken = True
            raise
        finally:
            self._turn.release()

    async def _hash_read_back(self) -> None:
        """Hash what was kept, if only the storage can read it."""
        while self._file is None and self._hashed < self.offset:
            block = await self.read_back(self._hashed, min(_BLOCK, self.offset - self._hashed))
            if not block:
                raise StorageFailure("the file is shorter than what was kept of it")
            await self._computing.run(self._add, block)

    def _advance(self, end: int) -> None:
        """In a thread: hash what is next, and of what is behind the descriptor at most a slice."""
        stop = self._hashed + _SLICE
        self._read(min(self.offset, stop))
        if self._hashed >= self.offset:
            while self._waiting:
                self._add(self._waiting.pop(0))
            self._read(min(end, stop))

    def _add(self, block: Block) -> None:
        """In a thread: hash a block."""
        for total in self._sums.values():
            total.update(block)
        self._hashed += len(block)

    def _read(self, stop: int) -> None:
        """In a thread: hash what the descriptor has up to ``stop``, as long as anybody waits for it."""
        held, file = self._held, self._file
        if held is None or file is None or self._hashed >= stop:
            return
        with held.use() as descriptor:
            if descriptor < 0:
                raise StorageFailure("the upload is closed")
            try:
                while self._hashed < stop and not held.released:
                    view = thread_buffer()[: min(_BLOCK, stop - self._hashed)]
                    size = os.preadv(descriptor, [view], self._hashed)
                    if not size:
                        raise StorageFailure("the file is shorter than what was written to it")
                    self._add(view[:size])
            except OSError as error:
                raise file.translate(error) from error


async def _both(hashing: Coroutine[Deferred[object], object, None], writing: Awaitable[None]) -> None:
    """Wait for both; if the writing fails, not for the hashing."""
    hashed = Deferred.fromCoroutine(hashing)
    try:
        await writing
    except BaseException:
        hashed.addErrback(lambda _: None)
        hashed.cancel()
        raise
    await hashed
