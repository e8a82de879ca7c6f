"""Digests taken while an upload arrives."""

from __future__ import annotations

import hashlib
import os
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.digests import taking
from ftpx.digests.algorithms import Algorithm
from ftpx.digests.taking import DigestingFile, take_digest
from ftpx.errors import NoSpace, NotSupported, StorageFailure, StorageUnavailable
from ftpx.interfaces import (
    Block,
    Entry,
    IDurableFile,
    IFileDescriptor,
    IPartialFile,
    IStagedContent,
    IStagedDescriptor,
    IWorkerPool,
    IWritableFile,
)
from ftpx.testing.pool import InlinePool
from tests.data.doubles import DescriptorSink, FullPool, HangingPool, MemorySink, failing

MD5 = Algorithm.MD5
SMALL = 64 * 1024
LARGE = os.urandom(1024) * 3000
"""Some 3 MiB: enough for a thread to be asked before the end."""


def md5(content: bytes) -> str:
    """What is to be told."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@implementer(IDurableFile, IPartialFile, IStagedContent)
class FullSink(MemorySink):
    """A file without a descriptor that has every ability."""

    def __init__(self, kept: bytes = b"") -> None:
        super().__init__()
        self.offset = len(kept)
        self.content = kept
        self.calls: list[str] = []

    async def commit_durably(self) -> Entry:
        """Note it."""
        self.calls.append("commit_durably")
        return await self.commit()

    async def suspend(self) -> None:
        """Note it."""
        self.calls.append("suspend")

    async def read_back(self, offset: int, size: int) -> bytes:
        """What was written, a little at a time."""
        return self.content[offset : offset + min(size, 3)]


@implementer(IStagedDescriptor)
class StagedSink(DescriptorSink):
    """A file on disk that wants to be prepared."""

    prepared = 0

    def prepare(self) -> None:
        """Note it."""
        self.prepared += 1


class TakingCase(SynchronousTestCase):
    """A file around another one."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.pool: IWorkerPool = InlinePool()
        self.moved = 0

    def take(self, sink: IWritableFile, *algorithms: Algorithm) -> DigestingFile:
        self.file = take_digest(sink, algorithms or (MD5,), self.pool, self.clock)
        return self.file

    def write(self, block: Block) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.file.write(block)))

    def digest(self, algorithm: Algorithm = MD5) -> Deferred[str]:
        return Deferred.fromCoroutine(self.file.digest(algorithm))

    def assertDigest(self, content: bytes) -> None:
        """The digest is that of some content, and nothing is left to be done."""
        self.assertEqual(self.successResultOf(self.digest()), md5(content))
        self.assertEqual(self.file.size, len(content))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def on_disk(self, kept: bytes = b"") -> StagedSink:
        sink = StagedSink(kept)
        self.addCleanup(sink.close)
        return sink

    def arrive(self, sink: DescriptorSink, content: bytes) -> None:
        """Octets come, and are written and counted as a transfer does it."""
        os.pwrite(sink.fileno(), content, sink.offset + self.moved)
        self.moved += len(content)

    def begin(self, sink: DescriptorSink, first: bytes) -> None:
        """As a transfer begins by the descriptor: what came first is counted before it is written."""
        self.file.follow(lambda: self.moved)
        self.moved = len(first)
        self.clock.advance(1)
        self.file.prepare()
        self.clock.advance(1)
        os.pwrite(sink.fileno(), first, sink.offset)


class WriteTests(TakingCase):
    """What comes by `write`."""

    def test_nothing(self) -> None:
        """An empty file has a digest, for which no thread is needed."""
        self.pool = FullPool()
        self.take(MemorySink())
        self.assertDigest(b"")

    def test_small(self) -> None:
        """A small file costs one call in a thread, at its end."""
        self.pool = pool = InlinePool()
        sink = MemorySink()
        self.take(sink)
        buffer = bytearray(b"one")
        self.write(memoryview(buffer))
        buffer[:] = b"two"
        self.write(memoryview(buffer))
        self.write(bytes(SMALL - 6))
        self.assertEqual(pool.calls, 0)
        self.assertDigest(b"onetwo" + bytes(SMALL - 6))
        self.assertEqual(pool.calls, 1)
        self.assertEqual(sink.content, b"onetwo" + bytes(SMALL - 6))

    def test_large(self) -> None:
        """Of a larger one each block is hashed while it is written."""
        sink = MemorySink()
        self.take(sink)
        for place in range(0, len(LARGE), 50_000):
            self.write(memoryview(LARGE)[place : place + 50_000])
        self.assertDigest(LARGE)
        self.assertEqual(sink.content, LARGE)

    def test_waits_for_both(self) -> None:
        """The block is free when it was written, and hashed as well."""
        self.pool = pool = HangingPool()
        sink = MemorySink()
        self.take(sink)
        sink.hangs = Deferred()
        written = Deferred.fromCoroutine(self.file.write(LARGE))
        self.assertEqual(len(pool.calls), 1)
        pool.go_on()
        self.assertNoResult(written)
        sink.hangs.callback(None)
        self.successResultOf(written)
        written = Deferred.fromCoroutine(self.file.write(LARGE))
        sink.hangs = None
        self.assertNoResult(written)
        pool.go_on()
        self.successResultOf(written)
        self.assertDigest(LARGE + LARGE)

    def test_several(self) -> None:
        """All digests are taken in one pass."""
        self.take(MemorySink(), *Algorithm)
        self.write(LARGE)
        for algorithm in Algorithm:
            total = algorithm.new()
            total.update(LARGE)
            self.assertEqual(self.successResultOf(self.digest(algorithm)), total.hexdigest())

    def test_size_alone(self) -> None:
        """Without any algorithm it counts, and costs no thread."""
        self.pool = FullPool()
        self.file = take_digest(FullSink(b"kept"), (), self.pool, self.clock)
        self.write(LARGE)
        self.assertEqual(self.file.size, 4 + len(LARGE))

    def test_writing_fails(self) -> None:
        """The storage's error is the outcome, and there is no digest any more."""
        self.pool = HangingPool()
        sink = MemorySink()
        self.take(sink)
        sink.error = NoSpace("full")
        self.failureResultOf(Deferred.fromCoroutine(self.file.write(LARGE)), NoSpace)
        self.failureResultOf(self.digest(), StorageFailure)

    def test_too_busy(self) -> None:
        """Too much is being computed: the client may try later."""
        self.pool = FullPool()
        self.take(MemorySink())
        self.failureResultOf(Deferred.fromCoroutine(self.file.write(LARGE)), StorageUnavailable)

    def test_broken_off(self) -> None:
        """The wait for a block ends at once; what was hashed of it is of no use any more."""
        self.pool = HangingPool()
        self.take(MemorySink())
        written = Deferred.fromCoroutine(self.file.write(LARGE))
        written.cancel()
        self.failureResultOf(written, CancelledError)
        self.failureResultOf(self.digest(), StorageFailure)


class KeptTests(TakingCase):
    """Files that are continued: what is kept belongs to the digest."""

    def test_read_back(self) -> None:
        """Without a descriptor the storage reads it."""
        self.take(FullSink(b"kept of it "))
        self.write(b"and more")
        self.assertDigest(b"kept of it and more")

    def test_read_back_before_a_large_block(self) -> None:
        """It comes first."""
        self.take(FullSink(b"kept of it "))
        self.write(LARGE)
        self.assertDigest(b"kept of it " + LARGE)

    def test_by_descriptor(self) -> None:
        """It is read where it is."""
        for more in (b"", b"and more", LARGE):
            self.take(self.on_disk(LARGE))
            if more:
                self.write(more)
            self.assertDigest(LARGE + more)

    def test_shrunk(self) -> None:
        """What is not there any more has no digest."""
        sink = FullSink(b"kept of it ")
        self.take(sink)
        sink.content = b"kept"
        self.failureResultOf(self.digest(), StorageFailure)
        disk = self.on_disk(b"kept of it")
        self.take(disk)
        os.ftruncate(disk.fileno(), 4)
        self.failureResultOf(self.digest(), StorageFailure)

    def test_not_supported(self) -> None:
        """A storage that cannot read it back gives no digest; the upload goes on all the same."""
        self.pool = FullPool()
        sink = MemorySink()
        sink.offset = 3
        self.take(sink)
        self.write(LARGE)
        self.assertEqual(sink.content, LARGE)
        self.failureResultOf(self.digest(), NotSupported)


class FollowTests(TakingCase):
    """What goes by the descriptor is read behind the transfer."""

    def test_small(self) -> None:
        """A small file costs one call in a thread."""
        self.pool = pool = InlinePool()
        sink = self.on_disk()
        self.take(sink)
        self.file.follow(lambda: self.moved)
        self.file.prepare()
        self.arrive(sink, b"first")
        self.arrive(sink, b"second")
        self.assertDigest(b"firstsecond")
        self.assertEqual((pool.calls, sink.prepared), (1, 1))

    def test_large(self) -> None:
        """A large one is hashed on the way."""
        self.pool = pool = InlinePool()
        sink = self.on_disk(b"kept")
        self.take(sink)
        self.begin(sink, LARGE[:16384])
        self.assertEqual(pool.calls, 0)
        self.arrive(sink, LARGE)
        self.clock.advance(1)
        self.assertEqual(pool.calls, 1)
        with patch("os.preadv", failing(5)):
            # It has been read already.
            self.assertDigest(b"kept" + LARGE[:16384] + LARGE)

    def test_not_before_it_is_written(self) -> None:
        """What is counted and not written yet is not read: zeros could stand there."""
        sink = self.on_disk()
        os.ftruncate(sink.fileno(), len(LARGE))
        self.take(sink)
        self.begin(sink, LARGE)
        self.clock.pump([1] * 5)
        self.assertDigest(LARGE)

    def test_behind_what_was_written_by_copying(self) -> None:
        """The beginning may go the other way, and need not be in the descriptor yet."""
        sink = self.on_disk(b"kept")
        self.take(sink)
        self.file.follow(lambda: self.moved)
        self.write(b"first ")
        os.ftruncate(sink.fileno(), 4)
        self.moved += 6
        self.file.prepare()
        self.arrive(sink, LARGE)
        self.clock.pump([1] * 5)
        self.assertDigest(b"keptfirst " + LARGE)

    def test_everything_copied(self) -> None:
        """To follow does no harm where the transfer counts other octets than those of the content."""
        self.take(self.on_disk(b"kept"))
        self.file.follow(lambda: 10**9)
        self.write(b"first ")
        self.clock.pump([1] * 5)
        self.write(LARGE)
        self.assertDigest(b"keptfirst " + LARGE)

    def test_looks_less_and_less(self) -> None:
        """Where little comes it is seldom looked for, and where much comes often."""
        sink = self.on_disk()
        self.take(sink)
        self.begin(sink, b"x")
        for _ in range(8):
            self.clock.advance(1)
        (call,) = self.clock.getDelayedCalls()
        self.assertAlmostEqual(call.getTime() - self.clock.seconds(), 0.8)
        self.arrive(sink, LARGE)
        self.clock.advance(1)
        (call,) = self.clock.getDelayedCalls()
        self.assertAlmostEqual(call.getTime() - self.clock.seconds(), 0.05)
        self.assertDigest(b"x" + LARGE)

    def test_slices(self) -> None:
        """A thread gives way to others now and then."""
        self.pool = pool = InlinePool()
        sink = self.on_disk(LARGE)
        with patch.object(taking, "_SLICE", 1_000_000), patch.object(taking, "_BLOCK", 300_000):
            self.take(sink)
            self.begin(sink, LARGE)
            self.arrive(sink, LARGE)
            self.assertDigest(LARGE * 3)
        self.assertGreater(pool.calls, 8)

    def test_end_while_a_thread_reads(self) -> None:
        """The digest waits for the thread, and reads what came since."""
        self.pool = pool = HangingPool()
        sink = self.on_disk()
        self.take(sink)
        self.begin(sink, b"x")
        self.arrive(sink, LARGE)
        self.clock.advance(1)
        self.assertEqual(len(pool.calls), 1)
        self.arrive(sink, b"end")
        digest = self.digest()
        self.assertEqual(len(pool.calls), 1)
        while pool.calls:
            pool.go_on()
        self.assertEqual(self.successResultOf(digest), md5(b"x" + LARGE + b"end"))

    def test_too_busy(self) -> None:
        """While too much is being computed it is tried again."""
        self.pool = pool = InlinePool()
        sink = self.on_disk()
        self.take(sink)
        self.begin(sink, b"x")
        self.arrive(sink, LARGE)
        self.patch(self.file, "_computing", FullPool())
        self.clock.pump([1] * 3)
        self.patch(self.file, "_computing", pool)
        self.clock.advance(1)
        self.assertEqual(pool.calls, 1)
        self.assertDigest(b"x" + LARGE)

    def test_cannot_be_read(self) -> None:
        """An error of the descriptor is told as the storage has it, when the digest is asked for."""
        sink = self.on_disk()
        self.take(sink)
        self.begin(sink, b"x")
        self.arrive(sink, LARGE)
        with patch("os.preadv", failing(5)):
            self.clock.advance(1)
        self.failureResultOf(self.digest(), StorageFailure)

    def test_not_followed(self) -> None:
        """Nothing is told of what went by the descriptor unseen."""
        sink = self.on_disk()
        self.take(sink)
        self.file.prepare()
        self.arrive(sink, LARGE)
        self.failureResultOf(self.digest(), StorageFailure)

    def test_size_alone(self) -> None:
        """Without any algorithm it counts what goes by the descriptor too."""
        sink = self.on_disk(b"kept")
        self.file = take_digest(sink, (), FullPool(), self.clock)
        self.begin(sink, b"x")
        self.arrive(sink, LARGE)
        self.assertEqual(self.file.size, 5 + len(LARGE))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class EndTests(TakingCase):
    """However an upload ends, nothing goes on behind it."""

    def ended(self, how: str) -> int:
        """End an upload while a thread is asked to read; the descriptors that are open afterwards."""
        sink = self.on_disk()
        self.pool = pool = HangingPool()
        self.take(sink)
        self.begin(sink, b"x")
        self.arrive(sink, LARGE)
        before = len(os.listdir("/proc/self/fd"))
        self.clock.advance(1)
        self.assertEqual(len(pool.calls), 1)
        self.successResultOf(Deferred.fromCoroutine(getattr(self.file, how)()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        # The thread comes too late: it finds nothing to read.
        (call,) = (made for _, made in pool.calls)
        self.assertRaises(StorageFailure, call)
        self.failureResultOf(self.digest(), StorageFailure)
        return len(os.listdir("/proc/self/fd")) - before

    def test_ends(self) -> None:
        """The descriptor is closed."""
        for how in ("commit", "abort"):
            self.assertEqual(self.ended(how), 0)

    def test_digest_given_up(self) -> None:
        """Who waits for the digest and gives up is not held up by the thread."""
        self.pool = HangingPool()
        sink = self.on_disk()
        self.take(sink)
        self.begin(sink, b"x")
        self.arrive(sink, LARGE)
        digest = self.digest()
        digest.cancel()
        self.failureResultOf(digest, CancelledError)
        self.successResultOf(Deferred.fromCoroutine(self.file.abort()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_released_while_a_thread_reads(self) -> None:
        """The thread stops at the next block."""
        sink = self.on_disk(LARGE)
        self.take(sink)
        reads: list[int] = []
        preadv = os.preadv

        def read(descriptor: int, views: list[memoryview], offset: int) -> int:
            reads.append(offset)
            assert self.file._held is not None
            self.file._held.release()
            return preadv(descriptor, views, offset)

        with patch("os.preadv", read):
            self.failureResultOf(self.digest(), StorageFailure)
        self.assertEqual(reads, [0])


class AbilityTests(TakingCase):
    """It can all that the file inside can, and no more."""

    def test_abilities(self) -> None:
        """Optional interfaces are handed on."""
        every = (IFileDescriptor, IStagedDescriptor, IDurableFile, IPartialFile, IStagedContent)

        def abilities(file: object) -> list[bool]:
            return [ability.providedBy(file) for ability in every]

        self.assertTrue(IWritableFile.providedBy(self.take(MemorySink())))
        self.assertEqual(abilities(self.file), [False, False, False, False, False])
        self.assertEqual(abilities(self.take(FullSink())), [False, False, True, True, True])
        plain = DescriptorSink()
        self.addCleanup(plain.close)
        self.assertEqual(abilities(self.take(plain)), [True, True, False, False, False])

    def test_handed_on(self) -> None:
        """What is asked of it reaches the file inside."""
        sink = FullSink(b"kept")
        self.take(sink)
        self.assertEqual(self.file.offset, 4)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(self.file.read_back(1, 2))), b"ep")
        for how in ("suspend", "commit_durably"):
            self.successResultOf(Deferred.fromCoroutine(getattr(self.file, how)()))
        self.assertEqual(sink.calls, ["suspend", "commit_durably"])

    def test_descriptor(self) -> None:
        """The descriptor is that of the file inside, with its errors, its pool and its preparation."""
        sink = self.on_disk()
        self.take(sink)
        self.assertEqual((self.file.fileno(), self.file.pool), (sink.fileno(), sink.pool))
        self.assertIsInstance(self.file.translate(OSError(28, "full")), NoSpace)
        self.file.prepare()
        self.assertEqual(sink.prepared, 1)

    def test_nothing_to_prepare(self) -> None:
        """A file that needs no preparation is not asked for it."""
        plain = DescriptorSink()
        self.addCleanup(plain.close)
        self.take(plain)
        self.file.follow(lambda: self.moved)
        self.file.prepare()
        self.arrive(plain, LARGE)
        self.assertDigest(LARGE)


@given(
    st.binary(max_size=200),
    st.lists(st.binary(max_size=200), max_size=6),
    st.lists(st.one_of(st.binary(max_size=300), st.floats(0, 3)), max_size=12),
)
def test_any_course(kept: bytes, blocks: list[bytes], course: list[bytes | float]) -> None:
    """Whatever is kept, copied and written to the descriptor, however fast: the digest is that of the file."""
    clock, sink, moved = Clock(), DescriptorSink(kept), 0
    try:
        with (
            patch.object(taking, "_SMALL", 100),
            patch.object(taking, "_WORTHWHILE", 50),
            patch.object(taking, "_BLOCK", 64),
            patch.object(taking, "_SLICE", 150),
        ):
            file = take_digest(sink, (MD5,), InlinePool(), clock)
            file.follow(lambda: moved)
            for block in blocks:
                moved += len(block)
                Deferred.fromCoroutine(file.write(block))
            file.prepare()
            for step in course:
                if isinstance(step, float):
                    clock.advance(step)
                else:
                    os.pwrite(sink.fileno(), step, len(kept) + moved)
                    moved += len(step)
            told: list[str] = []
            Deferred.fromCoroutine(file.digest(MD5)).addCallback(told.append)
            assert told == [md5(sink.written)]
            assert file.size == len(sink.written)
    finally:
        sink.close()
