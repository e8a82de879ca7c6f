"""Tests of ftpx.storage.registry, with plugin packages of their own."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
import pickle
import sys

from twisted.trial.unittest import SynchronousTestCase

import twisted.plugins
from ftpx.errors import ConfigurationError
from ftpx.interfaces import IStorage
from ftpx.storage.local import LocalStorage
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.registry import open_storage, storage_plugins
from ftpx.testing.pool import InlinePool
from tests.storage.directories import new_directory

GOOD = """
from twisted.plugin import IPlugin
from zope.interface import implementer
from ftpx.interfaces import IStoragePlugin
from ftpx.storage.memory import MemoryStorage

@implementer(IPlugin, IStoragePlugin)
class Kind:
    argument_format = "X"
    help = "For a test."

    def __init__(self, prefix):
        self.prefix = prefix

    def open_storage(self, arguments, pool):
        if arguments == "broken":
            raise RuntimeError("no luck")
        if arguments == "nothing":
            return object()
        return MemoryStorage()

first = Kind("registrytest")
second = Kind("memory")
"""


class RegistryTests(SynchronousTestCase):
    """Kinds that are built in, found, missing or broken."""

    def setUp(self) -> None:
        """An empty directory on the path of ``twisted.plugins``."""
        self.directory = new_directory(self)
        path = list(twisted.plugins.__path__)
        self.patch(twisted.plugins, "__path__", [*path, self.directory])
        self.patch(sys, "path", [os.path.dirname(self.directory), *sys.path])
        self.addCleanup(self.forget)

    def forget(self) -> None:
        """Forget the modules of this test."""
        for name in [name for name in sys.modules if name.startswith("twisted.plugins.registrytest")]:
            del sys.modules[name]
            vars(twisted.plugins).pop(name.rpartition(".")[2], None)

    def write(self, text: str, name: str = "registrytest.py") -> str:
        """A file among the plugins."""
        path = os.path.join(self.directory, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_built_in(self) -> None:
        """The built-in kinds need no plugin."""
        pool = InlinePool()
        self.assertIsInstance(open_storage("memory:", pool), MemoryStorage)
        self.assertIsInstance(open_storage("memory", pool), MemoryStorage)
        self.assertIsInstance(open_storage(f"local:{self.directory}", pool), LocalStorage)
        self.assertEqual([plugin.prefix for plugin in storage_plugins()][:2], ["local", "memory"])

    def test_found(self) -> None:
        """A kind is found through twisted.plugin, and takes no prefix that is built in."""
        self.write(GOOD)
        prefixes = [plugin.prefix for plugin in storage_plugins()]
        self.assertEqual((prefixes.count("registrytest"), prefixes.count("memory")), (1, 1))
        self.assertTrue(IStorage.providedBy(open_storage("registrytest:a:b", InlinePool())))

    def test_unknown(self) -> None:
        """An unknown kind is an error that names those that are known."""
        self.write(GOOD)
        for spec in ("nonsense:x", "nonsense", "", ":x", "/srv/ftp"):
            error = self.assertRaises(ConfigurationError, open_storage, spec, InlinePool())
            for kind in ("local", "memory", "registrytest"):
                self.assertIn(kind, str(error))

    def test_broken_module(self) -> None:
        """A plugin module that fails to import is named with the reason, and the others still work."""
        self.write(GOOD)
        self.write("import does_not_exist\n", "registrytest_broken.py")
        error = self.assertRaises(ConfigurationError, open_storage, "lost:x", InlinePool())
        self.assertIn("twisted.plugins.registrytest_broken", str(error))
        self.assertIn("No module named 'does_not_exist'", str(error))
        self.assertTrue(IStorage.providedBy(open_storage("registrytest:", InlinePool())))
        self.flushLoggedErrors(ModuleNotFoundError)

    def test_broken_plugin(self) -> None:
        """A plugin that fails, or makes no storage, is named."""
        self.write(GOOD)
        error = self.assertRaises(ConfigurationError, open_storage, "registrytest:broken", InlinePool())
        self.assertIn("'registrytest' failed: RuntimeError: no luck", str(error))
        error = self.assertRaises(ConfigurationError, open_storage, "registrytest:nothing", InlinePool())
        self.assertIn("registrytest", str(error))

    def test_bad_cache(self) -> None:
        """A cache that is out of date, or holds anything else, does no harm."""
        path = self.write(GOOD)
        os.utime(path, (1, 1))
        cache = os.path.join(self.directory, "dropin.cache")
        for content in (b"", b"garbage", pickle.dumps({}), pickle.dumps({"registrytest": 1}), pickle.dumps([])):
            with open(cache, "wb") as file:
                file.write(content)
            self.assertTrue(IStorage.providedBy(open_storage("registrytest:", InlinePool())), content)
        self.flushLoggedErrors()

    def test_cache_cannot_be_written(self) -> None:
        """A directory that cannot hold a cache does no harm."""
        self.write(GOOD)
        os.mkdir(os.path.join(self.directory, "dropin.cache"))
        self.assertTrue(IStorage.providedBy(open_storage("registrytest:", InlinePool())))
        self.flushLoggedErrors()
