"""Tests of ftpx.storage.mounted."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvidedBy, implementer
from zope.interface.verify import verifyObject

from ftpx.errors import (
    AlreadyExists,
    AnotherStorage,
    IsADirectory,
    NotADirectory,
    NotFound,
    NotSupported,
    PermissionDenied,
    StorageUnavailable,
)
from ftpx.interfaces import (
    ICreationTimes,
    IDurable,
    IFreeSpace,
    IModes,
    IPartialFile,
    IPartialUploads,
    IRights,
    IServerSideCopy,
    IStorage,
    ISubtrees,
    ISymbolicLinks,
    ITidied,
    ITimes,
    IWithoutLinks,
    Kind,
    Path,
    Right,
)
from ftpx.server.reservations import Reservations
from ftpx.storage.copy import copy_file
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.mounted import MountedStorage
from ftpx.storage.prefixed import subtree
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.storage.unavailable import UnavailableStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import PartialsCase
from tests.storage.directories import new_directory
from tests.storage.test_wrappers import PlainStorage


class MountedCase(PartialsCase, SynchronousTestCase):
    """A home with other storages in it, one in another, one of them broken."""

    def make_storage(self) -> IStorage:
        """Mounts where the home has a directory, where it has a file, and where it has nothing."""
        self.home, self.shared, self.deep = MemoryStorage(1_000_000), MemoryStorage(), MemoryStorage()
        for storage, directories, files in (
            (self.home, ["d", "shared", "shared/lost", "way"], ["a", "d/a", "blocked", "way/a"]),
            (self.shared, ["s"], ["a", "s/a"]),
            (self.deep, [], ["deepest"]),
        ):
            self.storage = storage
            for directory in directories:
                self.make_directory(tuple(directory.split("/")))
            for file in files:
                self.put(tuple(file.split("/")), file.encode())
        mounts: dict[Path, IStorage] = {
            ("shared",): self.shared,
            ("shared", "s", "in"): self.deep,
            ("blocked", "x"): MemoryStorage(),
            ("none", "between"): PlainStorage(MemoryStorage()),
            ("way", "m"): UnavailableStorage(),
        }
        self.mounts = mounts
        return MountedStorage(self.home, mounts)


class TreeTests(MountedCase):
    """What the tree looks like."""

    def test_serving(self) -> None:
        """The storage with the longest path serves what is below it, and no other is seen there."""
        self.assertEqual((self.get(("a",)), self.get(("shared", "a"))), (b"a", b"a"))
        self.assertEqual(self.get(("shared", "s", "a")), b"s/a")
        self.assertEqual(self.get(("shared", "s", "in", "deepest")), b"deepest")
        self.assert_missing(("shared", "lost"))
        self.put(("shared", "new"), b"new")
        self.put(("shared", "s", "in", "new"), b"newer")
        self.storage = self.shared
        self.assertEqual((self.names(), self.names(("s",))), (["a", "new", "s"], ["a"]))
        self.storage = self.deep
        self.assertEqual(self.get(("new",)), b"newer")

    def test_listings(self) -> None:
        """Each name is listed once and in its place, whether the storage around has it or not."""
        names = ["a", "blocked", "d", "none", "shared", "way"]
        (page,) = self.pages(())
        self.assertEqual([entry.name for entry in page], names)
        kinds = {entry.name: entry.kind for entry in page}
        self.assertEqual({name for name, kind in kinds.items() if kind is Kind.FILE}, {"a"})
        self.assertEqual(self.names(("shared",)), ["a", "s"])
        self.assertEqual(self.names(("shared", "s")), ["a", "in"])
        for path, there in ((("none",), ["between"]), (("blocked",), ["x"]), (("way",), ["a", "m"])):
            self.assertEqual(self.names(path), there)
        self.assertEqual(self.pages(("none", "between")), [])
        self.assert_listing_fails(("none", "other"), NotFound)

    def test_pages(self) -> None:
        """Pages stay as large as they are, but for the last, which has what is mounted and was not there."""
        for number in range(2500):
            self.put(("d", f"{number:04}"), b"")
        storage = MountedStorage(self.home, {("d", "1500"): MemoryStorage(), ("d", "0000x"): MemoryStorage()})
        self.storage = self.home
        plain = [[entry.name for entry in page] for page in self.pages(("d",))]
        self.storage = storage
        pages = [[entry.name for entry in page] for page in self.pages(("d",))]
        self.assertEqual(pages[:-1], plain[:-1])
        self.assertEqual(pages[-1], sorted([*plain[-1], "0000x"]))
        self.assertEqual(self.entries(("d",))["1500"].kind, Kind.DIRECTORY)

    def test_entries(self) -> None:
        """A place where something is mounted, and what leads there, are directories of their names."""
        for path in (
            ("shared",),
            ("shared", "s", "in"),
            ("blocked",),
            ("blocked", "x"),
            ("none",),
            ("none", "between"),
        ):
            entry = self.result(self.storage.stat(path))
            self.assertEqual((entry.kind, entry.name), (Kind.DIRECTORY, path[-1]))
        self.assertIsNotNone(self.result(self.storage.stat(("way",))).modified)
        self.assertIsNone(self.result(self.storage.stat(("none",))).modified)
        root = self.result(self.storage.stat(()))
        self.assertEqual((root.kind, root.name), (Kind.DIRECTORY, ""))

    def test_unmovable(self) -> None:
        """PH16: these places cannot be changed, moved, replaced or removed, nor can anything be put in their place."""
        storage: Any = self.storage
        for path in (
            (),
            ("shared",),
            ("shared", "s"),
            ("shared", "s", "in"),
            ("none",),
            ("none", "between"),
            ("blocked",),
        ):
            for call in (
                storage.remove_directory(path),
                storage.remove_file(path),
                storage.rename(path, ("other",)),
                storage.rename(("d",), path),
                storage.rename(("a",), path),
                storage.set_mode(path, 0o700),
                storage.set_modified(path, 1.0),
                storage.set_created(path, 1.0),
            ):
                self.assert_fails(call, PermissionDenied)
            for call in (
                storage.open_read(path),
                storage.open_write(path),
                storage.begin_upload(path, "alice"),
                storage.continue_upload(path, "alice", None),
                storage.copy(("a",), path),
                storage.copy(path, ("b",)),
            ):
                self.assert_fails(call, IsADirectory)
            self.assert_fails(storage.make_directory(path), AlreadyExists)
            self.assertIsNone(self.kept(path))
            self.assertFalse(self.discard(path))
            self.assertEqual(self.result(storage.kept_octets("alice", path)), 0)
        self.assertEqual(self.names(), ["a", "blocked", "d", "none", "shared", "way"])

    def test_made_up(self) -> None:
        """In a directory that is there only because something is mounted below, nothing can be stored."""
        storage: Any = self.storage
        self.assert_fails(storage.open_write(("none", "new")), NotFound)
        self.assert_fails(storage.make_directory(("none", "new")), NotFound)
        self.assertEqual(self.result(storage.free_space(("none",))), 0)
        self.assert_fails(storage.free_space(("missing",)), NotFound)

    def test_failing(self) -> None:
        """A storage that fails does so below its place, and nowhere else."""
        self.assertIn("m", self.names(("way",)))
        self.assert_fails(self.storage.stat(("way", "m")), StorageUnavailable)
        self.assert_listing_fails(("way", "m"), StorageUnavailable)
        self.assert_fails(self.storage.open_write(("way", "m", "x")), StorageUnavailable)
        self.assertEqual(self.get(("way", "a")), b"way/a")


class AcrossTests(MountedCase):
    """PH18: from one storage to another."""

    def test_rename(self) -> None:
        """PH18: nothing is renamed across, and nothing is lost by trying."""
        for source, destination in ((("a",), ("shared", "b")), (("shared", "a"), ("b",)), (("d",), ("shared", "d"))):
            self.assert_fails(self.storage.rename(source, destination), AnotherStorage)
        self.assert_fails(self.storage.rename(("missing",), ("shared", "b")), NotFound)
        self.result(self.storage.rename(("shared", "a"), ("shared", "s", "b")))
        self.result(self.storage.rename(("a",), ("d", "b")))
        self.assertEqual((self.get(("shared", "s", "b")), self.get(("d", "b"))), (b"a", b"a"))

    def test_copy(self) -> None:
        """PH18: a copy goes across as a whole, over another file too, and within as the storage does it."""
        storage: Any = self.storage
        for source, destination in ((("d", "a"), ("shared", "a")), (("shared", "s", "a"), ("a",)), (("a",), ("b",))):
            self.result(storage.copy(source, destination))
            self.assertEqual(self.get(destination), self.get(source))
        self.assert_fails(storage.copy(("a",), ("shared", "none", "b")), NotFound)
        self.assert_fails(storage.copy(("missing",), ("shared", "b")), NotFound)
        plain = MountedStorage(PlainStorage(self.home), {("m",): PlainStorage(self.shared)})
        self.assertFalse(IServerSideCopy.providedBy(plain))
        self.result(copy_file(plain, ("a",), ("m", "copied")))
        self.assertEqual(self.get(("shared", "copied")), b"s/a")


class AbilitiesTests(MountedCase):
    """Each storage does what it can."""

    def test_provided(self) -> None:
        """The tree has the abilities that any part has."""
        verifyObject(IStorage, self.storage)
        abilities = {ITimes, ICreationTimes, IModes, IServerSideCopy, IFreeSpace, IPartialUploads}
        self.assertEqual(set(directlyProvidedBy(self.storage)), abilities)
        local = open_local(new_directory(self), InlinePool())
        storage = MountedStorage(ReadOnlyStorage(MemoryStorage()), {("m",): local})
        for ability in (IRights, IWithoutLinks, ISymbolicLinks, IDurable):
            self.assertTrue(ability.providedBy(storage), ability)
        self.assertTrue(ISubtrees.providedBy(storage))
        plain = MountedStorage(PlainStorage(MemoryStorage()), {("m",): PlainStorage(MemoryStorage())})
        self.assertEqual(list(directlyProvidedBy(plain)), [])

    def test_lacking(self) -> None:
        """What the part at a path cannot do is not supported there."""
        storage: Any = self.storage
        self.put(("none", "between", "f"), b"x")
        path = ("none", "between", "f")
        for call in (
            storage.set_modified(path, 1.0),
            storage.set_created(path, 1.0),
            storage.set_mode(path, 0o600),
            storage.make_link(path, "x"),
            storage.free_space(path[:-1]),
            storage.free_space(("shared",)),
        ):
            self.assert_fails(call, NotSupported)
        self.result(storage.set_mode(("shared", "a"), 0o640))
        self.result(storage.set_modified(("shared", "a"), 5.0))
        self.result(storage.set_created(("a",), 6.0))
        entry = self.result(self.storage.stat(("shared", "a")))
        self.assertEqual((entry.mode, entry.modified), (0o640, 5.0))
        self.assertGreater(self.result(storage.free_space(("d",))), 0)

    def test_announced_size(self) -> None:
        """An upload whose size is announced goes to a part that does not know its room."""

        async def reserve(path: Path) -> bool:
            async with Reservations().reserve(self.storage, path, 2_000_000, lambda: 0):
                return True

        self.assertTrue(self.result(reserve(("shared",))))

    def test_partials(self) -> None:
        """Uploads that break off are kept where that can be done, and are like any others elsewhere."""
        storage: Any = self.storage
        places: list[Path] = [("a2",), ("shared", "a2"), ("shared", "s", "in", "a2")]
        for path in places:
            self.leave(path=path)
            self.assertEqual(self.kept(path), 10)
            self.assertEqual(self.result(storage.kept_octets("alice", path)), 10)
        self.assertEqual(self.result(storage.kept_octets("alice")), 30)
        self.result(self.resume(4, ("shared", "a2")).commit())
        self.assertEqual(self.get(("shared", "a2")), b"0123")
        self.assertTrue(self.discard(("a2",)))
        self.assertEqual(self.result(storage.kept_octets("alice")), 10)
        self.tidy(-1.0)
        self.assertEqual(self.result(storage.kept_octets("alice")), 0)
        path = ("none", "between", "f")
        file = self.result(storage.begin_upload(path, "alice", exclusive=True))
        self.assertFalse(IPartialFile.providedBy(file))
        self.write(file, b"whole")
        self.result(file.commit())
        self.assertEqual(self.get(path), b"whole")
        self.assert_fails(storage.begin_upload(path, "alice", exclusive=True), AlreadyExists)
        self.assertIsNone(self.result(storage.continue_upload(path, "alice", None)))
        self.assertIsNone(self.kept(path))
        self.assertFalse(self.discard(path))
        self.assertEqual(self.result(storage.kept_octets("alice", path)), 0)

    def test_tidying_goes_on(self) -> None:
        """A part where tidying fails does not keep the others from it."""

        class Broken(MemoryStorage):
            async def tidy_partials(self, lifetime: float) -> None:
                raise StorageUnavailable("broken")

        self.storage = MountedStorage(Broken(), {("m",): self.shared})
        self.leave(path=("m", "a2"))
        self.assert_fails(self.ability(IPartialUploads).tidy_partials(-1.0), StorageUnavailable)
        self.assertIsNone(self.kept(("m", "a2")))

    def test_subtree(self) -> None:
        """A directory as a storage is that of its part, or the tree's where others are mounted in it."""
        outer = self.storage
        for path, names in (((), []), (("d",), ["a"]), (("shared",), ["a", "s"]), (("shared", "s"), ["a", "in"])):
            self.storage = self.result(subtree(outer, path))
            self.assertEqual(self.names(), names or ["a", "blocked", "d", "none", "shared", "way"])
            self.assertEqual(self.result(self.storage.stat(())).name, "")
        self.assertEqual(self.get(("in", "deepest")), b"deepest")
        self.storage = self.result(subtree(outer, ("none",)))
        self.put(("between", "f"), b"x")
        self.assert_fails(subtree(outer, ("missing",)), NotFound)
        self.assert_fails(subtree(outer, ("a",)), NotADirectory)

    def test_confined(self) -> None:
        """PH: in a directory of a part that follows links, no link leads to what is beside it."""
        root = new_directory(self)
        for name in ("alice", "bob"):
            os.mkdir(os.path.join(root, name))
        os.symlink("../bob", os.path.join(root, "alice", "way"))
        self.storage = MountedStorage(open_local(root, InlinePool()), {("m",): self.shared})
        self.put(("bob", "f"), b"x")
        self.storage = self.result(subtree(self.storage, ("alice",)))
        self.assert_fails(self.storage.open_read(("way", "f")), NotFound, PermissionDenied)

    def test_tidied(self) -> None:
        """All parts are tidied that have something to tidy; one that fails is told of behind."""
        tidied = []

        @implementer(ITidied)
        class Part(MemoryStorage):
            async def tidy(self) -> None:
                tidied.append(self)
                raise StorageUnavailable("broken")

        parts = [Part(), Part()]
        storage = MountedStorage(MemoryStorage(), {("a",): parts[0], ("b",): parts[1]})
        self.assert_fails(ITidied(storage).tidy(), StorageUnavailable)
        self.assertEqual(tidied, parts)

    def test_rights(self) -> None:
        """The rights are those that the part has."""
        storage = MountedStorage(MemoryStorage(), {("m",): ReadOnlyStorage(self.shared)})
        self.assertEqual(storage.rights(("a",)), Right.ALL)
        self.assertEqual(storage.rights(("m", "a")), Right.LOOK)

    def test_links(self) -> None:
        """A link is made in its part, and leads nowhere once none is followed."""
        local = open_local(new_directory(self), InlinePool())
        storage: Any = MountedStorage(self.home, {("m",): local})
        self.storage = storage
        self.put(("m", "f"), b"x")
        self.result(storage.make_link(("m", "l"), "f"))
        self.assert_fails(storage.make_link(("m",), "f"), AlreadyExists)
        self.assertEqual(self.get(("m", "l")), b"x")
        self.storage = storage.without_links()
        self.assert_fails(self.storage.open_read(("m", "l")), NotFound)
        self.assertEqual((self.get(("m", "f")), self.get(("a",))), (b"x", b"a"))
