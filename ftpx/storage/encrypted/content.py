"""Blocks, encrypted and authenticated: AES-256-GCM with a key for each file. The calls compute; threads make them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ftpx.errors import StorageFailure
from ftpx.interfaces import Block
from ftpx.storage.encrypted.layout import BLOCK, FRAME, NONCE_SIZE, TAG_SIZE, Ending, frame_start

__all__ = ["FileCipher", "NotAuthentic", "Sealing"]

# The number of the block, what comes behind it, and the tag of the block before.
_ASSOCIATED: Final = struct.Struct(f">QB{TAG_SIZE}s")


class NotAuthentic(StorageFailure):
    """What is stored is not what was written there."""

    def __init__(self) -> None:
        super().__init__("the encrypted content was changed, cut off or damaged where it is stored")


class FileCipher:
    """The cipher of one file."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: Block, index: int, ending: Ending, before: bytes, nonce: bytes) -> bytes:
        """
        Encrypt a block.

        :param before: what stands in front of it where it is stored, `TAG_SIZE` octets: the tag of the block before.
        """
        return self._cipher.encrypt(nonce, plain, _ASSOCIATED.pack(index, ending, before))

    def open(self, stored: memoryview, first: int, last: int, endings: Sequence[Ending]) -> bytes:
        """
        Decrypt adjoining blocks.

        :param stored: the blocks, and the `TAG_SIZE` octets in front of them.
        :param first: the number of the first one.
        :param last: the number of the last one that there is, here or further on, behind which is one of ``endings``.
        :raises NotAuthentic: they are not what was written there.
        """
        blocks = []
        for index, start in enumerate(range(TAG_SIZE, len(stored), FRAME), first):
            frame = stored[start : start + FRAME]
            before = bytes(stored[start - TAG_SIZE : start])
            blocks.append(self._open(frame, index, endings if index == last else (Ending.MORE,), before))
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def _open(self, frame: memoryview, index: int, endings: Sequence[Ending], before: bytes) -> bytes:
        for ending in endings:
            try:
                return self._cipher.decrypt(
                    frame[:NONCE_SIZE], frame[NONCE_SIZE:], _ASSOCIATED.pack(index, ending, before)
                )
            except InvalidTag:
                continue
        raise NotAuthentic


class Sealing:
    """
    Encrypts what follows in one file, block by block. One call is made at a time.

    :param index: the number of the next block.
    :param before: what stands in front of it: the end of the header or of the block before, at least `TAG_SIZE` octets.
    :param random: as many random octets as it is asked for.
    """

    def __init__(self, cipher: FileCipher, index: int, before: bytes, random: Callable[[int], bytes]) -> None:
        self.cipher = cipher
        self.index = index
        self._before = before[-TAG_SIZE:]
        self._random = random

    @property
    def position(self) -> int:
        """Where the next block is stored."""
        return frame_start(self.index)

    def seal(self, plain: Block, ending: Ending) -> bytes:
        """
        Encrypt what comes next, as it is to be stored.

        :param plain: whole blocks, but for the last one if it is the end. Without octets it is one block, which is only
            for files that are empty.
        :param ending: what comes behind.
        """
        view = memoryview(plain)
        frames = []
        for start in range(0, max(1, len(view)), BLOCK):
            block = view[start : start + BLOCK]
            behind = ending if start + BLOCK >= len(view) else Ending.MORE
            # Never the same for two contents, though a block be written again: so neither its number nor a count.
            nonce = self._random(NONCE_SIZE)
            sealed = self.cipher.seal(block, self.index, behind, self._before, nonce)
            frames += [nonce, sealed]
            self._before = sealed[-TAG_SIZE:]
            self.index += 1
        return b"".join(frames)
