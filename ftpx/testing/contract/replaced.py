"""The part of the storage contract about uploads that break off where a file has, or gets, the name."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from ftpx.errors import FileChanged, FileReplaced, OffsetBeyondEnd, StorageUnavailable
from ftpx.interfaces import IPartialFile, IPartialUploads
from ftpx.testing.contract.partials_case import DIGITS, OWNER, A, PartialsCase

__all__ = ["ReplacedUploadsContract"]


class ReplacedUploadsContract(PartialsCase):
    """No file is made of two: what may be continued if a file has the name, and what not."""

    def test_over_the_old_file(self) -> None:
        """An upload that was to replace a file goes on at an offset as long as that file stands unchanged."""
        self.put(A, b"old")
        self.leave()
        self.assertIsNone(self.kept())
        self.assertEqual(self.get(A), b"old")
        file = self.resume(4)
        self.write(file, b"xyz")
        self.assertEqual(self.get(A), b"old")
        self.result(file.commit())
        self.assertEqual((self.get(A), self.names()), (b"0123xyz", ["a"]))

    def test_broken_off_again_over_the_old_file(self) -> None:
        """It may do so more than once."""
        self.put(A, b"old")
        self.leave()
        for offset in (10, 20):
            file = self.resume(offset)
            self.write(file, DIGITS)
            self.result(file.suspend())
            self.assertEqual(self.get(A), b"old")
        self.result(self.resume(30).commit())
        self.assertEqual(self.get(A), 3 * DIGITS)

    def test_append_to_which(self) -> None:
        """Behind which of two contents to append nobody knows; both stay."""
        self.put(A, b"old")
        self.leave()
        self.assert_not_continued(FileReplaced, None)
        self.assertEqual(self.get(A), b"old")
        self.result(self.storage.remove_file(A))
        self.assertEqual(self.kept(), 10)
        self.result(self.resume(None).commit())
        self.assertEqual(self.get(A), DIGITS)

    def test_replaced_by_another(self) -> None:
        """An upload does not go on if another file got the name since it began, whatever was there then."""
        for old in (None, b"old"):
            if old is not None:
                self.put(A, old)
            self.leave()
            self.put(A, b"another")
            self.assert_not_continued(FileReplaced, 4, 10, None)
            self.assertIsNone(self.kept())
            self.assertEqual(self.get(A), b"another")
            self.discard()

    def test_replaced_while_it_was_written(self) -> None:
        """The same if that happened before it broke off."""
        file = self.begin(DIGITS)
        self.put(A, b"another")
        self.result(file.suspend())
        self.assert_not_continued(FileReplaced, 4, None)
        self.assertEqual(self.get(A), b"another")

    def test_changed(self) -> None:
        """The same if the file that stood was continued by somebody."""
        self.put(A, b"old")
        self.leave()
        self.put(A, b"er", offset=None)
        self.assert_not_continued(FileReplaced, 4, None)
        self.assertEqual(self.get(A), b"older")

    def test_replaced_by_its_owner(self) -> None:
        """The same if the owner has sent it again, whole, which can be appended to; nor does it go on without that."""
        for old in (None, b"old"):
            if old is not None:
                self.put(A, old)
            self.leave()
            self.publish(b"whole")
            self.assert_not_continued(FileReplaced, 4, 10)
            self.assert_not_meant()
            self.assertIsNone(self.kept())
            self.assertEqual(self.get(A), b"whole")
            self.result(self.storage.remove_file(A))
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
        self.assertEqual(self.get(A), b"newer!")

    def test_others_do_not_supersede(self) -> None:
        """What another owner publishes and removes again takes nothing away."""
        self.leave()
        self.publish(b"bob's", owner="bob")
        self.assert_not_continued(FileReplaced, 4)
        self.result(self.storage.remove_file(A))
        self.assertEqual(self.kept(), 10)

    def test_replaced_while_continued(self) -> None:
        """A continued upload does not take the name from a file that came meanwhile."""
        for old in (None, b"old"):
            if old is not None:
                self.put(A, old)
            self.leave()
            file = self.resume(4)
            self.write(file, b"x")
            self.put(A, b"another")
            self.assert_fails(file.commit(), FileChanged)
            self.result(file.abort())
            self.assertEqual((self.get(A), self.names()), (b"another", ["a"]))
            self.discard()

    def test_upload_continued_over_removed(self) -> None:
        """A file that somebody removed meanwhile does not come back by the continuation of what was to replace it."""
        self.put(A, b"old")
        self.leave()
        file = self.resume(4)
        self.result(self.storage.remove_file(A))
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
        self.assertEqual(self.get(A), b"newer")
        if going_on is not None:
            self.assert_fails(going_on.commit(), FileChanged)
        self.assertEqual((self.get(A), self.names()), (b"newer", ["a"]))

    async def _resume_or_none(self, offset: int) -> IPartialFile | None:
        try:
            file: IPartialFile | None = await self.ability(IPartialUploads).continue_upload(A, OWNER, offset)
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
        self.assertEqual(self.get(A), b"1" * 10 if size == 10 else b"2" * 20)
