"""MODE Z: data connections whose octets are deflated (draft-preston-ftpext-deflate)."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from zope.interface import implementer

from ftpx.errors import DeflatedDataInvalid, DeflatedDataTruncated, InflatesTooFar, StorageFailure
from ftpx.interfaces import Block, Entry, IDataConnection, IPace, IReadableFile, IWorkerPool, IWritableFile

__all__ = ["UNCOUNTED", "DeflatedConnection"]

UNCOUNTED = 1024 * 1024
"""How many octets an upload may inflate to before their ratio to what came counts: small files of zeroes are usual."""

_DEFLATED_AT_ONCE = 256 * 1024
"""How much one call in a thread deflates: some ten milliseconds, after which others have their turn."""

_INFLATED_AT_ONCE = 1024 * 1024
"""How much one call in a thread inflates, whatever the ratio is."""


@implementer(IDataConnection)
class DeflatedConnection:
    """
    Another data connection whose octets are deflated, in zlib's format (RFC 1950).

    ``moved`` counts the octets on the wire, and offsets are those of the plain content. An upload without a single
    octet is an empty file, as it is in MODE S.

    :param pool: where octets are deflated and inflated.
    :param level: from 1, which is fast, to 9, which is small.
    :param ratio: an upload may inflate to so many times what came, behind `UNCOUNTED`; 0: to any size.
    """

    def __init__(self, connection: IDataConnection, pool: IWorkerPool, level: int, ratio: int) -> None:
        self._connection = connection
        self._pool = pool
        self._level = level
        self._ratio = ratio

    @property
    def moved(self) -> int:
        """Octets sent or received so far, deflated."""
        return self._connection.moved

    def keep_pace(self, pace: IPace) -> None:
        """See `IDataConnection`; what counts is the deflated octets."""
        self._connection.keep_pace(pace)

    async def send_file(self, source: IReadableFile, offset: int, end: int) -> int:
        """See `IDataConnection`."""
        return await self.send_blocks(_read(source, offset, end))

    async def send_blocks(self, blocks: AsyncGenerator[Block, None], delimited: bool = True) -> int:
        """See `IDataConnection`; deflated octets always tell where they end."""
        return await self._connection.send_blocks(self._deflated(blocks), delimited=True)

    async def receive(self, sink: IWritableFile) -> int:
        """
        See `IDataConnection`. What was written when it fails is the beginning of what was sent.

        :raises DeflatedDataTruncated: the connection ended before the deflated octets did.
        :raises DeflatedDataInvalid: what came is not one whole stream in zlib's format. What was written is void.
        :raises InflatesTooFar: it is larger than the ratio allows. What was written is void.
        """
        inflating = _InflatingSink(sink, self._pool, self._ratio)
        moved = await self._connection.receive(inflating)
        inflating.finish()
        return moved

    def abort(self) -> None:
        """See `IDataConnection`."""
        self._connection.abort()

    async def _deflated(self, blocks: AsyncGenerator[Block, None]) -> AsyncGenerator[Block, None]:
        """Small blocks are put together: a listing of usual size takes one call in a thread."""
        stream = zlib.compressobj(self._level)
        plain = bytearray()
        async with aclosing(blocks):
            async for block in blocks:
                plain += block
                while len(plain) > _DEFLATED_AT_ONCE:
                    first = bytes(memoryview(plain)[:_DEFLATED_AT_ONCE])
                    del plain[:_DEFLATED_AT_ONCE]
                    yield await self._pool.run(stream.compress, first)
        yield await self._pool.run(_last, stream, bytes(plain))


def _last(stream: zlib._Compress, block: bytes) -> bytes:
    """In a thread: deflate the last block and end the stream."""
    return stream.compress(block) + stream.flush()


async def _read(source: IReadableFile, offset: int, end: int) -> AsyncGenerator[Block, None]:
    while offset < end:
        block = await source.read(offset, min(_DEFLATED_AT_ONCE, end - offset))
        if not block:
            raise StorageFailure("the file is shorter than it was when it was opened")
        offset += len(block)
        yield block


def _inflated(stream: zlib._Decompress, block: Block) -> tuple[bytes, bytes, bool]:
    """
    In a thread: inflate the beginning of a block.

    :return: what it holds, the rest of the block, and whether more can come, of the rest or of what the stream kept.
    """
    try:
        piece = stream.decompress(block, _INFLATED_AT_ONCE)
    except zlib.error as error:
        raise DeflatedDataInvalid(f"not deflated: {error}") from error
    if stream.unused_data:
        raise DeflatedDataInvalid("something stands behind the end of the deflated octets")
    return piece, stream.unconsumed_tail, len(piece) == _INFLATED_AT_ONCE


@implementer(IWritableFile)
class _InflatingSink:
    """A file that takes deflated octets. It has no descriptor, so that all of them come by `write`."""

    def __init__(self, sink: IWritableFile, pool: IWorkerPool, ratio: int) -> None:
        self.offset = sink.offset
        self._sink = sink
        self._pool = pool
        self._ratio = ratio
        self._stream = zlib.decompressobj()
        self._came = 0
        self._inflated = 0

    async def write(self, block: Block) -> None:
        """Write what a block holds."""
        self._came += len(block)
        rest: Block = block
        more = True
        while more:
            piece, rest, more = await self._pool.run(_inflated, self._stream, rest)
            self._inflated += len(piece)
            if self._ratio and self._inflated - UNCOUNTED > self._ratio * self._came:
                raise InflatesTooFar(f"it inflates to more than {self._ratio} times its size")
            if piece:
                await self._sink.write(piece)

    def finish(self) -> None:
        """
        The connection has ended.

        :raises DeflatedDataTruncated: the deflated octets have not.
        """
        if self._came and not self._stream.eof:
            raise DeflatedDataTruncated("the connection ended in the middle of the deflated octets")

    async def commit(self) -> Entry:
        """Publish what was written."""
        return await self._sink.commit()

    async def abort(self) -> None:
        """Throw away what was written."""
        await self._sink.abort()
