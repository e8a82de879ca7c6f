"""Tests of ftpx.storage.filesystems.plugin and of what stands behind ``fsspec:``."""

# mypy: allow-untyped-calls

from __future__ import annotations

import importlib
import json
import os
import sys
import zipfile
from collections.abc import Awaitable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError, PermissionDenied
from ftpx.interfaces import Entry, IModes, IRights, IServerSideCopy, IStorage, ITimes, IWithoutLinks, Right
from ftpx.storage.filesystems.settings import FilesystemSettings, read_settings
from ftpx.storage.registry import open_storage
from ftpx.testing.pool import InlinePool
from tests.storage.directories import new_directory

__all__: list[str] = []


_T = TypeVar("_T")


async def _wait(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


class SettingsTests(SynchronousTestCase):
    """What stands behind ``fsspec:``."""

    def options(self, text: str, name: str = "options.json") -> str:
        """A file of options."""
        path = os.path.join(new_directory(self), name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_read(self) -> None:
        """Options come from a file in JSON or TOML, and are in no text."""
        for name, text in (("o.json", '{"password": "geheim"}'), ("o.toml", 'password = "geheim"')):
            found = read_settings(f"options={self.options(text, name)}:connections=3:sftp://host/a=b:c")
            self.assertEqual(found, FilesystemSettings("sftp://host/a=b:c", {"password": "geheim"}, 3))
            self.assertNotIn("geheim", repr(found))

    def test_url_alone(self) -> None:
        """A URL may be all; what stands before the at sign of some is no password."""
        for url in ("memory://", "sftp://user@host:22/d", "github://org:repo@main/", "zip://::file:///a.zip"):
            self.assertEqual(read_settings(url), FilesystemSettings(url))

    def test_password(self) -> None:
        """IL04: a password in a URL is refused, and is not repeated in the text."""
        for url in ("sftp://user:geheim@host/d", "smb://g;user:geheim@host/s", "zip://::ftp://u:geheim@h/a.zip"):
            error = self.assertRaises(ConfigurationError, read_settings, url)
            self.assertIn("password", str(error))
            self.assertNotIn("geheim", str(error))

    def test_wrong(self) -> None:
        """Each mistake is told."""
        number = self.options("5")
        broken = self.options("{geheim")
        toml = self.options("geheim", "a.toml")
        wrong = {
            "": "no storage",
            "/srv/ftp": "a URL is wanted",
            "colour=red:memory://": "knows no setting 'colour'",
            "connections=1:connections=2:memory://": "twice",
            "connections=0:memory://": "a number",
            "connections=101:memory://": "a number",
            "connections=x:memory://": "a number",
            "options=/nowhere/at/all:memory://": "cannot be read",
            f"options={number}:memory://": "an object",
            f"options={broken}:memory://": "not written in JSON",
            f"options={toml}:memory://": "not written in TOML",
        }
        for arguments, told in wrong.items():
            error = self.assertRaises(ConfigurationError, read_settings, arguments)
            self.assertIn(told, str(error))
            self.assertNotIn("geheim", str(error))


class PluginTests(SynchronousTestCase):
    """Which filesystems are opened, and what they can do."""

    def open(self, url: str) -> IStorage:
        """A storage of a URL."""
        return open_storage(f"fsspec:{url}", InlinePool())

    def result(self, awaitable: Awaitable[_T]) -> _T:
        """What an operation returns."""
        return self.successResultOf(Deferred.fromCoroutine(_wait(awaitable)))

    def archive(self) -> str:
        """An archive with a few things in it, hostile ones among them."""
        path = os.path.join(new_directory(self), "a.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("a.txt", "d/b.txt", "../out.txt", "/etc/passwd", "d/../../x"):
                archive.writestr(zipfile.ZipInfo(name, (2020, 1, 2, 3, 4, 4)), b"hello " * 1000)
        return path

    def names(self, storage: IStorage, *path: str) -> list[str]:
        """The names in a directory."""

        async def pages() -> list[Entry]:
            return [entry async for page in storage.list_directory(path) for entry in page]

        return [entry.name for entry in self.successResultOf(Deferred.fromCoroutine(pages()))]

    def test_archive(self) -> None:
        """An archive is read, is read-only to everybody, and nothing in it leads out."""
        for url in (f"zip://::file://{self.archive()}", f"zip://{self.archive()}"):
            storage = self.open(url)
            self.assertEqual(IRights(storage).rights(()), Right.LOOK)
            names = self.names(storage)
            self.assertTrue({"a.txt", "d"} <= set(names), names)
            self.assertFalse({"..", "."} & set(names))
            self.assertEqual(self.names(storage, "d"), ["b.txt"])
            source = self.result(storage.open_read(("d", "b.txt")))
            self.assertEqual((source.entry.size, source.entry.modified), (6000, 1_577_934_244.0))
            for offset, size in ((5000, 5000), (0, 12), (5999, 1)):
                block = self.result(source.read(offset, size))
                self.assertEqual(block, (b"hello " * 1000)[offset : offset + size])
            source.close()
            self.failureResultOf(Deferred.fromCoroutine(_wait(storage.open_write(("a",)))), PermissionDenied)
            self.failureResultOf(Deferred.fromCoroutine(_wait(storage.remove_file(("a.txt",)))), PermissionDenied)

    def test_abilities(self) -> None:
        """A storage says what its filesystem can do, and nothing more."""
        disk, memory = self.open(f"file://{new_directory(self)}"), self.open("memory://")
        sftp = self.open("sftp://nobody@127.0.0.1:1/d")
        for storage, abilities in ((disk, {ITimes, IModes, IWithoutLinks}), (memory, {IServerSideCopy})):
            for ability in (ITimes, IModes, IWithoutLinks, IServerSideCopy, IRights):
                self.assertEqual(ability.providedBy(storage), ability in abilities, (storage, ability))
        self.assertTrue(IModes.providedBy(sftp))

    def test_read_only(self) -> None:
        """Filesystems that only can be read say so before anything is asked of them."""
        for url in ("data://", "git:///repository"):
            try:
                storage = self.open(url)
            except ConfigurationError as error:
                self.assertRegex(str(error), "not installed|cannot be opened|no directory")
            else:
                self.assertEqual(IRights(storage).rights(()), Right.LOOK)

    def test_links(self) -> None:
        """PH05: what a link outside leads to is not there; without links, nothing behind any link is."""
        directory = new_directory(self)
        os.mkdir(os.path.join(directory, "d"))
        for name, target in (("in", "d"), ("out", "/etc"), ("lost", "nothing")):
            os.symlink(target, os.path.join(directory, name))
        storage = self.open(f"file://{directory}")
        kinds = {name: self.kind(storage, name) for name in ("in", "out", "lost")}
        self.assertEqual(kinds, {"in": "directory", "out": "link", "lost": "link"})
        self.assertEqual(self.names(storage, "in"), [])
        strict = IWithoutLinks(storage).without_links()
        self.assertEqual(self.kind(strict, "in"), "link")
        self.assertTrue(IWithoutLinks.providedBy(strict))

    def kind(self, storage: IStorage, *path: str) -> str:
        """What is at a path."""
        entry = self.result(storage.stat(path))
        return str(entry.kind.value)

    def test_wrong(self) -> None:
        """A filesystem that there is not, or a directory that is not there, is told at the start."""
        file = os.path.join(new_directory(self), "file")
        with open(file, "w"):
            pass
        for url, told in (
            ("nonsense://x", "knows no filesystem 'nonsense'"),
            ("file:///nowhere/at/all", "cannot be opened"),
            (f"file://{file}", "no directory"),
            ("zip://::file:///nowhere.zip", "cannot be opened"),
        ):
            error = self.assertRaises(ConfigurationError, self.open, url)
            self.assertIn(told, str(error))

    def test_library_missing(self) -> None:
        """A library that is missing is named, with what to install."""
        registry = importlib.import_module("fsspec.registry")
        loaded = {name: kind for name, kind in registry._registry.items() if name != "sftp"}
        self.patch(registry, "_registry", loaded)
        self.patch(registry, "registry", loaded)
        # How an import is forbidden.
        self.patch(sys, "modules", {**sys.modules, "fsspec.implementations.sftp": None})
        error = self.assertRaises(ConfigurationError, self.open, "sftp://host/d")
        self.assertIn("pip install paramiko", str(error))

    def test_far_is_not_opened(self) -> None:
        """What is on the network is opened when it is used, so a server starts while it cannot be reached."""
        self.assertTrue(IStorage.providedBy(self.open("sftp://nobody@127.0.0.1:1/d")))

    def test_json(self) -> None:
        """Options reach the filesystem."""
        path = os.path.join(new_directory(self), "o.json")
        with open(path, "w") as file:
            json.dump({"target_protocol": "nonsense"}, file)
        error = self.assertRaises(
            ConfigurationError, open_storage, f"fsspec:options={path}:zip://{self.archive()}", InlinePool()
        )
        self.assertIn("cannot be opened", str(error))
