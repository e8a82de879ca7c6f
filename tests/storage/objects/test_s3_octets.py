"""Tests of `ftpx.storage.objects.s3_octets`."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import StorageFailure
from ftpx.storage.objects.s3_octets import AnswerOctets, RequestOctets


class _Raw:
    """An answer of which one piece comes at a time, each after so many seconds."""

    def __init__(self, clock: Clock, pieces: list[bytes], seconds: float) -> None:
        self._clock = clock
        self._pieces = pieces
        self._seconds = seconds
        self.closed = False

    def read1(self, amt: int, decode_content: bool) -> bytes:
        """The next piece, or the beginning of it."""
        self._clock.advance(self._seconds)
        piece = self._pieces.pop(0) if self._pieces else b""
        if len(piece) > amt:
            self._pieces.insert(0, piece[amt:])
        return piece[:amt]

    def close(self) -> None:
        """Note it."""
        self.closed = True


class RequestTests(SynchronousTestCase):
    """What is sent."""

    def test_pieces(self) -> None:
        """It is read in pieces, as often as it is sought to the beginning."""
        body = RequestOctets(memoryview(b"0123456789"), Clock().seconds)
        for _ in range(2):
            self.assertEqual([bytes(body.read(4)) for _ in range(4)], [b"0123", b"4567", b"89", b""])
            self.assertEqual((body.tell(), len(body)), (10, 10))
            body.seek(0)
        body.seek(-3, 2)
        body.seek(1, 1)
        self.assertEqual(bytes(body.read()), b"89")

    def test_large_pieces(self) -> None:
        """CR12: no piece is larger than what a slow store takes within one timeout, whatever is asked for."""
        body = RequestOctets(bytes(1 << 20), Clock().seconds)
        for size in (-1, 1 << 20):
            self.assertEqual(len(body.read(size)), 64 << 10)

    def test_too_slow(self) -> None:
        """CR12: 10 kB a second may take as long as it takes; a few octets a second are taken for a broken store."""
        for pace, fails in ((10_000, False), (100, True)):
            clock = Clock()
            body = RequestOctets(bytes(1 << 20), clock.seconds)
            try:
                while piece := body.read(16384):
                    clock.advance(len(piece) / pace)
            except StorageFailure:
                self.assertTrue(fails)
            else:
                self.assertFalse(fails)


class AnswerTests(SynchronousTestCase):
    """What comes."""

    def _octets(self, limit: int, *pieces: bytes, seconds: float = 0.0) -> tuple[_Raw, AnswerOctets]:
        clock = Clock()
        raw = _Raw(clock, list(pieces), seconds)
        return raw, AnswerOctets(cast("Any", raw), limit, clock.seconds)

    def test_read(self) -> None:
        """So many as are wanted, or all."""
        _, octets = self._octets(100, b"01", b"234", b"56789")
        self.assertEqual(
            [octets.read(4), octets.read(4), octets.read(4), octets.read(4)], [b"0123", b"4567", b"89", b""]
        )
        _, octets = self._octets(10, b"01", b"234", b"56789")
        self.assertEqual(list(octets.stream()), [b"0123456789"])

    def test_too_much(self) -> None:
        """CR13: of an answer that is longer than it may be no more is read."""
        raw, octets = self._octets(1000, *[bytes(300)] * 1000)
        with self.assertRaises(StorageFailure):
            octets.read()
        self.assertTrue(raw.closed)

    def test_too_slow(self) -> None:
        """CR12: an octet now and then, each before any timeout, does not hold a thread for ever."""
        _, octets = self._octets(1 << 20, *[b"."] * 1000, seconds=2.0)
        with self.assertRaises(StorageFailure):
            octets.read()
