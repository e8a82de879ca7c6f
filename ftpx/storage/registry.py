"""Which kinds of storage there are: those built in, and those that plugins bring."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from ftpx.errors import ConfigurationError
from ftpx.interfaces import IStorage, IStoragePlugin, IStoragePool
from ftpx.plugins import Kinds

__all__ = ["MOST_NESTED", "open_storage", "storage_plugins"]

_BUILT_IN: Final = {
    "local": "ftpx.storage.local.plugin",
    "memory": "ftpx.storage.memory.plugin",
    "object": "ftpx.storage.objects.plugin.plugin",
    "fsspec": "ftpx.storage.filesystems.plugin.plugin",
    "crypt": "ftpx.storage.encrypted.kind.plugin",
    "mount": "ftpx.storage.mount_plugin.plugin",
    "overlay": "ftpx.storage.overlay.plugin.plugin",
    "readonly": "ftpx.storage.readonly.plugin",
    "trash": "ftpx.storage.trash.plugin.plugin",
}
_KINDS: Final[Kinds[IStoragePlugin]] = Kinds("storage", IStoragePlugin, IStorage, _BUILT_IN)

MOST_NESTED: Final = 16
"""How deeply storages may be wrapped in each other."""
_nested: ContextVar[int] = ContextVar("_nested", default=0)


def open_storage(spec: str, pool: IStoragePool) -> IStorage:
    """
    Make the storage that ``KIND:ARGUMENTS`` names.

    :raises ConfigurationError: there is no such kind, or it cannot use the arguments; or it is wrapped too often.
    """
    if _nested.get() >= MOST_NESTED:
        raise ConfigurationError(f"more than {MOST_NESTED} storages are wrapped in each other")
    token = _nested.set(_nested.get() + 1)
    try:
        storage: IStorage = _KINDS.make(spec, lambda plugin, arguments: plugin.open_storage(arguments, pool))
    finally:
        _nested.reset(token)
    return storage


def storage_plugins() -> list[IStoragePlugin]:
    """All kinds that there are, the built-in ones first. Of two with one prefix, the first."""
    return _KINDS.all()
