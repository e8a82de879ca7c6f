"""A file that is written to the upper storage and stands in front of one of the lower."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from ftpx.errors import FileChanged, StorageError
from ftpx.interfaces import Entry, IWritableFile, Path
from ftpx.storage.forwarding import ForwardingFile
from ftpx.storage.overlay.layers import Layers

__all__ = ["OverlayFile"]


class OverlayFile(ForwardingFile):
    """
    The next content of a file that only the lower storage has.

    :param lower: that file.
    :param continued: it must still be there when this one is published.
    """

    def __init__(self, inner: IWritableFile, layers: Layers, path: Path, lower: Entry, *, continued: bool) -> None:
        super().__init__(inner)
        self._layers = layers
        self._path = path
        self._lower = lower
        self._continued = continued

    async def publish(self, commit: Callable[[], Awaitable[Entry]]) -> Entry:
        """Publish, with the permissions of the file of the lower storage."""
        if self._continued:
            async with self._layers.alone():
                if await self._layers.in_lower(self._path) is None:
                    await self.abort()
                    raise FileChanged("the file was removed meanwhile")
                entry = await commit()
        else:
            entry = await commit()
        # It is published, whatever may be said of its permissions.
        with suppress(StorageError):
            await self._layers.keep_mode(self._path, self._lower)
            now = await self._layers.upper.stat(self._path)
            return now if now.identity == entry.identity else entry
        return entry
