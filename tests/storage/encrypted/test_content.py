"""Tests of what is stored of an encrypted file, and of whoever changes that."""

# mypy: allow-untyped-calls

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sized
from typing import TypeVar

from twisted.internet.defer import Deferred

from ftpx.errors import StorageFailure
from ftpx.interfaces import IFileDescriptor, IServerSideCopy, IStoredDigests
from ftpx.storage.encrypted.layout import BLOCK, FRAME, HEADER_SIZE, NONCE_SIZE, TAG_SIZE
from ftpx.testing.pool import InlinePool
from tests.storage.encrypted.keyed import KEY, OTHER_KEY, encrypted
from tests.storage.encrypted.stored_case import StoredCase

_T = TypeVar("_T")

_A = ("a",)
_B = ("b",)


def _content(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def _frames(stored: bytes) -> list[bytes]:
    """The blocks as they are stored."""
    return [stored[start : start + FRAME] for start in range(HEADER_SIZE, len(stored), FRAME)]


class VectorTests(StoredCase):
    """Version 1: files that were written with it are read for ever."""

    SHORT = bytes.fromhex(
        "8b667470780a01100e565206fdf91c100000000000000000000000000000000000000000000000000000000000000001"
        "000000000000000000000002dc9592d9ade50d4be6972ca53e61b05873ba5ddf5c872bbcb1d0a8c854c6"
    )
    EMPTY = bytes.fromhex(
        "8b667470780a01100e565206fdf91c100000000000000000000000000000000000000000000000000000000000000001"
        "0000000000000000000000028061ffd1dbacc75681122c724724b285"
    )

    def test_written(self) -> None:
        """With the same key and the same random octets the same is stored."""
        self.put(_A, b"Hello, world.\n")
        self.assertEqual(self.stored(), self.SHORT)
        self.random.given.clear()
        self.put(_A, b"")
        self.assertEqual(self.stored(), self.EMPTY)

    def test_read(self) -> None:
        """It is read, whatever this version would write."""
        for octets, content in ((self.SHORT, b"Hello, world.\n"), (self.EMPTY, b"")):
            self.store(octets)
            self.assertEqual(self.get(_A), content)

    def test_blocks(self) -> None:
        """So is one of several blocks, of which the digest stands here."""
        self.put(_A, bytes(3 * BLOCK + 5))
        self.assertEqual(
            hashlib.sha256(self.stored()).hexdigest(),
            "9c06a344cbdebcf57a5e8844ebcac94fd9bd035ad274f9c132a4652765c6a174",
        )
        self.assertEqual(self.get(_A), bytes(3 * BLOCK + 5))


class StoredTests(StoredCase):
    """What is to be seen where it is stored."""

    def test_nothing_plain(self) -> None:
        """Nothing of the content is in what is stored, and no two blocks or files of the same content are alike."""
        secret = b"The secret of this file. "
        content = (secret * (BLOCK // len(secret) + 1))[:BLOCK] * 3
        self.put(_A, content)
        self.put(_B, content)
        stored = self.stored() + self.stored(_B)
        self.assertNotIn(secret[:8], stored)
        frames = [frame[NONCE_SIZE:] for path in (_A, _B) for frame in _frames(self.stored(path))]
        self.assertEqual(len(set(frames)), 6)

    def test_sizes(self) -> None:
        """A listing and `stat` tell the plain sizes, at every edge of a block, and read nothing."""
        for size in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 10 * BLOCK):
            self.assertEqual(self.put(_A, bytes(size)).size, size)
            self.assertEqual((self.entries()["a"].size, self.result(self.storage.stat(_A)).size), (size, size))
            self.assertEqual(self.get(_A), bytes(size))

    def test_nonces(self) -> None:
        """No nonce is used twice, though blocks be written again and again."""
        for size in (0, 10, BLOCK, 3 * BLOCK + 1, 9 * BLOCK):
            self.put(_A, bytes(size))
            for offset in (None, size // 2, None):
                seen = {frame[:NONCE_SIZE] for frame in _frames(self.stored())}
                self.put(_A, b"more", offset=offset)
                now = [frame[:NONCE_SIZE] for frame in _frames(self.stored())]
                self.assertEqual(len(set(now)), len(now))
                self.assertNotIn(now[-1], seen)
        nonces = [octets for octets in self.random.given if len(octets) == NONCE_SIZE]
        self.assertEqual(len(set(nonces)), len(nonces))

    def test_append_writes_the_end(self) -> None:
        """An upload that goes on leaves whole blocks before it as they are stored, and the header."""
        self.put(_A, bytes(5 * BLOCK + 100))
        before = self.stored()
        self.put(_A, b"more", offset=None)
        after = self.stored()
        self.assertEqual(after[: HEADER_SIZE + 5 * FRAME], before[: HEADER_SIZE + 5 * FRAME])
        self.assertNotEqual(_frames(after)[5][: BLOCK // 1000], _frames(before)[5][: BLOCK // 1000])

    def test_no_way_past(self) -> None:
        """Files have no descriptor and no digest of what is stored."""
        self.put(_A, b"abc")
        source, target = self.result(self.storage.open_read(_A)), self.result(self.storage.open_write(_B))
        for file in (source, target):
            self.assertFalse(IFileDescriptor.providedBy(file) or IStoredDigests.providedBy(file))
        source.close()
        self.result(target.abort())


class KeysTests(StoredCase):
    """Other keys."""

    def test_wrong_key(self) -> None:
        """With another key a file is listed, and neither read nor continued; it can be replaced and removed."""
        self.put(_A, b"hello")
        stored = self.stored()
        self.storage = self.keyed(OTHER_KEY)
        self.assertEqual(self.entries()["a"].size, 5)
        source = self.result(self.storage.open_read(_A))
        self.assert_fails(source.read(0, 5), StorageFailure)
        self.assert_fails(source.read(1, 2), StorageFailure)
        source.close()
        self.assert_fails(self.storage.open_write(_A, offset=None), StorageFailure)
        self.assertEqual(self.stored(), stored)
        self.put(_A, b"new")
        self.assertEqual(self.get(_A), b"new")

    def test_rotation(self) -> None:
        """With a new key in front, old files are read, and continued with their own; new ones have the new key."""
        self.put(_A, b"old")
        self.storage = self.keyed(OTHER_KEY, KEY)
        self.put(_A, b"er", offset=None)
        self.put(_B, b"new")
        self.assertEqual((self.get(_A), self.get(_B)), (b"older", b"new"))
        self.storage = self.keyed(KEY)
        self.assertEqual(self.get(_A), b"older")
        source = self.result(self.storage.open_read(_B))
        self.assert_fails(source.read(0, 3), StorageFailure)
        source.close()


class ForeignTests(StoredCase):
    """Files that are not encrypted."""

    def test_foreign(self) -> None:
        """They are listed, with the size that they have or one that is near; not read; and replaced and removed."""
        for size in (0, 1, 47, 76, 77, 1000, BLOCK + 76, 3 * BLOCK):
            self.assert_broken(b"%PDF-1.7".ljust(size, b"x")[:size])
            entry = self.entries()["a"]
            self.assertTrue(0 <= entry.size <= size)
            self.assertEqual(entry, self.result(self.storage.stat(_A)))
            self.assert_fails(self.storage.open_write(_A, offset=None), StorageFailure)
        self.put(_A, b"new")
        self.assertEqual(self.get(_A), b"new")
        self.result(self.storage.remove_file(_A))

    def test_later_form(self) -> None:
        """A form that is not known is not guessed at."""
        self.put(_A, b"abc")
        stored = bytearray(self.stored())
        for position in (6, 7):
            changed = bytes(stored[:position]) + bytes([stored[position] + 1]) + bytes(stored[position + 1 :])
            self.assert_broken(changed)


class TamperingTests(StoredCase):
    """Whoever can write where it is stored: what is read is what was written, or nothing."""

    def test_each_bit(self) -> None:
        """Each bit of a small file counts."""
        self.put(_A, b"Hello, world.")
        stored = self.stored()
        for position in range(len(stored)):
            for bit in range(8):
                changed = bytearray(stored)
                changed[position] ^= 1 << bit
                self.assert_broken(bytes(changed))

    def test_many_octets(self) -> None:
        """So do those of a file of several blocks: all at their edges, and some of the rest."""
        self.put(_A, _content(2 * BLOCK + 1000))
        stored = self.stored()
        edges = {start + near for start in range(HEADER_SIZE, len(stored), FRAME) for near in range(-40, 40, 7)}
        for position in sorted({*edges, *range(0, len(stored), 4099)}):
            changed = bytearray(stored)
            changed[position] ^= 1
            self.assert_broken(bytes(changed))

    def test_each_length(self) -> None:
        """A file that was cut off is noticed, wherever that was."""
        self.put(_A, b"Hello, world.")
        stored = self.stored()
        for size in range(len(stored)):
            self.assert_broken(stored[:size])
        self.put(_A, _content(3 * BLOCK))
        stored = self.stored()
        for start in range(HEADER_SIZE, len(stored), FRAME):
            for near in (-1, 0, 1, 27, 28, 29, 100):
                self.assert_broken(stored[: start + near])
        self.assert_broken(stored + b"x" * 30)

    def test_blocks_moved(self) -> None:
        """Blocks that were swapped, doubled, left out, or added at the end are noticed."""
        self.put(_A, _content(3 * BLOCK + 10))
        stored = self.stored()
        header, (one, two, three, last) = stored[:HEADER_SIZE], _frames(stored)
        orders = (
            (two, one, three, last),
            (one, three, two, last),
            (one, one, three, last),
            (one, two, two, last),
            (one, two, last),
            (two, three, last),
            (one, two, three),
            (one, two, three, three),
            (one, two, three, last.ljust(FRAME, b"\0"), last),
            (last,),
            (),
        )
        for order in orders:
            self.assert_broken(header + b"".join(order))

    def test_blocks_of_another_file(self) -> None:
        """Blocks of another file are noticed, in whichever header's company."""
        self.put(_A, _content(2 * BLOCK))
        self.put(_B, _content(2 * BLOCK, 1))
        mine, other = self.stored(), self.stored(_B)
        self.assert_broken(mine[:HEADER_SIZE] + other[HEADER_SIZE:])
        self.assert_broken(mine[: HEADER_SIZE + FRAME] + other[HEADER_SIZE + FRAME :])

    def test_blocks_of_another_version(self) -> None:
        """So are those of an older content of the same file, or of a copy, which have the same key."""
        self.put(_A, _content(4 * BLOCK))
        self.result(IServerSideCopy(self.storage).copy(_A, _B))
        old = self.stored()
        self.put(_A, _content(3 * BLOCK, 1), offset=BLOCK)
        new = self.stored()
        self.put(_B, _content(3 * BLOCK, 2), offset=BLOCK)
        copy = self.stored(_B)
        for one in (old, new, copy):
            for two in (old, new, copy):
                for index in range(1, 4):
                    cut = HEADER_SIZE + index * FRAME
                    if one is not two:
                        self.assert_broken(one[:cut] + two[cut:])
        self.store(old)
        self.assertEqual(self.get(_A), _content(4 * BLOCK))

    def test_parts(self) -> None:
        """Parts are checked as the whole is: what is damaged elsewhere does no harm to them."""
        content = _content(4 * BLOCK)
        self.put(_A, content)
        stored = bytearray(self.stored())
        stored[HEADER_SIZE + 2 * FRAME + 100] ^= 1
        self.store(bytes(stored))
        source = self.result(self.storage.open_read(_A))
        self.assertEqual(self.result(source.read(10, BLOCK)), content[10 : BLOCK + 10])
        self.assertEqual(self.result(source.read(3 * BLOCK + 1, 10)), content[3 * BLOCK + 1 : 3 * BLOCK + 11])
        self.assert_fails(source.read(2 * BLOCK - 1, 2), StorageFailure)
        self.assert_fails(source.read(3 * BLOCK - 1, 1), StorageFailure)
        source.close()

    def test_not_continued(self) -> None:
        """A file whose end was changed or cut off is not continued, and stays as it is."""
        self.put(_A, _content(2 * BLOCK + 10))
        stored = self.stored()
        for octets in (stored[: HEADER_SIZE + 2 * FRAME], stored[:-1], stored[:-1] + b"\0", stored[TAG_SIZE:]):
            self.store(octets)
            self.assert_fails(self.storage.open_write(_A, offset=None), StorageFailure)
            self.assertEqual(self.stored(), octets)

    def test_told_without_secrets(self) -> None:
        """The error says what is wrong, and has nothing of the key or of the content in it."""
        self.put(_A, b"Hello, world.")
        self.store(self.stored()[:-1] + b"\0")
        source = self.result(self.storage.open_read(_A))
        error = self.failureResultOf(self.begun(source.read(0, 5)), StorageFailure).value
        self.assertIn("changed, cut off or damaged", str(error))
        for secret in (KEY.hex(), "Hello"):
            self.assertNotIn(secret, repr(error))
        source.close()


class _NotingPool(InlinePool):
    """Notes how many octets a call is given and returns."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def run(
        self, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Deferred[_T]:
        """Make the call now."""

        def noted(*values: object) -> _T:
            result = function(*values)
            self.sizes += [len(value) for value in (*values, result) if isinstance(value, Sized)]
            return result

        return super().run(noted, *arguments, discard=discard)


class BoundsTests(StoredCase):
    """What is held in memory."""

    def test_bounded(self) -> None:
        """One call encrypts or decrypts about half a mebibyte at most, however large what it is asked for."""
        content = _content(40 * BLOCK + 7)
        pool = _NotingPool()
        self.storage = encrypted(self.inner, KEY, pool=pool)
        target = self.result(self.storage.open_write(_A))
        for start in range(0, len(content), 1_000_000):
            self.result(target.write(content[start : start + 1_000_000]))
        self.result(target.commit())
        self.assertEqual(self.get(_A), content)
        self.assertGreater(len(pool.sizes), 10)
        self.assertLess(max(pool.sizes), 9 * BLOCK)
