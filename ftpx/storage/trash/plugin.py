"""``trash:[days=DAYS:][name=NAME:][max=SIZE:]STORAGE``."""

from __future__ import annotations

import re
import secrets
import time
from functools import partial
from typing import Final

from zope.interface import implementer

from ftpx.errors import ConfigurationError, NameRefused
from ftpx.interfaces import IStorage, IStoragePlugin, IStoragePool, IWithoutLinks
from ftpx.storage.names import octets
from ftpx.storage.registry import open_storage
from ftpx.storage.spec import Setting, Settings
from ftpx.storage.trash.bin import Bin
from ftpx.storage.trash.storage import TrashStorage

__all__ = ["TrashPlugin", "open_trash", "plugin"]

_DAY: Final = 86400
_LONGEST: Final = 3650
_SIZE: Final = re.compile(r"([0-9]{1,15})([KMGT]i?)?")
_UNITS: Final[dict[str, int]] = {
    "": 1,
    **{unit: 1000**power for power, unit in enumerate("KMGT", 1)},
    **{f"{unit}i": 1024**power for power, unit in enumerate("KMGT", 1)},
}


def _days(text: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= _LONGEST:
        raise ConfigurationError(f"the number of days is one from 1 to {_LONGEST}.")
    return int(text)


def _name(text: str) -> str:
    try:
        if len(octets(text)) <= 100:
            return text
    except NameRefused:
        pass
    raise ConfigurationError("that is no name for a folder, such as .trash.")


def _size(text: str) -> int | None:
    if not text:
        return None
    form = _SIZE.fullmatch(text)
    if form is None:
        raise ConfigurationError("that is no size such as 500M or 10Gi.")
    return int(form[1]) * _UNITS[form[2] or ""]


def open_trash(inner: IStorage, *, days: float, name: str = ".trash", most: int | None = None) -> TrashStorage:
    """A storage with a trash, by the clock of the machine; see `TrashStorage`."""
    links = IWithoutLinks(inner, None)
    trash = Bin(inner if links is None else links.without_links(), name, time.time, partial(secrets.token_hex, 6))
    return TrashStorage(inner, trash, days * _DAY, most)


@implementer(IStoragePlugin)
class TrashPlugin:
    """``trash:STORAGE``."""

    prefix = "trash"
    _settings = Settings(
        prefix,
        [
            Setting("days", "DAYS", "for how long, 30 if not given.", _days, "30"),
            Setting("name", "NAME", "of the folder, .trash if not given.", _name, ".trash"),
            Setting("max", "SIZE", "how many octets are kept at most, such as 10G; the oldest go first.", _size, ""),
        ],
    )
    argument_format = _settings.argument_format
    help = _settings.help(
        "Another storage, in which files that are deleted or replaced are kept in a folder of its root. Users can read "
        "them there, and move them back."
    )

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """Open the other storage; see `IStoragePlugin`."""
        values, spec = self._settings.read(arguments)
        inner = open_storage(spec, pool)
        return open_trash(inner, days=values["days"], name=values["name"], most=values["max"])


plugin = TrashPlugin()
