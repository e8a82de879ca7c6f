"""The keys of a storage: where they come from, and what is made of them."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ftpx.errors import ConfigurationError, StorageFailure
from ftpx.storage.encrypted.content import FileCipher
from ftpx.storage.encrypted.layout import KEY_ID_SIZE, SALT_SIZE, Header

__all__ = ["KeyRing", "keys_from_environment", "keys_from_file"]

_KEY_SIZE: Final = 32
_MAXIMUM_FILE: Final = 64 * 1024
_COMMENT: Final = re.compile(r"#.*")
_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]{64}")
_OTHERS: Final = stat.S_IRWXO
_OPEN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

# What each key that is derived is for: no two purposes share one.
_FOR_ID: Final = b"ftpx crypt key id"
_FOR_NAMES: Final = b"ftpx crypt names"
_FOR_CONTENT: Final = b"ftpx crypt content "


def _derive(key: bytes, salt: bytes | None, purpose: bytes, size: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=purpose).derive(key)


class KeyRing:
    """
    The keys of a storage. The first encrypts contents, all decrypt them, and the last is for names.

    :param keys: of 32 octets each.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {_derive(key, None, _FOR_ID, KEY_ID_SIZE): key for key in keys}
        self._first = next(iter(self._keys))
        self._last = keys[-1]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._keys)

    def begin(self, random: Callable[[int], bytes]) -> tuple[Header, FileCipher]:
        """The header and the cipher of a new file. Computes."""
        header = Header(self._first, random(SALT_SIZE))
        return header, self.cipher(header)

    def cipher(self, header: Header) -> FileCipher:
        """
        The cipher of a file. Computes.

        :raises StorageFailure: its key is not here.
        """
        key = self._keys.get(header.key_id)
        if key is None:
            raise StorageFailure("the file is encrypted with a key that the server was not given")
        return FileCipher(_derive(key, header.salt, _FOR_CONTENT + header.form, _KEY_SIZE))

    def key_for_names(self, size: int) -> bytes:
        """The key that names are encrypted with."""
        return _derive(self._last, None, _FOR_NAMES, size)


def keys_from_file(path: str) -> KeyRing:
    """
    The keys that are in a file. Blocking.

    :raises ConfigurationError: it cannot be read, or others than its owner and its group may do so, or it holds
        something else.
    """
    try:
        with open(path, encoding="ascii", opener=lambda name, _: os.open(name, _OPEN)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigurationError(f"crypt: the key file {path} is not a regular file.")
            text = file.read(_MAXIMUM_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds more than ASCII"
        raise ConfigurationError(f"crypt: the key file {path} cannot be read: {reason}.") from None
    if len(text) > _MAXIMUM_FILE:
        raise ConfigurationError(f"crypt: the key file {path} is larger than {_MAXIMUM_FILE // 1024} KiB.")
    if status.st_mode & _OTHERS:
        raise ConfigurationError(f"crypt: the key file {path} is open to every user of this machine: chmod 600 {path}")
    return _parse(text, f"the key file {path}")


def keys_from_environment(name: str, environment: Mapping[str, str]) -> KeyRing:
    """
    The keys that are in a variable of the environment.

    :raises ConfigurationError: it is not set, or holds something else.
    """
    if name not in environment:
        raise ConfigurationError(f"crypt: the variable {name} that is to hold the key is not set.")
    return _parse(environment[name], f"the variable {name}")


def _parse(text: str, where: str) -> KeyRing:
    """
    The keys in a text, each a word; behind a number sign stands what is for people.

    :raises ConfigurationError: something in it is no key. What it is, is not told: it may be part of one.
    """
    keys = [_key(word) for word in _COMMENT.sub("", text).split()]
    if not keys or None in keys:
        which = f"number {keys.index(None) + 1} is none" if keys else "there is none"
        raise ConfigurationError(
            f"crypt: {where} must hold keys of 64 hexadecimal digits, and {which}. Make one by: openssl rand -hex 32"
        )
    return KeyRing([key for key in keys if key is not None])


def _key(word: str) -> bytes | None:
    """A key of 64 hexadecimal digits, or in base64."""
    if _HEXADECIMAL.fullmatch(word):
        return bytes.fromhex(word)
    try:
        key = base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == _KEY_SIZE else None
