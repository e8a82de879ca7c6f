"""What the parts of the storage contract about uploads that break off share."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from ftpx.errors import StorageError
from ftpx.interfaces import Entry, IPartialFile, IPartialUploads, IWritableFile, Path
from ftpx.testing.contract.case import StorageCase

__all__ = ["DIGITS", "OWNER", "A", "PartialsCase"]

A: Path = ("a",)
"""Where uploads go, if nothing else is said."""
OWNER = "alice"
"""Whose they are."""
DIGITS = b"0123456789"
"""What has come of them."""


class PartialsCase(StorageCase):
    """What is done with uploads that break off."""

    def write(self, file: IWritableFile, content: bytes) -> None:
        """Write in two blocks."""
        middle = len(content) // 2
        self.result(file.write(content[:middle]))
        self.result(file.write(memoryview(content)[middle:]))

    def begin(self, content: bytes = b"", path: Path = A, owner: str = OWNER) -> IPartialFile:
        """Begin an upload and write something."""
        file: IPartialFile = self.result(self.ability(IPartialUploads).begin_upload(path, owner))
        if content:
            self.write(file, content)
        return file

    def leave(self, content: bytes = DIGITS, path: Path = A, owner: str = OWNER) -> None:
        """An upload that breaks off behind this content."""
        self.result(self.begin(content, path, owner).suspend())

    def resume(self, offset: int | None, path: Path = A, owner: str = OWNER) -> IPartialFile:
        """Go on with what is kept."""
        file: IPartialFile | None = self.result(self.ability(IPartialUploads).continue_upload(path, owner, offset))
        assert file is not None  # noqa: S101 - for mypy and for the test
        return file

    def publish(self, content: bytes, path: Path = A, owner: str = OWNER) -> Entry:
        """A whole upload."""
        return self.result(self.begin(content, path, owner).commit())

    def kept(self, path: Path = A, owner: str = OWNER) -> int | None:
        """How many octets are kept."""
        size: int | None = self.result(self.ability(IPartialUploads).partial_size(path, owner))
        return size

    def kept_octets(self, path: Path | None = None, owner: str = OWNER) -> int:
        """How many octets are kept, at a path or in all."""
        octets: int = self.result(self.ability(IPartialUploads).kept_octets(owner, path))
        return octets

    def discard(self, path: Path = A, owner: str = OWNER) -> bool:
        """Throw away what is kept."""
        return bool(self.result(self.ability(IPartialUploads).discard_partial(path, owner)))

    def tidy(self, lifetime: float) -> None:
        """Throw away what is too old."""
        self.result(self.ability(IPartialUploads).tidy_partials(lifetime))

    def assert_nothing_kept(self, path: Path = A, owner: str = OWNER) -> None:
        """There is nothing to go on with, at any offset."""
        self.assertIsNone(self.kept(path, owner))
        for offset in (0, 4, None):
            self.assertIsNone(self.result(self.ability(IPartialUploads).continue_upload(path, owner, offset)))
        self.assertFalse(self.discard(path, owner))

    def assert_not_continued(self, error: type[StorageError], *offsets: int | None) -> None:
        """What is kept cannot be continued, and nothing is changed by trying."""
        for offset in offsets:
            self.assert_fails(self.ability(IPartialUploads).continue_upload(A, OWNER, offset), error)

    def assert_not_meant(self) -> None:
        """Who appends does not mean what is kept, but the file that stands."""
        self.assertIsNone(self.result(self.ability(IPartialUploads).continue_upload(A, OWNER, None)))
