"""Tests of ftpx.storage.memory: what the contract does not say."""

# mypy: allow-untyped-calls

from __future__ import annotations

from unittest import mock

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError, FileChanged, NoSpace, NotFound, StorageFailure
from ftpx.interfaces import IFreeSpace, IStorage
from ftpx.storage.memory import MemoryPlugin, MemoryStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import PartialsCase, StorageCase


class LimitTests(StorageCase, SynchronousTestCase):
    """``memory:SIZE``"""

    def make_storage(self) -> IStorage:
        """Room for ten octets."""
        self.memory = MemoryStorage(10)
        return self.memory

    def free(self) -> int:
        """The octets that are free."""
        return self.result(self.memory.free_space(()))

    def test_free_space(self) -> None:
        """What is written is taken when it is written, and given back when it is removed, replaced or aborted."""
        self.assertTrue(IFreeSpace.providedBy(self.memory))
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"1234"))
        self.assertEqual(self.free(), 6)
        self.result(target.abort())
        self.assertEqual(self.free(), 10)
        self.put(("a",), b"1234")
        self.put(("a",), b"12")
        self.assertEqual(self.free(), 8)
        self.put(("a",), b"345", offset=None)
        self.assertEqual(self.free(), 5)
        self.put(("b",), b"1")
        self.result(self.storage.rename(("a",), ("b",)))
        self.assertEqual(self.free(), 5)
        self.result(self.storage.remove_file(("b",)))
        self.assertEqual(self.free(), 10)

    def test_full(self) -> None:
        """RS05: what does not fit is refused, and the old file is whole."""
        self.put(("a",), b"123456")
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.write(b"1234"))
        self.assert_fails(target.write(b"5"), NoSpace)
        self.result(target.abort())
        self.assertEqual((self.get(("a",)), self.free()), (b"123456", 4))
        self.assert_fails(self.storage.open_write(("a",), offset=None), NoSpace)
        self.assert_fails(self.memory.copy(("a",), ("b",)), NoSpace)
        self.assertEqual((self.names(), self.free()), (["a"], 4))

    def test_subtree_shares_it(self) -> None:
        """A part of a storage has the limit of the whole."""
        self.make_directory(("d",))
        part = self.result(self.memory.subtree(("d",)))
        self.put(("a",), b"1234")
        self.assertEqual(self.result(IFreeSpace(part).free_space(())), 6)

    def test_no_limit(self) -> None:
        """Without a limit nobody knows how much is free."""
        self.assertFalse(IFreeSpace.providedBy(MemoryStorage()))


class PartialsLimitTests(PartialsCase, SynchronousTestCase):
    """What uploads that broke off take of ``memory:SIZE``."""

    def make_storage(self) -> IStorage:
        """Room for a hundred octets."""
        self.clock = Clock()
        self.clock.advance(1000)
        self.memory = MemoryStorage(100, self.clock.seconds)
        return self.memory

    def free(self) -> int:
        """The octets that are free."""
        return self.result(self.memory.free_space(()))

    def test_free_space(self) -> None:
        """What is kept counts until it is thrown away, superseded, replaced or published and removed."""
        self.leave(bytes(10))
        self.assertEqual(self.free(), 90)
        self.leave(bytes(20))
        self.assertEqual(self.free(), 80)
        file = self.resume(5)
        self.assertEqual(self.free(), 95)
        self.write(file, bytes(6))
        self.result(file.suspend())
        self.assertEqual(self.free(), 89)
        self.result(self.resume(None).abort())
        self.assertEqual(self.free(), 100)
        self.leave(bytes(10))
        self.result(self.resume(None).commit())
        self.assertEqual(self.free(), 90)
        self.leave(bytes(30))
        self.assertEqual(self.free(), 60)
        self.publish(bytes(15))
        self.assertEqual(self.free(), 85)
        self.publish(bytes(15))
        self.assertEqual(self.free(), 85)
        self.leave(bytes(10))
        self.discard()
        self.assertEqual(self.free(), 85)
        self.leave(bytes(10))
        self.tidy(0)
        self.result(self.storage.remove_file(("a",)))
        self.assertEqual(self.free(), 100)

    def test_full(self) -> None:
        """RS05: an upload that finds no room is kept as far as it came."""
        file = self.begin(bytes(90))
        self.assert_fails(file.write(bytes(11)), NoSpace)
        self.result(file.suspend())
        self.assertEqual((self.kept(), self.free()), (90, 10))
        file = self.resume(None)
        self.assert_fails(file.write(bytes(11)), NoSpace)
        self.result(file.write(bytes(10)))
        self.result(file.commit())
        self.assertEqual(self.free(), 0)

    def test_commit_refused(self) -> None:
        """Of an upload whose commit fails nothing is taken any more."""
        self.leave(bytes(10))
        file = self.resume(4)
        self.put(("a",), b"other")
        self.assert_fails(file.commit(), FileChanged)
        self.assertEqual(self.free(), 95)
        self.assert_nothing_kept()

    def test_lifetime(self) -> None:
        """What is older than the lifetime is thrown away, and nothing younger."""
        self.leave(path=("a",))
        self.clock.advance(100)
        self.leave(path=("b",))
        self.tidy(101)
        self.assertEqual((self.kept(("a",)), self.kept(("b",))), (10, 10))
        self.tidy(100)
        self.assertEqual((self.kept(("a",)), self.kept(("b",))), (None, 10))

    def test_most(self) -> None:
        """Of one owner no more than so many are kept, the newest; others have theirs."""
        self.leave(owner="bob")
        with mock.patch("ftpx.storage.memory_partials.MOST_PARTIALS", 3):
            for number in range(6):
                self.leave(path=(f"{number}",))
        kept = [number for number in range(6) if self.kept((f"{number}",)) is not None]
        self.assertEqual((kept, self.kept(owner="bob"), self.free()), ([3, 4, 5], 10, 60))


class MemoryTests(StorageCase, SynchronousTestCase):
    """``memory:``"""

    def make_storage(self) -> IStorage:
        """A storage with a clock of its own."""
        self.clock = Clock()
        self.clock.advance(1000)
        self.memory = MemoryStorage(clock=self.clock.seconds)
        return self.memory

    def test_times(self) -> None:
        """A file has the time at which it became complete, and its directory too."""
        target = self.result(self.storage.open_write(("a",)))
        self.clock.advance(1)
        self.result(target.commit())
        self.assertEqual(self.result(self.storage.stat(("a",))).modified, 1001.0)
        self.assertEqual(self.result(self.storage.stat(())).modified, 1001.0)

    def test_removed_subtree(self) -> None:
        """A storage whose directory was removed takes nothing more."""
        self.make_directory(("d",))
        part = self.result(self.memory.subtree(("d",)))
        self.result(self.storage.remove_directory(("d",)))
        self.assert_fails(part.open_write(("a",)), NotFound)
        self.assert_fails(part.make_directory(("a",)), NotFound)

    def test_after_the_end(self) -> None:
        """An upload that has ended takes no more."""
        target = self.result(self.storage.open_write(("a",)))
        self.result(target.commit())
        self.assert_fails(target.write(b"x"), StorageFailure)
        self.assert_fails(target.commit(), StorageFailure)

    def test_million(self) -> None:
        """RS12: a page of a listing costs a page, however many there are; it is bounded and the rest is not lost."""
        for number in range(2500):
            self.result(self.result(self.storage.open_write((f"{number}",))).commit())
        pages = self.storage.list_directory(())
        self.assertEqual(len(self.result(anext(pages))), 1000)
        self.result(self.storage.remove_file(("2400",)))
        self.assertEqual(len(self.result(anext(pages))), 1000)
        self.assertEqual(len(self.result(anext(pages))), 499)


class PluginTests(SynchronousTestCase):
    """What stands behind ``memory:``."""

    def test_arguments(self) -> None:
        """Nothing, or a number of octets."""
        plugin = MemoryPlugin()
        self.assertFalse(IFreeSpace.providedBy(plugin.open_storage("", InlinePool())))
        self.assertTrue(IFreeSpace.providedBy(plugin.open_storage("1000", InlinePool())))
        for arguments in ("-1", "1e3", "1k", "٣", " 1", "1" * 30):
            error = self.assertRaises(ConfigurationError, plugin.open_storage, arguments, InlinePool())
            self.assertIn(arguments, str(error))
