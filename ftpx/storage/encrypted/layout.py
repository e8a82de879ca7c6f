"""
How an encrypted file is laid out: a header, and then blocks of which each but the last holds `BLOCK` plain octets.

``docs/operators/encryption.md`` describes it in full. Nothing here is secret, and nothing here computes.
"""

from __future__ import annotations

import enum
from typing import ClassVar, Final

import attrs

from ftpx.errors import StorageFailure

__all__ = [
    "BLOCK",
    "FRAME",
    "HEADER_SIZE",
    "KEY_ID_SIZE",
    "MAGIC",
    "NONCE_SIZE",
    "SALT_SIZE",
    "TAG_SIZE",
    "Ending",
    "Extent",
    "Header",
    "block_of",
    "extent_of",
    "frame_start",
    "kept_extent",
    "plain_capacity",
]

# The first octet is in no text, and a line end shows if somebody has translated those.
MAGIC: Final = b"\x8bftpx\n"
KEY_ID_SIZE: Final = 8
SALT_SIZE: Final = 32
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16

_VERSION: Final = 1
_BLOCK_BITS: Final = 16
_FORM: Final = MAGIC + bytes([_VERSION, _BLOCK_BITS])

BLOCK: Final = 1 << _BLOCK_BITS
"""Plain octets of a block."""
FRAME: Final = NONCE_SIZE + BLOCK + TAG_SIZE
"""Octets that a whole block has where it is stored."""
HEADER_SIZE: Final = len(_FORM) + KEY_ID_SIZE + SALT_SIZE

_OVERHEAD: Final = NONCE_SIZE + TAG_SIZE


class Ending(enum.IntEnum):
    """What comes behind a block; it is authenticated with it."""

    MORE = 0
    LAST = 1
    BROKEN_OFF = 2


@attrs.frozen
class Header:
    """The beginning of a file: which of the keys it was encrypted with, and what makes its own key of that."""

    key_id: bytes
    salt: bytes

    form: ClassVar[bytes] = _FORM
    """What all headers begin with."""

    def octets(self) -> bytes:
        """The header as it is stored."""
        return _FORM + self.key_id + self.salt

    @classmethod
    def parse(cls, octets: bytes) -> Header:
        """:raises StorageFailure: this is the beginning of something else."""
        if not octets.startswith(MAGIC):
            raise StorageFailure("the file is not one that ftpx has encrypted, or it is damaged")
        if not octets.startswith(_FORM):
            raise StorageFailure("the file is encrypted in a form that this version of ftpx does not know")
        key_id = octets[len(_FORM) : len(_FORM) + KEY_ID_SIZE]
        return cls(key_id, octets[len(_FORM) + KEY_ID_SIZE : HEADER_SIZE])


@attrs.frozen
class Extent:
    """How far a file goes: octets where it is stored, blocks, and plain octets."""

    stored: int
    blocks: int
    plain: int


def frame_start(index: int) -> int:
    """Where a block is stored."""
    return HEADER_SIZE + index * FRAME


def block_of(offset: int) -> int:
    """The block that ends at an offset, or in which it is; that of the beginning is the first."""
    return max(0, offset - 1) // BLOCK


def extent_of(stored: int) -> Extent | None:
    """The extent of a file of so many octets; ``None``: a file that was encrypted whole has another number of them."""
    if stored == HEADER_SIZE + _OVERHEAD:
        return Extent(stored, 1, 0)
    extent = kept_extent(stored)
    return extent if extent is not None and extent.stored == stored else None


def kept_extent(stored: int) -> Extent | None:
    """
    The extent of a file of which only the beginning was written, so many octets; ``None``: there is no whole block.

    What cannot be a block at the end is left out.
    """
    whole, rest = divmod(max(0, stored - HEADER_SIZE), FRAME)
    if rest > _OVERHEAD:
        return Extent(stored, whole + 1, whole * BLOCK + rest - _OVERHEAD)
    return Extent(frame_start(whole), whole, whole * BLOCK) if whole else None


def plain_capacity(octets: int) -> int:
    """How many plain octets a file can have that takes up no more than so many."""
    extent = kept_extent(octets)
    return 0 if extent is None else extent.plain
