"""The contract with threads."""

from __future__ import annotations

from threading import Thread, get_ident

from twisted.internet.defer import Deferred
from twisted.trial.unittest import FailTest, SynchronousTestCase

from ftpx.interfaces import IStorage
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.storage import StorageContract
from ftpx.testing.threads import ThreadedCase, ThreadTurns
from tests.storage.directories import new_directory


class ThreadedLocalContractTests(ThreadedCase, StorageContract, SynchronousTestCase):
    """A directory, whose calls are made in threads."""

    long_listing = 1100
    large_file = 2**20
    many_files = 20

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return open_local(new_directory(self), self.make_pool())


class ThreadedCaseTests(ThreadedCase, SynchronousTestCase):
    """What threads do is waited for."""

    time_limit = 0.01

    def make_storage(self) -> IStorage:
        """One that needs no threads."""
        return MemoryStorage()

    def test_other_thread(self) -> None:
        """A call is made in another thread, and its result is there in this one."""
        self.assertNotEqual(self.result(self.make_pool().run(get_ident)), get_ident())

    def test_no_answer(self) -> None:
        """What does not answer in time is a failure, and not waited for longer."""
        with self.assertRaisesRegex(FailTest, "no answer in 0.01 seconds"):
            self.result(Deferred())

    def test_turns(self) -> None:
        """What was handed over is called in order, in the thread that takes it."""
        turns = ThreadTurns()
        called: list[int] = []

        def hand_over() -> None:
            for number in range(3):
                turns.callFromThread(called.append, number)

        thread = Thread(target=hand_over)
        thread.start()
        thread.join()
        self.assertEqual([turns.turn(0.01) for _ in range(4)], [True, True, True, False])
        self.assertEqual(called, [0, 1, 2])
