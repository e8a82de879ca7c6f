"""Kinds of things that plugins bring: found by `twisted.plugin`, and named on the command line by their prefix."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

import attrs
from twisted.logger import Logger
from twisted.plugin import getPlugins
from twisted.python.reflect import namedAny
from zope.interface.interface import InterfaceClass

import twisted.plugins
from ftpx.errors import ConfigurationError

__all__ = ["Kinds"]

_log = Logger()


class _Prefixed(Protocol):
    """What every plugin has that is named by a prefix."""

    @property
    def prefix(self) -> str:
        """What stands before the first colon."""


_K = TypeVar("_K", bound=_Prefixed)


@attrs.frozen
class Kinds(Generic[_K]):
    """
    All kinds of one thing.

    ``thing`` is what it is called in errors, such as ``storage``; ``plugin`` is the interface of its plugins and
    ``made`` that of what they make. ``built_in`` has the kinds that need no plugin: where each is, by its prefix.
    """

    thing: str
    plugin: InterfaceClass
    made: InterfaceClass
    built_in: Mapping[str, str] = attrs.field(factory=dict)

    def all(self) -> list[_K]:
        """All kinds that there are, the built-in ones first. Of two with one prefix, the first."""
        kinds: dict[str, _K] = {}
        for plugin in [*map(self._built_in, self.built_in), *self._found()]:
            kinds.setdefault(plugin.prefix, plugin)
        return list(kinds.values())

    def make(self, spec: str, make: Callable[[_K, str], object]) -> Any:
        """
        What ``KIND:ARGUMENTS`` names.

        :param make: has a plugin make the thing of the arguments.
        :raises ConfigurationError: there is no such kind, it cannot use the arguments, or it is broken.
        """
        kind, _, arguments = spec.partition(":")
        plugin = self._plugin(kind)
        try:
            made = make(plugin, arguments)
        except ConfigurationError:
            raise
        except Exception as error:
            text = f"the {self.thing} kind {kind!r} failed: {type(error).__name__}: {error}"
            raise ConfigurationError(text) from error
        if not self.made.providedBy(made):
            raise ConfigurationError(f"the {self.thing} kind {kind!r} made something that is no {self.thing}: {made!r}")
        return made

    def _plugin(self, kind: str) -> _K:
        if kind in self.built_in:
            return self._built_in(kind)
        found = list(self._found())
        broken: list[str] = []
        if not any(plugin.prefix == kind for plugin in found):
            # The cache of twisted.plugin may be out of date, and it does not tell what is broken.
            imported, broken = self._imported()
            found += imported
        for plugin in found:
            if plugin.prefix == kind:
                return plugin
        known = ", ".join(sorted({*self.built_in, *(plugin.prefix for plugin in found)}))
        text = f"there is no {self.thing} kind {kind!r}; " + (f"the kinds are: {known}" if known else "there are none")
        raise ConfigurationError("; ".join([text, *broken]))

    def _built_in(self, kind: str) -> _K:
        plugin: _K = namedAny(self.built_in[kind])
        return plugin

    def _found(self) -> Iterator[_K]:
        """What `twisted.plugin` finds; it logs which module fails to import, and goes on."""
        # To Twisted an interface is a type.
        interface: Any = self.plugin
        try:
            yield from getPlugins(interface)
        except Exception:
            # A dropin.cache can hold anything.
            _log.failure("the cache of plugins cannot be used")

    def _imported(self) -> tuple[list[_K], list[str]]:
        """The plugins of every module that there is, cache or not, and which modules failed and why."""
        plugins: list[_K] = []
        broken: list[str] = []
        for module in pkgutil.iter_modules(twisted.plugins.__path__, "twisted.plugins."):
            try:
                values = vars(importlib.import_module(module.name)).values()
            except Exception as error:
                broken.append(f"the plugin module {module.name} failed to import: {type(error).__name__}: {error}")
            else:
                plugins.extend(value for value in values if self.plugin.providedBy(value))
        return plugins, broken
