"""Tests of ftpx.storage.permitted."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    IsADirectory,
    NotADirectory,
    NotFound,
    OffsetBeyondEnd,
    PermissionDenied,
    StorageError,
)
from ftpx.interfaces import (
    ICreationTimes,
    IDurable,
    IDurableFile,
    IFileDescriptor,
    IFreeSpace,
    IModes,
    IPartialFile,
    IPartialUploads,
    IRights,
    IServerSideCopy,
    IStagedDescriptor,
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
from ftpx.storage.permitted import PermittedStorage
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import PartialsCase
from tests.storage.directories import new_directory
from tests.storage.rules import ChangingRules, rules

_OLD = b"0123456789"


class PermittedCase(PartialsCase, SynchronousTestCase):
    """A storage with rights, and the one inside it."""

    def make_storage(self) -> IStorage:
        """A file and directories, among them one that has rights of its own."""
        self.inner = self.make_inner()
        self.storage = self.inner
        for name in ("d", "e", "p", "d/sub"):
            self.make_directory(tuple(name.split("/")))
        for path in (("d", "f"), ("p", "f")):
            self.put(path, _OLD)
        self.rules = ChangingRules()
        return PermittedStorage(self.inner, self.rules)

    def make_inner(self) -> IStorage:
        """An empty storage."""
        return MemoryStorage(1_000_000)

    def permit(self, *rights: str, hidden: tuple[str, ...] = ()) -> None:
        """Set rights, such as ``/d=list,read``."""
        self.rules.now = rules(rights, hidden)

    def inside(self, path: Path) -> bytes | None:
        """The content of a file, whatever is allowed; ``None`` if it is not there."""
        storage, self.storage = self.storage, self.inner
        try:
            return self.get(path)
        except self.failureException:
            return None
        finally:
            self.storage = storage

    async def refusal(self, path: Path, content: bytes, offset: int | None) -> type[StorageError] | None:
        """Store a file; what is said if that is refused."""
        try:
            file = await self.storage.open_write(path, offset=offset)
        except StorageError as error:
            return type(error)
        await file.write(content)
        await file.commit()
        return None


class LookingTests(PermittedCase):
    """What is told, and what is not."""

    def test_interfaces(self) -> None:
        """It has the abilities of the inner storage, but those by which rules or links could be evaded."""
        verifyObject(IStorage, self.storage)
        verifyObject(IRights, self.storage)
        for ability in (ITimes, ICreationTimes, IModes, IServerSideCopy, IFreeSpace, IPartialUploads):
            self.assertTrue(ability.providedBy(self.storage), ability)
        for lacking in (ISubtrees, IWithoutLinks, ISymbolicLinks, IDurable):
            self.assertFalse(lacking.providedBy(self.storage), lacking)
        local = PermittedStorage(open_local(new_directory(self), InlinePool()), self.rules)
        for had in (ITimes, IModes, ISymbolicLinks, IServerSideCopy, IFreeSpace, IDurable, IPartialUploads):
            self.assertTrue(had.providedBy(local), had)

    def test_rights(self) -> None:
        """The rights are those of the rules, as far as the inner storage has them; at hidden names there are none."""
        self.permit("/d=read,write,delete", hidden=("*.tmp",))
        self.assertEqual(IRights(self.storage).rights(("d", "x")), Right.READ | Right.WRITE | Right.DELETE)
        self.assertEqual(IRights(self.storage).rights(("d", "x.tmp")), Right(0))
        storage = PermittedStorage(ReadOnlyStorage(self.inner), self.rules)
        self.assertEqual(storage.rights(("d", "x")), Right.READ)
        self.assertEqual(storage.rights(("e",)), Right.LOOK)

    def test_hidden_whatever_the_rights(self) -> None:
        """Rules that hide a name need not take the rights to it away as well."""

        class Hiding(ChangingRules):
            def is_hidden(self, path: Path) -> bool:
                """One file is."""
                return path == ("d", "f")

        self.storage = PermittedStorage(self.inner, Hiding())
        self.assert_missing(("d", "f"))
        self.assertEqual(self.names(("d",)), ["sub"])
        self.assert_fails(self.storage.remove_file(("d", "f")), PermissionDenied)

    def test_stat(self) -> None:
        """A thing is told of to who may list or read there; a directory also to who may do anything at all there."""
        for rights, file, directory in (
            ("list", True, True),
            ("read", True, True),
            ("write", False, True),
            ("delete,rename", False, True),
            ("none", False, False),
        ):
            self.permit(f"/d={rights}")
            for path, told in ((("d", "f"), file), (("d",), directory), (("d", "sub"), directory)):
                if told:
                    self.assertEqual(self.result(self.storage.stat(path)).name, path[-1])
                else:
                    self.assert_missing(path)
            self.assert_missing(("d", "none"))
            self.assert_fails(self.storage.stat(("d", "f", "below")), NotADirectory if file else NotFound)

    def test_listing(self) -> None:
        """Listings are for who may list, and have no names that are hidden or have no rights."""
        self.permit("/p=none", "/e=write", "/d/f=none", hidden=("s?b",))
        self.assertEqual((self.names(), self.pages(("d",))), (["d", "e"], []))
        self.assert_listing_fails(("e",), NotFound)
        self.assert_listing_fails(("p",), NotFound)
        self.assert_listing_fails(("d", "sub"), NotFound)
        self.permit("/=list")
        self.assertEqual((self.names(), self.names(("d",))), (["d", "e", "p"], ["f", "sub"]))
        self.assert_listing_fails(("d", "f"), NotADirectory)
        self.permit("/d=list", "/d/f=write", "/d/sub=write")
        self.assertEqual(self.names(("d",)), ["sub"])

    def test_reading(self) -> None:
        """Content is for who may read."""
        self.permit("/d=all", "/p=list,write,overwrite,append,delete,rename,mkdir,attributes")
        self.assertEqual(self.get(("d", "f")), _OLD)
        self.assert_fails(self.storage.open_read(("p", "f")), NotFound)
        self.assert_fails(copy_file(self.storage, ("p", "f"), ("d", "copy")), NotFound)
        self.assert_fails(self.storage.open_read(("d", "sub")), IsADirectory)

    def test_free_space(self) -> None:
        """The room in a directory is told to who may list or store there."""
        storage: Any = self.storage
        for rights in ("list", "write", "append", "overwrite"):
            self.permit(f"/d={rights}")
            self.assertGreater(self.result(storage.free_space(("d",))), 0)
        for rights in ("none", "read,delete,rename"):
            self.permit(f"/d={rights}")
            self.assert_fails(storage.free_space(("d",)), PermissionDenied)

    def test_ph20_discretion(self) -> None:
        """PH20: errors that tell that something is there, or what it is, are for who may look."""
        storage: Any = self.storage
        rights = "write,append,overwrite,delete,rename,mkdir,attributes"
        calls = (
            (lambda: storage.make_directory(("d", "f")), AlreadyExists),
            (lambda: storage.make_directory(("d", "f", "x")), NotADirectory),
            (lambda: storage.remove_directory(("d", "f")), NotADirectory),
            (lambda: storage.remove_directory(("d", "e")), DirectoryNotEmpty),
            (lambda: storage.remove_file(("d", "sub")), IsADirectory),
            (lambda: storage.open_write(("d", "sub")), IsADirectory),
            (lambda: storage.open_write(("d", "f"), exclusive=True), AlreadyExists),
            (lambda: storage.open_write(("d", "f"), offset=11), OffsetBeyondEnd),
            (lambda: storage.begin_upload(("d", "sub"), "alice"), IsADirectory),
            (lambda: storage.begin_upload(("d", "f"), "alice", exclusive=True), AlreadyExists),
            (lambda: storage.continue_upload(("d", "sub"), "alice", 4), IsADirectory),
            (lambda: storage.partial_size(("d", "f", "x"), "alice"), NotADirectory),
            (lambda: storage.discard_partial(("d", "f", "x"), "alice"), NotADirectory),
            (lambda: storage.rename(("d", "f"), ("d", "sub")), IsADirectory),
            (lambda: storage.free_space(("d", "f")), NotADirectory),
            (lambda: storage.set_mode(("d", "f", "x"), 0o600), NotADirectory),
            (lambda: storage.set_modified(("d", "f", "x"), 1.0), NotADirectory),
            (lambda: storage.set_created(("d", "f", "x"), 1.0), NotADirectory),
        )
        self.make_directory(("d", "e"))
        self.put(("d", "e", "x"), b"")
        for call, told in calls:
            self.permit()
            self.assert_fails(call(), told)
            self.permit(f"/d={rights}")
            self.assert_fails(call(), PermissionDenied)
        self.permit("/=none", "/d/f=all")
        self.assert_fails(storage.make_directory(("d", "f", "x")), PermissionDenied)


class StoringTests(PermittedCase):
    """Which rights it takes to store a file."""

    # The rights, how much is kept, and whether it can be stored: a new file, one over another.
    TABLE: tuple[tuple[str, int | None, bool, bool], ...] = (
        ("write", 0, True, False),
        ("overwrite", 0, False, True),
        ("append", 0, False, False),
        ("write,append", 0, True, False),
        ("write,overwrite", 0, True, True),
        ("list,read,delete,rename,mkdir,attributes", 0, False, False),
        ("write", None, True, False),
        ("overwrite", None, False, True),
        ("append", None, False, True),
        ("write,append", None, True, True),
        ("list,read,delete,rename,mkdir,attributes", None, False, False),
        ("write", 4, False, False),
        ("overwrite", 4, False, True),
        ("append", 4, False, False),
        ("write,append", 4, False, False),
        ("write,overwrite", 4, False, True),
    )

    def test_table(self) -> None:
        """A new name takes write, one that is taken overwrite, or to go on behind its end append."""
        for looks in ("", ",list,read"):
            for rights, offset, new, over in self.TABLE:
                self.permit(f"/d={rights}{looks}")
                for name, stored in (("new", new), ("f", over)):
                    before = self.inside(("d", name))
                    told = self.result(self.refusal(("d", name), b"x", offset))
                    expected = (before or b"")[:offset] + b"x" if stored else before
                    self.assertEqual((told is None, self.inside(("d", name))), (stored, expected), (rights, offset))
                    if not looks and not stored:
                        self.assertIs(told, PermissionDenied)
                self.permit()
                self.put(("d", "f"), _OLD)
                if new:
                    self.result(self.storage.remove_file(("d", "new")))

    def test_exclusive(self) -> None:
        """Where only new names may be stored, nobody's file is replaced, however late it comes."""
        self.permit("/d=write")
        storage: Any = self.storage
        for begin in (
            lambda: self.storage.open_write(("d", "new")),
            lambda: self.storage.open_write(("d", "new"), offset=None),
            lambda: storage.begin_upload(("d", "new"), "alice"),
        ):
            file = self.result(begin())
            self.result(file.write(b"late"))
            self.storage = self.inner
            self.put(("d", "new"), b"early")
            self.storage = storage
            self.assert_fails(file.commit(), PermissionDenied)
            self.assertEqual(self.inside(("d", "new")), b"early")
            self.result(self.inner.remove_file(("d", "new")))

    def test_rights_taken_away(self) -> None:
        """An upload is published only if that is still allowed then, and else leaves nothing."""
        self.permit("/d=write,overwrite")
        for path, left in ((("d", "f"), "write"), (("d", "new"), "list,read"), (("d", "new"), "none")):
            self.permit("/d=write,overwrite")
            file = self.result(self.storage.open_write(path))
            self.result(file.write(b"x"))
            self.permit(f"/d={left}")
            self.assert_fails(file.commit(), PermissionDenied)
            self.result(file.abort())
        self.assertEqual((self.inside(("d", "f")), self.inside(("d", "new"))), (_OLD, None))
        self.permit("/d=write")
        self.put(("d", "new"), b"x")
        self.assertEqual(self.inside(("d", "new")), b"x")

    def test_partial_uploads(self) -> None:
        """One's own upload is continued by who may store there; where that may not be, nothing is told of it."""
        partials: Any = self.storage
        path = ("d", "new")
        self.permit("/d=write")
        self.leave(path=path)
        self.assertEqual((self.kept(path), self.result(partials.kept_octets("alice", path))), (10, 10))
        self.permit("/d=look,mkdir")
        self.assertIsNone(self.kept(path))
        self.assertFalse(self.discard(path))
        self.assert_fails(partials.continue_upload(path, "alice", 4), PermissionDenied)
        self.permit("/d=delete")
        self.assertIsNone(self.kept(path))
        self.permit("/d=write")
        self.assert_fails(partials.continue_upload(path, "alice", 11), OffsetBeyondEnd)
        file = self.resume(4, path)
        self.assertTrue(IPartialFile.providedBy(file))
        self.result(file.suspend())
        self.result(self.resume(None, path).commit())
        self.assertEqual(self.inside(path), _OLD[:4])
        self.assertIsNone(self.result(partials.continue_upload(("d", "other"), "alice", None)))

    def test_partial_over_another(self) -> None:
        """Where only new names may be stored, an upload does not go on where somebody else's file has the name."""
        path = ("d", "new")
        self.permit("/d=write")
        self.leave(path=path)
        self.storage, permitted = self.inner, self.storage
        self.put(path, b"theirs")
        self.storage = permitted
        for offset in (4, None):
            self.assert_fails(self.ability(IPartialUploads).continue_upload(path, "alice", offset), PermissionDenied)
        self.assertTrue(self.discard(path))
        self.assertEqual(self.inside(path), b"theirs")
        self.permit("/d=delete")
        self.assertFalse(self.discard(path))
        self.tidy(0.0)

    def test_copy(self) -> None:
        """A copy takes read here, and there what a new content takes."""
        storage: Any = self.storage
        for rights, new, over in (("write", True, False), ("overwrite", False, True), ("append,list", False, False)):
            self.permit(f"/e={rights}", "/d=read")
            self.storage = self.inner
            self.put(("e", "f"), b"old")
            self.storage = storage
            for name, copied, before in (("new", new, None), ("f", over, b"old")):
                if copied:
                    self.result(storage.copy(("d", "f"), ("e", name)))
                else:
                    self.assert_fails(storage.copy(("d", "f"), ("e", name)), PermissionDenied)
                self.assertEqual(self.inside(("e", name)), _OLD if copied else before)
            if new:
                self.result(self.inner.remove_file(("e", "new")))
        self.permit("/d=none")
        self.assert_fails(storage.copy(("d", "f"), ("p", "f")), NotFound)


class ChangingTests(PermittedCase):
    """Which rights it takes to change what is there."""

    def test_one_right_each(self) -> None:
        """Each change takes its right, and no other one will do."""
        storage: Any = self.storage
        changes = (
            (lambda: storage.make_directory(("d", "new")), Right.MAKE_DIRECTORY),
            (lambda: storage.remove_directory(("d", "new")), Right.DELETE),
            (lambda: storage.set_mode(("d", "f"), 0o600), Right.SET_ATTRIBUTES),
            (lambda: storage.set_modified(("d", "f"), 1.0), Right.SET_ATTRIBUTES),
            (lambda: storage.set_created(("d", "f"), 1.0), Right.SET_ATTRIBUTES),
            (lambda: storage.rename(("d", "f"), ("d", "g")), Right.RENAME),
            (lambda: storage.remove_file(("d", "g")), Right.DELETE),
        )
        names = {Right.MAKE_DIRECTORY: "mkdir", Right.DELETE: "delete", Right.RENAME: "rename"}
        for change, right in changes:
            name = names.get(right, "attributes")
            others = {"look", "write", "append", "overwrite", "delete", "rename", "mkdir", "attributes"} - {name}
            self.permit(f"/d={','.join(others)}")
            self.assert_fails(change(), PermissionDenied)
            self.permit(f"/d={name}")
            self.result(change())

    def test_hidden(self) -> None:
        """A hidden name can be given to nothing, and nothing can be done with one."""
        storage: Any = self.storage
        self.permit(hidden=("*.hid",))
        for call in (
            storage.make_directory(("x.hid",)),
            storage.open_write(("x.hid",)),
            storage.open_write(("x.hid", "below")),
            storage.rename(("d", "f"), ("d", "x.hid")),
            storage.rename(("d", "x.hid"), ("d", "g")),
            storage.copy(("d", "f"), ("d", "x.hid")),
        ):
            self.assert_fails(call, PermissionDenied)
        self.assertEqual(self.inside(("d", "f")), _OLD)

    def test_replacing(self) -> None:
        """What is replaced by a new name takes overwrite or delete, and a directory delete."""
        for rights, files, directories in (
            ("rename,list", False, False),
            ("rename", False, False),
            ("rename,overwrite", True, False),
            ("rename,delete", True, True),
        ):
            refused = AlreadyExists if "list" in rights else PermissionDenied
            self.permit()
            for path in (("d", "one"), ("d", "two")):
                self.make_directory(path)
            self.put(("d", "g"), b"g")
            self.permit(f"/d={rights}")
            for allowed, source, destination in ((files, "g", "f"), (directories, "one", "two")):
                call = self.storage.rename(("d", source), ("d", destination))
                if allowed:
                    self.result(call)
                else:
                    self.assert_fails(call, refused)
            self.result(self.storage.rename(("d", "sub"), ("d", "sub")))
            self.assertEqual(self.inside(("d", "f")), b"g" if files else _OLD)
            self.permit()
            self.put(("d", "f"), _OLD)
            for name in self.names(("d",)):
                if name in {"one", "two"}:
                    self.result(self.storage.remove_directory(("d", name)))

    def test_nothing_gained(self) -> None:
        """PH20: nothing is moved to where more may be done with it."""
        every = ("list", "read", "append", "overwrite", "delete", "attributes")
        for gained in every:
            less = [right for right in every if right != gained]
            self.permit(f"/d=rename,{','.join(less)}", "/e=all")
            self.assert_fails(self.storage.rename(("d", "f"), ("e", "f")), PermissionDenied)
        self.assertEqual(self.inside(("d", "f")), _OLD)
        # Files do not have what only directories have.
        self.permit("/d=rename," + ",".join(every), "/e=all")
        self.assert_fails(self.storage.rename(("d", "sub"), ("e", "sub")), PermissionDenied)
        self.result(self.storage.rename(("d", "f"), ("e", "f")))
        self.permit("/e=all", "/d=rename,look")
        self.result(self.storage.rename(("e", "f"), ("d", "f")))
        self.assertEqual(self.inside(("d", "f")), _OLD)

    def test_boundaries(self) -> None:
        """PH20: no directory is moved, or replaced, that rules of their own hold for or in."""
        self.permit("/d/sub=none", "/e/x/y=read")
        self.make_directory(("e", "x"))
        for source, destination in (
            (("d",), ("z",)),
            (("p",), ("d",)),
            (("p",), ("e", "x", "y")),
            (("e", "x"), ("z",)),
        ):
            self.assert_fails(self.storage.rename(source, destination), PermissionDenied)
        self.result(self.storage.rename(("p",), ("e", "p")))
        self.assertEqual(self.inside(("e", "p", "f")), _OLD)

    def test_rename_errors(self) -> None:
        """What is not there cannot be renamed, nor can anything below a file be the new name."""
        self.assert_fails(self.storage.rename(("d", "none"), ("d", "g")), NotFound)
        self.assert_fails(self.storage.rename(("d", "f"), ("p", "f", "g")), NotADirectory)
        self.assert_fails(self.storage.rename(("d", "f"), ("none", "g")), NotFound)


class LocalPermittedTests(PermittedCase):
    """The same in a directory, where files have descriptors and there are links."""

    def make_inner(self) -> IStorage:
        """An empty directory."""
        self.root = new_directory(self)
        return open_local(self.root, InlinePool()).without_links()

    def test_files(self) -> None:
        """Files have the abilities that they have without rights."""
        storage: Any = self.storage
        for begin in (storage.open_write(("d", "new")), storage.begin_upload(("d", "new"), "alice")):
            file = self.result(begin)
            for ability in (IFileDescriptor, IStagedDescriptor, IDurableFile, IPartialFile):
                self.assertTrue(ability.providedBy(file), ability)
            file.prepare()
            os.pwrite(file.fileno(), b"abc", 0)
            self.assertEqual(self.result(file.commit_durably()).size, 3)
            self.assertEqual(self.inside(("d", "new")), b"abc")

    def test_links(self) -> None:
        """A link takes write and attributes to make; it is seen, and leads nowhere."""
        storage: Any = self.storage
        for rights in ("write,look", "attributes,look"):
            self.permit(f"/d={rights}")
            self.assert_fails(storage.make_link(("d", "l"), "../p/f"), PermissionDenied)
        self.permit("/d=write,attributes,list", "/p=none")
        self.result(storage.make_link(("d", "l"), "../p/f"))
        self.assert_fails(storage.make_link(("d", "l"), "x"), AlreadyExists)
        self.assertEqual(self.result(self.storage.stat(("d", "l"))).kind, Kind.LINK)
        self.permit("/p=none")
        self.assert_fails(self.storage.open_read(("d", "l")), NotFound)
        self.assert_fails(storage.copy(("d", "l"), ("d", "copy")), NotFound)
