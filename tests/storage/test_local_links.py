"""Tests of symbolic links in a local storage."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
from typing import Any

from ftpx.errors import (
    AlreadyExists,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotARegularFile,
    NotFound,
    PermissionDenied,
)
from ftpx.interfaces import IWithoutLinks, Kind
from tests.storage.local_case import LocalCase


class LinkTests(LocalCase):
    """Symbolic links, those that lead out above all."""

    def setUp(self) -> None:
        """Links that lead out, to a file and to a directory."""
        super().setUp()
        os.symlink(self.secret, self.path("absolute"))
        os.symlink("../secret", self.path("relative"))
        os.symlink("..", self.path("up"))

    def test_seen(self) -> None:
        """PH03: a link that leads out is an entry of its own kind, with its text."""
        for name, target in (("relative", "../secret"), ("absolute", self.secret), ("up", "..")):
            entry = self.result(self.storage.stat((name,)))
            self.assertEqual((entry.kind, entry.target, entry.name), (Kind.LINK, target, name))
        self.assertEqual({entry.kind for entry in self.entries().values()}, {Kind.LINK})

    def test_nothing_through_it(self) -> None:
        """PH03: nothing outside is read, written, changed, made or removed through a link."""
        storage: Any = self.storage
        before = os.stat(self.secret)
        for path in (("absolute",), ("relative",), ("up", "secret")):
            self.assert_fails(storage.open_read(path), PermissionDenied)
            self.assert_fails(storage.open_write(path), PermissionDenied)
            self.assert_fails(storage.open_write(path, offset=None), PermissionDenied)
            self.assert_fails(storage.set_modified(path, 0.0), PermissionDenied)
            self.assert_fails(storage.set_mode(path, 0o777), PermissionDenied)
            self.assert_fails(storage.copy(path, ("copy",)), PermissionDenied)
        for path in (("up", "new"), ("up", "root")):
            self.assert_fails(storage.make_directory(path), PermissionDenied)
            self.assert_fails(storage.remove_directory(path), PermissionDenied)
            self.assert_fails(storage.open_write(path, exclusive=True), PermissionDenied)
            self.assert_fails(storage.make_link(path, "x"), PermissionDenied)
        self.assert_fails(storage.remove_file(("up", "secret")), PermissionDenied)
        self.assert_fails(storage.rename(("up", "secret"), ("stolen",)), PermissionDenied)
        self.assert_fails(storage.subtree(("up",)), PermissionDenied)
        self.assert_fails(storage.free_space(("up",)), PermissionDenied)
        self.assert_listing_fails(("up",), PermissionDenied)
        after = os.stat(self.secret)
        self.assertEqual((after.st_mtime_ns, after.st_ctime_ns), (before.st_mtime_ns, before.st_ctime_ns))
        self.assertEqual(self.names(), ["absolute", "relative", "up"])

    def test_link_itself(self) -> None:
        """PH03: the link itself can be renamed and removed, and an upload can be kept from going over it."""
        self.result(self.storage.rename(("relative",), ("renamed",)))
        self.assert_fails(self.storage.open_write(("renamed",), exclusive=True), AlreadyExists)
        self.assert_fails(self.storage.remove_directory(("up",)), NotADirectory)
        for name in ("absolute", "renamed", "up"):
            self.result(self.storage.remove_file((name,)))
        self.assertEqual(self.names(), [])
        self.assertTrue(os.path.exists(self.secret))

    def test_moved_link(self) -> None:
        """PH05: a link that stayed inside does not lead out once its directory was moved upward."""
        os.makedirs(self.path("a", "b"))
        self.put(("secret",), b"inside")
        os.symlink("../../secret", self.path("a", "b", "link"))
        self.assertEqual(self.get(("a", "b", "link")), b"inside")
        self.result(self.storage.rename(("a", "b"), ("b",)))
        self.assert_fails(self.storage.open_read(("b", "link")), PermissionDenied)

    def test_made_link(self) -> None:
        """PH05: a link made through the storage confines as any other."""
        storage: Any = self.storage
        self.result(storage.make_link(("made",), "../secret"))
        self.assert_fails(storage.open_read(("made",)), PermissionDenied)
        self.assert_fails(storage.make_link((), "x"), AlreadyExists)
        for target in ("", "\0", "\ud800", "d/.ftpx-upload-1"):
            self.assert_fails(storage.make_link(("bad",), target), NameRefused)

    def test_write_through(self) -> None:
        """A file is replaced where a link leads to it, and the link stays."""
        os.mkdir(self.path("d"))
        self.put(("d", "file"), b"old")
        os.symlink("d/file", self.path("one"))
        os.symlink("../one", self.path("d", "two"))
        self.put(("d", "two"), b"new")
        self.assertEqual((self.get(("d", "file")), self.get(("one",))), (b"new", b"new"))
        self.assertTrue(os.path.islink(self.path("one")) and os.path.islink(self.path("d", "two")))
        self.put(("one",), b"er", offset=None)
        self.assertEqual(self.get(("d", "file")), b"newer")
        self.assertEqual(self.real_names("d"), ["file", "two"])

    def test_write_through_to_nothing(self) -> None:
        """A link to a name that is free inside makes the file there; one to no file or too many links fail."""
        os.symlink("new", self.path("one"))
        os.symlink("none/new", self.path("two"))
        os.symlink("self", self.path("self"))
        os.symlink("d/..", self.path("dots"))
        os.symlink(".ftpx-upload-1", self.path("hidden"))
        self.put(("one",), b"x")
        self.assertEqual(self.get(("new",)), b"x")
        self.assert_fails(self.storage.open_write(("two",)), NotFound)
        self.assert_fails(self.storage.open_write(("self",)), PermissionDenied)
        self.assert_fails(self.storage.open_write(("dots",)), IsADirectory)
        self.assert_fails(self.storage.open_write(("hidden",)), NotFound)

    def test_subtree(self) -> None:
        """PH05: nothing leads out of a subtree, not even to the storage that it is a part of."""
        os.mkdir(self.path("d"))
        self.put(("file",), b"x")
        os.symlink("../file", self.path("d", "link"))
        self.assertEqual(self.get(("d", "link")), b"x")
        storage: Any = self.storage
        inner = self.result(storage.subtree(("d",)))
        self.assert_fails(inner.open_read(("link",)), PermissionDenied)
        self.assertEqual(self.result(inner.stat(("link",))).kind, Kind.LINK)


class LinklessTests(LocalCase):
    """A local storage in which no link is followed."""

    def setUp(self) -> None:
        """Links to what is inside, and out."""
        super().setUp()
        os.makedirs(self.path("d", "sub"))
        self.put(("d", "f"), b"inside")
        for name, target in (("file", "d/f"), ("dir", "d"), ("out", self.secret), ("gone", "d/new")):
            os.symlink(target, self.path(name))
        self.linked = self.storage
        self.storage = IWithoutLinks(self.linked).without_links()

    def test_seen(self) -> None:
        """PH03: every link is an entry of its own kind, wherever it leads, and is listed so."""
        for name, target in (("file", "d/f"), ("dir", "d"), ("out", self.secret), ("gone", "d/new")):
            entry = self.result(self.storage.stat((name,)))
            self.assertEqual((entry.kind, entry.target, entry.name), (Kind.LINK, target, name))
            self.assertEqual(self.entries()[name].target, target)

    def test_nothing_behind(self) -> None:
        """PH03: whatever is done with what is behind a link finds nothing; the link is no file."""
        storage: Any = self.storage
        for name in ("file", "dir", "out", "gone"):
            for path in ((name,), (name, "f"), (name, "sub")):
                self.assert_fails(storage.open_read(path), NotFound)
                self.assert_fails(storage.set_modified(path, 0.0), NotFound)
                self.assert_fails(storage.set_mode(path, 0o777), NotFound)
                self.assert_fails(storage.copy(path, ("copy",)), NotFound)
                self.assert_fails(storage.subtree(path), NotFound)
                self.assert_fails(storage.free_space(path), NotFound)
                self.assert_listing_fails(path, NotFound)
            for path in ((name, "f"), (name, "new")):
                self.assert_missing(path)
                for call in (
                    storage.open_write(path),
                    storage.open_write(path, offset=None),
                    storage.open_write(path, exclusive=True),
                    storage.begin_upload(path, "alice"),
                    storage.continue_upload(path, "alice", None),
                    storage.partial_size(path, "alice"),
                    storage.discard_partial(path, "alice"),
                    storage.kept_octets("alice", path),
                    storage.make_directory(path),
                    storage.make_link(path, "x"),
                    storage.remove_file(path),
                    storage.remove_directory(path),
                    storage.rename(path, ("stolen",)),
                    storage.rename(("d", "f"), path),
                ):
                    self.assert_fails(call, NotFound)
            for call in (
                storage.open_write((name,)),
                storage.open_write((name,), offset=None),
                storage.begin_upload((name,), "alice"),
                storage.continue_upload((name,), "alice", 0),
                storage.copy(("d", "f"), (name,)),
            ):
                self.assert_fails(call, NotARegularFile)
        self.assertEqual((self.get(("d", "f")), self.names(("d",))), (b"inside", ["f", "sub"]))

    def test_replaced_meanwhile(self) -> None:
        """PH04: a link that takes the name while a file is written is replaced; what it leads to stays as it is."""
        file = self.result(self.storage.open_write(("new",)))
        self.result(file.write(b"x"))
        os.symlink("d/f", self.path("new"))
        self.result(file.commit())
        self.assertFalse(os.path.islink(self.path("new")))
        self.assertEqual((self.get(("new",)), self.get(("d", "f"))), (b"x", b"inside"))

    def test_link_itself(self) -> None:
        """The link can be renamed, replaced and removed."""
        self.result(self.storage.rename(("dir",), ("moved",)))
        self.put(("a",), b"a")
        self.result(self.storage.rename(("a",), ("file",)))
        for name in ("file", "moved", "out", "gone"):
            self.result(self.storage.remove_file((name,)))
        self.assertEqual((self.names(), self.names(("d",))), (["d"], ["f", "sub"]))

    def test_others_follow(self) -> None:
        """The storage that it was made of follows links as before."""
        self.storage = self.linked
        self.assertEqual((self.get(("file",)), self.get(("dir", "f"))), (b"inside", b"inside"))


class LinklessWalkTests(LinklessTests):
    """The same without openat2."""

    openat2 = False


class WalkLinkTests(LinkTests):
    """The same without openat2."""

    openat2 = False
