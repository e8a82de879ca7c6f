"""The part of the storage contract about what is kept of uploads that broke off."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from ftpx.errors import FileReplaced, IsADirectory, NotFound, StorageUnavailable
from ftpx.interfaces import IPartialUploads, Path
from ftpx.testing.contract.partials_case import DIGITS, OWNER, A, PartialsCase

__all__ = ["KeptUploadsContract"]


class KeptUploadsContract(PartialsCase):
    """What is kept of uploads: for whom, unseen by others, how much and for how long."""

    def test_nobody_sees_it(self) -> None:
        """Nothing of an upload is seen before it is published, though it broke off or was continued."""
        self.make_directory(("d",))
        path = ("d", "a")
        file = self.begin(DIGITS, path)
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
        self.assertEqual(self.get(A), b"bob's")
        self.assert_not_continued(FileReplaced, 4, 10, None)

    def test_owner_of_any_name(self) -> None:
        """A login name is any text."""
        names = ("", "a/b", "..", "é", "latin-\udce9", "x" * 5000, "alice ", "Alice")
        for number, owner in enumerate(names, 1):
            self.leave(b"x" * number, owner=owner)
        self.assertEqual([self.kept(owner=owner) for owner in names], list(range(1, len(names) + 1)))

    def test_in_use(self) -> None:
        """What somebody goes on with is not there for another, and not thrown away."""
        self.leave()
        file = self.resume(None)
        for offset in (4, None):
            waiting = self.ability(IPartialUploads).continue_upload(A, OWNER, offset)
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
        self.assertEqual(self.get(A), DIGITS + b"xyz")

    def test_under_way(self) -> None:
        """An upload that is being written is not thrown away either."""
        file = self.begin(DIGITS)
        self.tidy(0)
        self.assertFalse(self.discard())
        self.result(file.commit())
        self.assertEqual(self.get(A), DIGITS)

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
        self.put(A, b"abc")
        self.tidy(0)
        self.assertEqual(self.get(A), b"abc")

    def test_no_place_for_a_file(self) -> None:
        """Directories, the root and what is in no directory are no uploads."""
        storage = self.ability(IPartialUploads)
        self.make_directory(("d",))
        for path in ((), ("d",)):
            self.assert_fails(storage.begin_upload(path, OWNER), IsADirectory)
            self.assertIsNone(self.kept(path))
            self.assertFalse(self.discard(path))
        self.assert_fails(storage.continue_upload((), OWNER, None), IsADirectory)
        self.assert_fails(storage.begin_upload(("none", "a"), OWNER), NotFound)

    def test_directory_has_the_name(self) -> None:
        """A directory that has taken the name is no file to replace, nor is the size told of what is kept."""
        self.leave()
        self.make_directory(A)
        self.assertIsNone(self.kept())
        self.assert_not_continued(IsADirectory, 4, None)
        self.result(self.storage.remove_directory(A))
        self.assertEqual(self.kept(), 10)

    def test_kept_octets(self) -> None:
        """What is kept for an owner is counted, by path and in all, and nothing else is."""
        self.make_directory_if_kept()
        self.assertEqual((self.kept_octets(), self.kept_octets(A)), (0, 0))
        self.leave()
        self.leave(b"abc", ("d", "b"))
        self.leave(b"12345", owner="bob")
        self.assertEqual((self.kept_octets(), self.kept_octets(owner="bob"), self.kept_octets(owner="eve")), (13, 5, 0))
        self.assertEqual((self.kept_octets(A), self.kept_octets(("d", "b")), self.kept_octets(("b",))), (10, 3, 0))
        self.assertEqual((self.kept_octets(A, "bob"), self.kept_octets(())), (5, 0))
        self.assertTrue(self.discard())
        self.assertEqual((self.kept_octets(), self.kept_octets(A)), (3, 0))

    def make_directory_if_kept(self) -> None:
        """A directory for a second upload, in a storage that keeps any."""
        self.ability(IPartialUploads)
        self.make_directory(("d",))

    def test_kept_octets_meanwhile(self) -> None:
        """What is under way does not count; what is kept does also where a file has the name."""
        file = self.begin(DIGITS)
        self.assertEqual((self.kept_octets(), self.kept_octets(A)), (0, 0))
        self.result(file.suspend())
        self.put(A, b"other")
        self.assertEqual((self.kept(), self.kept_octets(), self.kept_octets(A)), (None, 10, 10))
        self.result(self.storage.remove_file(A))
        resumed = self.resume(4)
        self.assertEqual(self.kept_octets(), 0)
        self.result(resumed.suspend())
        self.assertEqual(self.kept_octets(), 4)
        self.publish(b"whole")
        self.assertEqual(self.kept_octets(), 0)
