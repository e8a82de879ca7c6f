"""
Threads for the contract of a storage that has to have them::

    class MyStorageTests(ThreadedCase, StorageContract, SynchronousTestCase):
        def make_storage(self) -> IStorage:
            return MyStorage(pool=self.make_pool())

There is no reactor: what threads hand over is taken while a test waits for it.
"""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from zope.interface import implementer

from ftpx.interfaces import IStoragePool
from ftpx.storage.pool import WorkerPool
from ftpx.testing.contract.case import StorageCase

__all__ = ["ThreadTurns", "ThreadedCase"]


@implementer(IReactorFromThreads)
class ThreadTurns:
    """What of a reactor a pool needs: other threads hand calls over, and the test takes them one by one."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def callFromThread(self, callable: Callable[..., Any], *arguments: object, **named: object) -> None:
        """Hand a call over; see `IReactorFromThreads`."""
        self._calls.put(partial(callable, *arguments, **named))

    def turn(self, seconds: float) -> bool:
        """Make the next call that is handed over; false: there was none in so many seconds."""
        try:
            call = self._calls.get(timeout=seconds)
        except Empty:
            return False
        call()
        return True


class ThreadedCase(StorageCase):
    """
    A mixin in front of the contract: the storage is given threads, and may take its time.

    ``time_limit``: in seconds; what has given no answer by then is a failure. ``threads``: how many there are.
    """

    time_limit: ClassVar[float] = 60.0
    threads: ClassVar[int] = 4

    def setUp(self) -> None:
        """Make what threads hand over to."""
        self.turns = ThreadTurns()
        super().setUp()

    def make_pool(self) -> IStoragePool:
        """A pool of threads, which ends with the test."""
        pool = WorkerPool(self.turns, self.threads, 1000, "contract")
        pool.start()
        self.addCleanup(lambda: self.settle(pool.stop()))
        return pool

    def settle(self, waiting: Deferred[Any]) -> None:
        """Take what threads hand over until this has fired."""
        while not waiting.called:
            if not self.turns.turn(self.time_limit):
                self.fail(f"no answer in {self.time_limit} seconds")
