"""A storage over an object store whose uploads can be gone on with."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from zope.interface import implementer

from ftpx.errors import IsADirectory
from ftpx.interfaces import IPartialFile, IPartialUploads, IStoragePool, Path
from ftpx.storage.objects.journal import Place, place_of
from ftpx.storage.objects.keys import key_to_read
from ftpx.storage.objects.partials import Claim, Partials
from ftpx.storage.objects.sending import SecondParts, Sender
from ftpx.storage.objects.storage import ObjectStorage
from ftpx.storage.objects.store import IResumableObjectStore, ObjectEntry
from ftpx.storage.objects.target import Target
from ftpx.storage.objects.trail import Spot, Trail
from ftpx.storage.objects.writing import ObjectPartialFile, ObjectWritableFile

__all__ = ["ResumableObjectStorage"]

_SECOND_PARTS: Final = 4


@implementer(IPartialUploads)
class ResumableObjectStorage(ObjectStorage):
    """
    The same, in which uploads that broke off are kept: what has come of them stays in the store as parts of an upload
    that was not completed, and a journal in the store says so.

    :param now: the seconds since the epoch.
    """

    def __init__(
        self,
        store: IResumableObjectStore,
        pool: IStoragePool,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(store, pool, clock)
        self._partials = Partials(store, self._tree, now, clock)
        self._under_way: Counter[Place] = Counter()
        self._second = SecondParts(_SECOND_PARTS)

    def _enter(self, place: Place) -> Callable[[], None]:
        """Somebody writes to a place, until the result is called."""
        self._under_way[place] += 1

        def leave() -> None:
            self._under_way -= Counter((place,))

        return leave

    def _begin(self, target: Target, present: ObjectEntry | None) -> ObjectWritableFile:
        """A file that is not kept if it breaks off; but what a crash leaves of it must be found."""
        place = place_of(None, target.key)
        trail = self._trail(place, target, self._enter(place))
        kept = None if present is None else (present, 0)
        return ObjectWritableFile(self._pool, target, self._sender(target, trail), trail, kept)

    def _trail(self, place: Place, target: Target, ended: Callable[[], None], claim: Claim | None = None) -> Trail:
        spot = Spot(place, target.key, target.replaces, ended)
        return Trail(self._partials, self._pool, spot, self._clock, claim)

    def _sender(self, target: Target, trail: Trail, claim: Claim | None = None) -> Sender:
        sender = partial(Sender, self._store, self._pool, target.key, begun=trail.begun, second=self._second)
        return sender() if claim is None else sender(upload=claim.upload, tail=claim.tail)

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file that is kept if it breaks off; see `IPartialUploads`."""
        if not path:
            raise IsADirectory("the root is a directory")
        key = self._key_to_write(path)
        present = await self._pool.run(partial(self._tree.present, key, exclusive=exclusive))
        replaces = None if present is None else present.etag
        target = Target(self._tree, key, path[-1], exclusive, False, replaces)
        place = place_of(owner, key)
        trail = self._trail(place, target, self._enter(place))
        return ObjectPartialFile(self._pool, target, self._sender(target, trail), trail)

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with a partial upload; see `IPartialUploads`."""
        if not path:
            raise IsADirectory("the root is a directory")
        key = self._key_to_write(path)
        place = place_of(owner, key)
        busy = bool(self._under_way[place])
        ended = self._enter(place)
        try:
            claiming = self._pool.run(
                self._partials.claim, key, place, offset, exclusive, busy, discard=self._give_back
            )
            claim = await claiming
        except BaseException:
            ended()
            raise
        if claim is None:
            ended()
            return None
        target = Target(self._tree, key, path[-1], exclusive, True, claim.replaces)
        trail = self._trail(place, target, ended, claim)
        return ObjectPartialFile(self._pool, target, self._sender(target, trail, claim), trail, claim.kept)

    def _give_back(self, claim: Claim | None) -> None:
        """In a thread: nobody waits for it any more; it is as one that broke off."""
        if claim is not None:
            self._partials.end(claim.unique)

    async def partial_size(self, path: Path, owner: str) -> int | None:
        """What is kept of a partial upload; see `IPartialUploads`."""
        if not path:
            return None
        key = key_to_read(path)
        return await self._pool.run(self._partials.size, key, place_of(owner, key))

    async def discard_partial(self, path: Path, owner: str) -> bool:
        """Throw a partial upload away; see `IPartialUploads`."""
        return bool(path) and await self._pool.run(self._partials.discard, place_of(owner, key_to_read(path)))

    async def kept_octets(self, owner: str, path: Path | None = None) -> int:
        """
        What is kept for an owner; see `IPartialUploads`.

        Where this is a directory of a storage, all is what is kept in the whole storage.
        """
        if path == ():
            return 0
        place = place_of(owner, "" if path is None else key_to_read(path))
        return await self._pool.run(self._partials.octets, place.owner, "" if path is None else place.path)

    async def tidy_partials(self, lifetime: float) -> None:
        """Throw away what is of no use any more; see `IPartialUploads`."""
        await self._pool.patient.run(self._partials.tidy, lifetime)
