"""``logged:STORAGE``: any other storage, and the log tells what is removed from it."""

from __future__ import annotations

from twisted.logger import Logger
from twisted.plugin import IPlugin
from zope.interface import implementer

from ftpx.interfaces import IDurable, IFreeSpace, IModes, IStorage, IStoragePlugin, IStoragePool, ITimes, Path
from ftpx.storage.forwarding import ForwardingStorage
from ftpx.storage.registry import open_storage

__all__ = ["LoggedPlugin", "LoggedStorage"]


class LoggedStorage(ForwardingStorage):
    """Logs the files that are removed."""

    log = Logger()
    abilities = (ITimes, IModes, IFreeSpace, IDurable)

    async def remove_file(self, path: Path) -> None:
        """See `IStorage.remove_file`."""
        await self.inner.remove_file(path)
        # Names may hold anything; as Python writes them, they stay in their line.
        self.log.info("removed: {path!r}", path="/".join(path))


@implementer(IStoragePlugin, IPlugin)
class LoggedPlugin:
    """Makes the wrapper from the command line, and what it wraps."""

    prefix = "logged"
    argument_format = "STORAGE"
    help = "Another storage; the log tells what is removed from it."

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """See `IStoragePlugin.open_storage`."""
        return LoggedStorage(open_storage(arguments, pool))
