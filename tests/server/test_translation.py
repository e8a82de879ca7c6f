"""TYPE A between the storage and the wire."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.server.translation import AsciiSink, ascii_blocks
from ftpx.storage.memory import MemoryStorage


class TranslationTests(SynchronousTestCase):
    """CRLF on the wire and LF in the storage."""

    def setUp(self) -> None:
        """Make a storage."""
        self.storage = MemoryStorage()

    def result(self, coroutine: Any) -> Any:
        """What a coroutine returns."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def store(self, *blocks: bytes) -> bytes:
        """What is kept of blocks that come over the wire."""

        async def work() -> bytes:
            sink = AsciiSink(await self.storage.open_write(("a",)))
            for block in blocks:
                await sink.write(block)
            entry = await sink.commit()
            await sink.abort()
            return await (await self.storage.open_read(("a",))).read(0, entry.size)

        kept: bytes = self.result(work())
        return kept

    def fetch(self, content: bytes, start: int = 0, end: int | None = None) -> bytes:
        """What goes over the wire of a file."""

        async def work() -> bytes:
            target = await self.storage.open_write(("a",))
            await target.write(content)
            await target.commit()
            source = await self.storage.open_read(("a",))
            return b"".join(
                [block async for block in ascii_blocks(source, start, len(content) if end is None else end)]
            )

        sent: bytes = self.result(work())
        return sent

    def test_sink(self) -> None:
        """RS22: line ends are translated across the edges of blocks, and a CR at the very end is kept."""
        self.assertEqual(self.store(b"a\r", b"\nb\rc\r\n", b"d\r"), b"a\nb\rc\nd\r")

    def test_sink_offset(self) -> None:
        """The sink continues where the file it fills does."""
        self.store(b"abc")
        sink = self.result(self.storage.open_write(("a",), offset=2))
        self.assertEqual(AsciiSink(sink).offset, 2)
        self.result(sink.abort())

    def test_sink_abort(self) -> None:
        """What was written can be thrown away."""
        self.store(b"old")
        sink = AsciiSink(self.result(self.storage.open_write(("a",))))
        self.result(sink.write(b"new"))
        self.result(sink.abort())
        self.assertEqual(self.result(self.storage.stat(("a",))).size, 3)

    def test_blocks(self) -> None:
        """A file of several blocks is translated across their edges, from any place on."""
        content = b"x" * (256 * 1024 - 1) + b"\r\n" + b"y\n"
        self.assertEqual(self.fetch(content), content[:-1] + b"\r\n")
        self.assertEqual(self.fetch(b"ab\ncd\n", 1, 4), b"b\r\nc")
        self.assertEqual(self.fetch(b""), b"")

    def test_blocks_of_a_file_that_shrank(self) -> None:
        """Where the file ends, the blocks do."""
        self.assertEqual(self.fetch(b"abc", 0, 10), b"abc")
