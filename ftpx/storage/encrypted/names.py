"""Names, encrypted: AES-SIV, so that one name is always the same text."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from ftpx.errors import ConfigurationError, NameRefused
from ftpx.storage.encrypted.keys import KeyRing
from ftpx.storage.names import LONGEST_NAME, octets, text

__all__ = ["LONGEST_PLAIN_NAME", "NameCipher"]

_KEY_SIZE: Final = 64
_TAG_SIZE: Final = 16
# Five octets are eight letters in base32.
_GROUP, _LETTERS = 5, 8

LONGEST_PLAIN_NAME: Final = LONGEST_NAME * _GROUP // _LETTERS - _TAG_SIZE
"""Octets of the longest name whose encrypted text is not too long itself."""


class NameCipher:
    """
    Turns names into lower-case letters and digits, and back.

    :raises ConfigurationError: the OpenSSL library has no AES-SIV.
    """

    def __init__(self, keys: KeyRing) -> None:
        try:
            self._cipher = AESSIV(keys.key_for_names(_KEY_SIZE))
        except UnsupportedAlgorithm:
            raise ConfigurationError("crypt: names=yes needs OpenSSL 3.0 or later.") from None

    def hide(self, name: str) -> str:
        """
        The text that is stored for a name.

        :raises NameRefused: it is longer than `LONGEST_PLAIN_NAME`, or no octets stand for it.
        """
        plain = octets(name)
        if len(plain) > LONGEST_PLAIN_NAME:
            raise NameRefused("the name is too long to be encrypted")
        return base64.b32encode(self._cipher.encrypt(plain, None)).rstrip(b"=").decode().lower()

    def show(self, stored: str) -> str | None:
        """The name that a text is stored for; ``None``: it was not made here."""
        letters = stored.upper()
        padding = "=" * (-len(letters) % _LETTERS)
        try:
            name = text(self._cipher.decrypt(base64.b32decode(letters + padding), None))
            # Two texts, as in capitals and not, must not be two entries of one name.
            return name if self.hide(name) == stored else None
        except (binascii.Error, ValueError, InvalidTag, NameRefused):
            return None
