"""Tests of the kind ``crypt:``."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError
from ftpx.interfaces import (
    ICreationTimes,
    IDurable,
    IFreeSpace,
    IPartialUploads,
    IServerSideCopy,
    IStorage,
    ISubtrees,
    ISymbolicLinks,
    ITimes,
    IWithoutLinks,
)
from ftpx.storage.encrypted.kind import plugin
from ftpx.storage.registry import open_storage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageCase
from tests.storage.directories import new_directory
from tests.storage.encrypted.keyed import KEY, OTHER_KEY


class KindTests(StorageCase, SynchronousTestCase):
    """The command line's way to an encrypted storage."""

    def make_storage(self) -> IStorage:
        """An encrypted storage around a directory."""
        top = new_directory(self)
        self.root = os.path.join(top, "root")
        self.key = os.path.join(top, "key")
        os.mkdir(self.root)
        with open(self.key, "w") as file:
            file.write(f"{KEY.hex()}\n")
        os.chmod(self.key, 0o600)
        return self.open(f"key={self.key}:local:{self.root}")

    def open(self, arguments: str) -> IStorage:
        """Open a storage."""
        return plugin.open_storage(arguments, InlinePool())

    def test_stored(self) -> None:
        """Files are encrypted in the directory, and have their names."""
        self.put(("note.txt",), b"hello")
        with open(os.path.join(self.root, "note.txt"), "rb") as file:
            octets = file.read()
        self.assertEqual((len(octets), b"hello" in octets), (81, False))
        self.assertEqual(self.get(("note.txt",)), b"hello")

    def test_names(self) -> None:
        """With names=yes those are encrypted, too; with names=no they are not."""
        self.storage = self.open(f"key={self.key}:names=yes:local:{self.root}")
        self.put(("note.txt",), b"hello")
        (stored,) = os.listdir(self.root)
        self.assertNotIn("note", stored)
        self.storage = self.open(f"names=no:key={self.key}:local:{self.root}")
        self.assertEqual(self.names(), [stored])
        self.assertEqual(self.get((stored,)), b"hello")

    def test_variable(self) -> None:
        """The key may be in the environment."""
        self.put(("a",), b"hello")
        self.patch(os, "environ", {"FTPX_KEY": KEY.hex(), "OTHER_KEY": f"{OTHER_KEY.hex()}\n{KEY.hex()}"})
        for name in ("FTPX_KEY", "OTHER_KEY"):
            self.storage = self.open(f"key-env={name}:local:{self.root}")
            self.assertEqual(self.get(("a",)), b"hello")

    def test_abilities(self) -> None:
        """It can what the storage inside can, but make links if their targets would tell names."""
        shared = {ISubtrees, IWithoutLinks, ITimes, IServerSideCopy, IFreeSpace, IDurable, IPartialUploads}
        hidden = self.open(f"key={self.key}:names=yes:local:{self.root}")
        for storage, more in ((self.storage, {ISymbolicLinks}), (hidden, set())):
            has = {ability for ability in (*shared, ISymbolicLinks, ICreationTimes) if ability.providedBy(storage)}
            self.assertEqual(has, shared | more)

    def test_free_space(self) -> None:
        """The free space is what a file could have plainly."""
        storage = IFreeSpace(self.open(f"key={self.key}:memory:100000"))
        self.assertEqual(self.result(storage.free_space(())), 100_000 - 48 - 2 * 28)

    def test_composed(self) -> None:
        """It stands around any other, and in any other."""
        spec = f"crypt:key={self.key}:crypt:key={self.key}:names=yes:local:{self.root}"
        self.storage = open_storage(spec, InlinePool())
        self.put(("a",), b"hello")
        self.assertEqual(self.get(("a",)), b"hello")
        self.assertEqual(os.stat(os.path.join(self.root, os.listdir(self.root)[0])).st_size, 5 + 2 * 76)

    def test_refused(self) -> None:
        """What is wrong is said in one sentence that names it, and holds no key."""
        with open(os.path.join(os.path.dirname(self.key), "short"), "w") as file:
            file.write(KEY.hex()[:60])
        os.chmod(file.name, 0o600)
        cases = {
            f"local:{self.root}": "needs one key or key-env",
            f"key={self.key}:key-env=HOME:local:{self.root}": "needs one key or key-env",
            f"key={self.key}:key={self.key}:local:{self.root}": "each once",
            f"key={self.key}:name=yes:local:{self.root}": "the settings key or key-env, and names",
            f"key={self.key}:names=maybe:local:{self.root}": "names=maybe is neither",
            f"key={self.key}": "names no storage",
            f"key={self.key}:nothing:": "no storage kind 'nothing'",
            f"key={self.key}:local:{self.root}/none": "cannot be used",
            f"key={self.key}.none:local:{self.root}": "No such file",
            f"key={file.name}:local:{self.root}": "number 1 is none",
            f"key-env=NOT_SET_HERE:local:{self.root}": "NOT_SET_HERE",
        }
        for arguments, text in cases.items():
            error = str(self.assertRaises(ConfigurationError, self.open, arguments))
            self.assertIn(text, error)
            self.assertNotIn(KEY.hex()[:20], error)
