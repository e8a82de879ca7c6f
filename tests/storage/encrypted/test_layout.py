"""Tests of ftpx.storage.encrypted.layout."""

# mypy: allow-untyped-calls

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import integers
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import StorageFailure
from ftpx.storage.encrypted.layout import (
    BLOCK,
    FRAME,
    HEADER_SIZE,
    Extent,
    Header,
    block_of,
    extent_of,
    frame_start,
    kept_extent,
    plain_capacity,
)

_SIZES = integers(0, 2**50)


def _stored(plain: int) -> int:
    """How many octets a file has where it is stored, as the documentation has it."""
    return 48 + plain + 28 * max(1, -(-plain // 65536))


class ExtentTests(SynchronousTestCase):
    """Sizes are computed, and nothing is read for them."""

    def test_numbers(self) -> None:
        """The sizes that the documentation tells."""
        self.assertEqual((HEADER_SIZE, BLOCK, FRAME), (48, 65536, 65564))
        for plain, stored in ((0, 76), (1, 77), (65536, 65612), (65537, 65641), (1_000_000, 1_000_496)):
            self.assertEqual(extent_of(stored), Extent(stored, max(1, -(-plain // BLOCK)), plain))

    @given(_SIZES)
    def test_plain_size(self, plain: int) -> None:
        """The plain size follows from the stored one, for every size."""
        extent = extent_of(_stored(plain))
        assert extent is not None
        self.assertEqual((extent.plain, extent.stored), (plain, _stored(plain)))
        self.assertLessEqual(frame_start(extent.blocks - 1), extent.stored)
        self.assertGreaterEqual(frame_start(extent.blocks), extent.stored)

    @given(integers(-10, 2**50))
    def test_impossible(self, stored: int) -> None:
        """A stored size that no plain one leads to is none."""
        extent = extent_of(stored)
        self.assertEqual(extent is not None and _stored(extent.plain) == stored, extent is not None)
        kept = kept_extent(stored)
        if kept is None:
            self.assertLess(stored, 48 + 28 + 1)
        else:
            self.assertEqual(_stored(kept.plain), kept.stored)
            self.assertLessEqual(kept.stored, stored)
            self.assertLess(stored - kept.stored, 29)

    @given(_SIZES)
    def test_capacity(self, room: int) -> None:
        """What is said to fit does, and an octet more does not."""
        plain = plain_capacity(room)
        if plain:
            self.assertLessEqual(_stored(plain), room)
        self.assertGreater(_stored(plain + 1) + (28 if plain % BLOCK == 0 else 0), room)

    def test_block_of(self) -> None:
        """The block before an offset is the one that goes on there."""
        offsets = (0, 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1)
        self.assertEqual([block_of(offset) for offset in offsets], [0, 0, 0, 1, 1, 2])


class HeaderTests(SynchronousTestCase):
    """The beginning of a file."""

    def test_round_trip(self) -> None:
        """A header is read as it was written."""
        header = Header(b"k" * 8, b"s" * 32)
        self.assertEqual(len(header.octets()), HEADER_SIZE)
        self.assertEqual(Header.parse(header.octets()), header)

    def test_others(self) -> None:
        """Other files, and those of a later form, are told apart."""
        octets = Header(b"k" * 8, b"s" * 32).octets()
        for beginning, text in ((b"%PDF-1", "not one that ftpx"), (octets[:6] + b"\2", "does not know")):
            error = self.assertRaises(StorageFailure, Header.parse, beginning + octets[len(beginning) :])
            self.assertIn(text, str(error))
        self.assertRaises(StorageFailure, Header.parse, b"")
