"""The parts of the storage contract about uploads that break off; a storage that does not keep them skips those."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import os

from ftpx.errors import (
    AlreadyExists,
    FileChanged,
    FileReplaced,
    IsADirectory,
    NotFound,
    OffsetBeyondEnd,
    StorageError,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.interfaces import (
    Entry,
    IDurable,
    IDurableFile,
    IFileDescriptor,
    IPartialFile,
    IPartialUploads,
    IStagedContent,
    IStagedDescriptor,
    IWritableFile,
    Path,
)
from ftpx.testing.storage_base import StorageCase

__all__ = [
    "DurabilityContract",
    "PartialUploadsContract",
    "PartialsCase",
    "ReplacedUploadsContract",
    "StagedContentContract",
]

_A: Path = ("a",)
_OWNER = "alice"
_DIGITS = b"0123456789"


class PartialsCase(StorageCase):
    """What is done with uploads that break off."""

    def write(self, file: IWritableFile, content: bytes) -> None:
        """Write in two blocks."""
        middle = len(content) // 2
        self.result(file.write(content[:middle]))
        self.result(file.write(memoryview(content)[middle:]))

    def begin(self, content: bytes = b"", path: Path = _A, owner: str = _OWNER) -> IPartialFile:
        """Begin an upload and write something."""
        file: IPartialFile = self.result(self.ability(IPartialUploads).begin_upload(path, owner))
        if content:
            self.write(file, content)
        return file

    def leave(self, content: bytes = _DIGITS, path: Path = _A, owner: str = _OWNER) -> None:
        """An upload that breaks off behind this content."""
        self.result(self.begin(content, path, owner).suspend())

    def resume(self, offset: int | None, path: Path = _A, owner: str = _OWNER) -> IPartialFile:
        """Go on with what is kept."""
        file: IPartialFile | None = self.result(self.ability(IPartialUploads).continue_upload(path, owner, offset))
        assert file is not None  # noqa: S101 - for mypy and for the test
        return file

    def publish(self, content: bytes, path: Path = _A, owner: str = _OWNER) -> Entry:
        """A whole upload."""
        return self.result(self.begin(content, path, owner).commit())

    def kept(self, path: Path = _A, owner: str = _OWNER) -> int | None:
        """How many octets are kept."""
        size: int | None = self.result(self.ability(IPartialUploads).partial_size(path, owner))
        return size

    def discard(self, path: Path = _A, owner: str = _OWNER) -> bool:
        """Throw away what is kept."""
        return bool(self.result(self.ability(IPartialUploads).discard_partial(path, owner)))

    def tidy(self, lifetime: float) -> None:
        """Throw away what is too old."""
        self.result(self.ability(IPartialUploads).tidy_partials(lifetime))

    def assert_nothing_kept(self, path: Path = _A, owner: str = _OWNER) -> None:
        """There is nothing to go on with, at any offset."""
        self.assertIsNone(self.kept(path, owner))
        for offset in (0, 4, None):
            self.assertIsNone(self.result(self.ability(IPartialUploads).continue_upload(path, owner, offset)))
        self.assertFalse(self.discard(path, owner))

    def assert_not_continued(self, error: type[StorageError], *offsets: int | None) -> None:
        """What is kept cannot be continued, and nothing is changed by trying."""
        for offset in offsets:
            self.assert_fails(self.ability(IPartialUploads).continue_upload(_A, _OWNER, offset), error)

    def assert_not_meant(self) -> None:
        """Who appends does not mean what is kept, but the file that stands."""
        self.assertIsNone(self.result(self.ability(IPartialUploads).continue_upload(_A, _OWNER, None)))


class PartialUploadsContract(PartialsCase):
    """How the beginning of an upload is kept, and continued."""

    def test_partial_file(self) -> None:
        """An upload of which the beginning could be kept is a file like any other if it does not break off."""
        file = self.begin(b"hello")
        self.assertTrue(IPartialFile.providedBy(file))
        self.assertEqual(file.offset, 0)
        self.assert_missing(_A)
        entry = self.result(file.commit())
        self.assertEqual((entry.name, entry.size, self.get(_A), self.names()), ("a", 5, b"hello", ["a"]))
        self.assert_nothing_kept()

    def test_aborted_upload(self) -> None:
        """Of one that is thrown away nothing is kept."""
        self.result(self.begin(_DIGITS).abort())
        self.assert_nothing_kept()

    def test_continue_at_every_offset(self) -> None:
        """An upload goes on behind any part of what has come, or behind all of it."""
        for offset in (None, *range(len(_DIGITS) + 1)):
            self.leave()
            self.assertEqual(self.kept(), len(_DIGITS))
            file = self.resume(offset)
            self.assertTrue(IPartialFile.providedBy(file))
            self.assertEqual(file.offset, len(_DIGITS) if offset is None else offset)
            self.write(file, b"xyz")
            entry = self.result(file.commit())
            self.assertEqual((entry.name, entry.size), ("a", file.offset + 3))
            self.assertEqual(self.get(_A), _DIGITS[: file.offset] + b"xyz")
            self.result(self.storage.remove_file(_A))
            self.assert_nothing_kept()

    def test_continue_with_nothing(self) -> None:
        """An upload of which all had come is complete without another octet."""
        self.leave()
        self.result(self.resume(None).commit())
        self.assertEqual(self.get(_A), _DIGITS)

    def test_continue_again_and_again(self) -> None:
        """An upload may break off as often as it likes."""
        self.leave()
        for times in range(1, 4):
            file = self.resume(None if times % 2 else 10 * times)
            self.write(file, _DIGITS)
            self.result(file.suspend())
            self.assertEqual(self.kept(), 10 + 10 * times)
        self.result(self.resume(40).commit())
        self.assertEqual(self.get(_A), 4 * _DIGITS)

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
            self.assertEqual(self.get(_A), content + b"x")
            self.result(self.storage.remove_file(_A))

    def test_continued_shorter(self) -> None:
        """What is behind the offset is gone as soon as the upload goes on before it."""
        self.leave()
        self.result(self.resume(4).suspend())
        self.assertEqual(self.kept(), 4)
        self.assert_not_continued(OffsetBeyondEnd, 5, 10)
        file = self.resume(4)
        self.write(file, b"xy")
        self.result(file.commit())
        self.assertEqual(self.get(_A), b"0123xy")

    def test_continue_beyond_end(self) -> None:
        """An upload does not go on behind more than has come; what has come stays."""
        self.leave()
        self.assert_not_continued(OffsetBeyondEnd, 11, 2**40)
        self.assertEqual(self.kept(), 10)
        self.result(self.resume(10).commit())
        self.assertEqual(self.get(_A), _DIGITS)

    def test_nothing_is_kept(self) -> None:
        """Where no upload broke off there is nothing to go on with, whether a file is there or not."""
        self.ability(IPartialUploads)
        self.assert_nothing_kept()
        self.put(_A, _DIGITS)
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
        file = self.begin(_DIGITS)
        self.result(file.suspend())
        self.result(file.suspend())
        self.result(file.abort())
        self.assert_fails(file.write(b"x"), StorageFailure)
        self.assert_fails(file.commit(), StorageFailure)
        self.assertEqual((self.kept(), self.names()), (10, []))

    def test_suspend_after_the_end(self) -> None:
        """To suspend what was published or thrown away does nothing."""
        file = self.begin(_DIGITS)
        self.result(file.abort())
        self.result(file.suspend())
        self.assert_nothing_kept()
        file = self.begin(_DIGITS)
        self.result(file.commit())
        self.result(file.suspend())
        self.assert_nothing_kept()
        self.assertEqual(self.get(_A), _DIGITS)

    def test_abort_continued(self) -> None:
        """A continued upload that is thrown away takes with it what was kept."""
        for offset in (4, None):
            self.leave()
            file = self.resume(offset)
            self.write(file, b"x")
            self.result(file.abort())
            self.assert_nothing_kept()

    def test_nobody_sees_it(self) -> None:
        """Nothing of an upload is seen before it is published, though it broke off or was continued."""
        self.make_directory(("d",))
        path = ("d", "a")
        file = self.begin(_DIGITS, path)
        for _ in range(3):
            self.assertEqual((self.names(), self.names(("d",))), (["d"], []))
            self.assert_missing(path)
            self.assert_fails(self.storage.open_read(path), NotFound)
            self.assert_fails(self.storage.remove_file(path), NotFound)
            self.result(file.suspend())
            self.assertEqual((self.names(), self.names(("d",))), (["d"], []))
            self.assert_missing(path)
            file = self.resume(None, path)
        self.result(file.commit())
        self.assertEqual((self.names(), self.names(("d",))), (["d"], ["a"]))

    def test_directory_of_a_partial(self) -> None:
        """A directory in which an upload broke off is as empty as it looks."""
        self.make_directory(("d",))
        self.leave(path=("d", "a"))
        self.result(self.storage.remove_directory(("d",)))
        self.assert_missing(("d",))
        self.assertEqual(self.names(), [])

    def test_by_name(self) -> None:
        """What is kept belongs to one name in one directory."""
        self.make_directory(("d",))
        paths: list[Path] = [("a",), ("b",), ("d", "a")]
        for number, path in enumerate(paths, 1):
            self.leave(b"%d" % number * number, path)
        self.assertEqual([self.kept(path) for path in paths], [1, 2, 3])
        self.assertTrue(self.discard(("b",)))
        self.assertEqual([self.kept(path) for path in paths], [1, None, 3])
        self.result(self.resume(None, ("d", "a")).commit())
        self.assertEqual((self.get(("d", "a")), self.kept()), (b"333", 1))

    def test_by_owner(self) -> None:
        """What is kept belongs to one owner, and others know nothing of it."""
        self.leave()
        self.assert_nothing_kept(owner="bob")
        self.leave(b"bob's", owner="bob")
        self.assertEqual((self.kept(), self.kept(owner="bob")), (10, 5))
        self.result(self.resume(None, owner="bob").commit())
        self.assertEqual(self.get(_A), b"bob's")
        self.assert_not_continued(FileReplaced, 4, 10, None)

    def test_owner_of_any_name(self) -> None:
        """A login name is any text."""
        names = ("", "a/b", "..", "é", "latin-\udce9", "x" * 5000, "alice ", "Alice")
        for number, owner in enumerate(names, 1):
            self.leave(b"x" * number, owner=owner)
        self.assertEqual([self.kept(owner=owner) for owner in names], list(range(1, len(names) + 1)))

    def test_begin_anew(self) -> None:
        """What is kept stays until an upload that began anew breaks off too, and takes its place."""
        self.leave()
        self.result(self.begin(b"other").abort())
        self.assertEqual(self.kept(), 10)
        self.leave(b"other")
        self.assertEqual(self.kept(), 5)
        self.result(self.resume(None).commit())
        self.assertEqual(self.get(_A), b"other")
        self.assert_nothing_kept()

    def test_discard(self) -> None:
        """What is kept can be thrown away, once."""
        self.leave()
        self.assertTrue(self.discard())
        self.assert_nothing_kept()

    def test_in_use(self) -> None:
        """What somebody goes on with is not there for another, and not thrown away."""
        self.leave()
        file = self.resume(None)
        for offset in (4, None):
            waiting = self.ability(IPartialUploads).continue_upload(_A, _OWNER, offset)
            self.assert_fails(waiting, FileReplaced, StorageUnavailable)
        self.assertIsNone(self.kept())
        self.assertFalse(self.discard())
        self.tidy(0)
        self.write(file, b"xyz")
        self.result(file.suspend())
        self.assertEqual(self.kept(), 13)
        file = self.resume(13)
        self.tidy(0)
        self.result(file.commit())
        self.assertEqual(self.get(_A), _DIGITS + b"xyz")

    def test_under_way(self) -> None:
        """An upload that is being written is not thrown away either."""
        file = self.begin(_DIGITS)
        self.tidy(0)
        self.assertFalse(self.discard())
        self.result(file.commit())
        self.assertEqual(self.get(_A), _DIGITS)

    def test_tidy(self) -> None:
        """What is kept for too long is thrown away, whoever it belongs to, and nothing else is."""
        self.make_directory(("d",))
        self.put(("b",), b"old")
        self.leave()
        self.leave(path=("d", "a"), owner="bob")
        self.leave(path=("b",))
        self.tidy(3600)
        self.assertEqual((self.kept(), self.kept(("d", "a"), "bob")), (10, 10))
        self.tidy(0)
        self.assert_nothing_kept()
        self.assert_nothing_kept(("d", "a"), "bob")
        self.assert_nothing_kept(("b",))
        self.assertEqual((self.get(("b",)), self.names()), (b"old", ["b", "d"]))

    def test_tidy_nothing(self) -> None:
        """Where nothing is kept there is nothing to do."""
        self.ability(IPartialUploads)
        self.tidy(0)
        self.put(_A, b"abc")
        self.tidy(0)
        self.assertEqual(self.get(_A), b"abc")

    def test_no_place_for_a_file(self) -> None:
        """Directories, the root and what is in no directory are no uploads."""
        storage = self.ability(IPartialUploads)
        self.make_directory(("d",))
        for path in ((), ("d",)):
            self.assert_fails(storage.begin_upload(path, _OWNER), IsADirectory)
            self.assertIsNone(self.kept(path))
            self.assertFalse(self.discard(path))
        self.assert_fails(storage.continue_upload((), _OWNER, None), IsADirectory)
        self.assert_fails(storage.begin_upload(("none", "a"), _OWNER), NotFound)

    def test_directory_has_the_name(self) -> None:
        """A directory that has taken the name is no file to replace, nor is the size told of what is kept."""
        self.leave()
        self.make_directory(_A)
        self.assertIsNone(self.kept())
        self.assert_not_continued(IsADirectory, 4, None)
        self.result(self.storage.remove_directory(_A))
        self.assertEqual(self.kept(), 10)

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
        self.assertEqual(self.get(_A), content)

    def kept_octets(self, path: Path | None = None, owner: str = _OWNER) -> int:
        """How many octets are kept, at a path or in all."""
        octets: int = self.result(self.ability(IPartialUploads).kept_octets(owner, path))
        return octets

    def test_kept_octets(self) -> None:
        """What is kept for an owner is counted, by path and in all, and nothing else is."""
        self.make_directory_if_kept()
        self.assertEqual((self.kept_octets(), self.kept_octets(_A)), (0, 0))
        self.leave()
        self.leave(b"abc", ("d", "b"))
        self.leave(b"12345", owner="bob")
        self.assertEqual((self.kept_octets(), self.kept_octets(owner="bob"), self.kept_octets(owner="eve")), (13, 5, 0))
        self.assertEqual((self.kept_octets(_A), self.kept_octets(("d", "b")), self.kept_octets(("b",))), (10, 3, 0))
        self.assertEqual((self.kept_octets(_A, "bob"), self.kept_octets(())), (5, 0))
        self.assertTrue(self.discard())
        self.assertEqual((self.kept_octets(), self.kept_octets(_A)), (3, 0))

    def make_directory_if_kept(self) -> None:
        """A directory for a second upload, in a storage that keeps any."""
        self.ability(IPartialUploads)
        self.make_directory(("d",))

    def test_kept_octets_meanwhile(self) -> None:
        """What is under way does not count; what is kept does also where a file has the name."""
        file = self.begin(_DIGITS)
        self.assertEqual((self.kept_octets(), self.kept_octets(_A)), (0, 0))
        self.result(file.suspend())
        self.put(_A, b"other")
        self.assertEqual((self.kept(), self.kept_octets(), self.kept_octets(_A)), (None, 10, 10))
        self.result(self.storage.remove_file(_A))
        resumed = self.resume(4)
        self.assertEqual(self.kept_octets(), 0)
        self.result(resumed.suspend())
        self.assertEqual(self.kept_octets(), 4)
        self.publish(b"whole")
        self.assertEqual(self.kept_octets(), 0)

    def test_exclusive(self) -> None:
        """An upload that wants a free name is refused where a file has it, and never takes it away."""
        storage = self.ability(IPartialUploads)
        self.result(self.write_exclusively(b"new").commit())
        self.assertEqual(self.get(_A), b"new")
        self.assert_fails(storage.begin_upload(_A, _OWNER, exclusive=True), AlreadyExists)
        self.result(self.storage.remove_file(_A))
        file = self.write_exclusively(b"late")
        self.put(_A, b"early")
        self.assert_fails(file.commit(), AlreadyExists)
        self.assertEqual((self.get(_A), self.names(), self.kept_octets()), (b"early", ["a"], 0))

    def write_exclusively(self, content: bytes) -> IPartialFile:
        """Begin an upload for a free name, and write something."""
        file: IPartialFile = self.result(self.ability(IPartialUploads).begin_upload(_A, _OWNER, exclusive=True))
        self.write(file, content)
        return file

    def test_continue_exclusively(self) -> None:
        """So is one that goes on; if it breaks off once more it is kept as any other."""
        storage = self.ability(IPartialUploads)
        self.assertIsNone(self.result(storage.continue_upload(_A, _OWNER, 4, exclusive=True)))
        self.result(self.write_exclusively(_DIGITS).suspend())
        for offset in (4, None):
            file = self.result(storage.continue_upload(_A, _OWNER, offset, exclusive=True))
            self.write(file, b"xy")
            self.result(file.suspend())
        self.assertEqual(self.kept(), 8)
        file = self.result(storage.continue_upload(_A, _OWNER, 8, exclusive=True))
        self.put(_A, b"early")
        self.assert_fails(file.commit(), AlreadyExists)
        self.assertEqual(self.get(_A), b"early")
        self.result(self.storage.remove_file(_A))
        self.leave()
        self.put(_A, b"early")
        for offset in (4, None):
            self.assert_fails(storage.continue_upload(_A, _OWNER, offset, exclusive=True), AlreadyExists)
        self.result(self.storage.remove_file(_A))
        self.result(self.result(storage.continue_upload(_A, _OWNER, 10, exclusive=True)).commit())
        self.assertEqual(self.get(_A), _DIGITS)


class ReplacedUploadsContract(PartialsCase):
    """No file is made of two: what may be continued if a file has the name, and what not."""

    def test_over_the_old_file(self) -> None:
        """An upload that was to replace a file goes on at an offset as long as that file stands unchanged."""
        self.put(_A, b"old")
        self.leave()
        self.assertIsNone(self.kept())
        self.assertEqual(self.get(_A), b"old")
        file = self.resume(4)
        self.write(file, b"xyz")
        self.assertEqual(self.get(_A), b"old")
        self.result(file.commit())
        self.assertEqual((self.get(_A), self.names()), (b"0123xyz", ["a"]))

    def test_broken_off_again_over_the_old_file(self) -> None:
        """It may do so more than once."""
        self.put(_A, b"old")
        self.leave()
        for offset in (10, 20):
            file = self.resume(offset)
            self.write(file, _DIGITS)
            self.result(file.suspend())
            self.assertEqual(self.get(_A), b"old")
        self.result(self.resume(30).commit())
        self.assertEqual(self.get(_A), 3 * _DIGITS)

    def test_append_to_which(self) -> None:
        """Behind which of two contents to append nobody knows; both stay."""
        self.put(_A, b"old")
        self.leave()
        self.assert_not_continued(FileReplaced, None)
        self.assertEqual(self.get(_A), b"old")
        self.result(self.storage.remove_file(_A))
        self.assertEqual(self.kept(), 10)
        self.result(self.resume(None).commit())
        self.assertEqual(self.get(_A), _DIGITS)

    def test_replaced_by_another(self) -> None:
        """An upload does not go on if another file got the name since it began, whatever was there then."""
        for old in (None, b"old"):
            if old is not None:
                self.put(_A, old)
            self.leave()
            self.put(_A, b"another")
            self.assert_not_continued(FileReplaced, 4, 10, None)
            self.assertIsNone(self.kept())
            self.assertEqual(self.get(_A), b"another")
            self.discard()

    def test_replaced_while_it_was_written(self) -> None:
        """The same if that happened before it broke off."""
        file = self.begin(_DIGITS)
        self.put(_A, b"another")
        self.result(file.suspend())
        self.assert_not_continued(FileReplaced, 4, None)
        self.assertEqual(self.get(_A), b"another")

    def test_changed(self) -> None:
        """The same if the file that stood was continued by somebody."""
        self.put(_A, b"old")
        self.leave()
        self.put(_A, b"er", offset=None)
        self.assert_not_continued(FileReplaced, 4, None)
        self.assertEqual(self.get(_A), b"older")

    def test_replaced_by_its_owner(self) -> None:
        """The same if the owner has sent it again, whole, which can be appended to; nor does it go on without that."""
        for old in (None, b"old"):
            if old is not None:
                self.put(_A, old)
            self.leave()
            self.publish(b"whole")
            self.assert_not_continued(FileReplaced, 4, 10)
            self.assert_not_meant()
            self.assertIsNone(self.kept())
            self.assertEqual(self.get(_A), b"whole")
            self.result(self.storage.remove_file(_A))
            self.assertIsNone(self.kept())
            self.assert_not_continued(OffsetBeyondEnd, 1, 4, 10)
            self.discard()
            self.assert_nothing_kept()

    def test_forgotten_by_and_by(self) -> None:
        """That it was superseded is known until the next upload, a discard, or the end of its time."""
        for forget in (lambda: self.publish(b"again"), self.discard, lambda: self.tidy(0)):
            self.leave()
            self.publish(b"whole")
            self.assert_not_continued(FileReplaced, 4)
            forget()
            self.assert_nothing_kept()

    def test_superseded_and_broken_off(self) -> None:
        """An upload that breaks off after all that is kept again."""
        self.leave()
        self.publish(b"whole")
        self.leave(b"newer")
        self.assert_not_continued(FileReplaced, None)
        file = self.resume(5)
        self.write(file, b"!")
        self.result(file.commit())
        self.assertEqual(self.get(_A), b"newer!")

    def test_others_do_not_supersede(self) -> None:
        """What another owner publishes and removes again takes nothing away."""
        self.leave()
        self.publish(b"bob's", owner="bob")
        self.assert_not_continued(FileReplaced, 4)
        self.result(self.storage.remove_file(_A))
        self.assertEqual(self.kept(), 10)

    def test_replaced_while_continued(self) -> None:
        """A continued upload does not take the name from a file that came meanwhile."""
        for old in (None, b"old"):
            if old is not None:
                self.put(_A, old)
            self.leave()
            file = self.resume(4)
            self.write(file, b"x")
            self.put(_A, b"another")
            self.assert_fails(file.commit(), FileChanged)
            self.result(file.abort())
            self.assertEqual((self.get(_A), self.names()), (b"another", ["a"]))
            self.discard()

    def test_removed_while_continued(self) -> None:
        """A file that somebody removed meanwhile does not come back by the continuation of what was to replace it."""
        self.put(_A, b"old")
        self.leave()
        file = self.resume(4)
        self.result(self.storage.remove_file(_A))
        self.assert_fails(file.commit(), FileChanged)
        self.assertEqual(self.names(), [])

    def test_two_uploads_at_once(self) -> None:
        """Of an upload that goes on and one that begins anew, each is whole or fails; nothing is mixed."""
        self.leave()
        anew = self.begin(b"new")
        going_on = self.result(self._resume_or_none(4))
        self.result(anew.write(b"er"))
        if going_on is not None:
            self.write(going_on, b"x")
        self.result(anew.commit())
        self.assertEqual(self.get(_A), b"newer")
        if going_on is not None:
            self.assert_fails(going_on.commit(), FileChanged)
        self.assertEqual((self.get(_A), self.names()), (b"newer", ["a"]))

    async def _resume_or_none(self, offset: int) -> IPartialFile | None:
        try:
            file: IPartialFile | None = await self.ability(IPartialUploads).continue_upload(_A, _OWNER, offset)
        except (FileReplaced, StorageUnavailable):
            return None
        return file

    def test_two_break_off(self) -> None:
        """Of two uploads of one owner to one name that break off, one is kept, and whole."""
        one, two = self.begin(b"1" * 10), self.begin(b"2" * 20)
        self.result(two.suspend())
        self.result(one.suspend())
        size = self.kept()
        self.assertIn(size, (10, 20))
        self.result(self.resume(None).commit())
        self.assertEqual(self.get(_A), b"1" * 10 if size == 10 else b"2" * 20)


class StagedContentContract(PartialsCase):
    """What can be told of a file before it is published."""

    def test_read_back(self) -> None:
        """What was written can be read, behind what is kept and before it is published."""
        self.put(_A, _DIGITS)
        file = self.result(self.storage.open_write(_A, offset=4))
        staged = IStagedContent(file, None)
        if staged is None:
            self.result(file.abort())
            self.skipTest("the storage's writable files do not provide IStagedContent")
        self.write(file, b"xyz")
        self.assertEqual(self.result(staged.read_back(0, 100)), b"0123xyz")
        self.assertEqual(self.result(staged.read_back(2, 4)), b"23xy")
        self.assertEqual(self.result(staged.read_back(7, 10)), b"")
        self.assertEqual(self.get(_A), _DIGITS)
        self.result(file.commit())
        self.assertEqual(self.get(_A), b"0123xyz")

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
        self._by_descriptor(file, 0, _DIGITS)
        self.result(file.suspend())
        self.assertEqual(self.kept(), 10)
        file = self.resume(4)
        self.assertEqual(os.pread(IFileDescriptor(file).fileno(), 100, 0), b"0123")
        self._by_descriptor(file, 4, b"xyz")
        self.result(file.suspend())
        file = self.resume(7)
        self._by_descriptor(file, 7, b"!")
        self.assertEqual(self.result(file.commit()).size, 8)
        self.assertEqual(self.get(_A), b"0123xyz!")

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
            file = self.result(storage.open_write(_A, offset=offset))
            self.assertTrue(IDurableFile.providedBy(file))
            self.write(file, content)
            entry = self.result(file.commit_durably())
            expected = expected[: file.offset] + content
            self.assertEqual((entry.name, entry.size, self.get(_A)), ("a", len(expected), expected))
            self.result(file.abort())
        file = self.result(storage.open_write(("b",), exclusive=True))
        self.result(file.commit_durably())
        self.assertEqual((self.get(("b",)), self.names()), (b"", ["a", "b"]))

    def test_commit_partial_durably(self) -> None:
        """Uploads that may be kept can be published durably too, whether they broke off or not."""
        self.ability(IDurable)
        self.result(IDurableFile(self.begin(_DIGITS)).commit_durably())
        self.assertEqual(self.get(_A), _DIGITS)
        self.result(self.storage.remove_file(_A))
        self.leave()
        self.result(IDurableFile(self.resume(4)).commit_durably())
        self.assertEqual(self.get(_A), b"0123")
        self.assert_nothing_kept()

    def test_not_durably_after_the_end(self) -> None:
        """What was thrown away is not published."""
        storage = self.ability(IDurable)
        file = self.result(storage.open_write(_A))
        self.result(file.abort())
        self.assert_fails(file.commit_durably(), StorageFailure)
        self.assertEqual(self.names(), [])
