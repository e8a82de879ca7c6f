"""
What names a storage that is made of others: ``KIND:[NAME=VALUE:]...STORAGE``.

Its settings come first, and the storage that it wraps takes the rest of the text, whatever is in it. A value that holds
a colon, such as another storage, stands in brackets::

    trash:days=30:crypt:key=/etc/ftpx.key:local:/srv/ftp
    mount:/archive=[readonly:object:s3://archive]:local:/srv/ftp
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs

from ftpx.errors import ConfigurationError

__all__ = ["Setting", "Settings", "split_settings"]

_NAME: Final = re.compile(r"[^:=\[\]]+=")


@attrs.frozen
class Setting:
    """
    One setting of a kind of storage.

    ``form`` is what its value looks like (``DAYS``), and ``help`` what it says, for ``--help-storage``. ``parse`` turns
    the text into the value and raises `ConfigurationError`. ``default`` is the text of the value if it is not given;
    without one it must be.
    """

    name: str
    form: str
    help: str
    parse: Callable[[str], Any]
    default: str | None = None


@attrs.frozen
class Settings:
    """The settings that a kind of storage takes, in the order in which they are told of."""

    kind: str
    settings: Sequence[Setting] = ()

    @property
    def argument_format(self) -> str:
        """What may stand behind the kind, for `IStoragePlugin`."""
        return "".join([*map(_form, self.settings), "STORAGE"])

    def help(self, text: str) -> str:
        """What a kind is, and what its settings say, for `IStoragePlugin`."""
        return " ".join([text, *(f"{setting.form}: {setting.help}" for setting in self.settings)])

    def read(self, arguments: str) -> tuple[dict[str, Any], str]:
        """
        The value of each setting by its name, and the wrapped storage.

        :raises ConfigurationError: a setting is unknown, doubled, missing, or not of its form.
        """
        given, inner = split_settings(arguments)
        known = [setting.name for setting in self.settings]
        texts: dict[str, str | None] = {setting.name: setting.default for setting in self.settings}
        seen = set()
        for name, text in given:
            if name not in texts:
                there = ", ".join(known) if known else "none"
                raise ConfigurationError(f"{self.kind}: has no setting {name!r}; there are: {there}.")
            if name in seen:
                raise ConfigurationError(f"{self.kind}: the setting {name!r} is given twice.")
            seen.add(name)
            texts[name] = text
        return {setting.name: self._value(setting, texts[setting.name]) for setting in self.settings}, inner

    def _value(self, setting: Setting, text: str | None) -> Any:
        if text is None:
            raise ConfigurationError(f"{self.kind}: needs a setting {setting.name}={setting.form}.")
        try:
            return setting.parse(text)
        except ConfigurationError as error:
            raise ConfigurationError(f"{self.kind}: {setting.name}: {error}") from None


def _form(setting: Setting) -> str:
    form = f"{setting.name}={setting.form}:"
    return form if setting.default is None else f"[{form}]"


def split_settings(arguments: str) -> tuple[list[tuple[str, str]], str]:
    """
    The settings that stand before the wrapped storage, in order, and the wrapped storage. Errors do not repeat them:
    they may hold what is secret.

    :raises ConfigurationError: a bracket is not closed, or no storage is named.
    """
    settings = list(_settings(arguments))
    position = settings[-1][2] if settings else 0
    inner = arguments[position:]
    if not inner:
        raise ConfigurationError("this names no storage behind its settings: it comes last, as in local:/srv/ftp.")
    return [(name, value) for name, value, _ in settings], inner


def _settings(text: str) -> Iterator[tuple[str, str, int]]:
    """Each setting: its name, its value, and where what comes behind it begins."""
    position = 0
    while found := _NAME.match(text, position):
        value, position = _value(text, found.end())
        yield found.group()[:-1], value, position


def _value(text: str, start: int) -> tuple[str, int]:
    """A value, and the position behind the colon that ends it."""
    if not text.startswith("[", start):
        end = text.find(":", start)
        return (text[start:], len(text)) if end < 0 else (text[start:end], end + 1)
    depth = 0
    for end in range(start, len(text)):
        depth += {"[": 1, "]": -1}.get(text[end], 0)
        if depth == 0:
            if text[end + 1 : end + 2] not in {"", ":"}:
                raise ConfigurationError("a colon must follow the bracket that closes a value.")
            return text[start + 1 : end], end + 2
    raise ConfigurationError("the bracket of a value is not closed.")
