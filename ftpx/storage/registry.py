"""Which kinds of storage there are: those built in, and those that plugins bring."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Final

from twisted.logger import Logger
from twisted.plugin import getPlugins
from twisted.python.reflect import namedAny

import twisted.plugins
from ftpx.errors import ConfigurationError
from ftpx.interfaces import IStorage, IStoragePlugin, IWorkerPool

__all__ = ["open_storage", "storage_plugins"]

_log = Logger()

_BUILT_IN: Final = {
    "local": "ftpx.storage.local.plugin",
    "memory": "ftpx.storage.memory.plugin",
}


def open_storage(spec: str, pool: IWorkerPool) -> IStorage:
    """
    Make the storage that ``KIND:ARGUMENTS`` names.

    :raises ConfigurationError: there is no such kind, or it cannot use the arguments.
    """
    kind, _, arguments = spec.partition(":")
    plugin = _plugin(kind)
    try:
        storage = plugin.open_storage(arguments, pool)
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(f"the storage kind {kind!r} failed: {type(error).__name__}: {error}") from error
    if not IStorage.providedBy(storage):
        raise ConfigurationError(f"the storage kind {kind!r} made something that is no storage: {storage!r}")
    return storage


def storage_plugins() -> list[IStoragePlugin]:
    """All kinds that there are, the built-in ones first. Of two with one prefix, the first."""
    kinds: dict[str, IStoragePlugin] = {}
    for plugin in [*map(_built_in, _BUILT_IN), *_found()]:
        kinds.setdefault(plugin.prefix, plugin)
    return list(kinds.values())


def _plugin(kind: str) -> IStoragePlugin:
    if kind in _BUILT_IN:
        return _built_in(kind)
    found = list(_found())
    broken: list[str] = []
    if not any(plugin.prefix == kind for plugin in found):
        # The cache of twisted.plugin may be out of date, and it does not tell what is broken.
        imported, broken = _imported()
        found += imported
    for plugin in found:
        if plugin.prefix == kind:
            return plugin
    known = ", ".join(sorted({*_BUILT_IN, *(plugin.prefix for plugin in found)}))
    text = f"there is no storage kind {kind!r}; the kinds are: {known}"
    raise ConfigurationError("; ".join([text, *broken]))


def _built_in(kind: str) -> IStoragePlugin:
    plugin: IStoragePlugin = namedAny(_BUILT_IN[kind])
    return plugin


def _found() -> Iterator[IStoragePlugin]:
    """What `twisted.plugin` finds; it logs which module fails to import, and goes on."""
    try:
        yield from getPlugins(IStoragePlugin)
    except Exception:
        # A dropin.cache can hold anything.
        _log.failure("the cache of plugins cannot be used")


def _imported() -> tuple[list[IStoragePlugin], list[str]]:
    """The plugins of every module that there is, cache or not, and which modules failed and why."""
    plugins: list[IStoragePlugin] = []
    broken: list[str] = []
    for module in pkgutil.iter_modules(twisted.plugins.__path__, "twisted.plugins."):
        try:
            values = vars(importlib.import_module(module.name)).values()
        except Exception as error:
            broken.append(f"the plugin module {module.name} failed to import: {type(error).__name__}: {error}")
        else:
            plugins.extend(value for value in values if IStoragePlugin.providedBy(value))
    return plugins, broken
