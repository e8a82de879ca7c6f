"""What an upload leaves in the journal while it is under way, so that nothing of it is lost if the server ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
from twisted.logger import Logger

from ftpx.errors import StorageError
from ftpx.interfaces import IStoragePool
from ftpx.storage.objects.errand import Errand
from ftpx.storage.objects.journal import Place, Record, State
from ftpx.storage.objects.partials import Claim, Partials
from ftpx.storage.objects.store import IObjectUpload

__all__ = ["Spot", "Trail"]

_RENEWAL: Final = 20.0
"""Seconds after which what is written says once more that somebody is at it."""

_log = Logger()


@attrs.frozen
class Spot:
    """
    Whose upload to where.

    ``replaces`` is the version of the file that has the key, if one has; ``ended`` is called once when all is over.
    """

    place: Place
    key: str
    replaces: str | None
    ended: Callable[[], None] = lambda: None


class Trail:
    """
    The trace of one upload. As long as all of it is in memory there is none.

    :param spot: whose upload to where, and what is to be called when nobody writes there any more.
    :param clock: seconds that only grow.
    :param claim: what the upload goes on with.
    """

    def __init__(
        self,
        partials: Partials,
        pool: IStoragePool,
        spot: Spot,
        clock: Callable[[], float],
        claim: Claim | None = None,
    ) -> None:
        self._partials = partials
        self._pool = pool
        self._place = spot.place
        self._ended = spot.ended
        self._clock = clock
        self.written = claim is not None
        if claim is None:
            self._unique, self._generation = partials.journal.unique(), 0
            self._record = Record(State.UNDER_WAY, spot.key, None, spot.replaces, 0, partials.writer)
            partials.begin(self._unique)
        else:
            self._unique, self._generation, self._record = claim.unique, claim.generation, claim.record
        self._renewed = clock()
        self._renewing: Errand | None = None

    async def begun(self, upload: IObjectUpload) -> None:
        """The store has begun an upload: from now on, others can find it."""
        await self._settle()
        self._record = attrs.evolve(self._record, upload=upload.identifier)
        await self._write()
        self.written = True

    async def _write(self) -> None:
        self._renewed = self._clock()
        await self._pool.run(self._partials.journal.write, self._place, self._unique, self._generation, self._record)

    def renew(self) -> None:
        """Say that somebody is at it, if that is due. Nobody waits for it."""
        if not self.written or self._clock() - self._renewed < _RENEWAL:
            return
        if self._renewing is None or self._renewing.done:
            self._record = attrs.evolve(self._record, beat=self._record.beat + 1)
            self._renewing = Errand(self._renew())

    async def _renew(self) -> None:
        try:
            await self._write()
        except StorageError as error:
            _log.debug("the trace of an upload could not be renewed: {error}", error=error)

    async def _settle(self) -> None:
        if self._renewing is not None:
            await self._renewing.wait()

    async def is_ours(self) -> bool:
        """Whether nobody has taken the upload for dead and gone on with it."""
        if not self.written:
            return True
        return await self._pool.run(self._partials.is_ours, self._place, self._unique, self._generation)

    async def keep(self, octets: int, tail: bytes) -> None:
        """The upload broke off behind so many octets in parts, and this tail."""
        await self._settle()
        record = attrs.evolve(self._record, state=State.KEPT, octets=octets)
        await self._pool.run(self._partials.keep, self._place, self._unique, self._generation, record, tail)

    async def remove(self) -> None:
        """The upload is over, and nothing is kept."""
        await self._settle()
        if self.written:
            await self._pool.run(self._partials.journal.remove, self._place, self._unique)

    async def supersede(self) -> None:
        """It was published from its start, and what was kept before is not to be continued."""
        await self._pool.run(self._partials.supersede, self._place)

    def end(self) -> None:
        """Nobody writes any more. What is in the journal now can be gone on with."""
        self._partials.end(self._unique)
        self._ended()

    def leave(self, upload: IObjectUpload) -> None:
        """The store does not answer, so what it has is thrown away later."""

        def throw_away() -> None:
            upload.abort()
            self._partials.journal.remove(self._place, self._unique)

        self._partials.leave(throw_away)
