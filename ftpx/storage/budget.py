"""The room of one upload, set aside in blocks ahead of what is written."""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import DeferredLock

from ftpx.errors import QuotaExceeded
from ftpx.interfaces import IQuotas, IReservation
from ftpx.storage.spot import Holding, Spot

__all__ = ["Budget"]

_FIRST: Final = 256 * 1024
_LARGEST: Final = 8 * 1024 * 1024


class Budget:
    """
    How large a file may become that is being written, as far as that was found out.

    An upload takes the place of what is there under its name, so as many octets need no room in the end. They are
    counted on when there is not enough room otherwise, and by one upload at a time.

    :param kept: how many octets of the file are there from the beginning.
    :param reservation: what is set aside for it already.
    """

    def __init__(self, quotas: IQuotas, spot: Spot, kept: int, reservation: IReservation | None = None) -> None:
        self._quotas = quotas
        self._spot = spot
        self._kept = kept
        self._reservation = reservation
        self._credit = 0
        self._credit_asked = False
        self._turn = DeferredLock()
        self.covered = 0 if reservation is None else reservation.octets

    @property
    def begun(self) -> bool:
        """Whether anything was asked for."""
        return self._reservation is not None

    async def reservation(self) -> IReservation:
        """What is set aside; nothing, if nothing was asked for yet."""
        if self._reservation is None:
            self._reservation = await self._quotas.reserve(0, 0)
        return self._reservation

    async def begin(self, *, new: bool) -> None:
        """
        Set aside what the file has from the beginning and a first block.

        :param new: nothing has its name yet.
        :raises QuotaExceeded, StorageUnavailable: see `IReservation.extend`.
        """
        await self._extend(self._kept, self._kept + _FIRST, 1 if new else 0)

    async def reach(self, size: int) -> int:
        """
        Have room for so many octets of the file, and ahead for some more; for how many there is.

        :raises QuotaExceeded, StorageUnavailable: see `IReservation.extend`.
        """
        if size > self.covered:
            block = min(max(self.covered - self._kept, _FIRST), _LARGEST)
            await self._extend(size, size + block, 0)
        return self.covered

    async def announce(self, size: int) -> None:
        """
        Have room for all of the file.

        :raises QuotaExceeded, StorageUnavailable: see `IReservation.extend`.
        """
        if size > self.covered:
            await self._extend(size, size, 0)

    async def claim(self, size: int, before: Holding, files: int) -> None:
        """
        Have room for what publishing the file will add to what was there before, whose place is locked.

        :raises QuotaExceeded, StorageUnavailable: see `IReservation.extend`.
        """
        self._demand_small(size)
        needed = max(size - before.octets, 0)
        await (await self.reservation()).extend(needed, needed, files)

    async def release(self) -> None:
        """Nothing has changed."""
        if self._reservation is not None:
            await self._reservation.release()

    def _demand_small(self, size: int) -> None:
        largest = self._quotas.largest_file
        if largest is not None and size > largest:
            raise QuotaExceeded(f"A file may have {largest} octets at most.")

    async def _extend(self, size: int, wanted: int, files: int) -> None:
        self._demand_small(size)
        largest = self._quotas.largest_file
        if largest is not None:
            wanted = min(wanted, largest)
        await self._turn.acquire()
        try:
            reservation = await self.reservation()
            try:
                await reservation.extend(max(size - self._credit, 0), max(wanted - self._credit, 0), files)
            except QuotaExceeded:
                if not await self._take_credit(reservation):
                    raise
                await reservation.extend(max(size - self._credit, 0), max(wanted - self._credit, 0), files)
            self.covered = reservation.octets + self._credit
        finally:
            self._turn.release()

    async def _take_credit(self, reservation: IReservation) -> bool:
        """Count on what will be replaced; whether that is anything."""
        if self._credit_asked:
            return False
        self._credit_asked = True
        there = (await self._spot.holding()).octets
        if there and await reservation.try_lock(f"{self._spot.place}/replaced"):
            self._credit = there
        return bool(self._credit)
