"""The part of the storage contract about the optional abilities; those not provided are skipped."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from ftpx.errors import AlreadyExists, IsADirectory, NotADirectory, NotFound, PermissionDenied
from ftpx.interfaces import (
    ICreationTimes,
    IFileDescriptor,
    IFreeSpace,
    IModes,
    IRights,
    IServerSideCopy,
    IStorage,
    ISubtrees,
    ISymbolicLinks,
    ITimes,
    IWithoutLinks,
    IWorkerPool,
    Kind,
    Right,
)
from ftpx.storage.prefixed import subtree
from ftpx.testing.contract.case import StorageCase

__all__ = ["AbilitiesContract"]


class AbilitiesContract(StorageCase):
    """What a storage must do that says it can."""

    def test_storage(self) -> None:
        """The storage provides the interface."""
        self.assertTrue(IStorage.providedBy(self.storage))

    def test_set_modified(self) -> None:
        """The time of the last modification can be set, and is what `stat` and a listing tell."""
        storage = self.ability(ITimes)
        self.put(("a",), b"abc")
        for seconds in (0.0, 1_000_000_000.0, 1_700_000_000.25):
            self.result(storage.set_modified(("a",), seconds))
            modified = self.result(self.storage.stat(("a",))).modified
            self.assertLessEqual(abs((modified or 0.0) - seconds), 1)
            self.assertEqual(self.entries()["a"].modified, modified)
        self.assert_fails(storage.set_modified(("b",), 0.0), NotFound)

    def test_set_created(self) -> None:
        """The time of creation can be set."""
        storage = self.ability(ICreationTimes)
        self.put(("a",), b"abc")
        self.result(storage.set_created(("a",), 1_000_000_000.0))
        self.assertEqual(self.result(self.storage.stat(("a",))).created, 1_000_000_000.0)
        self.assert_fails(storage.set_created(("b",), 0.0), NotFound)

    def test_set_mode(self) -> None:
        """PH23: permission bits can be set, and no others."""
        storage = self.ability(IModes)
        self.put(("a",), b"abc")
        for mode, expected in ((0o600, 0o600), (0o751, 0o751), (0o7644, 0o644)):
            self.result(storage.set_mode(("a",), mode))
            self.assertEqual(self.result(self.storage.stat(("a",))).mode, expected)
        self.assert_fails(storage.set_mode(("b",), 0o600), NotFound)

    def test_mode_is_kept(self) -> None:
        """The next content of a file has the mode of the last."""
        storage = self.ability(IModes)
        self.put(("a",), b"abc")
        self.result(storage.set_mode(("a",), 0o640))
        for offset in (0, None):
            self.put(("a",), b"x", offset=offset)
            self.assertEqual(self.result(self.storage.stat(("a",))).mode, 0o640)

    def test_subtree(self) -> None:
        """A directory can be a storage of its own."""
        self.make_directory(("d",))
        self.put(("d", "a"), b"abc")
        outer, inner = self.storage, self.result(self.ability(ISubtrees).subtree(("d",)))
        self.assertTrue(IStorage.providedBy(inner))
        self.storage = inner
        self.assertEqual((self.names(), self.get(("a",))), (["a"], b"abc"))
        self.put(("b",), b"")
        self.assert_fails(inner.remove_directory(()), PermissionDenied)
        self.storage = outer
        self.assertEqual(self.names(("d",)), ["a", "b"])

    def test_subtree_errors(self) -> None:
        """What is not there, or a file, is no storage."""
        storage = self.ability(ISubtrees)
        self.put(("a",), b"abc")
        self.assert_fails(storage.subtree(("d",)), NotFound)
        self.assert_fails(storage.subtree(("a",)), NotADirectory)

    def test_make_link(self) -> None:
        """A link is followed to what is inside, unless none is; and told of if it leads nowhere."""
        storage = self.ability(ISymbolicLinks)
        self.put(("a",), b"abc")
        self.result(storage.make_link(("good",), "a"))
        self.result(storage.make_link(("bad",), "nothing"))
        good, bad = (self.result(self.storage.stat((name,))) for name in ("good", "bad"))
        kind = Kind.FILE if self.follows_links else Kind.LINK
        self.assertEqual((good.kind, good.name, bad.kind, bad.target), (kind, "good", Kind.LINK, "nothing"))
        if self.follows_links:
            self.assertEqual(self.get(("good",)), b"abc")
        else:
            self.assert_fails(self.storage.open_read(("good",)), NotFound)
        self.assertEqual(self.entries()["good"].kind, Kind.LINK)
        self.assert_fails(storage.make_link(("a",), "b"), AlreadyExists)
        self.assert_fails(storage.make_link(("d", "a"), "b"), NotFound)

    def test_without_links(self) -> None:
        """The same storage without links has the same content, and nothing behind a link, in its subtrees neither."""
        linked = self.ability(IWithoutLinks)
        makes = self.ability(ISymbolicLinks)
        self.make_directory(("d",))
        self.put(("d", "a"), b"abc")
        self.result(makes.make_link(("d", "file"), "a"))
        self.result(makes.make_link(("dir",), "d"))
        self.storage = linked.without_links()
        self.assertEqual((self.get(("d", "a")), self.names(("d",))), (b"abc", ["a", "file"]))
        for path, target in ((("d", "file"), "a"), (("dir",), "d")):
            entry = self.result(self.storage.stat(path))
            self.assertEqual((entry.kind, entry.target, entry.name), (Kind.LINK, target, path[-1]))
        for path in (("d", "file"), ("dir",), ("dir", "a")):
            self.assert_fails(self.storage.open_read(path), NotFound)
            self.assert_listing_fails(path, NotFound)
        for path in (("dir", "a"), ("dir", "new")):
            self.assert_fails(self.storage.open_write(path), NotFound)
            self.assert_fails(self.storage.make_directory(path), NotFound)
            self.assert_fails(self.storage.remove_file(path), NotFound)
            self.assert_fails(self.storage.rename(path, ("b",)), NotFound)
            self.assert_fails(self.storage.stat(path), NotFound)
        part = self.result(subtree(self.storage, ("d",)))
        self.assert_fails(part.open_read(("file",)), NotFound)
        self.assert_fails(subtree(self.storage, ("dir",)), NotFound, NotADirectory)
        self.result(self.storage.rename(("dir",), ("moved",)))
        self.result(self.storage.remove_file(("moved",)))
        self.assertEqual((self.names(), self.get(("d", "a"))), (["d"], b"abc"))

    def test_copy(self) -> None:
        """A file can be copied, also over another; the copy is a file of its own."""
        storage = self.ability(IServerSideCopy)
        self.put(("a",), b"abc")
        self.put(("b",), b"older")
        self.result(storage.copy(("a",), ("b",)))
        self.put(("a",), b"changed")
        self.assertEqual((self.get(("b",)), self.names()), (b"abc", ["a", "b"]))
        self.result(storage.copy(("b",), ("b",)))
        self.assertEqual(self.get(("b",)), b"abc")

    def test_copy_errors(self) -> None:
        """What is not there, or a directory, is not copied, and a directory not replaced."""
        storage = self.ability(IServerSideCopy)
        self.put(("a",), b"abc")
        self.make_directory(("d",))
        self.assert_fails(storage.copy(("none",), ("b",)), NotFound)
        self.assert_fails(storage.copy(("d",), ("b",)), IsADirectory)
        self.assert_fails(storage.copy(("a",), ("d",)), IsADirectory, AlreadyExists)
        self.assert_fails(storage.copy(("a",), ()), PermissionDenied, IsADirectory)
        self.assert_fails(storage.copy(("a",), ("none", "b")), NotFound)
        self.assertEqual(self.names(), ["a", "d"])

    def test_free_space(self) -> None:
        """The free space is a number of octets."""
        storage = self.ability(IFreeSpace)
        self.make_directory(("d",))
        for path in ((), ("d",)):
            self.assertGreaterEqual(self.result(storage.free_space(path)), 0)

    def test_rights(self) -> None:
        """There is an answer about rights for every path."""
        storage = self.ability(IRights)
        self.assertIsInstance(storage.rights(()), Right)
        self.assertIsInstance(storage.rights(("none",)), Right)

    def test_descriptors(self) -> None:
        """Files that provide a descriptor have a pool and turn errors into those of the domain."""
        self.put(("a",), b"abc")
        source = self.result(self.storage.open_read(("a",)))
        target = self.result(self.storage.open_write(("b",)))
        for file in (source, target):
            described = IFileDescriptor(file, None)
            if described is not None:
                self.assertGreaterEqual(described.fileno(), 0)
                self.assertTrue(IWorkerPool.providedBy(described.pool))
        self.result(target.abort())
        source.close()
