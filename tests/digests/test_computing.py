"""Digests of files that are there."""

from __future__ import annotations

import hashlib
import zlib
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.digests import computing
from ftpx.digests.algorithms import Algorithm
from ftpx.digests.computing import Computations, compute
from ftpx.errors import StorageFailure, StorageUnavailable
from ftpx.interfaces import IWorkerPool
from ftpx.testing.pool import InlinePool
from tests.data.doubles import FullPool, HangingPool, MemorySource

CONTENT = bytes(range(256)) * 40


def of(pool: IWorkerPool, source: MemorySource, algorithm: Algorithm, start: int, end: int) -> Deferred[str]:
    """The digest of a part of a source."""
    return Deferred.fromCoroutine(compute(pool, source, algorithm, start, end))


class ComputeTests(SynchronousTestCase):
    """Reading and hashing by turns."""

    def setUp(self) -> None:
        blocks = patch.object(computing, "_BLOCK", 1000)
        blocks.start()
        self.addCleanup(blocks.stop)
        self.source = MemorySource(CONTENT)

    def test_every_algorithm(self) -> None:
        """The digest is that of the part, however many blocks it has."""
        for start, end in ((0, len(CONTENT)), (0, 0), (999, 1001), (1000, 2000), (1, len(CONTENT) - 1)):
            part = CONTENT[start:end]
            for algorithm, expected in (
                (Algorithm.CRC32, f"{zlib.crc32(part):08x}"),
                (Algorithm.MD5, hashlib.md5(part, usedforsecurity=False).hexdigest()),
                (Algorithm.SHA_512, hashlib.sha512(part).hexdigest()),
            ):
                digest = self.successResultOf(of(InlinePool(), self.source, algorithm, start, end))
                self.assertEqual(digest, expected)

    def test_reads_ahead(self) -> None:
        """The next block is read while one is hashed, and no further."""
        pool = HangingPool()
        digest = of(pool, self.source, Algorithm.MD5, 0, len(CONTENT))
        self.assertEqual((self.source.read_to, len(pool.calls)), (2000, 1))
        pool.go_on()
        self.assertEqual((self.source.read_to, len(pool.calls)), (3000, 1))
        while pool.calls:
            pool.go_on()
        self.assertEqual(self.successResultOf(digest), hashlib.md5(CONTENT, usedforsecurity=False).hexdigest())

    def test_shrinks(self) -> None:
        """A file that ends before its end has no digest."""
        self.failureResultOf(of(InlinePool(), self.source, Algorithm.MD5, 0, len(CONTENT) + 1), StorageFailure)

    def test_fails(self) -> None:
        """The storage's error is the outcome, and nothing is left behind of what was hashed meanwhile."""
        pool = HangingPool()
        self.source.hangs = Deferred()
        digest = of(pool, self.source, Algorithm.MD5, 0, len(CONTENT))
        first, self.source.hangs = self.source.hangs, Deferred()
        first.callback(None)
        self.source.error = StorageFailure("broken")
        self.assertEqual(len(pool.calls), 1)
        self.source.hangs.callback(None)
        self.failureResultOf(digest, StorageFailure)

    def test_full_pool(self) -> None:
        """Too much is being computed."""
        self.failureResultOf(of(FullPool(), self.source, Algorithm.MD5, 0, 1), StorageUnavailable)

    def test_cancelled(self) -> None:
        """It is over at once, whether it waits for the storage or for a thread, and reads no more."""
        pool = HangingPool()
        digest = of(pool, self.source, Algorithm.MD5, 0, len(CONTENT))
        digest.cancel()
        self.failureResultOf(digest, CancelledError)
        self.assertEqual(self.source.read_to, 2000)
        self.source.hangs = Deferred()
        digest = of(pool, self.source, Algorithm.MD5, 0, len(CONTENT))
        digest.cancel()
        self.failureResultOf(digest, CancelledError)


class ComputationsTests(SynchronousTestCase):
    """How many are computed at once."""

    def setUp(self) -> None:
        self.pool = HangingPool()
        self.computations = Computations(self.pool, running=4, waiting=4)

    def begin(self, owner: str) -> Deferred[str]:
        """One more."""
        source = MemorySource(b"abc")
        return Deferred.fromCoroutine(self.computations.compute(owner, source, Algorithm.CRC32, 0, 3))

    def finish_one(self) -> None:
        """Let the first that has a thread come to its end."""
        waiting, call = self.pool.calls.pop(0)
        waiting.callback(call())

    def test_one(self) -> None:
        """The digest is told, and the place is free again."""
        for _ in range(20):
            digest = self.begin("alice")
            self.finish_one()
            self.assertEqual(self.successResultOf(digest), "352441c2")

    def test_running(self) -> None:
        """No more than so many run at once, of one owner half of them; the next begins when one ends."""
        owners = ["alice"] * 4 + ["bob"] * 3
        digests = [self.begin(owner) for owner in owners]
        self.assertEqual(len(self.pool.calls), 4)
        done = []
        for _ in digests:
            self.finish_one()
            done.append([bool(digest.called) for digest in digests].count(True))
            self.assertLessEqual(len(self.pool.calls), 4)
        self.assertEqual(done, [1, 2, 3, 4, 5, 6, 7])
        self.assertEqual([self.successResultOf(digest) for digest in digests], ["352441c2"] * 7)

    def test_order(self) -> None:
        """They begin in the order in which they came, but nobody is held up by one who has had his share."""
        ended: list[str] = []

        def note(name: str) -> Deferred[str]:
            return self.begin(name[0]).addBoth(lambda _: ended.append(name))

        for name in ("a1", "a2", "a3", "b1", "c1", "b2"):
            note(name)
        while self.pool.calls:
            self.finish_one()
        self.assertEqual(ended, ["a1", "a2", "b1", "c1", "a3", "b2"])

    def test_too_many(self) -> None:
        """Who finds too many waiting is told to try later, and so is who has too many waiting himself."""
        waiting = [self.begin("alice") for _ in range(4)]
        self.failureResultOf(self.begin("alice"), StorageUnavailable)
        waiting += [self.begin("bob") for _ in range(4)]
        self.failureResultOf(self.begin("carol"), StorageUnavailable)
        for _ in waiting:
            self.finish_one()
        self.assertEqual([self.successResultOf(digest) for digest in waiting], ["352441c2"] * 8)
        self.begin("carol")
        self.finish_one()

    def test_cancelled_while_waiting(self) -> None:
        """Who does not wait any more leaves his place in the queue."""
        digests = [self.begin("alice") for _ in range(4)]
        digests[2].cancel()
        self.failureResultOf(digests[2], CancelledError)
        fresh = self.begin("alice")
        self.failureResultOf(self.begin("alice"), StorageUnavailable)
        for _ in range(4):
            self.finish_one()
        self.assertEqual(self.successResultOf(fresh), "352441c2")
        self.assertEqual(self.successResultOf(digests[3]), "352441c2")

    def test_cancelled_while_running(self) -> None:
        """The place is free at once, though a thread may still be at it."""
        digests = [self.begin("alice") for _ in range(3)]
        digests[0].cancel()
        self.failureResultOf(digests[0], CancelledError)
        self.assertEqual(len(self.pool.calls), 3)
        self.pool.calls.pop(0)
        self.finish_one()
        self.finish_one()
        self.assertEqual(self.successResultOf(digests[2]), "352441c2")

    def test_failed(self) -> None:
        """One that fails makes room as well."""
        computations = Computations(FullPool(), running=1, waiting=0)
        for _ in range(3):
            failed = computations.compute("alice", MemorySource(b"abc"), Algorithm.MD5, 0, 3)
            self.failureResultOf(Deferred.fromCoroutine(failed), StorageUnavailable)


@given(st.lists(st.tuples(st.sampled_from(["begin", "finish", "cancel"]), st.sampled_from("abc"), st.integers(0, 9))))
def test_bounds_hold(steps: list[tuple[str, str, int]]) -> None:
    """Whatever comes and goes, no more run than may, nobody waits in vain, and all places are free at the end."""
    pool = HangingPool()
    computations = Computations(pool, running=2, waiting=3)
    running: list[Deferred[str]] = []

    def live() -> int:
        pool.calls = [call for call in pool.calls if not call[0].called]
        return len(pool.calls)

    for step, owner, which in steps:
        if step == "begin":
            coroutine = computations.compute(owner, MemorySource(b"abc"), Algorithm.CRC32, 0, 3)
            running.append(Deferred.fromCoroutine(coroutine))
            running[-1].addErrback(lambda _: "")
        elif step == "finish" and live():
            waiting, call = pool.calls.pop(which % live())
            waiting.callback(call())
        elif step == "cancel" and running:
            running[which % len(running)].cancel()
        assert live() <= 2
    while live():
        waiting, call = pool.calls.pop(0)
        waiting.callback(call())
    assert all(digest.called for digest in running)
    assert computations._running.total() == 0
    assert not computations._waiting
