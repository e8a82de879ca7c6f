"""The contract of storages finds who breaks it, and each of its tests is run."""

from __future__ import annotations

import unittest
from collections import Counter
from collections.abc import Callable
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IStorage, IStoragePool
from ftpx.storage.forwarding import ForwardingStorage
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.storage import StorageContract
from tests.testing import broken

# Who breaks the contract, and the tests that must fail for it.
_BREAKAGES: dict[type[ForwardingStorage], tuple[str, ...]] = {
    broken.PublishesAtOpen: ("test_new_file_appears_by_commit", "test_old_file_until_commit", "test_abort_new"),
    broken.AbortsTheOld: ("test_abort_old",),
    broken.ListsTwice: ("test_pages",),
    broken.ListsUnsorted: ("test_pages",),
    broken.ListsInOnePage: ("test_pages",),
    broken.IgnoresExclusive: ("test_exclusive", "test_exclusive_race"),
    broken.ChecksNameAtOpenOnly: ("test_exclusive_race",),
    broken.TellsAnotherError: ("test_open_missing",),
    broken.MixesWriters: ("test_concurrent_writers",),
    broken.FoldsCase: ("test_name_case", "test_file_names"),
    broken.Composes: ("test_unicode_forms", "test_file_names"),
    broken.ChangesUnderReaders: ("test_open_reader_keeps_the_old",),
    broken.MisreadsTheEnd: ("test_every_range",),
    broken.IgnoresOffset: ("test_offset", "test_offset_alone"),
    broken.AddsToTheOld: ("test_changed_while_continued",),
    broken.KeepsBlocks: ("test_block_may_be_reused",),
    broken.DropsLargeBlocks: ("test_large_file",),
    broken.CommitsAgain: ("test_after_the_end",),
    broken.LeavesTheSource: ("test_rename_file", "test_rename_and_write_again"),
    broken.RemovesAll: ("test_remove_full_directory",),
    broken.ReplacesTrees: ("test_rename_directory_over_full_directory",),
    broken.ForgetsDirectories: ("test_directory_outlives_its_files",),
    broken.TellsOldDigests: ("test_stored_digests",),
}


def _failures(
    test: str, make: Callable[[], IStorage], make_on: Callable[[IStoragePool], IStorage] | None = None
) -> int:
    """How many tests fail of one of the contract's, for a storage; one at most."""

    class Tested(StorageContract, SynchronousTestCase):
        def make_storage(self) -> IStorage:
            return make()

        def make_storage_on(self, pool: IStoragePool) -> IStorage:
            return super().make_storage_on(pool) if make_on is None else make_on(pool)

    result = unittest.TestResult()
    Tested(test).run(result)
    assert result.errors == [], result.errors
    return len(result.failures)


def _around_memory(wrapper: type[ForwardingStorage]) -> IStorage:
    return wrapper(MemoryStorage())


class BrokenStoragesTests(SynchronousTestCase):
    """Who breaks a promise fails at the test that is about it."""

    def test_broken(self) -> None:
        """Each of the broken storages fails where it should."""
        for breaks, tests in _BREAKAGES.items():
            for test in tests:
                self.assertEqual(_failures(test, partial(_around_memory, breaks)), 1, (breaks, test))

    def test_whole(self) -> None:
        """One that keeps the promises, wrapped in the same way, does not."""
        for test in {test for tests in _BREAKAGES.values() for test in tests}:
            self.assertEqual(_failures(test, partial(_around_memory, ForwardingStorage)), 0, test)

    def test_cancelled(self) -> None:
        """So it is with one that loses a file where it is not waited for."""
        for test in ("test_cancelled_before_a_call", "test_cancelled_within_a_call"):
            whole = _failures(test, MemoryStorage, lambda pool: MemoryStorage())
            two = _failures(test, MemoryStorage, lambda pool: broken.PublishesInTwoCalls(MemoryStorage(), pool))
            self.assertEqual((whole, two), (0, 1))


class PartsTests(SynchronousTestCase):
    """The contract is made of parts."""

    def test_every_test_is_run(self) -> None:
        """No test of a part is hidden by one of the same name in another."""
        names = Counter(name for part in StorageContract.__mro__ for name in vars(part) if name.startswith("test_"))
        self.assertEqual([name for name, count in names.items() if count > 1], [])
        self.assertGreater(len(names), 150)
