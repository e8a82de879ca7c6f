"""A bounded pool of threads for calls that may block."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar, cast

from twisted.internet.defer import Deferred, fail, gatherResults, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IStoragePool, IWorkerPool

__all__ = ["WorkerPool"]

_T = TypeVar("_T")

_log = Logger()


def _nothing() -> None:
    """What is done where nobody wants to know."""


class _Call(Generic[_T]):
    """One call: made in a thread, its result handed over in the reactor thread."""

    __slots__ = ("arguments", "cancelled", "discard", "function", "result", "waiting")

    def __init__(
        self, function: Callable[..., _T], arguments: tuple[object, ...], discard: Callable[[_T], object] | None
    ) -> None:
        self.function = function
        self.arguments = arguments
        self.discard = discard
        self.cancelled = False
        self.result: _T | Failure | None = None
        self.waiting: Deferred[_T] = Deferred(self._cancel)

    def _cancel(self, _waiting: Deferred[_T]) -> None:
        self.cancelled = True

    def make(self) -> None:
        """In a thread of the pool: make the call, unless nobody waits for it any more."""
        if self.cancelled:
            self.discard = None
            return
        try:
            self.result = self.function(*self.arguments)
        except BaseException:
            # Whatever it is, a thread that dies of it would leave somebody waiting for ever.
            self.result = Failure()
            self.discard = None
        if self.cancelled:
            self.throw_away()

    def throw_away(self) -> None:
        """In a thread of the pool: let go of a result that came too late."""
        discard, self.discard = self.discard, None
        if discard is not None:
            try:
                discard(cast("_T", self.result))
            except Exception:
                _log.failure("a late result could not be thrown away")

    def deliver(self) -> bool:
        """In the reactor thread: hand over the result. False: there is a late result to throw away."""
        if self.cancelled:
            return self.discard is None
        self.waiting.callback(cast("_T", self.result))
        return True


@implementer(IStoragePool)
class WorkerPool:
    """
    At most ``size`` threads, started as they are needed, and at most ``waiting`` calls that
    wait for one of them.

    Calls go over one queue that every thread reads, and all results that are ready are handed
    over in one turn of the reactor: that is what makes a call cheaper than ``deferToThread``.
    The threads do not keep the process alive: a call that hangs cannot stop it from ending.

    ``came_back`` is called, in the reactor thread, whenever threads have come back with calls, whoever waits for them.
    """

    def __init__(self, reactor: IReactorFromThreads, size: int, waiting: int, name: str) -> None:
        self._reactor = reactor
        self._size = size
        self._most = size + waiting
        self._threads = ThreadPool(0, size, name)
        self._threads.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]
        self._queue: SimpleQueue[_Call[Any] | None] = SimpleQueue()
        self._finished: deque[_Call[Any]] = deque()
        self._notified = False
        self._running = False
        self._started = 0
        self._outstanding = 0
        self._stopped: Deferred[None] | None = None
        self._name = name
        self._others: list[WorkerPool] = []
        self.came_back: Callable[[], object] = _nothing

    @property
    def patient(self) -> IWorkerPool:
        """The pool itself: it has no deadline."""
        return self

    def allowing(self, *, longer: float = 1, ongoing: bool = False) -> IWorkerPool:
        """The pool itself: see `patient`."""
        return self

    def another(self) -> WorkerPool:
        """A pool like this one, with threads of its own; see `IStoragePool`."""
        number = len(self._others) + 1
        other = WorkerPool(self._reactor, self._size, self._most - self._size, f"{self._name}-{number}")
        self._others.append(other)
        if self._running:
            other.start()
        return other

    def start(self) -> None:
        """Begin to take calls."""
        self._threads.start()
        self._running = True
        for other in self._others:
            other.start()

    def stop(self) -> Deferred[None]:
        """Take no more calls. Fires when those that were taken are done and the threads have ended."""
        if not self._running:
            return succeed(None)
        self._running = False
        stopped = self._stopped = Deferred()
        self._end_if_idle()
        if not self._others:
            return stopped
        return gatherResults([stopped, *(other.stop() for other in self._others)]).addCallback(lambda _: None)

    def run(
        self, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Deferred[_T]:
        """Call a function in a thread; see `IWorkerPool`."""
        if not self._running or self._outstanding >= self._most:
            return fail(StorageUnavailable("too many calls are waiting" if self._running else "stopped"))
        call = _Call(function, arguments, discard)
        self._submit(call)
        return call.waiting

    def _submit(self, call: _Call[Any]) -> None:
        self._outstanding += 1
        self._queue.put(call)
        if self._started < self._size and self._started < self._outstanding:
            self._started += 1
            self._threads.callInThread(self._work)

    def _work(self) -> None:
        """In a thread: make calls until told to end."""
        while (call := self._queue.get()) is not None:
            call.make()
            self._finished.append(call)
            del call
            if not self._notified:
                self._notified = True
                self._reactor.callFromThread(self._deliver)

    def _deliver(self) -> None:
        # First the flag: what finishes from here on asks for a turn of its own.
        self._notified = False
        self.came_back()
        for _ in range(len(self._finished)):
            call = self._finished.popleft()
            self._outstanding -= 1
            if not call.deliver():
                self._submit(_Call(call.throw_away, (), None))
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._running or self._outstanding or self._stopped is None:
            return
        stopped, self._stopped = self._stopped, None
        for _ in range(self._started):
            self._queue.put(None)
        self._started = 0
        # Every thread is on its way out of `_work`, so this waits for no call.
        self._threads.stop()
        stopped.callback(None)
