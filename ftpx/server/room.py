"""How much an account could still store in a directory."""

from __future__ import annotations

import attrs

from ftpx.errors import NotSupported
from ftpx.interfaces import IFreeSpace, IQuotaLeft, IStorage, Path

__all__ = ["Room", "room_left"]


@attrs.frozen
class Room:
    """Octets that are ``free`` in the storage, and that a ``quota`` allows; ``None``: nobody knows of a limit."""

    free: int | None
    quota: int | None

    @property
    def least(self) -> int | None:
        """Octets that can be stored."""
        return min((octets for octets in (self.free, self.quota) if octets is not None), default=None)


async def room_left(storage: IStorage, directory: Path) -> Room:
    """
    Ask a storage for both.

    :raises StorageError: what it raises; see `IFreeSpace`.
    """
    free = None
    space = IFreeSpace(storage, None)
    if space is not None:
        try:
            free = await space.free_space(directory)
        except NotSupported:
            free = None
    metered = IQuotaLeft(storage, None)
    return Room(free, None if metered is None else await metered.quota_left(directory))
