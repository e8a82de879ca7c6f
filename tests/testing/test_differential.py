"""
G13: what clients see of memory, of a directory and of an object store is the same.

DIFFERENTIAL_SESSIONS is how many sessions; ``make differential`` has more of them. DIFFERENTIAL_SEED is the first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import count

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import NotFound
from ftpx.interfaces import Entry, IPartialUploads, IStorage, IStoragePool, IWritableFile, Path
from ftpx.storage.forwarding import ForwardingStorage
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.objects.resumable import ResumableObjectStorage
from ftpx.storage.objects.storage import ObjectStorage
from ftpx.storage.objects.store import IResumableObjectStore
from ftpx.testing.differential import Allowed, Difference, Seen, compare_session, compare_steps, replay
from ftpx.testing.pool import InlinePool
from ftpx.testing.sessions import Step, generate_session
from tests.storage.directories import new_directory
from tests.storage.objects.memory_store import MemoryObjectStore

_SESSIONS = int(os.environ.get("DIFFERENTIAL_SESSIONS", "200"))
_SEED = int(os.environ.get("DIFFERENTIAL_SEED", "0"))

# What memory and a directory need not agree upon.
_ALLOWED = (
    Allowed("RNTO", frozenset({550}), "a file over the directory that it is in: it is one, and it is not empty"),
    Allowed("", frozenset({550, 553}), "the kernel takes no path of more than 4,095 octets", longer_than=4095),
)


# What memory and an object store need not agree upon.
_ALLOWED_OF_OBJECTS = (
    Allowed("", frozenset({550}), "beneath a file: there is nothing, and it is no directory"),
    Allowed("RNTO", frozenset({550, 553}), "a directory into itself, where the new place has no directory either"),
)


class _PlainMemory(ForwardingStorage):
    """Memory, with no more abilities than an object store."""


class _KeepingMemory(ForwardingStorage):
    """The same, with what is kept of uploads."""

    abilities = (IPartialUploads,)


class DifferentialTests(SynchronousTestCase):
    """Storages that are as different as can be."""

    def test_memory_and_local(self) -> None:
        """G13, PH01, PH02: whatever clients say, replies, content and the trees at the end are the same."""
        for seed in range(_SEED, _SEED + _SESSIONS):
            difference = compare_session(seed, MemoryStorage, self.make_local, _ALLOWED)
            self.assertIsNone(difference, f"\n{difference}")

    def make_local(self) -> IStorage:
        """An empty directory."""
        return open_local(new_directory(self), InlinePool())

    def test_memory_and_objects(self) -> None:
        """G13, PH02: the same, with names that an object store keeps."""
        self.compare_with_objects(_PlainMemory, ObjectStorage, breaks=False)

    def test_memory_and_resumable_objects(self) -> None:
        """G13: the same, with uploads that break off and are gone on with."""
        self.compare_with_objects(_KeepingMemory, ResumableObjectStorage, breaks=True)

    def compare_with_objects(
        self,
        memory: type[ForwardingStorage],
        objects: Callable[[IResumableObjectStore, IStoragePool], IStorage],
        *,
        breaks: bool,
    ) -> None:
        """Compare memory with an object store."""
        now = count(1_700_000_000)
        for seed in range(_SEED, _SEED + _SESSIONS // 2):
            difference = compare_session(
                seed,
                lambda: memory(MemoryStorage()),
                lambda: objects(MemoryObjectStore(now=lambda: float(next(now))), InlinePool()),
                _ALLOWED_OF_OBJECTS,
                breaks=breaks,
                odd_names=False,
            )
            self.assertIsNone(difference, f"\n{difference}")


class _Hides(ForwardingStorage):
    """Stat of what is at ``b`` fails."""

    async def stat(self, path: Path) -> Entry:
        if path == ("b",):
            raise NotFound("hidden")
        return await super().stat(path)


class _Forgets(ForwardingStorage):
    """Whatever is written to ``b`` is not there."""

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        file = await super().open_write(path, offset=offset, exclusive=exclusive)
        if path == ("b",):
            await file.abort()
            return await MemoryStorage().open_write(path)
        return file


class CompareTests(SynchronousTestCase):
    """Differences are found, and told as short as they go."""

    steps = (
        Step("STOR a", b"1"),
        Step("STOR b", b"22"),
        Step("MKD d"),
        Step("SIZE b"),
        Step("RETR a"),
    )

    def compare(self, wrapper: type[ForwardingStorage], *allowed: Allowed) -> Difference:
        """The difference between memory and a storage around it."""
        difference = compare_steps(self.steps, self.plain, lambda: wrapper(MemoryStorage()), allowed)
        assert difference is not None
        return difference

    @staticmethod
    def plain() -> IStorage:
        """Memory without abilities."""
        return ForwardingStorage(MemoryStorage())

    def test_none(self) -> None:
        """A storage is like itself."""
        self.assertIsNone(compare_steps(self.steps, self.plain, self.plain))
        self.assertIsNone(compare_session(1, MemoryStorage, MemoryStorage))

    def test_reply(self) -> None:
        """Another reply is told with the steps up to it."""
        difference = self.compare(_Hides)
        self.assertEqual(difference.steps, self.steps[:4])
        self.assertEqual((difference.one, difference.other), (self.seen(213, "2"), self.seen(550, _MISSING)))
        self.assertIn("'STOR b' (2 octets)", str(difference))

    @staticmethod
    def seen(code: int, text: str) -> Seen:
        """A reply that came alone."""
        return Seen((code,), (text,), b"")

    def test_tree(self) -> None:
        """A tree that differs is told with the steps that lead there, if no reply tells it."""
        allowed = Allowed("SIZE", frozenset({213, 550}), "as if it were so")
        self.assertEqual(self.compare(_Forgets).steps, self.steps[:4])
        difference = self.compare(_Forgets, allowed)
        self.assertEqual((difference.steps, difference.one, difference.other), (self.steps[:2], {("b",): b"22"}, {}))

    def test_allowed(self) -> None:
        """What is allowed is allowed for that command and those codes alone, in any order."""
        self.assertIsNone(compare_steps(self.steps, self.plain, self.hidden, [self.allowed("SIZE", 550, 213)]))
        for allowed in (self.allowed("SIZE", 550, 553), self.allowed("DELE", 213, 550), self.allowed("SIZE", 213)):
            self.assertIsNotNone(compare_steps(self.steps, self.plain, self.hidden, [allowed]))

    def test_allowed_if_long(self) -> None:
        """What is allowed may be so for long commands only, and for all commands."""
        for longer_than, found in ((len("SIZE b") - 1, False), (len("SIZE b"), True)):
            allowed = Allowed("", frozenset({213, 550}), "as if it were so", longer_than)
            difference = compare_steps(self.steps, self.plain, self.hidden, [allowed])
            self.assertEqual(difference is not None, found)

    @staticmethod
    def hidden() -> IStorage:
        """One that differs in a reply."""
        return _Hides(MemoryStorage())

    @staticmethod
    def allowed(verb: str, *codes: int) -> Allowed:
        """An allowed difference."""
        return Allowed(verb, frozenset(codes), "as if it were so")

    def test_listings(self) -> None:
        """Of listings times, owners and identities do not count, nor does the order; names, kinds and sizes do."""
        steps: Sequence[Step] = [Step("MKD d"), Step("STOR a", b"1"), Step("LIST"), Step("MLSD"), Step("MLST a")]
        seen, tree = replay(MemoryStorage(), steps)
        self.assertEqual(tree, {("a",): b"1", ("d",): None})
        self.assertEqual(seen[2].came, b"- 1 a\r\nd  d\r\n")
        self.assertEqual(sorted(line.split()[-1] for line in seen[3].came.splitlines()), [b"a", b"d"])
        self.assertIn(b"size=1;", seen[3].came)
        self.assertNotIn(b"modify", seen[3].came)
        self.assertIn("size=1;", "".join(seen[4].text))


class SessionsTests(SynchronousTestCase):
    """Sessions are made up from a seed."""

    def test_same(self) -> None:
        """The same seed makes the same session, and another one another; each is as long as it is to be."""
        self.assertEqual(generate_session(1), generate_session(1))
        self.assertNotEqual(generate_session(1), generate_session(2))
        self.assertGreaterEqual(len(generate_session(1, 100)), 100)

    def test_every_command(self) -> None:
        """All commands that have to do with a storage come about, and uploads that break off if they may."""
        steps = [step for seed in range(30) for step in generate_session(seed)]
        verbs = "APPE CDUP CWD DELE LIST MKD MLSD MLST NLST PWD REST RETR RMD RNFR RNTO SIZE STAT STOR XSHA256"
        self.assertEqual({step.verb for step in steps}, set(verbs.split()))
        self.assertTrue(any(step.breaks for step in steps))
        self.assertFalse(any(step.breaks for seed in range(30) for step in generate_session(seed, breaks=False)))
        for part in ("..", "//", "/./", "../../../../", "x" * 256, "\udce9", "%2e%2e", "*"):
            self.assertTrue(any(part in step.line for step in steps), part)


_MISSING = "No such file or directory, or not permitted."
