"""Tests of ftpx.storage.overlay."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.errors import (
    AlreadyExists,
    ConfigurationError,
    DirectoryNotEmpty,
    FileChanged,
    FileReplaced,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotFound,
    NotSupported,
)
from ftpx.interfaces import (
    IDurableFile,
    IFileDescriptor,
    IModes,
    IPartialUploads,
    IReadableFile,
    IStagedDescriptor,
    IStorage,
    IStoragePlugin,
    ISubtrees,
    ISymbolicLinks,
    ITidied,
    IWithoutLinks,
    Kind,
    Path,
)
from ftpx.storage.forwarding import ForwardingStorage
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.overlay import listing
from ftpx.storage.overlay.marks import PREFIX, is_reserved, mark_of
from ftpx.storage.overlay.plugin import plugin
from ftpx.storage.overlay.storage import OverlayStorage
from ftpx.storage.trash.plugin import open_trash
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import PartialsCase
from tests.storage.directories import new_directory
from tests.storage.test_wrappers import PlainStorage
from tests.storage.trees import populate, put, tree_of

_LOWER = {("a",): b"lower", ("d",): None, ("d", "b"): b"b", ("d", "e"): None, ("d", "e", "c"): b"c"}


class OverlayCase(PartialsCase, SynchronousTestCase):
    """Directories, of which the lower one has something."""

    def make_storage(self) -> IStorage:
        """Two directories."""
        self.roots = [new_directory(self) for _ in range(2)]
        self.upper, self.lower = (open_local(root, InlinePool()) for root in self.roots)
        self.result(populate(self.lower, _LOWER))
        return OverlayStorage(self.upper, self.lower)

    def tearDown(self) -> None:
        """Whatever was done, the lower storage is as it was."""
        self.assertEqual(self.result(tree_of(self.lower)), self.below())
        super().tearDown()

    def below(self) -> dict[Path, bytes | None]:
        """What the lower storage has."""
        return _LOWER

    def marks(self, *path: str) -> list[str]:
        """The marks in a directory of the upper storage."""
        return [name for name in os.listdir(os.path.join(self.roots[0], *path)) if name.startswith(PREFIX)]

    def tree(self) -> dict[Path, bytes | None]:
        """All that shows."""
        return self.result(tree_of(self.storage))


class OverlayTests(OverlayCase):
    """What shows, and what is changed."""

    def test_provides(self) -> None:
        """It is a storage with the abilities of the upper one."""
        verifyObject(IStorage, self.storage)
        self.assertTrue(IPartialUploads.providedBy(self.storage))
        for ability in (ISubtrees, IWithoutLinks):
            self.assertFalse(ability.providedBy(self.storage))
        plain = OverlayStorage(PlainStorage(MemoryStorage()), self.lower)
        self.assertFalse(IPartialUploads.providedBy(plain) or IModes.providedBy(plain))
        self.assertTrue(ITidied.providedBy(OverlayStorage(open_trash(MemoryStorage(), days=1), self.lower)))

    def test_descriptors(self) -> None:
        """Files keep their descriptors, so that the kernel moves their octets."""
        self.put(("new",), b"x")
        for path in (("a",), ("new",)):
            file = self.result(self.storage.open_read(path))
            self.assertTrue(IFileDescriptor.providedBy(file))
            file.close()
            upload = self.result(self.storage.open_write(path))
            for kind in (IStagedDescriptor, IDurableFile):
                self.assertTrue(kind.providedBy(upload))
            self.result(upload.abort())

    def test_reading(self) -> None:
        """Reading leaves nothing in the upper storage."""
        self.assertEqual(self.tree(), _LOWER)
        self.assert_missing(("d", "none"))
        self.assert_missing(("a", "none"))
        self.assert_listing_fails(("a",), NotADirectory)
        self.assertEqual(os.listdir(self.roots[0]), [])

    def test_removed(self) -> None:
        """What is removed does not show, nor does what was in it when a directory is made again."""
        self.result(self.storage.remove_file(("d", "e", "c")))
        self.result(self.storage.remove_file(("d", "b")))
        self.assert_fails(self.storage.remove_file(("d", "b")), NotFound)
        self.assert_fails(self.storage.remove_directory(("d",)), DirectoryNotEmpty)
        self.result(self.storage.remove_directory(("d", "e")))
        self.result(self.storage.remove_directory(("d",)))
        self.assertEqual(self.tree(), {("a",): b"lower"})
        self.assertEqual(os.listdir(self.roots[0]), self.marks())
        self.make_directory(("d",))
        self.assertEqual(self.names(("d",)), [])
        self.assert_missing(("d", "b"))
        self.make_directory(("d", "e"))
        self.put(("d", "b"), b"new")
        self.assertEqual(self.tree(), {("a",): b"lower", ("d",): None, ("d", "b"): b"new", ("d", "e"): None})

    def test_file_for_directory(self) -> None:
        """A file may take the place of a directory that was removed, and the other way round."""
        for path in (("d", "e", "c"), ("d", "b"), ("a",)):
            self.result(self.storage.remove_file(path))
        self.result(self.storage.remove_directory(("d", "e")))
        self.put(("d", "e"), b"file")
        self.make_directory(("a",))
        self.assertEqual(self.tree(), {("a",): None, ("d",): None, ("d", "e"): b"file"})
        self.assert_missing(("d", "e", "c"))
        self.assert_fails(self.storage.open_write(("d", "e", "x")), NotADirectory, NotFound)

    def test_attributes(self) -> None:
        """What is copied up keeps its time and permissions; so does what replaces it the latter."""
        storage: Any = self.storage
        os.chmod(os.path.join(self.roots[1], "a"), 0o640)
        os.chmod(os.path.join(self.roots[1], "d"), 0o750)
        os.utime(os.path.join(self.roots[1], "a"), (1e9, 1e9))
        self.result(storage.rename(("a",), ("a2",)))
        entry = self.result(storage.stat(("a2",)))
        self.assertEqual((entry.mode, entry.modified), (0o640, 1e9))
        os.chmod(os.path.join(self.roots[1], "d", "b"), 0o600)
        entry = self.put(("d", "b"), b"new")
        self.assertEqual(entry, self.result(storage.stat(("d", "b"))))
        self.assertEqual((entry.mode, self.result(storage.stat(("d",))).mode), (0o600, 0o750))
        self.result(storage.set_modified(("d", "e", "c"), 5.0))
        self.result(storage.set_mode(("d", "e"), 0o700))
        self.assertEqual(self.result(storage.stat(("d", "e", "c"))).modified, 5.0)
        self.assertEqual(self.get(("d", "e", "c")), b"c")

    def test_renamed_directory(self) -> None:
        """A directory is moved with all that shows in it, also where another one was."""
        self.put(("d", "new"), b"new")
        self.result(self.storage.remove_file(("d", "b")))
        self.result(self.storage.rename(("d",), ("x",)))
        tree = {("a",): b"lower", ("x",): None, ("x", "e"): None, ("x", "e", "c"): b"c", ("x", "new"): b"new"}
        self.assertEqual(self.tree(), tree)
        self.make_directory(("d",))
        self.result(self.storage.rename(("x",), ("d",)))
        self.assertEqual(self.names(("d",)), ["e", "new"])
        self.assertEqual(self.names(), ["a", "d"])

    def test_onto_removed(self) -> None:
        """What is moved to where a directory of the lower storage was does not take over what was in that."""
        self.make_directory(("other",))
        for path in (("d", "e", "c"), ("d", "b")):
            self.result(self.storage.remove_file(path))
        self.result(self.storage.remove_directory(("d", "e")))
        self.assert_fails(self.storage.rename(("a",), ("d",)), IsADirectory)
        self.result(self.storage.rename(("other",), ("d",)))
        self.assertEqual(self.tree(), {("a",): b"lower", ("d",): None})

    def test_reserved(self) -> None:
        """PH: the names of marks are seen by nobody, and cannot be used; whoever has put them anywhere."""
        storage: Any = self.storage
        self.result(storage.remove_file(("a",)))
        mark = mark_of(("a",))
        for path in (mark, (*mark, "x"), ("d", f"{PREFIX}x")):
            self.assertTrue(is_reserved(path))
            for call in (
                storage.open_write(path),
                storage.begin_upload(path, "alice"),
                storage.continue_upload(path, "alice", 0),
                storage.make_directory(path),
                storage.make_link(path, "x"),
                storage.rename(("d",), path),
                storage.copy(("d", "b"), path),
            ):
                self.assert_fails(call, NameRefused)
            for call in (
                storage.stat(path),
                storage.open_read(path),
                storage.remove_file(path),
                storage.remove_directory(path),
                storage.rename(path, ("x",)),
                storage.copy(path, ("x",)),
                storage.set_mode(path, 0o700),
                storage.free_space(path),
                storage.partial_size(path, "alice"),
                storage.discard_partial(path, "alice"),
            ):
                self.assert_fails(call, NotFound)
            self.assert_listing_fails(path, NotFound)
        self.assertEqual(self.names(), ["d"])
        self.assert_missing(("a",))

    def test_long_names(self) -> None:
        """PH12: the longest names can be removed."""
        lower, name = MemoryStorage(), "é" * 127
        self.result(put(lower, (name,), b"x"))
        storage = OverlayStorage(self.upper, lower)
        self.result(storage.remove_file((name,)))
        self.assertEqual(self.result(tree_of(storage)), {})

    def test_links(self) -> None:
        """PH: links are shown, moved and removed, and lead nowhere: not into what was removed either."""
        storage: Any = self.storage
        self.result(self.lower.make_link(("l",), "a"))
        self.result(self.lower.make_link(("way",), "d"))
        self.addCleanup(os.unlink, os.path.join(self.roots[1], "l"))
        self.below = lambda: None  # type: ignore[assignment, method-assign, return-value] # more than there was
        self.tearDown = lambda: None  # type: ignore[method-assign] # so what there was need not be compared
        self.assertEqual(self.entries()["l"].kind, Kind.LINK)
        self.assert_fails(storage.open_read(("l",)), NotFound)
        self.assert_fails(storage.open_write(("way", "x")), NotFound)
        self.result(storage.rename(("l",), ("moved",)))
        entry = self.result(storage.stat(("moved",)))
        self.assertEqual((entry.kind, entry.target), (Kind.LINK, "a"))
        self.result(storage.remove_file(("way",)))
        self.assertEqual(self.names(), ["a", "d", "moved"])
        plain = OverlayStorage(MemoryStorage(), self.lower)
        self.assertFalse(ISymbolicLinks.providedBy(plain))
        self.assert_fails(plain.rename(("l",), ("moved",)), NotSupported)

    def test_listing(self) -> None:
        """Each entry is listed once, also where more are in the upper storage than are remembered."""
        upper, lower = MemoryStorage(), MemoryStorage()
        storage = OverlayStorage(upper, lower)
        for number in range(30):
            self.result(put(lower, (f"f{number:02}",), b"lower"))
        for number in range(10, 40):
            self.result(put(storage, (f"f{number:02}",), b"upper"))
        for number in range(5):
            self.result(storage.remove_file((f"f{number:02}",)))
        wanted = {(f"f{number:02}",): b"lower" if number < 10 else b"upper" for number in range(5, 40)}
        self.assertEqual(self.result(tree_of(storage)), wanted)
        with mock.patch.object(listing, "MOST_KNOWN", 3):
            self.assertEqual(self.result(tree_of(storage)), wanted)

    def test_removed_while_copied(self) -> None:
        """What is removed while it is being copied up does not come back."""

        class Slow(ForwardingStorage):
            waiting: Deferred[None] | None = None

            async def open_read(self, path: Path) -> IReadableFile:
                if self.waiting is not None:
                    await self.waiting
                return await self.inner.open_read(path)

        slow = Slow(self.lower)
        storage = OverlayStorage(self.upper, slow)
        self.storage = storage
        waiting: Deferred[None] = Deferred()
        slow.waiting = waiting
        renaming = Deferred.fromCoroutine(storage.rename(("a",), ("x",)))
        self.result(storage.remove_file(("a",)))
        self.assertNoResult(renaming)
        waiting.callback(None)
        self.failureResultOf(renaming, FileChanged)
        self.assertEqual(self.names(), ["d"])

    def test_free_space(self) -> None:
        """There is as much room as in the upper storage, in a directory that it does not have, too."""
        storage: Any = self.storage
        self.assertGreater(self.result(storage.free_space(("d", "e"))), 0)
        self.assert_fails(storage.free_space(("a",)), NotADirectory)


class UploadTests(OverlayCase):
    """Uploads that break off, where the lower storage has a file."""

    def test_going_on(self) -> None:
        """An upload that was to replace a file of the lower storage goes on by its offset, and not by APPE."""
        path = ("a",)
        self.leave(b"0123456789", path=path)
        self.assertEqual(self.get(path), b"lower")
        self.assertIsNone(super().kept(path))
        self.assert_fails(self.ability(IPartialUploads).continue_upload(path, "alice", None), FileReplaced)
        file = self.resume(4, path)
        self.write(file, b"x")
        self.result(file.commit())
        self.assertEqual(self.get(path), b"0123x")

    def test_removed(self) -> None:
        """It does not bring back a file that was removed meanwhile."""
        path = ("a",)
        self.leave(path=path)
        file = self.resume(4, path)
        self.result(self.storage.remove_file(path))
        self.assert_fails(file.commit(), FileChanged)
        self.assert_missing(path)

    def test_nothing_kept(self) -> None:
        """Nothing is kept in a directory that only the lower storage has; in one that is not there, less."""
        storage: Any = self.storage
        path = ("d", "e", "new")
        self.assertIsNone(super().kept(path))
        self.assertFalse(self.discard(path))
        self.assertEqual(self.result(storage.kept_octets("alice", path)), 0)
        self.assert_fails(storage.kept_octets("alice", ("none", "x")), NotFound)
        self.assertIsNone(self.result(storage.continue_upload(("a",), "alice", None)))
        self.put(("a",), b"er", offset=None)
        self.assertEqual(self.get(("a",)), b"lowerer")

    def test_exclusive(self) -> None:
        """A name that a file of the lower storage has is not free."""
        for call in (
            self.storage.open_write(("a",), exclusive=True),
            self.ability(IPartialUploads).begin_upload(("a",), "alice", exclusive=True),
        ):
            self.assert_fails(call, AlreadyExists)


class PluginTests(SynchronousTestCase):
    """``overlay:``"""

    def test_opens(self) -> None:
        """With a lower and an upper storage; the lower one may be an overlay."""
        verifyObject(IStoragePlugin, plugin)
        self.assertEqual(plugin.argument_format, "lower=[STORAGE]:STORAGE")
        for arguments in ("lower=[memory:]:memory:", "lower=[overlay:lower=[memory:]:memory:]:memory:"):
            self.assertIsInstance(plugin.open_storage(arguments, InlinePool()), OverlayStorage)

    def test_wrong(self) -> None:
        """What is wrong is said in a sentence."""
        for arguments, word in (
            ("memory:", "lower"),
            ("lower=[memory:]:overlay:lower=[memory:]:memory:", "lower=[overlay:"),
            ("lower=[memory:]:lower=[memory:]:memory:", "twice"),
            ("upper=[memory:]:memory:", "lower"),
            ("lower=[memory:", "bracket"),
            ("lower=[memory:]:", "storage"),
        ):
            error = self.assertRaises(ConfigurationError, plugin.open_storage, arguments, InlinePool())
            self.assertIn(word, str(error))
