"""Pools that use no thread: `InlinePool` calls at once, `FaultyPool` fails when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from zope.interface import implementer

from ftpx.interfaces import IWorkerPool

__all__ = ["FaultyPool", "InlinePool"]

_T = TypeVar("_T")


@implementer(IWorkerPool)
class InlinePool:
    """Makes every call at once, in the caller's thread, and returns a `Deferred` that has fired."""

    def __init__(self) -> None:
        self.calls = 0

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


@implementer(IWorkerPool)
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
