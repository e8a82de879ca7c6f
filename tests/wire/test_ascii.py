"""Tests of ftpx.wire.ascii."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import Block
from ftpx.wire.ascii import AsciiDecoder, AsciiEncoder

blocks_of_ends = st.lists(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a"]), max_size=5).map(b"".join))


def encoded(*blocks: Block) -> bytes:
    """What the blocks are on the wire."""
    encoder = AsciiEncoder()
    return b"".join(encoder.feed(block) for block in blocks)


def decoded(*blocks: Block) -> bytes:
    """What the blocks are in the storage."""
    decoder = AsciiDecoder()
    return b"".join([decoder.feed(block) for block in blocks] + [decoder.finish()])


def reference_encoding(octets: Iterable[int]) -> bytes:
    """The rule for sending, octet by octet."""
    result = bytearray()
    before = 0
    for octet in octets:
        if octet == 0x0A and before != 0x0D:
            result.append(0x0D)
        result.append(octet)
        before = octet
    return bytes(result)


class EncoderTests(SynchronousTestCase):
    """TYPE A to the wire."""

    def test_lines(self) -> None:
        """LF becomes CRLF; CRLF and CR alone stay."""
        self.assertEqual(encoded(b"a\nb\r\nc\rd\n\n\r\r\n"), b"a\r\nb\r\nc\rd\r\n\r\n\r\r\n")

    def test_block_edges(self) -> None:
        """RS22: CRLF in two blocks stays what it is, also with an empty block between."""
        self.assertEqual(encoded(b"a\r", b"\nb"), b"a\r\nb")
        self.assertEqual(encoded(b"a\r", b"", b"\n\n"), b"a\r\n\r\n")
        self.assertEqual(encoded(b"a\r", b"b\n"), b"a\rb\r\n")

    def test_kinds_of_blocks(self) -> None:
        """All kinds of blocks are taken."""
        self.assertEqual(encoded(bytearray(b"a\n"), memoryview(b"xb\nx")[1:3]), b"a\r\nb\r\n")

    def test_no_hidden_growth(self) -> None:
        """RS22: a block of LF becomes at most twice as long, and nothing is kept back."""
        encoder = AsciiEncoder()
        for _ in range(8):
            self.assertEqual(encoder.feed(b"\n" * 65536), b"\r\n" * 65536)

    @given(blocks_of_ends)
    def test_any_blocks(self, blocks: list[bytes]) -> None:
        """However the file is cut, the result is that of the rule."""
        self.assertEqual(encoded(*blocks), reference_encoding(b"".join(blocks)))

    @given(st.lists(st.binary()))
    def test_any_octets(self, blocks: list[bytes]) -> None:
        """The same for any octets."""
        self.assertEqual(encoded(*blocks), reference_encoding(b"".join(blocks)))


class DecoderTests(SynchronousTestCase):
    """TYPE A from the wire."""

    def test_lines(self) -> None:
        """CRLF becomes LF; CR and LF alone stay."""
        self.assertEqual(decoded(b"a\r\nb\nc\rd\r\r\n"), b"a\nb\nc\rd\r\n")

    def test_block_edges(self) -> None:
        """RS22: a CR at the end of a block waits for what follows."""
        decoder = AsciiDecoder()
        self.assertEqual(decoder.feed(b"a\r"), b"a")
        self.assertEqual(decoder.feed(b""), b"")
        self.assertEqual(decoder.feed(b"\nb\r"), b"\nb")
        self.assertEqual(decoder.feed(b"\r"), b"\r")
        self.assertEqual(decoder.feed(b"c"), b"\rc")
        self.assertEqual(decoder.finish(), b"")

    def test_last_return(self) -> None:
        """RS22: a CR at the very end is not lost, and comes once."""
        decoder = AsciiDecoder()
        self.assertEqual([decoder.feed(b"a\r"), decoder.finish(), decoder.finish()], [b"a", b"\r", b""])

    def test_runs_of_returns(self) -> None:
        """RS22: runs of CR over many blocks come through with only the last one taken."""
        self.assertEqual(decoded(*[b"\r" * 1000] * 100, b"\n"), b"\r" * 99_999 + b"\n")

    def test_kinds_of_blocks(self) -> None:
        """All kinds of blocks are taken."""
        self.assertEqual(decoded(bytearray(b"a\r"), memoryview(b"\nb\r\n")), b"a\nb\n")

    @given(blocks_of_ends)
    def test_any_blocks(self, blocks: list[bytes]) -> None:
        """However the stream is cut, each CRLF becomes LF and nothing else changes."""
        self.assertEqual(decoded(*blocks), b"".join(blocks).replace(b"\r\n", b"\n"))

    @given(blocks_of_ends)
    def test_round_trip(self, blocks: list[bytes]) -> None:
        """What was sent comes back, with LF for each line end that it had."""
        self.assertEqual(decoded(encoded(*blocks)), b"".join(blocks).replace(b"\r\n", b"\n"))
