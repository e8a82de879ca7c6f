"""Property tests: an encrypted file is as plain octets are, whatever is done with it."""

# mypy: allow-untyped-calls

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis.strategies import DrawFn, composite, integers, lists, none, one_of, sampled_from

from ftpx.interfaces import IPartialFile, IPartialUploads, IStagedContent, IWritableFile
from ftpx.storage.encrypted.layout import BLOCK, NONCE_SIZE
from tests.storage.encrypted.stored_case import StoredCase

_A = ("a",)
_OWNER = "alice"
# Most of what can go wrong is at the edges of blocks, and of what is encrypted at once.
_EDGES = (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 8 * BLOCK - 1, 8 * BLOCK, 8 * BLOCK + 1)
_SIZES = one_of(sampled_from(_EDGES), integers(0, 10 * BLOCK))


@composite
def _write(draw: DrawFn) -> tuple[int | None, int, int]:
    """How much of what there is to keep, how many octets to write, and in blocks of which size."""
    return draw(one_of(none(), _SIZES)), draw(_SIZES), draw(sampled_from((10_000, BLOCK, 100_000, 10**6)))


_WRITES = lists(_write(), min_size=1, max_size=5)


class ModelTests(StoredCase):
    """Sequences of writes and reads."""

    def fill(self, file: IWritableFile, size: int, block: int) -> bytes:
        """Write octets, in blocks."""
        content = random.Random(size).randbytes(size)
        for start in range(0, size, block):
            self.result(file.write(content[start : start + block]))
        return content

    @settings(max_examples=40, deadline=None)
    @given(_WRITES, lists(_SIZES, min_size=2, max_size=6))
    def test_files(self, writes: list[tuple[int | None, int, int]], edges: list[int]) -> None:
        """A file that is written, continued at offsets and appended to has the octets that it would have plainly."""
        self.setUp()
        model = b""
        for keep, size, block in writes:
            offset = keep if keep is None else min(keep, len(model))
            file = self.result(self.storage.open_write(_A, offset=offset))
            model = model[:offset] + self.fill(file, size, block)
            self.assertEqual(self.result(file.commit()).size, len(model))
            self.assertTrue(self.get(_A) == model)
        source = self.result(self.storage.open_read(_A))
        for start in edges:
            for size in edges:
                self.assertTrue(self.result(source.read(start, size)) == model[start : start + size])
        source.close()
        self.assert_no_nonce_twice()

    def assert_no_nonce_twice(self) -> None:
        """What was given for nonces was given once, and stands in what is stored."""
        stored = self.stored()
        nonces = {stored[start : start + NONCE_SIZE] for start in range(48, len(stored), BLOCK + 28)}
        self.assertEqual(len(nonces), len(range(48, len(stored), BLOCK + 28)))
        self.assertTrue(nonces <= set(self.random.given))

    @settings(max_examples=40, deadline=None)
    @given(_WRITES)
    def test_partials(self, writes: list[tuple[int | None, int, int]]) -> None:
        """An upload that breaks off and goes on, again and again, is whole in the end, and read back on the way."""
        self.setUp()
        partials = self.ability(IPartialUploads)
        model = b""
        for keep, size, block in writes:
            offset = keep if keep is None else min(keep, len(model))
            file: IPartialFile | None = self.result(partials.continue_upload(_A, _OWNER, offset)) if model else None
            if file is None:
                model, offset = b"", 0
                file = self.result(partials.begin_upload(_A, _OWNER))
            assert file is not None
            model = model[:offset] + self.fill(file, size, block)
            for start in (0, len(model) // 2, len(model) - 1):
                self.assertTrue(
                    self.result(IStagedContent(file).read_back(start, 100_000)) == model[start : start + 100_000]
                )
            self.result(file.suspend())
            self.assertEqual(self.result(partials.partial_size(_A, _OWNER)), len(model) or None)
        if model:
            self.result(self.result(partials.continue_upload(_A, _OWNER, None)).commit())
            self.assertTrue(self.get(_A) == model)
            self.assert_no_nonce_twice()
