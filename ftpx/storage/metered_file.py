"""A file that is written as long as there is room for it in a quota."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from zope.interface import alsoProvides, implementer

from ftpx.errors import QuotaExceeded, StorageError, StorageUnavailable
from ftpx.interfaces import (
    Block,
    Entry,
    IBoundedFile,
    IDurableFile,
    IFileDescriptor,
    IPace,
    IPartialFile,
    IReservation,
    IStagedContent,
    IStagedDescriptor,
    IWritableFile,
)
from ftpx.pacing import GrantedPace
from ftpx.running import to_the_end
from ftpx.storage.budget import Budget
from ftpx.storage.spot import Holding, Spot

__all__ = ["MeteredFile"]

_T = TypeVar("_T")


@implementer(IWritableFile)
class MeteredFile:
    """
    A writable file around another one, with all of its abilities. What is written has room before it is, and what
    publishing it has changed is accounted for.

    :param limited: whether there is a quota now. One that comes later counts when the file is published.
    """

    def __init__(self, inner: IWritableFile, spot: Spot, budget: Budget, limited: Callable[[], bool]) -> None:
        self.offset = inner.offset
        self._inner = inner
        self._spot = spot
        self._budget = budget
        self._limited = limited
        self._end = inner.offset
        self._turn = DeferredLock()
        self._over = False
        self._moved = 0
        self._moving: Deferred[None] | None = None
        self._file = IFileDescriptor(inner, None)
        if self._file is not None:
            self.pool = self._file.pool
        kinds = (IDurableFile, IFileDescriptor, IPartialFile, IStagedContent, IStagedDescriptor)
        alsoProvides(self, *(kind for kind in kinds if kind.providedBy(inner)))
        if budget.begun:
            alsoProvides(self, IBoundedFile)

    # The file inside

    def fileno(self) -> int:
        """The descriptor; see `IFileDescriptor`."""
        return IFileDescriptor(self._inner).fileno()

    def translate(self, error: OSError) -> StorageError:
        """What an error on the descriptor means; see `IFileDescriptor`."""
        return IFileDescriptor(self._inner).translate(error)

    def prepare(self) -> None:
        """In a thread: see `IStagedDescriptor`."""
        IStagedDescriptor(self._inner).prepare()

    async def read_back(self, offset: int, size: int) -> bytes:
        """Read what was written; see `IStagedContent`."""
        return await IStagedContent(self._inner).read_back(offset, size)

    # Room

    async def announce(self, size: int) -> None:
        """Have room for all of it; see `IBoundedFile`."""
        await self._budget.announce(size)

    def pace(self) -> IPace:
        """How much may be written on the descriptor; see `IBoundedFile`."""
        self._moving = Deferred()
        return GrantedPace(self._budget.covered - self.offset, self._grow, self._moved_all)

    async def _grow(self, moved: int) -> int:
        return await self._budget.reach(self.offset + moved) - self.offset

    def _moved_all(self, moved: int, granted: int) -> None:
        self._moved = moved
        moving, self._moving = self._moving, None
        if moving is not None:
            moving.callback(None)

    async def write(self, block: Block) -> None:
        """Add a block that there is room for; see `IWritableFile`."""
        end = self._end + len(block)
        if self._budget.begun and end > self._budget.covered:
            await self._budget.reach(end)
        await self._inner.write(block)
        self._end = end

    # The end

    async def commit(self) -> Entry:
        """Publish; see `IWritableFile`."""
        return await self._publish(self._inner.commit)

    async def commit_durably(self) -> Entry:
        """Publish what is on disk; see `IDurableFile`."""
        return await self._publish(IDurableFile(self._inner).commit_durably)

    async def suspend(self) -> None:
        """Keep what was written, if there is room for it; see `IPartialFile`."""
        inner = IPartialFile(self._inner)
        if self._unmetered:
            await inner.suspend()
        else:
            await to_the_end(self._alone(partial(self._suspend, inner)))

    async def abort(self) -> None:
        """Throw away what was written; see `IWritableFile`."""
        await to_the_end(self._alone(self._abort))

    async def _alone(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """One end at a time: who waits for one may have been cancelled, and come to another."""
        await self._turn.acquire()
        try:
            return await work()
        finally:
            self._turn.release()

    async def _abort(self) -> None:
        self._over = True
        try:
            await self._inner.abort()
        finally:
            await self._budget.release()

    @property
    def _unmetered(self) -> bool:
        return self._over or not (self._budget.begun or self._limited())

    async def _publish(self, publish: Callable[[], Awaitable[Entry]]) -> Entry:
        if self._unmetered:
            return await publish()
        return await to_the_end(self._alone(partial(self._account, publish)))

    async def _account(self, publish: Callable[[], Awaitable[Entry]]) -> Entry:
        size = await self._size()
        reservation = await self._budget.reservation()
        await reservation.lock([self._spot.place])
        before = await self._spot.holding()
        await self._budget.claim(size, before, 1 - before.files)
        self._over = True
        try:
            entry = await publish()
        except BaseException:
            await self._settle_measured(reservation, before)
            raise
        await self._settle_published(reservation, before, entry)
        return entry

    async def _suspend(self, inner: IPartialFile) -> None:
        try:
            size = await self._size()
            reservation = await self._budget.reservation()
            await reservation.lock([self._spot.place])
            before = await self._spot.holding()
            await self._budget.claim(size, Holding(before.kept), 0)
        except (QuotaExceeded, StorageUnavailable):
            # What is kept takes room, and there is none, or nobody knows of any.
            await self._abort()
            return
        self._over = True
        try:
            await inner.suspend()
        finally:
            await self._settle_measured(reservation, before)

    async def _size(self) -> int:
        """How many octets the file has, when nobody writes to it any more."""
        if self._moving is not None:
            await self._moving
        size = max(self._end, self.offset + self._moved)
        if self._file is None or self._moved:
            return size
        return max(size, await self._file.pool.run(_size_of, self._file))

    async def _settle_published(self, reservation: IReservation, before: Holding, entry: Entry) -> None:
        """Account for what was published, wherever its directory has gone meanwhile."""
        try:
            now = await self._spot.entry()
            kept = await self._spot.kept() if before.kept else 0
        except StorageError:
            now, kept = None, before.kept
        if now is not None and now.identity == entry.identity:
            await reservation.settle(entry.size + kept - before.octets, 1 - before.files)
        else:
            await reservation.settle(entry.size, 1, certain=False)

    async def _settle_measured(self, reservation: IReservation, before: Holding) -> None:
        """Account for what is another than before."""
        try:
            after = await self._spot.holding()
        except StorageError:
            await reservation.settle(reservation.octets, 0, certain=False)
        else:
            await reservation.settle(after.octets - before.octets, after.files - before.files)


def _size_of(file: IFileDescriptor) -> int:
    """In a thread: the size of what is behind a descriptor."""
    try:
        return os.fstat(file.fileno()).st_size
    except OSError as error:
        raise file.translate(error) from error
