"""The parts of the storage contract about what is not published yet, and what is on disk when it is."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import os

from ftpx.errors import StorageFailure
from ftpx.interfaces import IDurable, IDurableFile, IFileDescriptor, IPartialFile, IStagedContent, IStagedDescriptor
from ftpx.testing.contract.partials_case import DIGITS, A, PartialsCase

__all__ = ["DurabilityContract", "StagedContentContract"]


class StagedContentContract(PartialsCase):
    """What can be told of a file before it is published."""

    def test_read_back(self) -> None:
        """What was written can be read, behind what is kept and before it is published."""
        self.put(A, DIGITS)
        file = self.result(self.storage.open_write(A, offset=4))
        staged = IStagedContent(file, None)
        if staged is None:
            self.result(file.abort())
            self.skipTest("the storage's writable files do not provide IStagedContent")
        self.write(file, b"xyz")
        self.assertEqual(self.result(staged.read_back(0, 100)), b"0123xyz")
        self.assertEqual(self.result(staged.read_back(2, 4)), b"23xy")
        self.assertEqual(self.result(staged.read_back(7, 10)), b"")
        self.assertEqual(self.get(A), DIGITS)
        self.result(file.commit())
        self.assertEqual(self.get(A), b"0123xyz")

    def test_read_back_partial(self) -> None:
        """That is so of uploads that go on, too."""
        self.leave()
        file = self.resume(4)
        staged = IStagedContent(file, None)
        if staged is None:
            self.result(file.abort())
            self.skipTest("the storage's partial files do not provide IStagedContent")
        self.write(file, b"xyz")
        self.assertEqual(self.result(staged.read_back(0, 100)), b"0123xyz")
        self.result(file.abort())

    def test_by_descriptor(self) -> None:
        """What the kernel wrote from the offset on is kept, continued and published like what was given in blocks."""
        file = self.begin()
        if not IFileDescriptor.providedBy(file):
            self.result(file.abort())
            self.skipTest("the storage's partial files do not provide IFileDescriptor")
        self._by_descriptor(file, 0, DIGITS)
        self.result(file.suspend())
        self.assertEqual(self.kept(), 10)
        file = self.resume(4)
        self.assertEqual(os.pread(IFileDescriptor(file).fileno(), 100, 0), b"0123")
        self._by_descriptor(file, 4, b"xyz")
        self.result(file.suspend())
        file = self.resume(7)
        self._by_descriptor(file, 7, b"!")
        self.assertEqual(self.result(file.commit()).size, 8)
        self.assertEqual(self.get(A), b"0123xyz!")

    @staticmethod
    def _by_descriptor(file: IPartialFile, position: int, octets: bytes) -> None:
        staged = IStagedDescriptor(file, None)
        if staged is not None:
            staged.prepare()
        os.pwrite(IFileDescriptor(file).fileno(), octets, position)


class DurabilityContract(PartialsCase):
    """Files that are on disk when they are published."""

    def test_commit_durably(self) -> None:
        """To publish durably is to publish: new files, over old ones, continued, and only for a free name."""
        storage = self.ability(IDurable)
        expected = b""
        for offset, content in ((0, b"new"), (0, b"newer"), (None, b" still"), (2, b"xt")):
            file = self.result(storage.open_write(A, offset=offset))
            self.assertTrue(IDurableFile.providedBy(file))
            self.write(file, content)
            entry = self.result(file.commit_durably())
            expected = expected[: file.offset] + content
            self.assertEqual((entry.name, entry.size, self.get(A)), ("a", len(expected), expected))
            self.result(file.abort())
        file = self.result(storage.open_write(("b",), exclusive=True))
        self.result(file.commit_durably())
        self.assertEqual((self.get(("b",)), self.names()), (b"", ["a", "b"]))

    def test_commit_partial_durably(self) -> None:
        """Uploads that may be kept can be published durably too, whether they broke off or not."""
        self.ability(IDurable)
        self.result(IDurableFile(self.begin(DIGITS)).commit_durably())
        self.assertEqual(self.get(A), DIGITS)
        self.result(self.storage.remove_file(A))
        self.leave()
        self.result(IDurableFile(self.resume(4)).commit_durably())
        self.assertEqual(self.get(A), b"0123")
        self.assert_nothing_kept()

    def test_not_durably_after_the_end(self) -> None:
        """What was thrown away is not published."""
        storage = self.ability(IDurable)
        file = self.result(storage.open_write(A))
        self.result(file.abort())
        self.assert_fails(file.commit_durably(), StorageFailure)
        self.assertEqual(self.names(), [])
