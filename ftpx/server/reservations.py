"""Room for uploads whose size was announced."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import attrs

from ftpx.errors import NoSpace, NotSupported
from ftpx.interfaces import IFreeSpace, IStorage, Path

__all__ = ["Reservations"]


@attrs.define(eq=False)
class _Reservation:
    """Room for one upload; what has come of it is no longer free anyway."""

    octets: int
    moved: Callable[[], int]

    @property
    def outstanding(self) -> int:
        return max(0, self.octets - self.moved())


class Reservations:
    """
    The uploads under way whose size is known beforehand.

    Two that fit one by one and not together are not both begun: what the storage says is free is less what those
    before will still take. So who announces a size (ALLO, SITE EXPECT SIZE) is told before the first octet.
    """

    def __init__(self) -> None:
        self._reservations: set[_Reservation] = set()

    @asynccontextmanager
    async def reserve(
        self, storage: IStorage, directory: Path, octets: int | None, moved: Callable[[], int]
    ) -> AsyncIterator[None]:
        """
        Set room aside for the time of an upload.

        :param octets: ``None``: nobody knows how many, and nothing is set aside.
        :param moved: how many of them have come.
        :raises NoSpace: there is not enough.
        """
        space = IFreeSpace(storage, None)
        if octets is None or space is None:
            yield
            return
        reservation = _Reservation(octets, moved)
        self._reservations.add(reservation)
        try:
            # What is mounted in a storage need not know what the rest of it does.
            with suppress(NotSupported):
                free = await space.free_space(directory)
                if sum(other.outstanding for other in self._reservations) > free:
                    raise NoSpace("there is not enough room")
            yield
        finally:
            self._reservations.discard(reservation)

    def outstanding(self) -> int:
        """Octets that are set aside and have not come yet."""
        return sum(reservation.outstanding for reservation in self._reservations)
