"""TYPE A between a storage, which keeps LF, and the wire, which has CRLF."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from zope.interface import implementer

from ftpx.interfaces import Block, Entry, IReadableFile, IWritableFile
from ftpx.wire.ascii import AsciiDecoder, AsciiEncoder

__all__ = ["AsciiSink", "ascii_blocks"]

_BLOCK = 256 * 1024


async def ascii_blocks(source: IReadableFile, start: int, end: int) -> AsyncGenerator[bytes, None]:
    """The octets of a file from ``start`` to ``end`` as they go over the wire."""
    encoder = AsciiEncoder()
    while start < end:
        block = await source.read(start, min(_BLOCK, end - start))
        if not block:
            return
        start += len(block)
        yield encoder.feed(block)


@implementer(IWritableFile)
class AsciiSink:
    """A file that takes octets as they come over the wire."""

    def __init__(self, sink: IWritableFile) -> None:
        self._sink = sink
        self._decoder = AsciiDecoder()
        self.offset = sink.offset

    async def write(self, block: Block) -> None:
        """Write a block with its line ends translated."""
        await self._sink.write(self._decoder.feed(block))

    async def finish(self) -> None:
        """Write what the last block left open."""
        rest = self._decoder.finish()
        if rest:
            await self._sink.write(rest)

    async def commit(self) -> Entry:
        """Write what the last block left open and publish."""
        await self.finish()
        return await self._sink.commit()

    async def abort(self) -> None:
        """Throw away what was written."""
        await self._sink.abort()
