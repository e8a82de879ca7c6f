"""Trashes of users who have rights and quotas."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.access import AccessRules
from ftpx.errors import NotFound, PermissionDenied, QuotaExceeded
from ftpx.homes import Homes
from ftpx.interfaces import IRights, IStorage, IVersions, Path, Right
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.mounted import MountedStorage
from ftpx.storage.permitted import PermittedStorage
from ftpx.storage.trash.plugin import open_trash
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageCase
from tests.accounts.profiles import profile_of
from tests.storage.directories import new_directory
from tests.storage.metered_case import MeteredCase
from tests.test_homes import _NoQuotas, _Storages

_T = (".trash",)


class QuotaTests(MeteredCase, SynchronousTestCase):
    """What is in the trash counts for nobody, and what comes back needs room."""

    def make_inner(self) -> IStorage:
        """A storage with a trash."""
        return open_trash(MemoryStorage(), days=30)

    def setUp(self) -> None:
        """Give alice ten octets and three files."""
        super().setUp()
        self.books.limit(10, files=3)

    def versions(self) -> list[Path]:
        """What is in the trash, the oldest first as far as the time tells."""
        return [(*_T, name) for name in self.names(_T)]

    def test_deleted(self) -> None:
        """To delete or replace something makes room."""
        self.put(("a",), b"12345678")
        self.result(self.storage.remove_file(("a",)))
        self.assert_exact(0, 0)
        self.put(("a",), b"1234567890")
        self.put(("a",), b"12345")
        self.assert_exact(5, 1)
        self.assertEqual(len(self.versions()), 2)

    def test_restored(self) -> None:
        """To move something back takes room, and fails where there is none; then it stays in the trash."""
        self.put(("a",), b"1234")
        self.result(self.storage.remove_file(("a",)))
        (version,) = self.versions()
        self.put(("b",), b"1234567")
        self.assert_fails(self.storage.rename(version, ("a",)), QuotaExceeded)
        self.assert_exact(7, 1)
        self.assertEqual(self.versions(), [version])
        self.result(self.storage.rename(version, ("b",)))
        self.assertEqual(self.get(("b",)), b"1234")
        self.assert_exact(4, 1)

    def test_copied(self) -> None:
        """So does to copy something out of it, and to rename over something takes none."""
        storage: Any = self.storage
        self.put(("a",), b"1234")
        self.result(storage.remove_file(("a",)))
        self.result(storage.copy(self.versions()[0], ("b",)))
        self.assert_exact(4, 1)
        self.put(("c",), b"123456")
        self.result(storage.rename(("b",), ("c",)))
        self.assert_exact(4, 1)

    def test_free_of_charge(self) -> None:
        """Nobody is limited: nothing is counted, and all of it works."""
        self.books.limit(None)
        self.put(("a",), b"1234")
        self.result(self.storage.remove_file(("a",)))
        self.result(self.storage.rename(self.versions()[0], ("b",)))
        self.assertEqual(self.get(("b",)), b"1234")


class RightsTests(StorageCase, SynchronousTestCase):
    """Nobody may do more with what is in the trash than where it was."""

    def make_storage(self) -> IStorage:
        """A storage with a trash, and somebody with rights by directory."""
        self.inner = open_trash(open_local(new_directory(self), InlinePool()), days=30)
        rights = ["/=all", "/drop=list,write,delete,rename", "/strict=list,read,delete,rename"]
        rules = AccessRules(profile_of({"rights": rights, "hidden": ["*.secret"]}))
        self.storage = self.inner
        for name in ("drop", "strict", "open"):
            self.make_directory((name,))
            self.put((name, "a"), name.encode())
        self.put(("x.secret",), b"secret")
        return PermittedStorage(self.inner, rules)

    def lose(self, *path: str) -> Path:
        """Delete something, as somebody else may; where it is then."""
        self.result(self.inner.remove_file(path))
        mine, self.storage = self.storage, self.inner
        (name,) = [name for name in self.names((*_T, *path[:-1])) if name.startswith(path[-1])]
        self.storage = mine
        return (*_T, *path[:-1], name)

    def test_restored(self) -> None:
        """What may be done with a file is enough to move it back to where it was."""
        for name in ("open", "strict"):
            version = self.lose(name, "a")
            self.assertEqual(self.get(version), name.encode())
            self.result(self.storage.rename(version, (name, "back")))
        self.assertEqual(self.names(("strict",)), ["back"])

    def test_read(self) -> None:
        """Who could not read a file cannot read it in the trash."""
        version = self.lose("drop", "a")
        self.assert_fails(self.storage.open_read(version), NotFound)
        self.assertEqual(IRights(self.storage).rights(version), Right.LIST | Right.RENAME)
        self.assert_fails(self.storage.rename(version, ("open", "a2")), PermissionDenied)
        self.result(self.storage.rename(version, ("drop", "a")))

    def test_moved(self) -> None:
        """Nothing is moved to where more may be done with it than where it was."""
        version = self.lose("strict", "a")
        self.assert_fails(self.storage.rename(version, ("open", "a2")), PermissionDenied)
        self.assertEqual(self.get(version), b"strict")

    def test_hidden(self) -> None:
        """What was hidden is hidden."""
        version = self.lose("x.secret")
        self.assert_fails(self.storage.open_read(version), NotFound)
        self.assertEqual(self.names(_T), [])


class HomeTests(StorageCase, SynchronousTestCase):
    """The homes of users in a storage with a trash, and one mounted for a group."""

    def make_storage(self) -> IStorage:
        """What alice sees."""
        self.root = open_trash(open_local(new_directory(self), InlinePool()), days=30)
        self.others = _Storages()
        self.others.storages["trash:memory:"] = open_trash(MemoryStorage(), days=30)
        self.homes = Homes(self.root, self.others)
        return self.tree_of("alice")

    def tree_of(self, name: str) -> IStorage:
        """What somebody sees."""
        profile = profile_of({"mounts": ["/shared=trash:memory:"]}, name=name)
        parts = self.result(self.homes.parts(profile))
        return self.homes.tree(parts, AccessRules(profile), lambda part: _NoQuotas())

    def test_apart(self) -> None:
        """Each has a trash of their own; that of a mounted folder is in the folder, and everybody's."""
        self.put(("a",), b"alice's")
        self.put(("shared", "s"), b"shared")
        self.result(self.storage.remove_file(("a",)))
        self.result(self.storage.remove_file(("shared", "s")))
        self.assertEqual((self.names(), self.names(("shared",))), ([".trash", "shared"], [".trash"]))
        (own,) = self.names(_T)
        (shared,) = self.names(("shared", ".trash"))
        self.storage = self.tree_of("bob")
        self.assertEqual((self.names(), self.names(("shared", ".trash"))), (["shared"], [shared]))
        self.result(self.storage.rename(("shared", ".trash", shared), ("shared", "s")))
        self.storage = self.tree_of("alice")
        self.result(self.storage.rename((*_T, own), ("a",)))
        self.assertEqual((self.get(("a",)), self.get(("shared", "s"))), (b"alice's", b"shared"))

    def test_origin(self) -> None:
        """Where a version was is told by its path in the tree."""
        whole = MountedStorage(MemoryStorage(), {("m", "n"): self.root})
        version = ("m", "n", ".trash", "d", "a~20260102-030405-000000000000")
        self.assertEqual(IVersions(whole).origin(version), ("m", "n", "d", "a"))
        self.assertIsNone(IVersions(whole).origin(("m", "n", "a")))
        self.assertIsNone(IVersions(whole).origin((".trash", "a")))
