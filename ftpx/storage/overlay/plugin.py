"""``overlay:lower=[STORAGE]:STORAGE``."""

from __future__ import annotations

from zope.interface import implementer

from ftpx.errors import ConfigurationError
from ftpx.interfaces import IStorage, IStoragePlugin, IStoragePool
from ftpx.storage.overlay.storage import OverlayStorage
from ftpx.storage.registry import open_storage
from ftpx.storage.spec import Setting, Settings

__all__ = ["OverlayPlugin", "plugin"]


@implementer(IStoragePlugin)
class OverlayPlugin:
    """``overlay:lower=[STORAGE]:STORAGE``."""

    prefix = "overlay"
    _settings = Settings(
        prefix, [Setting("lower", "[STORAGE]", "the one that shows through, and that nobody changes.", str)]
    )
    argument_format = _settings.argument_format
    help = _settings.help(
        "Two storages as one: what the last one does not have comes from another, which is never written to; "
        "all that is changed is kept in the last one. Links are not followed."
    )

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """Open both; see `IStoragePlugin`."""
        values, spec = self._settings.read(arguments)
        lower = open_storage(values["lower"], pool.another())
        upper = open_storage(spec, pool)
        if isinstance(upper, OverlayStorage):
            raise ConfigurationError(
                "overlay: the last storage takes the changes, and cannot be an overlay itself: "
                "write overlay:lower=[overlay:lower=[A]:B]:C for C over B over A."
            )
        return OverlayStorage(upper, lower)


plugin = OverlayPlugin()
