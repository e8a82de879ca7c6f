"""Names of users and groups: which there may be, when two are the same, and the homes that are made of them."""

from __future__ import annotations

import unicodedata
from typing import Final

from ftpx.errors import ArgumentError, ConfigurationError
from ftpx.interfaces import Path
from ftpx.wire.paths import resolve

__all__ = ["LONGEST_NAME", "check_name", "home_path", "identity_of", "is_name", "parse_home"]

LONGEST_NAME: Final = 64
"""Characters of a name."""

_LONGEST_OCTETS: Final = 255
_PLACE: Final = "{name}"
# What passwd files, lists and paths divide by.
_DIVIDERS: Final = frozenset("/:,\\")


def identity_of(name: str) -> str:
    """
    What two spellings of one name have in common: neither case nor the normal form of Unicode makes a difference.

    Quotas, bans and limits belong to the identity, so no other spelling of a name has others.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def is_name(name: str) -> bool:
    """
    Whether a user or a group may have this name, which can be that of a home, too.

    One to 64 printable characters, no slash, backslash, colon or comma among them; it begins with neither a dot, a
    hyphen nor a space, and ends with neither a dot nor a space.
    """
    # Its other spellings, too: what some file system or database folds to a slash is as good as one.
    return _is_plain(name) and _is_plain(identity_of(name))


def _is_plain(name: str) -> bool:
    return (
        0 < len(name) <= LONGEST_NAME
        and name.isprintable()
        and not _DIVIDERS & set(name)
        and name[0] not in ".- "
        and name[-1] not in ". "
        and len(name.encode()) <= _LONGEST_OCTETS
    )


def check_name(name: str) -> str:
    """
    A name that a user or a group may have, in Unicode's composed form.

    :raises ConfigurationError: it is none.
    """
    composed = unicodedata.normalize("NFC", name)
    if not is_name(composed):
        raise ConfigurationError(
            f"{name!r} cannot be a name: up to {LONGEST_NAME} printable characters, none of / \\ : and comma, "
            "no dot, hyphen or space at the beginning, no dot or space at the end."
        )
    return composed


def parse_home(template: str) -> str:
    """
    A template for homes, such as ``/{name}`` or ``/projects/{name}/files``.

    :raises ConfigurationError: it is none; the text says why.
    """
    if not template.startswith("/"):
        raise ConfigurationError(f"{template!r} is no home: it begins with /, the root of the storage that is served.")
    try:
        home_path(template, "name")
    except ConfigurationError:
        raise ConfigurationError(
            f"{template!r} is no home: a path without .., in which {_PLACE} is the name."
        ) from None
    return template


def home_path(template: str, name: str) -> Path:
    """
    The home that a template gives to a user.

    The name is put into one component of the path and can never become another, nor lead to another.

    :raises ConfigurationError: the name is none that can be put there.
    """
    names = []
    for part in template.split("/"):
        if not part:
            continue
        filled = part.replace(_PLACE, name)
        try:
            whole = resolve((), filled) == (filled,)
        except ArgumentError:
            whole = False
        if not whole or (_PLACE in part and not is_name(name)):
            raise ConfigurationError(f"no home can be made of the name {name!r}")
        names.append(filled)
    return tuple(names)
