"""Tests of the wrappers and of ftpx.storage.copy."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvidedBy, implementer
from zope.interface.verify import verifyObject

from ftpx.errors import IsADirectory, NotADirectory, NotFound, PermissionDenied, StorageFailure
from ftpx.interfaces import (
    ICreationTimes,
    IDurable,
    IFreeSpace,
    IModes,
    IPartialUploads,
    IRights,
    IServerSideCopy,
    IStorage,
    ISubtrees,
    ISymbolicLinks,
    ITimes,
    IWithoutLinks,
    Kind,
    Path,
    Right,
)
from ftpx.storage.copy import copy_file
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.wrappers import PrefixedStorage, ReadOnlyStorage, subtree
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageCase
from tests.storage.directories import new_directory


@implementer(IStorage)
class PlainStorage:
    """A storage without any ability."""

    def __init__(self, inner: IStorage) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@implementer(IRights)
class RestrictedStorage(PlainStorage):
    """A storage where all but looking into files is allowed."""

    def rights(self, path: Path) -> Right:
        """Not to read, but for one path."""
        return Right.ALL if path == ("d", "open") else Right.ALL & ~Right.READ


class ReadOnlyTests(StorageCase, SynchronousTestCase):
    """`ReadOnlyStorage`"""

    def make_storage(self) -> IStorage:
        """A storage with a file in a directory."""
        self.inner = MemoryStorage(1000)
        self.storage = self.inner
        self.make_directory(("d",))
        self.put(("d", "a"), b"abc")
        return ReadOnlyStorage(self.inner)

    def test_reads(self) -> None:
        """All that reads works."""
        self.assertTrue(verifyObject(IStorage, self.storage))
        self.assertEqual((self.names(), self.names(("d",)), self.get(("d", "a"))), (["d"], ["a"], b"abc"))

    def test_refuses(self) -> None:
        """All that writes is refused, and changes nothing."""
        storage = self.storage
        for call in (
            storage.open_write(("a",)),
            storage.make_directory(("e",)),
            storage.remove_directory(("d",)),
            storage.remove_file(("d", "a")),
            storage.rename(("d",), ("e",)),
        ):
            self.assert_fails(call, PermissionDenied)
        self.assertEqual((self.names(), self.names(("d",))), (["d"], ["a"]))

    def test_abilities(self) -> None:
        """Of the abilities those that read are left."""
        for interface in (ISubtrees, IFreeSpace, IRights):
            self.assertTrue(interface.providedBy(self.storage))
        for ability in (ITimes, ICreationTimes, IModes, IServerSideCopy, ISymbolicLinks, IDurable, IPartialUploads):
            self.assertFalse(ability.providedBy(self.storage))
        plain = ReadOnlyStorage(PlainStorage(self.inner))
        self.assertFalse(ISubtrees.providedBy(plain) or IFreeSpace.providedBy(plain))
        self.assertEqual(self.result(IFreeSpace(self.storage).free_space(())), 997)

    def test_without_links(self) -> None:
        """Without links it is read-only, too, and so is a directory by its prefix still that directory."""
        root = new_directory(self)
        os.mkdir(os.path.join(root, "d"))
        os.symlink("d", os.path.join(root, "l"))
        os.symlink("../d", os.path.join(root, "d", "l"))
        local = open_local(root, InlinePool())
        self.assertFalse(IWithoutLinks.providedBy(self.storage))
        for storage in (ReadOnlyStorage(local), PrefixedStorage(local, ("d",))):
            self.assertEqual(self.result(storage.stat(("l",))).kind, Kind.DIRECTORY)
            linkless = IWithoutLinks(storage).without_links()
            self.assertIs(type(linkless), type(storage))
            self.assertEqual(self.result(linkless.stat(("l",))).kind, Kind.LINK)

    def test_subtree(self) -> None:
        """A part of it is read-only too."""
        part = self.result(subtree(self.storage, ("d",)))
        self.assert_fails(part.remove_file(("a",)), PermissionDenied)
        self.assertEqual(self.result(part.stat(("a",))).size, 3)

    def test_rights(self) -> None:
        """Nobody may more than look, nor more than the inner storage allows."""
        self.assertEqual(IRights(self.storage).rights(()), Right.LOOK)
        self.assertEqual(ReadOnlyStorage(RestrictedStorage(self.inner)).rights(()), Right.LIST)


class PrefixedTests(StorageCase, SynchronousTestCase):
    """`PrefixedStorage` and `subtree`"""

    def make_storage(self) -> IStorage:
        """A storage with a directory."""
        self.inner = MemoryStorage(1000)
        self.storage = self.inner
        self.make_directory(("d",))
        self.put(("a",), b"outside")
        return PrefixedStorage(self.inner, ("d",))

    def test_abilities(self) -> None:
        """It has the abilities of the inner storage, but links."""
        self.assertTrue(verifyObject(IStorage, self.storage))
        abilities = {ISubtrees, ITimes, ICreationTimes, IModes, IServerSideCopy, IFreeSpace, IPartialUploads}
        self.assertEqual(set(directlyProvidedBy(self.storage)), abilities)
        self.assertEqual(set(directlyProvidedBy(PrefixedStorage(PlainStorage(self.inner), ("d",)))), set())
        local = open_local(new_directory(self), InlinePool())
        storage = PrefixedStorage(local, ("d",))
        self.assertFalse(ISymbolicLinks.providedBy(storage))
        self.assertTrue(IDurable.providedBy(storage) and IPartialUploads.providedBy(storage))

    def test_rights(self) -> None:
        """The rights are those of the longer path."""
        storage = PrefixedStorage(RestrictedStorage(self.inner), ("d",))
        self.assertEqual(IRights(storage).rights(("open",)), Right.ALL)
        self.assertNotIn(Right.READ, IRights(storage).rights(("other",)))

    def test_nothing_outside(self) -> None:
        """What is outside is not there."""
        self.assert_missing(("a",))
        self.assertEqual(self.names(), [])
        self.put(("b",), b"inside")
        self.assertEqual(sorted(self.result(self.names_inside())), ["b"])

    async def names_inside(self) -> list[str]:
        """What is in the directory."""
        return [entry.name async for page in self.inner.list_directory(("d",)) for entry in page]

    def test_subtree(self) -> None:
        """A part of any storage is a storage; of none that is not there, and nothing is made."""
        plain = PlainStorage(self.inner)
        self.assertIsInstance(self.result(subtree(plain, ("d",))), PrefixedStorage)
        self.assertIsInstance(self.result(subtree(self.inner, ("d",))), MemoryStorage)
        for storage in (plain, self.inner):
            self.assert_fails(subtree(storage, ("none",)), NotFound)
            self.assert_fails(subtree(storage, ("a",)), NotADirectory)
        self.assertEqual(self.result(self.inner.stat(("a",))).size, 7)


class CopyFileTests(StorageCase, SynchronousTestCase):
    """`copy_file`, where the storage copies and where it does not."""

    def make_storage(self) -> IStorage:
        """A storage that cannot copy."""
        self.inner = MemoryStorage(10_000_000)
        return PlainStorage(self.inner)

    def test_copy(self) -> None:
        """A file of several blocks is copied, over another too."""
        content = bytes(range(256)) * 5000
        self.put(("a",), content)
        self.put(("b",), b"old")
        self.result(copy_file(self.storage, ("a",), ("b",)))
        self.assertEqual(self.get(("b",)), content)
        self.result(copy_file(self.inner, ("a",), ("c",)))
        self.assertEqual(self.get(("c",)), content)

    def test_errors(self) -> None:
        """What is not there is not copied, and nothing is changed."""
        self.put(("b",), b"old")
        self.make_directory(("d",))
        self.assert_fails(copy_file(self.storage, ("a",), ("b",)), NotFound)
        self.assert_fails(copy_file(self.storage, ("b",), ("d",)), IsADirectory)
        self.assertEqual((self.get(("b",)), self.names()), (b"old", ["b", "d"]))

    def test_broken_read(self) -> None:
        """RS06: a source that breaks leaves the old file whole, and is closed."""
        self.put(("a",), b"abc")
        self.put(("b",), b"old")

        class Broken:
            closed = 0

            async def read(self, offset: int, size: int) -> bytes:
                raise StorageFailure("broken")

            def close(self) -> None:
                Broken.closed += 1

        storage: Any = self.storage
        storage.open_read = lambda _path: succeed(Broken())
        self.assert_fails(copy_file(storage, ("a",), ("b",)), StorageFailure)
        del storage.open_read
        self.assertEqual((Broken.closed, self.get(("b",)), self.names()), (1, b"old", ["a", "b"]))
