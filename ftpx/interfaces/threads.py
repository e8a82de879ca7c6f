"""Where calls are made that may block."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from zope.interface import Attribute, Interface

__all__ = ["IStoragePool", "IWorkerPool"]

_T = TypeVar("_T")


class IWorkerPool(Interface):
    """A bounded set of threads for calls that may block."""

    def run(
        function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Awaitable[_T]:
        """
        Call a function in a thread of the pool.

        :param discard: called in the thread with the result if nobody waits for it any more
            because the wait was cancelled; here what the function opened is closed again.
        :raises StorageUnavailable: too many calls are waiting already, or this one took longer than it may.
        """


class IStoragePool(IWorkerPool):
    """The pool of one storage, in which each call has to end before a deadline."""

    patient: IWorkerPool = Attribute(
        "The same threads without that deadline, for calls that keep one of their own: those that move octets as"
        " fast as somebody takes them."
    )

    def allowing(*, longer: float = 1, ongoing: bool = False) -> IWorkerPool:
        """
        The same threads, for calls of another kind than those of `run`.

        :param longer: how many times as long as others they may take, as publishing and copying rightly may.
        :param ongoing: they go on with something that was begun, as those on open files do: they are made though others
            had no answer in time, where new ones are refused.
        """

    def another() -> IStoragePool:
        """
        A pool like this one, with threads of its own: for a storage inside of the one that has this pool, so that one
        that hangs holds up nobody who uses the other. It starts and stops with this one.
        """
