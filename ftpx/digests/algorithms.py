"""The digests that there are, by the names that IANA and the drafts have for them."""

from __future__ import annotations

import enum
import hashlib
import zlib
from typing import Protocol

from ftpx.errors import ArgumentError
from ftpx.interfaces import Block

__all__ = ["Algorithm", "Sum", "is_hex"]

_HEX = frozenset("0123456789abcdefABCDEF")


class Sum(Protocol):
    """A digest that is being computed."""

    def update(self, block: Block, /) -> None:
        """Take more octets. Work for a processor, so never in the reactor thread."""

    def hexdigest(self) -> str:
        """The digest of all so far, in lower case."""


class _Crc32:
    """The CRC of zlib, gzip and ZIP, as a `Sum`."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, block: Block, /) -> None:
        """Take more octets."""
        self._value = zlib.crc32(block, self._value)

    def hexdigest(self) -> str:
        """Eight digits."""
        return f"{self._value:08x}"


def is_hex(text: str) -> bool:
    """Whether a text is made of hexadecimal digits, of either case, and of nothing else."""
    return bool(text) and _HEX.issuperset(text)


class Algorithm(enum.Enum):
    """A way to make a digest; the best first. Its value is its name in the protocol."""

    SHA_256 = "SHA-256"
    SHA_512 = "SHA-512"
    SHA_1 = "SHA-1"
    MD5 = "MD5"
    CRC32 = "CRC32"

    @classmethod
    def parse(cls, name: str) -> Algorithm:
        """
        The algorithm of a name, in any case and with or without hyphens.

        :raises ArgumentError: there is none; the text names those that there are.
        """
        try:
            return _NAMES[name.upper().replace("-", "") if name.isascii() else ""]
        except KeyError:
            known = ", ".join(algorithm.value for algorithm in cls)
            raise ArgumentError(f"That is none of {known}.") from None

    def new(self) -> Sum:
        """Begin a digest."""
        if self is Algorithm.CRC32:
            return _Crc32()
        # Files are compared by it; nothing is signed, so it may also be an old one where policy forbids those.
        return hashlib.new(self.value.replace("-", ""), usedforsecurity=False)

    @property
    def digits(self) -> int:
        """How many hexadecimal digits its digests have."""
        return _DIGITS[self]

    def read(self, text: str) -> str | None:
        """A digest as somebody wrote it, in lower case; ``None`` if it is none of this algorithm."""
        return text.lower() if len(text) == self.digits and is_hex(text) else None


_NAMES = {algorithm.value.replace("-", ""): algorithm for algorithm in Algorithm}
_DIGITS = {
    Algorithm.SHA_256: 64,
    Algorithm.SHA_512: 128,
    Algorithm.SHA_1: 40,
    Algorithm.MD5: 32,
    Algorithm.CRC32: 8,
}
