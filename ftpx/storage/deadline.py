"""Pools whose calls have to come back in time, so that a storage that hangs keeps nobody waiting for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IStoragePool, IWorkerPool
from ftpx.storage.breaker import CircuitBreaker
from ftpx.storage.pool import WorkerPool

__all__ = ["LONGER", "DeadlinePool", "StoragePool", "with_deadline"]

_T = TypeVar("_T")

LONGER: Final = 10
"""How many times as long as others calls may take that copy, sync or publish: some storages do all work at the end."""

_LOOKS: Final = 4
"""How often in a deadline the calls under way are looked at; so one is ended by a quarter of it late, at most."""

_log = Logger()


class _Late(StorageUnavailable):
    """A call has not come back in time."""


_Generation = dict[Deferred[Any], int]
"""Calls that were begun between two looks, in their order, each with the number of signs of life before it."""


@implementer(IWorkerPool)
class _TimedCalls:
    """
    Calls in a pool that have to come back in time.

    One timer looks at all of them, and only while there are any: a call costs an entry in a table, and no timer.

    :param ongoing: they are made though the circuit is open.
    """

    def __init__(
        self,
        pool: WorkerPool,
        clock: IReactorTime,
        deadline: float,
        circuit: CircuitBreaker,
        name: str,
        *,
        ongoing: bool,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._period = deadline / _LOOKS
        self._circuit = circuit
        self._name = name
        self._ongoing = ongoing
        self._newest: _Generation = {}
        self._generations: deque[_Generation] = deque()
        self._timer: IDelayedCall | None = None

    def run(
        self, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Deferred[_T]:
        """Make a call; see `IWorkerPool`."""
        probes = not (self._circuit.closed or self._ongoing)
        if probes and not self._circuit.admits():
            return fail(StorageUnavailable("the storage does not answer; try again later"))
        waiting: Deferred[_T] = self._pool.run(function, *arguments, discard=discard)
        # What was refused has its result already.
        if not waiting.called:
            if self._timer is None:
                self._begin()
            generation = self._newest
            generation[waiting] = self._circuit.signs
            waiting.addBoth(self._returned, generation, waiting)
            if probes:
                waiting.addBoth(self._probed)
        elif probes:
            self._circuit.probed(None)
        return waiting

    def _returned(self, result: Any, generation: _Generation, waiting: Deferred[Any]) -> Any:
        if generation.pop(waiting, None) is None:
            return Failure(_Late("no answer in time"))
        return result

    def _begin(self) -> None:
        """Look at the calls from now on."""
        self._newest = {}
        self._generations = deque([*({} for _ in range(_LOOKS)), self._newest])
        self._timer = self._clock.callLater(self._period, self._look)

    def _look(self) -> None:
        oldest = self._generations.popleft()
        self._newest = {}
        self._generations.append(self._newest)
        self._timer = self._clock.callLater(self._period, self._look) if any(self._generations) else None
        for waiting in list(oldest):
            # To end one may be to cancel another.
            if waiting in oldest:
                if self._circuit.was_late(oldest.pop(waiting)):
                    _log.error("{name} does not answer, and is not asked until it does", name=self._name)
                waiting.cancel()

    def _probed(self, result: Any) -> Any:
        error = result.value if isinstance(result, Failure) else None
        self._circuit.probed(None if isinstance(error, CancelledError) else not isinstance(error, _Late))
        if self._circuit.closed:
            _log.info("{name} answers again", name=self._name)
        return result

    def stop_looking(self) -> None:
        """Tell nobody any more that a call is late."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@implementer(IStoragePool)
class DeadlinePool(_TimedCalls):
    """
    A pool whose calls fail with `StorageUnavailable` when they have not come back in time; the time in which they wait
    for a thread counts. What they open all the same is given to their ``discard``. A thread whose call hangs is lost
    until it comes back. When as many calls in a row as there are threads were late, no more are made for a while: see
    `CircuitBreaker`. So neither threads nor calls that wait for one pile up.

    Calls that go on with something are made nevertheless: what is under way must not break because of others, and has
    one or two of them at a time. For the same reason calls in ``patient`` are made always. They have no deadline: some
    of them use descriptors that are closed when the wait is over, so it must not be over before the call is.

    :param pool: what makes the calls; used by nobody else.
    :param deadline: in seconds. A call is ended by a quarter of it late, at most.
    :param random: numbers from 0 to 1.
    :param threads: how many the pool has.
    :param name: what is asked, for the log.
    """

    def __init__(
        self,
        pool: WorkerPool,
        clock: IReactorTime,
        deadline: float,
        random: Callable[[], float],
        *,
        threads: int,
        name: str,
    ) -> None:
        circuit = CircuitBreaker(clock.seconds, random, threads)
        super().__init__(pool, clock, deadline, circuit, name, ongoing=False)
        pool.came_back = circuit.came_back
        self.patient: IWorkerPool = pool
        self._deadline = deadline
        self._random = random
        self._threads = threads
        self._kinds: dict[tuple[float, bool], _TimedCalls] = {(1, False): self}
        self._others: list[DeadlinePool] = []

    def allowing(self, *, longer: float = 1, ongoing: bool = False) -> IWorkerPool:
        """Calls of another kind; see `IStoragePool`."""
        kind = (longer, ongoing)
        if kind not in self._kinds:
            self._kinds[kind] = _TimedCalls(
                self._pool, self._clock, self._deadline * longer, self._circuit, self._name, ongoing=ongoing
            )
        return self._kinds[kind]

    def another(self) -> DeadlinePool:
        """A pool like this one, with threads and a circuit of its own; see `IStoragePool`."""
        other = DeadlinePool(
            self._pool.another(),
            self._clock,
            self._deadline,
            self._random,
            threads=self._threads,
            name=f"{self._name} ({len(self._others) + 2})",
        )
        self._others.append(other)
        return other

    def start(self) -> None:
        """Begin to take calls."""
        self._pool.start()

    def stop(self) -> Deferred[None]:
        """Take no more calls; see `WorkerPool.stop`. Nobody is told any more that a call is late."""
        self.stop_looking()
        return self._pool.stop()

    def stop_looking(self) -> None:
        """Tell nobody any more that a call is late."""
        super().stop_looking()
        for calls in self._kinds.values():
            if calls is not self:
                calls.stop_looking()
        for other in self._others:
            other.stop_looking()


StoragePool = WorkerPool | DeadlinePool
"""What the calls of one storage are made in."""


def with_deadline(
    pool: WorkerPool, clock: IReactorTime, deadline: float, random: Callable[[], float], *, threads: int, name: str
) -> StoragePool:
    """A pool whose calls have to come back in time; with a deadline of 0, the pool as it is. See `DeadlinePool`."""
    return DeadlinePool(pool, clock, deadline, random, threads=threads, name=name) if deadline else pool
