"""The part of the storage contract about uploads that break off and go on, where the storage keeps them."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import os

from ftpx.errors import AlreadyExists, OffsetBeyondEnd, StorageFailure
from ftpx.interfaces import IPartialFile, IPartialUploads
from ftpx.testing.contract.partials_case import DIGITS, OWNER, A, PartialsCase

__all__ = ["PartialUploadsContract"]


class PartialUploadsContract(PartialsCase):
    """How the beginning of an upload is kept, and continued."""

    def test_partial_file(self) -> None:
        """An upload of which the beginning could be kept is a file like any other if it does not break off."""
        file = self.begin(b"hello")
        self.assertTrue(IPartialFile.providedBy(file))
        self.assertEqual(file.offset, 0)
        self.assert_missing(A)
        entry = self.result(file.commit())
        self.assertEqual((entry.name, entry.size, self.get(A), self.names()), ("a", 5, b"hello", ["a"]))
        self.assert_nothing_kept()

    def test_aborted_upload(self) -> None:
        """Of one that is thrown away nothing is kept."""
        self.result(self.begin(DIGITS).abort())
        self.assert_nothing_kept()

    def test_continue_at_every_offset(self) -> None:
        """An upload goes on behind any part of what has come, or behind all of it."""
        for offset in (None, *range(len(DIGITS) + 1)):
            self.leave()
            self.assertEqual(self.kept(), len(DIGITS))
            file = self.resume(offset)
            self.assertTrue(IPartialFile.providedBy(file))
            self.assertEqual(file.offset, len(DIGITS) if offset is None else offset)
            self.write(file, b"xyz")
            entry = self.result(file.commit())
            self.assertEqual((entry.name, entry.size), ("a", file.offset + 3))
            self.assertEqual(self.get(A), DIGITS[: file.offset] + b"xyz")
            self.result(self.storage.remove_file(A))
            self.assert_nothing_kept()

    def test_continue_with_nothing(self) -> None:
        """An upload of which all had come is complete without another octet."""
        self.leave()
        self.result(self.resume(None).commit())
        self.assertEqual(self.get(A), DIGITS)

    def test_continue_again_and_again(self) -> None:
        """An upload may break off as often as it likes."""
        self.leave()
        for times in range(1, 4):
            file = self.resume(None if times % 2 else 10 * times)
            self.write(file, DIGITS)
            self.result(file.suspend())
            self.assertEqual(self.kept(), 10 + 10 * times)
        self.result(self.resume(40).commit())
        self.assertEqual(self.get(A), 4 * DIGITS)

    def test_one_block(self) -> None:
        """It does not matter in what blocks the beginning came, nor that their memory is the writer's own again."""
        for size in (1, 3, 65536, 65537, 300_000):
            block = bytearray(os.urandom(size))
            content = bytes(block)
            file = self.begin()
            self.result(file.write(block))
            block[:] = bytes(size)
            self.result(file.suspend())
            self.assertEqual(self.kept(), size)
            file = self.resume(size)
            self.result(file.write(b"x"))
            self.result(file.commit())
            self.assertEqual(self.get(A), content + b"x")
            self.result(self.storage.remove_file(A))

    def test_continued_shorter(self) -> None:
        """What is behind the offset is gone as soon as the upload goes on before it."""
        self.leave()
        self.result(self.resume(4).suspend())
        self.assertEqual(self.kept(), 4)
        self.assert_not_continued(OffsetBeyondEnd, 5, 10)
        file = self.resume(4)
        self.write(file, b"xy")
        self.result(file.commit())
        self.assertEqual(self.get(A), b"0123xy")

    def test_continue_beyond_end(self) -> None:
        """An upload does not go on behind more than has come; what has come stays."""
        self.leave()
        self.assert_not_continued(OffsetBeyondEnd, 11, 2**40)
        self.assertEqual(self.kept(), 10)
        self.result(self.resume(10).commit())
        self.assertEqual(self.get(A), DIGITS)

    def test_nothing_is_kept(self) -> None:
        """Where no upload broke off there is nothing to go on with, whether a file is there or not."""
        self.ability(IPartialUploads)
        self.assert_nothing_kept()
        self.put(A, DIGITS)
        self.assert_nothing_kept()

    def test_suspend_nothing(self) -> None:
        """Of an upload of which nothing came nothing is kept, and what was kept before stays."""
        self.result(self.begin().suspend())
        self.assert_nothing_kept()
        self.leave()
        self.result(self.begin().suspend())
        self.assertEqual(self.kept(), 10)

    def test_suspend_is_an_end(self) -> None:
        """To suspend or abort again changes nothing, and no more can be written or published."""
        file = self.begin(DIGITS)
        self.result(file.suspend())
        self.result(file.suspend())
        self.result(file.abort())
        self.assert_fails(file.write(b"x"), StorageFailure)
        self.assert_fails(file.commit(), StorageFailure)
        self.assertEqual((self.kept(), self.names()), (10, []))

    def test_suspend_after_the_end(self) -> None:
        """To suspend what was published or thrown away does nothing."""
        file = self.begin(DIGITS)
        self.result(file.abort())
        self.result(file.suspend())
        self.assert_nothing_kept()
        file = self.begin(DIGITS)
        self.result(file.commit())
        self.result(file.suspend())
        self.assert_nothing_kept()
        self.assertEqual(self.get(A), DIGITS)

    def test_abort_continued(self) -> None:
        """A continued upload that is thrown away takes with it what was kept."""
        for offset in (4, None):
            self.leave()
            file = self.resume(offset)
            self.write(file, b"x")
            self.result(file.abort())
            self.assert_nothing_kept()

    def test_begin_anew(self) -> None:
        """What is kept stays until an upload that began anew breaks off too, and takes its place."""
        self.leave()
        self.result(self.begin(b"other").abort())
        self.assertEqual(self.kept(), 10)
        self.leave(b"other")
        self.assertEqual(self.kept(), 5)
        self.result(self.resume(None).commit())
        self.assertEqual(self.get(A), b"other")
        self.assert_nothing_kept()

    def test_discard(self) -> None:
        """What is kept can be thrown away, once."""
        self.leave()
        self.assertTrue(self.discard())
        self.assert_nothing_kept()

    def test_large_partial(self) -> None:
        """A partial upload of many blocks is continued octet for octet."""
        content = os.urandom(1_000_000)
        file = self.begin()
        for start in range(0, len(content), 90_000):
            self.result(file.write(content[start : start + 90_000]))
        self.result(file.suspend())
        self.assertEqual(self.kept(), len(content))
        file = self.resume(777_777)
        self.write(file, content[777_777:])
        self.assertEqual(self.result(file.commit()).size, len(content))
        self.assertEqual(self.get(A), content)

    def test_exclusive_upload(self) -> None:
        """An upload that wants a free name is refused where a file has it, and never takes it away."""
        storage = self.ability(IPartialUploads)
        self.result(self.write_exclusively(b"new").commit())
        self.assertEqual(self.get(A), b"new")
        self.assert_fails(storage.begin_upload(A, OWNER, exclusive=True), AlreadyExists)
        self.result(self.storage.remove_file(A))
        file = self.write_exclusively(b"late")
        self.put(A, b"early")
        self.assert_fails(file.commit(), AlreadyExists)
        self.assertEqual((self.get(A), self.names(), self.kept_octets()), (b"early", ["a"], 0))

    def write_exclusively(self, content: bytes) -> IPartialFile:
        """Begin an upload for a free name, and write something."""
        file: IPartialFile = self.result(self.ability(IPartialUploads).begin_upload(A, OWNER, exclusive=True))
        self.write(file, content)
        return file

    def test_continue_exclusively(self) -> None:
        """So is one that goes on; if it breaks off once more it is kept as any other."""
        storage = self.ability(IPartialUploads)
        self.assertIsNone(self.result(storage.continue_upload(A, OWNER, 4, exclusive=True)))
        self.result(self.write_exclusively(DIGITS).suspend())
        for offset in (4, None):
            file = self.result(storage.continue_upload(A, OWNER, offset, exclusive=True))
            self.write(file, b"xy")
            self.result(file.suspend())
        self.assertEqual(self.kept(), 8)
        file = self.result(storage.continue_upload(A, OWNER, 8, exclusive=True))
        self.put(A, b"early")
        self.assert_fails(file.commit(), AlreadyExists)
        self.assertEqual(self.get(A), b"early")
        self.result(self.storage.remove_file(A))
        self.leave()
        self.put(A, b"early")
        for offset in (4, None):
            self.assert_fails(storage.continue_upload(A, OWNER, offset, exclusive=True), AlreadyExists)
        self.result(self.storage.remove_file(A))
        self.result(self.result(storage.continue_upload(A, OWNER, 10, exclusive=True)).commit())
        self.assertEqual(self.get(A), DIGITS)
