"""Digests of files that are there."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from twisted.internet.defer import Deferred

from ftpx.digests.algorithms import Algorithm, Sum
from ftpx.errors import StorageFailure, StorageUnavailable
from ftpx.interfaces import IReadableFile, IWorkerPool

__all__ = ["Computations", "compute"]

_BLOCK: Final = 2 * 1024 * 1024


async def _update(pool: IWorkerPool, total: Sum, block: bytes) -> None:
    await pool.run(total.update, block)


async def compute(pool: IWorkerPool, source: IReadableFile, algorithm: Algorithm, start: int, end: int) -> str:
    """
    The digest of a part of a file, in lower case. The file is read by its storage, block by block, while the block
    before is hashed in the pool: so a slow disk takes no thread from those who compute.

    :raises StorageFailure: the file ends before ``end``, or cannot be read.
    :raises StorageUnavailable: too much is being computed, or read.
    """
    total = algorithm.new()
    hashing: Deferred[None] | None = None
    try:
        while start < end:
            block = await source.read(start, min(_BLOCK, end - start))
            if not block:
                raise StorageFailure("the file became shorter")
            start += len(block)
            if hashing is not None:
                await hashing
            hashing = Deferred.fromCoroutine(_update(pool, total, block))
        if hashing is not None:
            await hashing
    except BaseException:
        if hashing is not None:
            hashing.addErrback(lambda _: None)
            hashing.cancel()
        raise
    return total.hexdigest()


class Computations:
    """
    Bounds how much is computed at once. Those who are under way share the threads block by block, so a large file
    does not hold up a small one.

    :param pool: for work that keeps a processor busy.
    :param running: how many files are read at once; of one owner, half as many.
    :param waiting: how many more may wait for their turn; of one owner, half as many.
    """

    def __init__(self, pool: IWorkerPool, running: int = 16, waiting: int = 256) -> None:
        self._pool = pool
        self._running_limit = running
        self._waiting_limit = waiting
        self._running: Counter[str] = Counter()
        self._waiting: deque[tuple[str, Deferred[None]]] = deque()

    async def compute(self, owner: str, source: IReadableFile, algorithm: Algorithm, start: int, end: int) -> str:
        """
        As `compute`, when it is the owner's turn.

        :param owner: the login name of an account.
        :raises StorageUnavailable: too many wait already.
        """
        await self._enter(owner)
        try:
            return await compute(self._pool, source, algorithm, start, end)
        finally:
            self._running -= Counter((owner,))
            self._next()

    async def _enter(self, owner: str) -> None:
        if self._has_turn(owner):
            self._running[owner] += 1
            return
        of_owner = sum(other == owner for other, _ in self._waiting)
        if len(self._waiting) >= self._waiting_limit or of_owner >= max(1, self._waiting_limit // 2):
            raise StorageUnavailable("too many digests are being computed")
        turn: Deferred[None] = Deferred(lambda _: self._waiting.remove((owner, turn)))
        self._waiting.append((owner, turn))
        await turn

    def _has_turn(self, owner: str) -> bool:
        free = self._running.total() < self._running_limit
        return free and self._running[owner] < max(1, self._running_limit // 2)

    def _next(self) -> None:
        """Begin with the first who may."""
        for owner, turn in self._waiting:
            if self._has_turn(owner):
                self._waiting.remove((owner, turn))
                self._running[owner] += 1
                turn.callback(None)
                return
