"""Tests of encrypted uploads that break off, where that is another thing than breaking off plainly."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from zope.interface import alsoProvides, implementer

from ftpx.errors import FileChanged, NoSpace, OffsetBeyondEnd, StorageFailure
from ftpx.interfaces import (
    Block,
    Entry,
    IPartialFile,
    IPartialUploads,
    IStagedContent,
    IStorage,
    IWritableFile,
    Path,
)
from ftpx.storage.encrypted.layout import BLOCK, FRAME, HEADER_SIZE
from ftpx.storage.forwarding import ForwardingStorage
from ftpx.storage.memory import MemoryStorage
from tests.storage.encrypted.keyed import KEY, OTHER_KEY, Counted
from tests.storage.encrypted.stored_case import StoredCase

_A = ("a",)
_OWNER = "alice"


class PartialCase(StoredCase):
    """What is kept of an upload, from both sides."""

    def leave(self, content: bytes) -> None:
        """An upload that breaks off."""
        file = self.result(self.ability(IPartialUploads).begin_upload(_A, _OWNER))
        self.result(file.write(content))
        self.result(file.suspend())

    def go_on(self, offset: int | None) -> IPartialFile:
        """Go on with it."""
        file: IPartialFile = self.result(self.ability(IPartialUploads).continue_upload(_A, _OWNER, offset))
        return file

    def kept(self) -> int | None:
        """What SIZE tells."""
        size: int | None = self.result(self.ability(IPartialUploads).partial_size(_A, _OWNER))
        return size

    def change_kept(self, octets: bytes | None = None, *, cut: int = 0) -> bytes:
        """Have something else kept inside; what was."""
        partials = IPartialUploads(self.inner)
        file = self.result(partials.continue_upload(_A, _OWNER, None))
        assert file is not None
        kept = self.result(IStagedContent(file).read_back(0, file.offset))
        self.result(file.suspend())
        file = self.result(partials.continue_upload(_A, _OWNER, 0))
        assert file is not None
        self.result(file.write(kept[: len(kept) - cut] if octets is None else octets))
        self.result(file.suspend())
        return kept


class TornTests(PartialCase):
    """CR: a server that ends at once leaves a block that was not written to its end."""

    def test_torn_block(self) -> None:
        """It is not gone on with: the client is told to look again, and finds what is whole."""
        content = bytes(range(256)) * 1024
        for octets in (1, 100, BLOCK // 2):
            self.leave(content[: 3 * BLOCK + 40_000])
            self.change_kept(cut=octets)
            told = self.kept()
            assert told is not None
            self.assertLessEqual(told, 3 * BLOCK + 40_000)
            if told > 3 * BLOCK:
                self.assert_fails(self.ability(IPartialUploads).continue_upload(_A, _OWNER, told), OffsetBeyondEnd)
            self.assertEqual(self.kept(), 3 * BLOCK)
            file = self.go_on(3 * BLOCK)
            self.result(file.write(content[3 * BLOCK :]))
            self.result(file.commit())
            self.assertTrue(self.get(_A) == content)
            self.result(self.storage.remove_file(_A))

    def test_torn_and_appended(self) -> None:
        """Who goes on behind all of it is told the same, as nobody knows where the client goes on."""
        self.leave(bytes(BLOCK + 100))
        self.change_kept(cut=1)
        self.assert_fails(self.ability(IPartialUploads).continue_upload(_A, _OWNER, None), OffsetBeyondEnd)
        self.assertEqual(self.kept(), BLOCK)
        self.assertEqual(self.go_on(None).offset, BLOCK)

    def test_torn_first_block(self) -> None:
        """Of a first block nothing is left."""
        self.leave(b"0123456789")
        self.change_kept(cut=3)
        self.assertEqual(self.kept(), 7)
        self.assert_fails(self.ability(IPartialUploads).continue_upload(_A, _OWNER, 7), OffsetBeyondEnd)
        self.assertIsNone(self.kept())
        self.assertIsNone(self.result(self.ability(IPartialUploads).continue_upload(_A, _OWNER, None)))

    def test_torn_header(self) -> None:
        """Nor of a header."""
        for size in (1, HEADER_SIZE, HEADER_SIZE + 28):
            self.leave(b"0123456789")
            self.change_kept(bytes(size))
            self.assertIsNone(self.kept())
            self.assert_fails(self.ability(IPartialUploads).continue_upload(_A, _OWNER, 1), OffsetBeyondEnd)
            self.assertIsNone(self.result(self.ability(IPartialUploads).continue_upload(_A, _OWNER, None)))

    def test_whole_blocks(self) -> None:
        """Where a server ended between two blocks, the last one does not say that it broke off, and is gone on with."""
        self.leave(bytes(3 * BLOCK))
        kept = self.change_kept()
        self.change_kept(kept[: HEADER_SIZE + 2 * FRAME])
        file = self.go_on(None)
        self.assertEqual(file.offset, 2 * BLOCK)
        self.result(file.commit())
        self.assertTrue(self.get(_A) == bytes(2 * BLOCK))


class KeptTests(PartialCase):
    """What is kept is no file, and belongs to a key."""

    def test_not_a_file(self) -> None:
        """What is kept cannot be passed off as the file: its last block says that there is more."""
        self.leave(bytes(BLOCK + 10))
        self.assert_broken(self.change_kept())

    def test_other_key(self) -> None:
        """Without its key it cannot be continued, and stays."""
        self.leave(b"0123456789")
        mine, self.storage = self.storage, self.keyed(OTHER_KEY)
        for offset in (4, None):
            self.assert_fails(self.ability(IPartialUploads).continue_upload(_A, _OWNER, offset), StorageFailure)
        self.storage = mine
        self.result(self.go_on(10).commit())
        self.assertEqual(self.get(_A), b"0123456789")

    def test_changed(self) -> None:
        """What somebody has changed is not continued."""
        self.leave(bytes(2 * BLOCK))
        kept = bytearray(self.change_kept())
        kept[HEADER_SIZE + FRAME + 100] ^= 1
        self.change_kept(bytes(kept))
        self.assert_fails(self.ability(IPartialUploads).continue_upload(_A, _OWNER, BLOCK + 1), OffsetBeyondEnd)
        self.assertEqual(self.kept(), BLOCK)

    def test_no_key_twice(self) -> None:
        """What goes on at the start has a key of its own."""
        self.leave(b"0123456789")
        salt = self.change_kept()[:HEADER_SIZE]
        self.result(self.go_on(0).commit())
        self.assertNotEqual(self.stored()[:HEADER_SIZE], salt)


@implementer(IPartialFile)
class _SlowFile:
    """A file that is written when a test says so, or not at all, and read back if it says so, too."""

    def __init__(self, inner: IPartialFile, storage: _SlowStorage) -> None:
        self.offset = inner.offset
        self.inner = inner
        self.storage = storage
        if storage.reads_back:
            alsoProvides(self, IStagedContent)

    async def read_back(self, offset: int, size: int) -> bytes:
        return await IStagedContent(self.inner).read_back(offset, size)

    async def write(self, block: Block) -> None:
        if self.storage.full:
            raise NoSpace("the disk is full")
        if self.storage.waits:
            self.storage.writing.append(Deferred())
            await self.storage.writing[-1]
        await self.inner.write(block)

    async def commit(self) -> Entry:
        return await self.inner.commit()

    async def suspend(self) -> None:
        await self.inner.suspend()

    async def abort(self) -> None:
        await self.inner.abort()


class _SlowStorage(ForwardingStorage):
    """A storage of such files."""

    abilities = (IPartialUploads,)

    def __init__(self, inner: IStorage) -> None:
        super().__init__(inner)
        self.writing: list[Deferred[None]] = []
        self.waits = False
        self.full = False
        self.reads_back = True

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        file = await IPartialUploads(self.inner).begin_upload(path, owner, exclusive=exclusive)
        return _SlowFile(file, self)


class BrokenOffTests(PartialCase):
    """An upload that breaks off in the middle of a write."""

    def make_storage(self) -> IStorage:
        """An empty storage that is slow."""
        self.slow = _SlowStorage(MemoryStorage())
        self.inner = cast(MemoryStorage, self.slow)
        self.random = Counted()
        return self.keyed(KEY)

    def begin(self) -> IPartialFile:
        """Begin an upload."""
        file: IPartialFile = self.result(self.ability(IPartialUploads).begin_upload(_A, _OWNER))
        return file

    def test_while_writing(self) -> None:
        """What was given is kept, though nobody waited for it to be written, and what is behind it."""
        self.slow.waits = True
        file = self.begin()
        writing = self.begun(file.write(bytes(9 * BLOCK)))
        self.assertNoResult(writing)
        writing.cancel()
        self.failureResultOf(writing, CancelledError)
        suspended = self.begun(file.suspend())
        self.assertNoResult(suspended)
        while self.slow.writing:
            self.slow.writing.pop(0).callback(None)
        self.successResultOf(suspended)
        self.assertEqual(self.kept(), 9 * BLOCK)

    def test_aborted_while_writing(self) -> None:
        """It is thrown away as soon as the write is over."""
        self.slow.waits = True
        file = self.begin()
        writing = self.begun(file.write(bytes(9 * BLOCK)))
        aborted = self.begun(file.abort())
        self.assertNoResult(aborted)
        self.slow.writing.pop().callback(None)
        self.successResultOf(aborted)
        self.successResultOf(writing)
        self.assert_fails(file.write(b"x"), StorageFailure)
        self.assertIsNone(self.kept())

    def test_no_room_for_the_end(self) -> None:
        """If the last block cannot be kept, those before it are."""
        file = self.begin()
        self.result(file.write(bytes(9 * BLOCK)))
        self.slow.full = True
        self.result(file.suspend())
        self.assertEqual(self.kept(), 8 * BLOCK)

    def test_failed_write(self) -> None:
        """Behind a write that failed nothing is written any more: what is kept is what came before."""
        file = self.begin()
        self.result(file.write(bytes(9 * BLOCK)))
        self.slow.full = True
        self.assert_fails(file.write(bytes(9 * BLOCK)), NoSpace)
        self.slow.full = False
        self.assert_fails(file.write(b"x"), StorageFailure)
        self.assert_fails(file.commit(), StorageFailure)
        self.result(file.suspend())
        self.assertEqual(self.kept(), 8 * BLOCK)
        self.assertEqual(self.names(), [])

    def test_not_read_back(self) -> None:
        """What could not be read back could not be continued, and is not kept."""
        self.slow.reads_back = False
        file = self.begin()
        self.assertFalse(IStagedContent.providedBy(file))
        self.result(file.write(bytes(9 * BLOCK)))
        self.result(file.suspend())
        self.assertIsNone(self.kept())

    def test_failed_commit(self) -> None:
        """A file that cannot be published is gone, and was not half there."""
        file = self.begin()
        self.slow.full = True
        self.assert_fails(file.commit(), NoSpace)
        self.result(file.suspend())
        self.assertEqual((self.names(), self.kept()), ([], None))


class ChangedMeanwhileTests(StoredCase):
    """A file that is changed while somebody begins to go on with it."""

    def test_changed_between(self) -> None:
        """It is noticed: what was read of it is not what would be continued."""
        self.put(_A, b"0123456789")
        opening = self.inner.open_write

        async def opened(path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
            if offset:
                other = await opening(path)
                await other.write(self.other)
                await other.commit()
            return await opening(path, offset=offset, exclusive=exclusive)

        self.put(("b",), b"9876543210")
        self.other = self.stored(("b",))
        self.patch(self.inner, "open_write", opened)
        self.assert_fails(self.storage.open_write(_A, offset=None), FileChanged)
        self.assertEqual(self.get(_A), b"9876543210")

    def test_made_between(self) -> None:
        """So is a file that is made where there was none."""
        opening = self.inner.open_write

        async def opened(path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
            other = await opening(path)
            await other.write(b"something")
            await other.commit()
            return await opening(path, offset=offset, exclusive=exclusive)

        self.patch(self.inner, "open_write", opened)
        self.assert_fails(self.storage.open_write(_A, offset=None), FileChanged)
        self.assertEqual(self.names(), ["a"])
