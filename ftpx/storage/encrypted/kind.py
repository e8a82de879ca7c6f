"""The kind ``crypt:``, and its settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from zope.interface import implementer

from ftpx.errors import ConfigurationError
from ftpx.interfaces import IStorage, IStoragePlugin, IStoragePool
from ftpx.storage.encrypted.keys import KeyRing, keys_from_environment, keys_from_file
from ftpx.storage.encrypted.names import NameCipher
from ftpx.storage.encrypted.naming import EncryptedNamesStorage
from ftpx.storage.encrypted.storage import EncryptedStorage
from ftpx.storage.registry import open_storage
from ftpx.storage.spec import split_settings

__all__ = ["EncryptedPlugin", "plugin"]

_SOURCES: Final[Mapping[str, Callable[[str], KeyRing]]] = {
    "key": keys_from_file,
    "key-env": lambda name: keys_from_environment(name, os.environ),
}
_ANSWERS: Final = {"yes": True, "no": False}


@implementer(IStoragePlugin)
class EncryptedPlugin:
    """``crypt:key=FILE:STORAGE``."""

    prefix = "crypt"
    argument_format = "key=FILE|key-env=NAME:[names=yes:]STORAGE"
    help = (
        "Another storage, with files encrypted in it by the key in a file, or in a variable of the environment; with"
        " names=yes their names, too."
    )

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """The storage around the one that is named last; see `IStoragePlugin`."""
        given, spec = split_settings(arguments)
        settings = dict(given)
        keys = _keys(settings)
        names = _answer("names", settings.pop("names", "no"))
        if settings or len(dict(given)) < len(given):
            raise ConfigurationError("crypt: takes the settings key or key-env, and names, each once.")
        # What encrypts never hangs: so it has threads that nobody else can hold up.
        inner = open_storage(spec, pool.another())
        if names:
            inner = EncryptedNamesStorage(inner, NameCipher(keys), pool)
        return EncryptedStorage(inner, keys, pool)


def _keys(settings: dict[str, str]) -> KeyRing:
    """The keys, from the one place that the settings name."""
    sources = [name for name in _SOURCES if name in settings]
    if len(sources) != 1:
        raise ConfigurationError(
            "crypt: needs one key or key-env, as in crypt:key=/etc/ftpx/storage.key:local:/srv/ftp."
            " Make a key by: openssl rand -hex 32"
        )
    return _SOURCES[sources[0]](settings.pop(sources[0]))


def _answer(name: str, text: str) -> bool:
    if text not in _ANSWERS:
        raise ConfigurationError(f"crypt: {name}={text} is neither {name}=yes nor {name}=no.")
    return _ANSWERS[text]


plugin = EncryptedPlugin()
