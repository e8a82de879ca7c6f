"""What stands behind ``fsspec:``, and the file with what must not stand there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import attrs

from ftpx.errors import ConfigurationError
from ftpx.storage.spec import split_settings

__all__ = ["FORMAT", "FilesystemSettings", "read_settings"]

FORMAT: Final = "[NAME=VALUE:]URL"

_MOST_OPTIONS: Final = 1_000_000
_MOST_CONNECTIONS: Final = 100

_PASSWORD: Final = re.compile(r"([A-Za-z0-9+.-]+)://[^/@]*:[^/@]*@")
# Where what stands before the @ is no name and password: github://organisation:repository@branch/
_NO_PASSWORD: Final = frozenset({"git", "github"})


@attrs.frozen
class FilesystemSettings:
    """
    A filesystem and how it is opened: fsspec's URL, the options that fit in none, and how many instances there may be;
    ``None``: as many as is good for its kind. ``options`` may hold passwords, so no text shows them.
    """

    url: str
    options: dict[str, Any] = attrs.field(factory=dict, repr=False)
    connections: int | None = None


def _options(name: str) -> dict[str, Any]:
    """The options in a file. No value of it is in any text."""
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            octets = file.read(_MOST_OPTIONS)
        text = octets.decode("utf-8")
        found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ConfigurationError(f"fsspec: the file of options {name} cannot be read: {error.strerror}") from None
    except ValueError:
        wanted = "TOML" if path.suffix == ".toml" else "JSON"
        raise ConfigurationError(f"fsspec: the file of options {name} is not written in {wanted}") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"fsspec: the file of options {name} must hold an object of names and values")
    return found


def _connections(value: str) -> int:
    if not (value.isascii() and value.isdecimal()) or not 1 <= int(value[:9]) <= _MOST_CONNECTIONS:
        raise ConfigurationError(f"fsspec: connections={value}: a number from 1 to {_MOST_CONNECTIONS} is wanted")
    return int(value)


_SETTINGS: Final[dict[str, Callable[[str], Any]]] = {"options": _options, "connections": _connections}


def read_settings(arguments: str) -> FilesystemSettings:
    """
    What stands behind ``fsspec:``.

    :raises ConfigurationError: it cannot be used. No text holds a password.
    """
    found = _PASSWORD.search(arguments)
    if found is not None and found.group(1).lower() not in _NO_PASSWORD:
        raise ConfigurationError(
            "fsspec: there is a password in the URL, where everybody on this machine can read it: write it into a file,"
            ' {"password": "..."}, and name that as in fsspec:options=FILE:sftp://user@host/dir'
        )
    given, url = split_settings(arguments)
    values: dict[str, Any] = {}
    for name, value in given:
        if name not in _SETTINGS:
            raise ConfigurationError(f"fsspec: knows no setting {name!r}; there are {', '.join(_SETTINGS)}")
        if name in values:
            raise ConfigurationError(f"fsspec: {name} is there twice")
        values[name] = _SETTINGS[name](value)
    if "://" not in url:
        raise ConfigurationError(f"fsspec:{url}: a URL is wanted, as in fsspec:sftp://user@host/dir")
    return FilesystemSettings(url, **values)
