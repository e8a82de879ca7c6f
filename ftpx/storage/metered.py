"""A storage in which what is stored counts, and is limited by quotas."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from zope.interface import alsoProvides, implementer

from ftpx.errors import NotSupported, StorageError
from ftpx.interfaces import (
    Entry,
    ICreationTimes,
    IDurable,
    IFreeSpace,
    IModes,
    IPartialFile,
    IPartialUploads,
    IQuotaLeft,
    IQuotas,
    IReadableFile,
    IReservation,
    IRights,
    IServerSideCopy,
    IStorage,
    ISubtrees,
    ISymbolicLinks,
    ITimes,
    IVersions,
    IWithoutLinks,
    IWritableFile,
    Path,
    Right,
)
from ftpx.running import to_the_end
from ftpx.storage.abilities import provide_like
from ftpx.storage.budget import Budget
from ftpx.storage.metered_file import MeteredFile
from ftpx.storage.spot import Holding, Spot, counts, hold, place_of

__all__ = ["MeteredStorage"]

_T = TypeVar("_T")

_ABILITIES: Final = (
    IRights,
    IWithoutLinks,
    ISubtrees,
    ITimes,
    ICreationTimes,
    IModes,
    ISymbolicLinks,
    IServerSideCopy,
    IDurable,
    IPartialUploads,
    IVersions,
)


@implementer(IStorage, IQuotaLeft)
class MeteredStorage:
    """
    Another storage, in which a change has room set aside before it is made, and what it came to is accounted for.

    While a change is made its places are locked, and what is there is looked at before and after: so nothing need be
    known of what overwriting, renaming and failing do. As long as nobody is limited, every call goes straight through.
    It hands on all abilities of the other storage.

    :param part: the name of what is metered, the same on all servers: who meters the same files gives the same.
    :param base: where in that the root of this storage is.
    """

    def __init__(self, inner: IStorage, quotas: IQuotas, part: str, base: Path = ()) -> None:
        self._inner = inner
        self._quotas = quotas
        self._part = part
        self._base = base
        # A link counts as a link and not as what it leads to.
        unfollowed = IWithoutLinks(inner, None)
        self._measured: IStorage = inner if unfollowed is None else unfollowed.without_links()
        provide_like(self, inner, _ABILITIES)
        if quotas.limited or IFreeSpace.providedBy(inner):
            alsoProvides(self, IFreeSpace)

    def _spot(self, path: Path, owner: str | None = None) -> Spot:
        return Spot(self._measured, path, place_of(self._part, self._base + path), owner)

    # What changes nothing that counts

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        return await self._inner.stat(path)

    def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory; see `IStorage`."""
        return self._inner.list_directory(path)

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        return await self._inner.open_read(path)

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        await self._inner.make_directory(path)

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        await self._inner.remove_directory(path)

    def rights(self, path: Path) -> Right:
        """What may be done at a path; see `IRights`."""
        return IRights(self._inner).rights(path)

    def origin(self, path: Path) -> Path | None:
        """Where what is kept at a path has been; see `IVersions`."""
        return IVersions(self._inner).origin(path)

    async def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        await ITimes(self._inner).set_modified(path, seconds)

    async def set_created(self, path: Path, seconds: float) -> None:
        """Set the time of creation; see `ICreationTimes`."""
        await ICreationTimes(self._inner).set_created(path, seconds)

    async def set_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits; see `IModes`."""
        await IModes(self._inner).set_mode(path, mode)

    async def free_space(self, path: Path) -> int:
        """Octets that could still be stored by all together, if the other storage knows; see `IFreeSpace`."""
        space = IFreeSpace(self._inner, None)
        if space is None:
            raise NotSupported("the storage does not know how much it can take")
        return await space.free_space(path)

    async def quota_left(self, path: Path) -> int | None:
        """Octets that the account may still store; see `IQuotaLeft`."""
        return await self._quotas.available() if self._quotas.limited else None

    async def partial_size(self, path: Path, owner: str) -> int | None:
        """What is kept of a partial upload; see `IPartialUploads`."""
        return await IPartialUploads(self._inner).partial_size(path, owner)

    async def kept_octets(self, owner: str, path: Path | None = None) -> int:
        """What is kept of partial uploads; see `IPartialUploads`."""
        return await IPartialUploads(self._inner).kept_octets(owner, path)

    async def tidy_partials(self, lifetime: float) -> None:
        """Throw away what is of no use any more; the next count finds it. See `IPartialUploads`."""
        await IPartialUploads(self._inner).tidy_partials(lifetime)

    def without_links(self) -> IStorage:
        """The same without following links; see `IWithoutLinks`."""
        return MeteredStorage(IWithoutLinks(self._inner).without_links(), self._quotas, self._part, self._base)

    async def subtree(self, path: Path) -> IStorage:
        """A directory as a storage, metered as this one; see `ISubtrees`."""
        inner = await ISubtrees(self._inner).subtree(path)
        return MeteredStorage(inner, self._quotas, self._part, self._base + path)

    # Uploads

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; see `IStorage`."""
        file = await self._inner.open_write(path, offset=offset, exclusive=exclusive)
        return await self._begun(file, self._spot(path))

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file that is kept if it breaks off; see `IPartialUploads`."""
        file = await IPartialUploads(self._inner).begin_upload(path, owner, exclusive=exclusive)
        return IPartialFile(await self._begun(file, self._spot(path, owner)))

    async def _begun(self, file: IWritableFile, spot: Spot) -> MeteredFile:
        """A file that was opened, with room for its beginning."""
        budget = Budget(self._quotas, spot, file.offset)
        try:
            if self._quotas.limited:
                await budget.begin(new=await spot.entry() is None)
        except BaseException:
            await to_the_end(_give_up(file, budget))
            raise
        return self._metered(file, spot, budget)

    def _metered(self, file: IWritableFile, spot: Spot, budget: Budget) -> MeteredFile:
        return MeteredFile(file, spot, budget, lambda: self._quotas.limited)

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with a partial upload; see `IPartialUploads`."""
        spot = self._spot(path, owner)
        carry_on = partial(IPartialUploads(self._inner).continue_upload, path, owner, offset, exclusive=exclusive)
        if self._quotas.limited:
            return await to_the_end(self._continued(spot, carry_on), discard=_suspend)
        file = await carry_on()
        return (
            None if file is None else IPartialFile(self._metered(file, spot, Budget(self._quotas, spot, file.offset)))
        )

    async def _continued(
        self, spot: Spot, carry_on: Callable[[], Awaitable[IPartialFile | None]]
    ) -> IPartialFile | None:
        """What was kept counts as used until now, and from now on as set aside."""
        reservation = await self._quotas.reserve(0, 0, [spot.place])
        try:
            before = await spot.holding()
        except BaseException:
            await reservation.release()
            raise
        file = None
        try:
            file = await carry_on()
        finally:
            if file is None:
                await self._settle(reservation, [spot], before)
        if file is None:
            return None
        try:
            await reservation.take_over(before.kept - await spot.kept(), 0)
            budget = Budget(self._quotas, spot, file.offset, reservation)
            await budget.begin(new=before.files == 0)
        except BaseException:
            # What goes on as if nobody had asked for it is there again.
            await file.suspend()
            await reservation.settle(before.kept, 0, certain=False)
            raise
        return IPartialFile(self._metered(file, spot, budget))

    # Other changes

    async def discard_partial(self, path: Path, owner: str) -> bool:
        """Throw a partial upload away; see `IPartialUploads`."""
        change = partial(IPartialUploads(self._inner).discard_partial, path, owner)
        return await self._change([self._spot(path, owner)], change)

    async def remove_file(self, path: Path) -> None:
        """Remove anything but a directory; see `IStorage`."""
        await self._change([self._spot(path)], partial(self._inner.remove_file, path))

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; what did not count until now needs room. See `IStorage`."""
        if not counts(self._inner, source):
            await self._bring(source, destination, partial(self._inner.rename, source, destination))
            return
        spots = [self._spot(path) for path in dict.fromkeys((source, destination))]
        await self._change(spots, partial(self._inner.rename, source, destination))

    async def make_link(self, path: Path, target: str) -> None:
        """Make a symbolic link, which counts as a file; see `ISymbolicLinks`."""
        make = partial(ISymbolicLinks(self._inner).make_link, path, target)
        await self._change([self._spot(path)], make, files=1)

    async def copy(self, source: Path, destination: Path) -> None:
        """Copy a file; see `IServerSideCopy`."""
        await self._bring(source, destination, partial(IServerSideCopy(self._inner).copy, source, destination))

    async def _bring(self, source: Path, destination: Path, bring: Callable[[], Awaitable[None]]) -> None:
        """Have a file at a path that has the content of another one, and counts in addition to it."""
        if not self._quotas.limited:
            await bring()
            return
        spots = [self._spot(path) for path in dict.fromkeys((source, destination))]
        reservation = await self._quotas.reserve(0, 0, [spot.place for spot in spots])
        try:
            size = (await self._inner.stat(source)).size
            before = await hold(spots)
            replaced = await self._spot(destination).holding()
            await Budget(self._quotas, spots[-1], 0, reservation).claim(size, replaced, 1 - replaced.files)
        except BaseException:
            await reservation.release()
            raise
        try:
            await bring()
        except CancelledError:
            # A thread may still be at it.
            await to_the_end(_settle_unknown(reservation))
            raise
        except BaseException:
            await self._settle(reservation, spots, before)
            raise
        await to_the_end(self._settle(reservation, spots, before))

    async def _change(self, spots: Sequence[Spot], change: Callable[[], Awaitable[_T]], *, files: int = 0) -> _T:
        if not self._quotas.limited:
            return await change()
        return await to_the_end(self._changed(spots, change, files))

    async def _changed(self, spots: Sequence[Spot], change: Callable[[], Awaitable[_T]], files: int) -> _T:
        reservation = await self._quotas.reserve(0, files, [spot.place for spot in spots])
        try:
            before = await hold(spots)
        except BaseException:
            await reservation.release()
            raise
        try:
            return await change()
        finally:
            await self._settle(reservation, spots, before)

    @staticmethod
    async def _settle(reservation: IReservation, spots: Sequence[Spot], before: Holding) -> None:
        """Account for what is another than before."""
        try:
            after = await hold(spots)
        except StorageError:
            await reservation.settle(0, 0, certain=False)
        else:
            await reservation.settle(after.octets - before.octets, after.files - before.files)


async def _settle_unknown(reservation: IReservation) -> None:
    await reservation.settle(reservation.octets, 1, certain=False)


async def _give_up(file: IWritableFile, budget: Budget) -> None:
    try:
        await file.abort()
    finally:
        await budget.release()


def _suspend(file: IPartialFile | None) -> None:
    """Nobody waits for it any more; it is as it was."""
    if file is not None:
        Deferred.fromCoroutine(_suspended(file))


async def _suspended(file: IPartialFile) -> None:
    await file.suspend()
    await file.abort()
