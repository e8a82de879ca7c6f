"""Storages that go wrong where a plan says so, and what clients see of every such fault."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import NoSpace, StorageFailure, StorageUnavailable
from ftpx.interfaces import IDurable, IFileDescriptor, IFreeSpace, IModes, IPartialFile, IReadableFile, IStorage, ITimes
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.faults import (
    Call,
    Fail,
    Fault,
    FaultPlan,
    FaultyStorage,
    ShortRead,
    Stall,
    every_fault,
    plans_for,
)
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageCase, StorageContract
from tests.storage.directories import new_directory
from tests.testing.stories import STORIES, Step, Story, Telling


class FaultyContractTests(StorageContract, SynchronousTestCase):
    """Without a plan, it does what every storage does."""

    def make_storage(self) -> IStorage:
        """Over memory."""
        return FaultyStorage(MemoryStorage(100_000_000))


class FaultyLocalContractTests(FaultyContractTests):
    """Over a directory."""

    def make_storage(self) -> IStorage:
        """Over an empty directory."""
        return FaultyStorage(open_local(new_directory(self), InlinePool()))


class FaultyStorageTests(StorageCase, SynchronousTestCase):
    """Calls go wrong as planned."""

    storage: FaultyStorage

    def make_storage(self) -> IStorage:
        """Nothing goes wrong at first."""
        return self.planned({})

    def planned(self, plan: FaultPlan) -> FaultyStorage:
        """An empty storage by a plan."""
        self.inner = MemoryStorage()
        self.storage = FaultyStorage(self.inner, plan)
        return self.storage

    def test_provides_what_the_inner_does(self) -> None:
        """There are the abilities of the inner storage and of its files, and no others, nor descriptors."""
        self.assertTrue(ITimes.providedBy(self.storage) and IModes.providedBy(self.storage))
        self.assertFalse(IFreeSpace.providedBy(self.storage) or IDurable.providedBy(self.storage))
        local = FaultyStorage(open_local(new_directory(self), InlinePool()))
        self.assertTrue(IDurable.providedBy(local) and IFreeSpace.providedBy(local))
        target = self.result(local.begin_upload(("a",), "alice"))
        self.assertTrue(IPartialFile.providedBy(target))
        self.assertFalse(IFileDescriptor.providedBy(target))
        self.result(target.commit())
        source = self.result(local.open_read(("a",)))
        self.assertTrue(IReadableFile.providedBy(source))
        self.assertFalse(IFileDescriptor.providedBy(source))
        source.close()

    def test_calls(self) -> None:
        """Calls are counted by their operation; each page of a listing and its end is one."""
        self.put(("a",), b"abc")
        self.assertEqual((self.get(("a",)), self.names()), (b"abc", ["a"]))
        self.result(self.storage.set_modified(("a",), 0.0))
        told = [(call.operation, call.number) for call in self.storage.calls]
        self.assertEqual(
            told,
            [
                *(("open_write", 1), ("write", 1), ("write", 2), ("commit", 1), ("abort", 1)),
                *(("open_read", 1), ("read", 1), ("list_directory", 1), ("list_directory", 2), ("set_modified", 1)),
            ],
        )

    def test_fail(self) -> None:
        """The n-th call of an operation fails, and no other; nothing was done."""
        self.planned({Call("make_directory", 2): Fail(NoSpace), Call("set_mode"): Fail(StorageUnavailable)})
        self.make_directory(("a",))
        self.assert_fails(self.storage.make_directory(("b",)), NoSpace)
        self.make_directory(("c",))
        self.assert_fails(self.storage.set_mode(("a",), 0o700), StorageUnavailable)
        self.result(self.storage.set_mode(("a",), 0o700))
        self.assertEqual(self.names(), ["a", "c"])

    def test_fail_late(self) -> None:
        """A call that fails late was made, and nobody is left with what it opened."""
        self.planned(
            {
                Call("make_directory"): Fail(late=True),
                Call("open_write"): Fail(late=True),
                Call("open_read"): Fail(late=True),
                Call("commit"): Fail(late=True),
            }
        )
        self.assert_fails(self.storage.make_directory(("d",)), StorageFailure)
        self.assert_fails(self.storage.open_write(("a",)), StorageFailure)
        target = self.result(self.storage.open_write(("a",)))
        self.assert_fails(target.commit(), StorageFailure)
        self.assertEqual(self.storage.open, 1)
        self.result(target.abort())
        self.assertEqual((self.names(), self.storage.open), (["a", "d"], 0))
        self.assert_fails(self.storage.open_read(("a",)), StorageFailure)
        self.assertEqual(self.get(("a",)), b"")

    def test_files(self) -> None:
        """The calls of files fail as well, over all files."""
        plan = {Call("write", 3): Fail(), Call("read", 2): Fail(), Call("abort", 2): Fail(), Call("suspend"): Fail()}
        self.planned(plan)
        self.put(("a",), b"abc")
        target = self.result(self.storage.open_write(("a",)))
        self.assert_fails(target.write(b"x"), StorageFailure)
        self.assert_fails(target.abort(), StorageFailure)
        self.assertEqual(self.get(("a",)), b"abc")
        source = self.result(self.storage.open_read(("a",)))
        self.assert_fails(source.read(0, 1), StorageFailure)
        source.close()
        file = self.result(self.storage.begin_upload(("a",), "alice"))
        self.assert_fails(file.suspend(), StorageFailure)
        self.assertEqual(self.storage.open, 1)
        self.result(file.abort())
        self.assertEqual(self.storage.open, 0)

    def test_listing(self) -> None:
        """A page fails, and the end of a listing."""
        for number in (1, 2):
            self.planned({Call("list_directory", number): Fail()})
            self.put(("a",), b"")
            self.assert_listing_fails((), StorageFailure)
            self.assertEqual((self.names(), self.storage.open), (["a"], 0))

    def test_short_read(self) -> None:
        """A read gives less than there is."""
        self.planned({Call("read"): ShortRead(2), Call("read", 2): ShortRead()})
        self.put(("a",), b"abcdef")
        self.assertEqual([self.get(("a",)) for _ in range(3)], [b"ab", b"", b"abcdef"])

    def test_stall(self) -> None:
        """A call waits until it is released, and is made then; one that is cancelled is not made at all."""
        self.planned({Call("make_directory"): Stall(), Call("make_directory", 2): Stall()})
        one = Deferred.fromCoroutine(self.storage.make_directory(("a",)))
        two = Deferred.fromCoroutine(self.storage.make_directory(("b",)))
        self.assertEqual((self.storage.stalled, self.names()), (2, []))
        two.cancel()
        self.failureResultOf(two, CancelledError)
        self.assertNoResult(one)
        self.storage.release()
        self.successResultOf(one)
        self.assertEqual((self.storage.stalled, self.names()), (0, ["a"]))

    def test_parts(self) -> None:
        """A subtree goes by the same plan."""
        self.planned({Call("make_directory", 2): Fail()})
        self.make_directory(("d",))
        part = self.result(self.storage.subtree(("d",)))
        self.assert_fails(part.make_directory(("a",)), StorageFailure)
        self.result(part.make_directory(("a",)))
        self.assertEqual(self.names(("d",)), ["a"])


class PlansTests(SynchronousTestCase):
    """Every place and every kind."""

    def test_plans(self) -> None:
        """There is a plan for each call and each fault that fits it."""
        calls = [Call("stat"), Call("read", 1), Call("read", 2)]
        faults: list[Fault] = [Fail(), ShortRead()]
        expected: list[FaultPlan] = [{Call("stat"): Fail()}]
        expected += [{call: fault} for call in calls[1:] for fault in faults]
        self.assertEqual(list(plans_for(calls, faults)), expected)

    def test_every_fault(self) -> None:
        """The story is run once without, and once by each plan; what it finds wrong is told with the plan."""
        plans: list[FaultPlan] = []

        def story(plan: FaultPlan) -> Sequence[Call]:
            plans.append(plan)
            if plan == {Call("b"): Stall()}:
                raise AssertionError("broken")
            return [Call("a"), Call("b")]

        self.assertEqual(every_fault(story, [Fail()]), 3)
        self.assertEqual(plans, [{}, {Call("a"): Fail()}, {Call("b"): Fail()}])
        with self.assertRaisesRegex(AssertionError, r"operation='b'.*Stall.*broken"):
            every_fault(story, [Fail(), Stall()])


class StoriesTests(SynchronousTestCase):
    """G7, RS06: whatever goes wrong where, the reply is right, old or new is whole, and the session goes on."""

    def tell(self, story: Story) -> int:
        """Tell a story with every fault in every place."""
        runs = every_fault(lambda plan: Telling(story, plan).run())
        # That is none of the errors that a storage may raise, so it is logged as what it is, a bug.
        self.flushLoggedErrors(OSError)
        return runs + every_fault(lambda plan: Telling(story, plan, gives_up=True).run(), [Stall()])

    def test_without_faults(self) -> None:
        """Where nothing goes wrong every step succeeds."""
        for story in STORIES:
            telling = Telling(story, {})
            telling.run()
            self.assertEqual(len(telling.trees), 1, story.name)

    def test_reports(self) -> None:
        """A storage that says that it has published what it has not is found out."""
        story = Story("lies", {}, [Step("STOR a", lambda tree: {**tree, ("a",): b"other"}, b"content")])
        with self.assertRaisesRegex(AssertionError, "lies: what is there is neither the old nor the new"):
            Telling(story, {}).run()


def _test(story: Story) -> object:
    def test(self: StoriesTests) -> None:
        self.assertGreater(self.tell(story), 8)

    test.__doc__ = f"G7, RS06: {story.name}."
    return test


for _story in STORIES:
    setattr(StoriesTests, f"test_{_story.name.replace(' ', '_')}", _test(_story))
