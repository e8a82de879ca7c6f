"""
Pools that use no thread: `InlinePool` calls at once, `FaultyPool` fails when it is told to, and `SteppedPool` calls
when the test says so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IStoragePool, IWorkerPool

__all__ = ["FaultyPool", "InlinePool", "SteppedPool"]

_T = TypeVar("_T")


@implementer(IStoragePool)
class InlinePool:
    """Makes every call at once, in the caller's thread, and returns a `Deferred` that has fired."""

    def __init__(self) -> None:
        self.calls = 0

    @property
    def patient(self) -> IWorkerPool:
        """The pool itself: it has no deadline."""
        return self

    def allowing(self, *, longer: float = 1, ongoing: bool = False) -> IWorkerPool:
        """The pool itself: none of its calls takes long."""
        return self

    def another(self) -> IStoragePool:
        """The pool itself: it has no threads that others could take."""
        return self

    def start(self) -> None:
        """There is no thread to start."""

    def stop(self) -> Deferred[None]:
        """There is no thread to stop."""
        return succeed(None)

    def run(
        self, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Deferred[_T]:
        """Make the call now; see `IWorkerPool`."""
        self.calls += 1
        return maybeDeferred(function, *arguments)


@implementer(IStoragePool)
class FaultyPool(InlinePool):
    """
    An `InlinePool` whose calls can be made to fail as a broken disk would.

    ``faults`` maps the name of a function to the error that the next calls of it raise instead
    of being made; `seen` names the functions that were called, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, BaseException] = {}
        self.seen: list[str] = []

    def run(
        self, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Deferred[_T]:
        """Make the call now, or fail with the fault set for it; see `IWorkerPool`."""
        name = getattr(function, "__name__", type(function).__name__)
        self.seen.append(name)

        def call(*values: object) -> _T:
            if name in self.faults:
                raise self.faults[name]
            return function(*values)

        return super().run(call, *arguments, discard=discard)


class SteppedPool(InlinePool):
    """
    A pool whose calls are made when the test says so, as long as ``waits`` is true; without a wait otherwise.

    The wait for a call can be given up before it is made, by cancelling it, and also while it is made, by the function
    itself: as it would be while a thread hangs in it. What it returns then is discarded.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[Deferred[Any], Callable[[], Any], Callable[[Any], object] | None]] = []
        self.waits = False
        self._under_way: Deferred[Any] | None = None

    def run(
        self, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Deferred[_T]:
        """Keep the call, or make it now; see `IWorkerPool`."""
        if not self.waits:
            return super().run(function, *arguments, discard=discard)
        self.calls += 1
        waiting: Deferred[_T] = Deferred()
        self.waiting.append((waiting, partial(function, *arguments), discard))
        return waiting

    def make_next(self) -> None:
        """Make the call that has waited longest."""
        waiting, call, discard = self.waiting.pop(0)
        result: Any
        self._under_way = waiting
        try:
            result = call()
        except Exception:
            result, discard = Failure(), None
        finally:
            self._under_way = None
        if not waiting.called:
            waiting.callback(result)
        elif discard is not None:
            discard(result)

    def end_wait(self) -> None:
        """
        End the wait for the call that is being made, or else for the oldest, as if its deadline were over. One that was
        not begun is not made any more.
        """
        waiting = self._under_way or self.waiting.pop(0)[0]
        waiting.errback(StorageUnavailable("no answer in time"))
