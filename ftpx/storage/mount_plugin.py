"""``mount:/PATH=[STORAGE]:STORAGE``: several storages in one tree."""

from __future__ import annotations

from zope.interface import implementer

from ftpx.errors import ConfigurationError
from ftpx.interfaces import IStorage, IStoragePlugin, IStoragePool, Path
from ftpx.storage.mounted import MountedStorage
from ftpx.storage.names import octets
from ftpx.storage.registry import open_storage
from ftpx.storage.spec import split_settings

__all__ = ["MountPlugin", "plugin"]


def _place(text: str) -> Path:
    """
    Where a storage is mounted, such as ``/archive/2026``.

    :raises ConfigurationError: it is no absolute path of a folder below the root.
    """
    names = tuple(text.split("/")[1:])
    try:
        if not text.startswith("/") or not all(map(octets, names)):
            raise ValueError
    except Exception:
        raise ConfigurationError(
            f"mount: {text!r} is no place for a storage: it is a path such as /archive or /archive/2026."
        ) from None
    return names


@implementer(IStoragePlugin)
class MountPlugin:
    """``mount:/PATH=[STORAGE]:STORAGE``."""

    prefix = "mount"
    argument_format = "/PATH=[STORAGE]:...STORAGE"
    help = (
        "Several storages in one tree: the last one is at the root, and each of the others at its path, in brackets. "
        "Nothing is renamed from one to another, and one that fails does so below its path only."
    )

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """Open all of them; see `IStoragePlugin`."""
        places, base = split_settings(arguments)
        if not places:
            raise ConfigurationError("mount: names no folder, as in mount:/archive=[local:/srv/archive]:local:/srv/ftp")
        mounts: dict[Path, IStorage] = {}
        for text, spec in places:
            place = _place(text)
            if place in mounts:
                raise ConfigurationError(f"mount: two storages are to be at {text}.")
            # With threads of its own: if it hangs, it holds up nobody who uses the others.
            mounts[place] = open_storage(spec, pool.another())
        return MountedStorage(open_storage(base, pool), mounts)


plugin = MountPlugin()
