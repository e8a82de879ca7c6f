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
    NotFound,
    PermissionDenied,
)
from ftpx.interfaces import Kind
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


class WalkLinkTests(LinkTests):
    """The same without openat2."""

    openat2 = False
