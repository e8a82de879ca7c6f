"""Encrypted files open for reading, and other places where their blocks are read."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import attrs
from zope.interface import implementer

from ftpx.errors import StorageFailure
from ftpx.interfaces import (
    Entry,
    IFileDescriptor,
    IReadableFile,
    IStagedContent,
    IWorkerPool,
    IWritableFile,
    Kind,
)
from ftpx.storage.descriptor import Descriptor, release
from ftpx.storage.encrypted.content import FileCipher
from ftpx.storage.encrypted.keys import KeyRing
from ftpx.storage.encrypted.layout import BLOCK, HEADER_SIZE, TAG_SIZE, Ending, Extent, Header, extent_of, frame_start
from ftpx.storage.failures import call

__all__ = ["SPAN", "Blocks", "EncryptedReadableFile", "Fetch", "plain_entry", "read_back_of"]

SPAN: Final = 8 * BLOCK
"""Octets that one call in a thread encrypts or decrypts at most, and that are held for it."""

Fetch = Callable[[int, int], Awaitable[bytes]]
"""Reads stored octets: the offset and how many; fewer only where they end."""


def plain_entry(entry: Entry, name: str) -> Entry:
    """
    The entry of what is stored as the client sees it.

    A file whose size is that of no encrypted one has the size that it has: it is there, and can be replaced, renamed
    and removed, but not read.
    """
    extent = extent_of(entry.size) if entry.kind is Kind.FILE else None
    return attrs.evolve(entry, name=name, size=entry.size if extent is None else extent.plain)


class Blocks:
    """
    The plain content of blocks that are stored.

    :param keys: or the cipher of the file, if it is known.
    :param extent: how far they go.
    :param endings: what may come behind the last one.
    """

    def __init__(
        self,
        fetch: Fetch,
        pool: IWorkerPool,
        keys: KeyRing | FileCipher,
        extent: Extent,
        endings: Sequence[Ending] = (Ending.LAST,),
    ) -> None:
        self._fetch = fetch
        self._pool = pool
        self._keys = keys
        self._extent = extent
        self._endings = endings

    async def read(self, offset: int, size: int) -> bytes:
        """
        Plain octets that are not behind the end. Without any, the block at the offset is looked at all the same.

        :raises StorageFailure: what is stored is not what was written there, or its key is not known.
        """
        parts = []
        while True:
            first = offset // BLOCK
            part = min(size, SPAN - offset % BLOCK)
            _, plain = await self._open(first, max(offset, offset + part - 1) // BLOCK)
            start = offset - first * BLOCK
            parts.append(plain if len(plain) == part else plain[start : start + part])
            offset += part
            size -= part
            if not size:
                return parts[0] if len(parts) == 1 else b"".join(parts)

    async def block(self, index: int) -> tuple[FileCipher, bytes, bytes]:
        """The cipher of the file, what stands in front of a block where it is stored, and its plain octets."""
        before, plain = await self._open(index, index)
        return await self._cipher(), before, plain

    async def _open(self, first: int, last: int) -> tuple[bytes, bytes]:
        """What stands in front of blocks, and their plain octets."""
        start = frame_start(first) - TAG_SIZE
        end = min(frame_start(last + 1), self._extent.stored)
        if first == 0 and isinstance(self._keys, KeyRing):
            # The header comes with the blocks behind it: so a small file is read by one call.
            octets = memoryview(await self._exactly(0, end))
            self._keys, plain = await self._pool.run(
                self._open_from_header, self._keys, octets, self._extent.blocks - 1, self._endings
            )
            return bytes(octets[start:HEADER_SIZE]), plain
        cipher = await self._cipher()
        octets = memoryview(await self._exactly(start, end - start))
        plain = await self._pool.run(cipher.open, octets, first, self._extent.blocks - 1, self._endings)
        return bytes(octets[:TAG_SIZE]), plain

    @staticmethod
    def _open_from_header(
        keys: KeyRing, octets: memoryview, last: int, endings: Sequence[Ending]
    ) -> tuple[FileCipher, bytes]:
        """In a thread: decrypt the header and what comes behind it."""
        cipher = keys.cipher(Header.parse(bytes(octets[:HEADER_SIZE])))
        return cipher, cipher.open(octets[HEADER_SIZE - TAG_SIZE :], 0, last, endings)

    async def _cipher(self) -> FileCipher:
        if isinstance(self._keys, KeyRing):
            header = Header.parse(await self._exactly(0, HEADER_SIZE))
            self._keys = await self._pool.run(self._keys.cipher, header)
        return self._keys

    async def _exactly(self, offset: int, size: int) -> bytes:
        octets = await self._fetch(offset, size)
        while len(octets) < size:
            more = await self._fetch(offset + len(octets), size - len(octets))
            if not more:
                raise StorageFailure("the encrypted content is shorter than the storage has said")
            octets += more
        return octets


@implementer(IReadableFile)
class EncryptedReadableFile:
    """
    A file open for reading. It has no descriptor, whatever the one inside has: the kernel would move what is stored.

    :raises StorageFailure: its size shows that it is not encrypted, or not all of it is there.
    """

    def __init__(self, inner: IReadableFile, pool: IWorkerPool, keys: KeyRing, name: str) -> None:
        extent = extent_of(inner.entry.size)
        if extent is None:
            raise StorageFailure("the file is not one that ftpx has encrypted, or it was cut off")
        self.entry = plain_entry(inner.entry, name)
        self.extent = extent
        self._inner = inner
        self._blocks = Blocks(inner.read, pool, keys, extent)

    async def begin(self) -> None:
        """Look at a file of which nothing will be read, as it is empty."""
        if not self.entry.size:
            await self._blocks.read(0, 0)

    async def read(self, offset: int, size: int) -> bytes:
        """Read plain octets; see `IReadableFile`."""
        wanted = min(size, self.entry.size - offset)
        return await self._blocks.read(offset, wanted) if wanted > 0 else b""

    def close(self) -> None:
        """Close the file; see `IReadableFile`."""
        self._inner.close()


def read_back_of(file: IWritableFile) -> Fetch | None:
    """Reads what is stored of a file that is written; ``None``: its storage has no way to do that."""
    staged = IStagedContent(file, None)
    if staged is not None:
        read_back: Fetch = staged.read_back
        return read_back
    described = IFileDescriptor(file, None)
    return None if described is None else partial(_read_descriptor, described)


async def _read_descriptor(file: IFileDescriptor, offset: int, size: int) -> bytes:
    """Read by a descriptor of our own: the file may be closed while a thread still reads for nobody."""
    try:
        descriptor = Descriptor(os.dup(file.fileno()))
    except OSError as error:
        raise file.translate(error) from None
    try:
        return await call(file.pool, descriptor.use, os.pread, size, offset)
    finally:
        # What marks the file as in use goes with the last descriptor.
        await release(file.pool, descriptor)
