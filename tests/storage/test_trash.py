"""Tests of ftpx.storage.trash."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.errors import (
    ConfigurationError,
    FileChanged,
    IsADirectory,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
)
from ftpx.interfaces import (
    IDurableFile,
    IFileDescriptor,
    IRights,
    IStagedDescriptor,
    IStorage,
    IStoragePlugin,
    ISubtrees,
    ITidied,
    IVersions,
    Path,
    Right,
)
from ftpx.storage.forwarding import ForwardingStorage
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.mounted import MountedStorage
from ftpx.storage.prefixed import subtree
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.storage.trash.bin import Bin
from ftpx.storage.trash.names import LONGEST_STEMS, Kept, directory_name, origin, parse_kept
from ftpx.storage.trash.plugin import plugin
from ftpx.storage.trash.storage import TrashStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import PartialsCase
from tests.storage.directories import new_directory
from tests.storage.trees import tree_of

# 2026-01-02 03:04:05 UTC
_NOW = 1_767_323_045.5
_DAY = 86400
_T = (".trash",)


class NamesTests(SynchronousTestCase):
    """The names of versions."""

    def test_text(self) -> None:
        """A name is the one that it was, and when it went."""
        kept = Kept("report.pdf", _NOW, "8c1f03ab22d4")
        self.assertEqual(kept.text(220), "report.pdf~20260102-030405-8c1f03ab22d4")
        self.assertEqual(parse_kept(kept.text(220)), Kept("report.pdf", float(int(_NOW)), "8c1f03ab22d4"))

    def test_no_version(self) -> None:
        """Other names are none of versions."""
        for name in ("", "a", "a~", "~20260102-030405-8c1f03ab22d4", "a~20269902-030405-8c1f03ab22d4", "a~1-2"):
            self.assertIsNone(parse_kept(name))

    @given(st.text(min_size=1, max_size=300))
    def test_long(self, name: str) -> None:
        """PH12: the name of a version is never too long, and long ones have their beginning and end."""
        kept = Kept(name.encode("utf-8", "ignore").decode() or "x", _NOW, "8c1f03ab22d4")
        for longest in LONGEST_STEMS:
            text = kept.text(longest)
            found = parse_kept(text)
            assert found is not None
            self.assertLessEqual(len(text.encode()), longest + 29)
            if len(kept.name.encode()) <= longest:
                self.assertEqual(found.name, kept.name)

    @given(st.lists(st.sampled_from(["a", "~", "~20260102-030405-8c1f03ab22d4"]), min_size=1, max_size=6))
    def test_directories(self, parts: list[str]) -> None:
        """No directory in the trash has a name that a version can have, and each tells where it was."""
        name = "".join(["d", *parts])
        there = directory_name(name)
        self.assertIsNone(parse_kept(there))
        self.assertEqual(origin((there,)), (name,))
        self.assertEqual(origin((there, Kept(name, _NOW, "8c1f03ab22d4").text(220))), (name, name))


class TrashCase(PartialsCase, SynchronousTestCase):
    """A directory with a trash, a clock that is set by hand, and names that count."""

    def make_inner(self) -> IStorage:
        """What the trash is in."""
        self.root = new_directory(self)
        return open_local(self.root, InlinePool())

    def make_storage(self) -> IStorage:
        """A trash of three days."""
        self.now = _NOW
        numbers = count()
        self.inner = self.make_inner()
        self.trash = Bin(_without_links(self.inner), ".trash", lambda: self.now, lambda: f"{next(numbers):012x}")
        return TrashStorage(self.inner, self.trash, 3 * _DAY, most=self.most)

    most: int | None = None

    def remove(self, *path: str) -> None:
        """Delete a file."""
        self.result(self.storage.remove_file(path))

    def kept(self, *path: str) -> dict[str, bytes]:  # type: ignore[override] # the partials are not looked at here
        """The content of all versions below a directory of the trash, by where they were."""
        versions = IVersions(self.storage)
        found: dict[str, bytes] = {}
        try:
            tree = self.result(tree_of(self.storage, (".trash", *path)))
        except self.failureException:
            return {}
        for place, content in tree.items():
            if content is not None:
                where = versions.origin(place)
                assert where is not None
                found["/".join(where)] = content
        return found

    def only(self, *path: str) -> Path:
        """The path of the only version in a directory of the trash."""
        directory = (".trash", *path)
        (name,) = self.names(directory)
        return (*directory, name)


def _without_links(storage: IStorage) -> IStorage:
    return storage.without_links() if hasattr(storage, "without_links") else storage


class TrashTests(TrashCase):
    """What is kept, and how it comes back."""

    def test_provides(self) -> None:
        """It is a storage with rights and subtrees."""
        for interface in (IStorage, IRights, ISubtrees, ITidied, IVersions):
            verifyObject(interface, self.storage)

    def test_nothing_kept(self) -> None:
        """As long as nothing is kept, there is no trash."""
        self.put(("a",), b"1")
        self.assertEqual(self.names(), ["a"])
        self.assert_missing(_T)
        self.assert_listing_fails(_T, NotFound)

    def test_deleted(self) -> None:
        """A deleted file is found under the path that it had, with its content, time and permissions."""
        self.make_directory(("d",))
        self.put(("d", "a"), b"abc")
        before = self.result(self.storage.stat(("d", "a")))
        self.remove("d", "a")
        self.assertEqual(self.names(), [".trash", "d"])
        path = self.only("d")
        self.assertEqual(path[-1], "a~20260102-030405-000000000000")
        entry = self.result(self.storage.stat(path))
        self.assertEqual((entry.identity, entry.size, entry.modified), (before.identity, 3, before.modified))
        self.assertEqual(self.get(path), b"abc")

    def test_restored(self) -> None:
        """It is moved out of the trash; what is in the way is kept in its turn."""
        self.put(("a",), b"1")
        self.remove("a")
        self.put(("a",), b"2")
        self.result(self.storage.rename(self.only(), ("a",)))
        self.assertEqual((self.get(("a",)), self.kept()), (b"1", {"a": b"2"}))
        self.result(self.storage.rename(self.only(), ("b",)))
        self.assertEqual((self.get(("b",)), self.names(_T)), (b"2", []))
        self.result(ITidied(self.storage).tidy())
        self.assertEqual(self.names(), ["a", "b"])

    def test_replaced(self) -> None:
        """What is replaced is kept: by an upload, a continued one, a rename and a copy."""
        storage: Any = self.storage
        mode = 0o640
        self.put(("a",), b"1")
        self.result(storage.set_mode(("a",), mode))
        self.put(("a",), b"2")
        self.assertEqual(self.result(self.storage.stat(self.only())).mode, mode)
        self.put(("a",), b"3", offset=None)
        self.publish(b"4")
        self.put(("b",), b"5")
        self.result(storage.rename(("b",), ("a",)))
        self.put(("b",), b"6")
        self.result(storage.copy(("b",), ("a",)))
        contents = sorted(self.get((*_T, name)) for name in self.names(_T))
        self.assertEqual(contents, [b"1", b"2", b"23", b"4", b"5"])
        self.assertEqual(self.get(("a",)), b"6")

    def test_nothing_replaced(self) -> None:
        """What fails, or replaces nothing, leaves nothing in the trash."""
        self.put(("a",), b"1")
        self.put(("b",), b"2", exclusive=True)
        self.result(self.storage.rename(("a",), ("a",)))
        target = self.result(self.storage.open_write(("a",), offset=None))
        self.put(("a",), b"3")
        self.assertEqual(len(self.names(_T)), 1)
        self.assert_fails(target.commit(), FileChanged)
        self.make_directory(("d",))
        self.assert_fails(self.storage.rename(("a",), ("d",)), IsADirectory)
        self.assert_fails(self.storage.rename(("none",), ("a",)), NotFound)
        self.result(self.storage.rename(("b",), ("c",)))
        self.result(self.storage.remove_directory(("d",)))
        self.result(self.result(self.storage.open_write(("a",))).abort())
        self.assertEqual(len(self.names(_T)), 1)

    def test_read_only(self) -> None:
        """What is in the trash is read and moved out, and not changed, removed or added to."""
        storage: Any = self.storage
        self.make_directory(("d",))
        self.put(("d", "a"), b"abc")
        self.remove("d", "a")
        self.put(("b",), b"x")
        version = self.only("d")
        for path in (_T, (*_T, "d"), version, (*_T, "new"), (*_T, "none", "new")):
            for call in (
                storage.open_write(path),
                storage.open_write(path, offset=None),
                storage.begin_upload(path, "alice"),
                storage.continue_upload(path, "alice", None),
                storage.make_directory(path),
                storage.remove_directory(path),
                storage.remove_file(path),
                storage.rename(("b",), path),
                storage.rename(version, path),
                storage.copy(("b",), path),
                storage.make_link(path, "b"),
                storage.set_mode(path, 0o600),
                storage.set_modified(path, 1.0),
            ):
                self.assert_fails(call, PermissionDenied)
            self.assertIsNone(self.result(storage.partial_size(path, "alice")))
            self.assertFalse(self.result(storage.discard_partial(path, "alice")))
            self.assertEqual(self.result(storage.kept_octets("alice", path)), 0)
            self.assert_fails(storage.subtree(path), PermissionDenied)
        for path in (_T, (*_T, "d")):
            self.assert_fails(storage.rename(path, ("c",)), PermissionDenied)
        self.assertEqual(self.kept(), {"d/a": b"abc"})
        self.result(storage.copy(version, ("copied",)))
        self.assertEqual((self.get(("copied",)), self.kept()), (b"abc", {"d/a": b"abc"}))
        self.assertEqual(self.result(storage.free_space(_T)), 0)

    def test_rights(self) -> None:
        """Clients are told so."""
        rights = IRights(self.storage).rights
        self.assertEqual((rights(()), rights(("a",))), (Right.ALL, Right.ALL))
        self.assertEqual((rights(_T), rights((*_T, "x"))), (Right.LIST, Right.LOOK | Right.RENAME))
        read_only = TrashStorage(ReadOnlyStorage(self.inner), self.trash, 1.0)
        self.assertEqual(
            (read_only.rights(("a",)), read_only.rights((*_T, "x"))), (Right.LOOK, Right.LOOK | Right.RENAME)
        )

    def test_descriptors(self) -> None:
        """Files keep their descriptors, so that the kernel moves their octets."""
        self.put(("a",), b"1")
        self.remove("a")
        self.put(("a",), b"2")
        for path in (("a",), self.only()):
            file = self.result(self.storage.open_read(path))
            self.assertTrue(IFileDescriptor.providedBy(file))
            file.close()
        upload = self.result(self.storage.open_write(("a",)))
        for kind in (IStagedDescriptor, IDurableFile):
            self.assertTrue(kind.providedBy(upload))
        self.result(upload.abort())

    def test_names_like_versions(self) -> None:
        """A directory with the name of a version is in nobody's way."""
        self.put(("a",), b"1")
        self.remove("a")
        name = self.only()[-1]
        self.make_directory((name,))
        self.put((name, "b"), b"2")
        self.remove(name, "b")
        self.put((name, "b"), b"3")
        self.assertEqual(self.kept(), {"a": b"1", f"{name}/b": b"2"})

    def test_links(self) -> None:
        """Of a link the link is kept when it is deleted, and what it leads to when that is replaced."""
        storage: Any = self.storage
        self.make_directory(("d",))
        self.put(("d", "a"), b"1")
        self.result(storage.make_link(("l",), "d/a"))
        self.result(storage.make_link(("way",), "d"))
        self.put(("l",), b"2")
        self.assertEqual((self.get(("d", "a")), self.kept()), (b"2", {"l": b"1"}))
        self.remove("way", "a")
        self.assertEqual(self.kept()["way/a"], b"2")
        self.assert_missing(("d", "a"))
        self.remove("l")
        self.remove("way")
        self.assertEqual(self.names(), [".trash", "d"])
        self.result(storage.make_link(("in",), ".trash"))
        self.remove("in", *self.only("way")[1:])
        self.assertIn(b"2", self.kept().values())

    def test_one_step(self) -> None:
        """CR: the old version is in the trash before the new one takes its place, also if it is not certain to."""

        class Vague(ForwardingStorage):
            async def rename(self, source: Path, destination: Path) -> None:
                raise OutcomeUnknown("no answer in time")

        self.put(("a",), b"1")
        self.put(("b",), b"2")
        vague = TrashStorage(Vague(self.inner), self.trash, 1.0)
        self.assert_fails(vague.rename(("b",), ("a",)), OutcomeUnknown)
        self.assertEqual((self.get(("a",)), self.kept()), (b"1", {"a": b"1"}))

    def test_homes(self) -> None:
        """Each home has a trash of its own: what was lost from there, and nothing of others."""
        for name in ("alice", "bob"):
            self.make_directory((name,))
        whole = self.storage
        homes = {name: self.result(subtree(whole, (name,))) for name in ("alice", "bob")}
        for name, home in homes.items():
            self.storage = home
            self.put(("a",), name.encode())
            self.remove("a")
        for name, home in homes.items():
            self.storage = home
            self.assertEqual((self.names(), self.kept()), ([".trash"], {"a": name.encode()}))
            self.assert_missing((*_T, "alice"))
            self.result(home.rename(self.only(), ("back",)))
            self.assertEqual(self.get(("back",)), name.encode())
        self.storage = whole
        self.assertEqual(self.kept(), {})

    def test_shadowed(self) -> None:
        """What has the name of the trash in a home is not seen there."""
        os.makedirs(os.path.join(self.root, "home", ".trash", "x"))
        self.storage = self.result(subtree(self.storage, ("home",)))
        self.assertEqual(self.names(), [])
        self.assert_missing((*_T, "x"))


class TidyingTests(TrashCase):
    """What goes from the trash."""

    most = 10

    def tidied(self) -> dict[str, bytes]:
        """What is left when it was tidied."""
        self.result(ITidied(self.storage).tidy())
        return self.kept()

    def lose(self, name: str, content: bytes = b"x") -> None:
        """Store and delete a file."""
        path = tuple(name.split("/"))
        for length in range(1, len(path)):
            if path[:length][-1] not in self.names(path[: length - 1]):
                self.make_directory(path[:length])
        self.put(path, content)
        self.remove(*path)

    def test_expired(self) -> None:
        """A version goes when its time is over, and directories with the last one in them."""
        self.lose("d/e/a")
        self.now += _DAY
        self.lose("d/b")
        self.now += 2 * _DAY - 1
        self.assertEqual(self.tidied(), {"d/e/a": b"x", "d/b": b"x"})
        self.now += 2
        self.assertEqual(self.tidied(), {"d/b": b"x"})
        self.assertEqual(self.names((*_T, "d"))[0][:2], "b~")
        self.now += _DAY
        self.assertEqual(self.tidied(), {})
        self.assertEqual(self.names(), ["d"])

    def test_most(self) -> None:
        """Of more than may be kept the oldest go, whatever they are called; of one hour no more than have to."""
        for number, name in enumerate(("z", "d/m", "a", "d/q", "b")):
            self.now = _NOW + number * 3600
            self.lose(name, bytes([number]) * 4)
        self.assertEqual(set(self.tidied()), {"d/q", "b"})
        for name in ("x1", "x2", "x3"):
            self.lose(name, b"123")
        self.assertEqual(set(self.tidied()), {"x1", "x2", "x3"})
        self.lose("large", b"1" * 11)
        self.assertLessEqual(sum(map(len, self.tidied().values())), 10)

    def test_foreign(self) -> None:
        """What was not put there by the trash stays, and a clock that was wrong does no harm."""
        self.lose("a")
        with open(os.path.join(self.root, ".trash", "note"), "w") as note:
            note.write("x")
        with open(os.path.join(self.root, ".trash", "f~99990101-000000-0123456789ab"), "w") as version:
            version.write("y")
        self.now += 10 * _DAY
        self.result(ITidied(self.storage).tidy())
        self.assertEqual(self.names(_T), ["f~99990101-000000-0123456789ab", "note"])

    def test_links(self) -> None:
        """PH: tidying follows no link out of the trash."""
        self.lose("d/a")
        os.makedirs(os.path.join(self.root, "outside"))
        with open(os.path.join(self.root, "outside", "f~20200101-000000-0123456789ab"), "w") as precious:
            precious.write("x")
        os.symlink("../outside", os.path.join(self.root, ".trash", "way"))
        self.now += 10 * _DAY
        self.result(ITidied(self.storage).tidy())
        self.assertEqual(len(self.names(("outside",))), 1)

    def test_nothing(self) -> None:
        """Where there is no trash there is nothing to do; what is inside is tidied too."""
        tidied = []

        class Inner(MemoryStorage):
            async def tidy(self) -> None:
                tidied.append(1)

        self.assertEqual(self.tidied(), {})
        inner = MountedStorage(MemoryStorage(), {})
        self.result(TrashStorage(inner, Bin(inner, ".trash", lambda: 0.0, lambda: "0" * 12), 1.0).tidy())


class AcrossTests(TrashCase):
    """PH18: a trash of a tree in which others are mounted."""

    def make_inner(self) -> IStorage:
        """A storage in memory, in which a directory and something that nobody may change are mounted."""
        self.root = new_directory(self)
        closed = MemoryStorage()
        self.result(_stored(closed, ("f",)))
        return MountedStorage(
            MemoryStorage(), {("m",): open_local(self.root, InlinePool()), ("r",): ReadOnlyStorage(closed)}
        )

    def test_deleted(self) -> None:
        """What is deleted in a mounted storage is copied into the trash, and comes back to wherever."""
        self.put(("m", "a"), b"1")
        self.remove("m", "a")
        self.assertEqual((self.names(("m",)), self.kept()), ([], {"m/a": b"1"}))
        self.put(("m", "a"), b"2")
        self.put(("m", "a"), b"3")
        self.assertEqual(len(self.names((*_T, "m"))), 2)
        oldest = self.names((*_T, "m"))[0]
        self.result(self.storage.rename((*_T, "m", oldest), ("m", "back")))
        self.assertEqual((self.get(("m", "back")), self.kept()), (b"1", {"m/a": b"2"}))

    def test_refused(self) -> None:
        """What cannot be deleted is not kept either."""
        self.assert_fails(self.storage.remove_file(("r", "f")), PermissionDenied)
        self.assertEqual((self.get(("r", "f")), self.kept()), (b"x", {}))


async def _stored(storage: IStorage, path: Path) -> None:
    file = await storage.open_write(path)
    await file.write(b"x")
    await file.commit()


class PluginTests(SynchronousTestCase):
    """``trash:``"""

    def test_provides(self) -> None:
        """It is a plugin that says what it takes."""
        verifyObject(IStoragePlugin, plugin)
        self.assertEqual(plugin.argument_format, "[days=DAYS:][name=NAME:][max=SIZE:]STORAGE")
        for word in ("DAYS:", "NAME:", "SIZE:"):
            self.assertIn(word, plugin.help)

    def test_opens(self) -> None:
        """With all settings, and with none."""
        for arguments in ("memory:", "days=1:name=Papierkorb:max=10Gi:memory:", "max=5:memory:"):
            self.assertIsInstance(plugin.open_storage(arguments, InlinePool()), TrashStorage)

    def test_wrong(self) -> None:
        """What is wrong is said in a sentence."""
        for arguments, word in (
            ("days=0:memory:", "days"),
            ("days=x:memory:", "days"),
            ("days=99999:memory:", "days"),
            ("name=a/b:memory:", "folder"),
            ("name=..:memory:", "folder"),
            ("max=lots:memory:", "size"),
            ("day=3:memory:", "days, name, max"),
            ("days=3:days=4:memory:", "twice"),
            ("days=3", "storage"),
            ("nope:", "nope"),
        ):
            error = self.assertRaises(ConfigurationError, plugin.open_storage, arguments, InlinePool())
            self.assertIn(word, str(error))
