"""Metered storages when something goes wrong, or is broken off, in the middle."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.errors import NotFound, QuotaExceeded, StorageFailure
from ftpx.interfaces import (
    IBoundedFile,
    IFileDescriptor,
    IFreeSpace,
    IPartialUploads,
    IQuotaLeft,
    IServerSideCopy,
    IStagedDescriptor,
    IStorage,
)
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.metered import MeteredStorage
from ftpx.storage.metered_file import MeteredFile
from ftpx.testing.pool import InlinePool
from tests.server.doubles import ScriptedStorage
from tests.storage.directories import new_directory
from tests.storage.metered_case import MeteredCase


class FaultTests(MeteredCase, SynchronousTestCase):
    """The storage fails, or somebody does not wait for it."""

    def make_inner(self) -> IStorage:
        """A storage that does what it is told."""
        scripted = ScriptedStorage()
        self.script = scripted.script
        return scripted

    def setUp(self) -> None:
        """Give alice a kilobyte."""
        super().setUp()
        self.books.limit(1000, files=10)

    def start(self, awaitable: Awaitable[Any]) -> Deferred[Any]:
        """Begin something."""
        return Deferred.fromCoroutine(_wait(awaitable))

    def test_failed_step(self) -> None:
        """Whatever fails: the ledger is what is there, and nothing is set aside."""
        self.put(("a",), bytes(10))
        for step in ("commit", "write", "open_write"):
            self.script.faults[step] = StorageFailure("broken")
            self.failureResultOf(self.start(self._stored(("b",), 20)), StorageFailure)
            self.assert_exact(10, 1)
            self.script.faults.clear()
        for step, change in (
            ("remove_file", self.storage.remove_file(("a",))),
            ("rename", self.storage.rename(("a",), ("b",))),
            ("copy", IServerSideCopy(self.storage).copy(("a",), ("b",))),
        ):
            self.script.faults[step] = StorageFailure("broken")
            self.failureResultOf(self.start(change), StorageFailure)
            self.assert_exact(10, 1)
            self.script.faults.clear()

    async def _stored(self, path: tuple[str, ...], octets: int) -> None:
        file = await self.storage.open_write(path)
        try:
            await file.write(bytes(octets))
            await file.commit()
        finally:
            await file.abort()

    def test_not_measured(self) -> None:
        """Without a look at what is there, nothing is changed."""
        self.put(("a",), bytes(10))
        self.script.faults["stat"] = StorageFailure("broken")
        for change in (
            self.storage.remove_file(("a",)),
            self.storage.rename(("a",), ("b",)),
            IServerSideCopy(self.storage).copy(("a",), ("b",)),
            self._stored(("a",), 5),
        ):
            self.failureResultOf(self.start(change), StorageFailure)
        self.script.faults.clear()
        self.assert_exact(10, 1)

    def test_not_measured_behind(self) -> None:
        """What cannot be looked at behind a change is counted again, and until then nothing is given away by it."""
        self.put(("a",), bytes(10))
        held = self.script.hold("remove_file")
        removing = self.start(self.storage.remove_file(("a",)))
        self.script.faults["stat"] = StorageFailure("broken")
        held.callback(None)
        self.successResultOf(removing)
        self.assertEqual((self.books.used(), self.books.recount_due(), self.books.under_way()), ((10, 1), True, 0))

    def test_published_and_not_measured(self) -> None:
        """The same of an upload: it counts as if it had replaced nothing."""
        self.put(("a",), bytes(10))
        file = self.result(self.storage.open_write(("a",)))
        self.result(file.write(bytes(20)))
        held = self.script.hold("commit")
        publishing = self.start(file.commit())
        self.script.faults["stat"] = StorageFailure("broken")
        held.callback(None)
        self.successResultOf(publishing)
        self.assertEqual((self.books.used(), self.books.recount_due(), self.books.under_way()), ((30, 2), True, 0))

    def test_cancelled_change(self) -> None:
        """Who does not wait for a change leaves it to its end, and to its account."""
        self.put(("a",), bytes(10))
        for step, change in (
            ("rename", lambda: self.storage.rename(("a",), ("b",))),
            ("remove_file", lambda: self.storage.remove_file(("b",))),
        ):
            held = self.script.hold(step)
            changing = self.start(change())
            changing.cancel()
            self.failureResultOf(changing, CancelledError)
            self.assertEqual(len(self.books.locked()) > 0, True)
            held.callback(None)
        self.assert_exact(0, 0)

    def test_cancelled_publication(self) -> None:
        """So does who breaks off while an upload is published; to throw it away waits for that."""
        file = self.result(self.storage.open_write(("a",)))
        self.result(file.write(bytes(20)))
        held = self.script.hold("commit")
        publishing = self.start(file.commit())
        publishing.cancel()
        self.failureResultOf(publishing, CancelledError)
        aborting = self.start(file.abort())
        self.assertNoResult(aborting)
        held.callback(None)
        self.successResultOf(aborting)
        self.assert_exact(20, 1)

    def test_cancelled_copy(self) -> None:
        """A copy is broken off; as nobody knows how far it came, it counts until it was counted again."""
        self.put(("a",), bytes(10))
        self.script.hold("copy")
        copying = self.start(IServerSideCopy(self.storage).copy(("a",), ("b",)))
        copying.cancel()
        self.failureResultOf(copying, CancelledError)
        self.assertEqual((self.books.used(), self.books.recount_due(), self.books.under_way()), ((20, 2), True, 0))

    def test_cancelled_continuation(self) -> None:
        """Who does not wait for what was kept leaves it kept."""
        partials = IPartialUploads(self.storage)
        file = self.result(partials.begin_upload(("a",), "alice"))
        self.result(file.write(bytes(20)))
        self.result(file.suspend())
        held = self.script.hold("continue_upload")
        continuing = self.start(partials.continue_upload(("a",), "alice", None))
        continuing.cancel()
        held.callback(None)
        self.failureResultOf(continuing, CancelledError)
        self.assertEqual(self.result(partials.partial_size(("a",), "alice")), 20)
        self.assert_exact(20, 0)

    def test_continuation_without_room(self) -> None:
        """Nor is anything lost if there is no room for the file's name."""
        partials = IPartialUploads(self.storage)
        file = self.result(partials.begin_upload(("a",), "alice"))
        self.result(file.write(bytes(20)))
        self.result(file.suspend())
        self.books.limit(1000, files=0)
        self.failureResultOf(self.start(partials.continue_upload(("a",), "alice", None)), QuotaExceeded)
        self.assertEqual(self.result(partials.partial_size(("a",), "alice")), 20)
        self.assertEqual((self.books.used(), self.books.under_way()), ((20, 0), 0))

    def test_links_and_others(self) -> None:
        """What is not there, or a directory, is what it is."""
        self.failureResultOf(self.start(self.storage.remove_file(("b",))), NotFound)
        self.assert_exact(0, 0)


class AbilityTests(MeteredCase, SynchronousTestCase):
    """What a metered storage can do."""

    def test_interfaces(self) -> None:
        """It tells what is left of quotas, and has free space if the other one has or somebody is limited."""
        verifyObject(IStorage, self.storage)
        verifyObject(IQuotaLeft, self.storage)
        self.assertFalse(IFreeSpace.providedBy(self.storage))
        self.assertIsNone(self.result(cast(Any, self.storage).quota_left(())))
        self.books.limit(1000)
        limited = MeteredStorage(MemoryStorage(5), self.books.quotas, "tests")
        self.assertEqual(self.result(limited.free_space(())), 5)
        self.assertEqual(self.result(limited.quota_left(())), 1000)

    def test_straight_through(self) -> None:
        """As long as nobody is limited, the ledger is not asked."""
        self.books.engine.dispose()
        file = self.result(self.storage.open_write(("a",)))
        self.assertFalse(IBoundedFile.providedBy(file))
        self.result(file.write(b"abc"))
        self.result(file.commit())
        self.result(self.storage.rename(("a",), ("b",)))
        self.result(self.storage.remove_file(("b",)))
        self.assertEqual(self.books.used(), (0, 0))

    def test_places(self) -> None:
        """One directory has the same places, whoever meters it from wherever."""
        self.books.limit(10**6)
        inner = MemoryStorage()
        self.result(inner.make_directory(("d",)))
        below = MeteredStorage(self.result(inner.subtree(("d",))), self.books.quotas, "one", ("d",))
        above = MeteredStorage(inner, self.books.quotas, "one")
        self.assertEqual(below._spot(("a",)).place, above._spot(("d", "a")).place)
        part = cast(MeteredStorage, self.result(above.subtree(("d",))))
        self.assertEqual(part._spot(("a",)).place, above._spot(("d", "a")).place)
        other = MeteredStorage(inner, self.books.quotas, "two")
        self.assertNotEqual(other._spot(("d", "a")).place, above._spot(("d", "a")).place)


class DescriptorTests(MeteredCase, SynchronousTestCase):
    """Files behind a descriptor, to which others write."""

    def make_inner(self) -> IStorage:
        """A directory."""
        return open_local(new_directory(self), InlinePool()).without_links()

    def setUp(self) -> None:
        """Give alice a megabyte."""
        super().setUp()
        self.books.limit(1_000_000)

    def begin(self) -> Any:
        """An upload that has begun."""
        return self.result(IPartialUploads(self.storage).begin_upload(("a",), "alice"))

    def test_interfaces(self) -> None:
        """It has what the file inside has, and is bounded."""
        file = self.begin()
        for interface in (IBoundedFile, IStagedDescriptor, IFileDescriptor):
            verifyObject(interface, file)
        self.assertIsInstance(file, MeteredFile)
        self.result(file.abort())

    def test_pace(self) -> None:
        """More is allowed as it moves, up to the quota and an octet, with which it ends."""
        file = self.begin()
        pace = file.pace()
        moved = 0
        while (allowed := pace.allowed(moved)) > moved:
            moved = allowed
            if moved > 1_000_000:
                break
        self.assertEqual(moved, 1_000_001)
        self.assertRaises(QuotaExceeded, pace.allowed, moved)
        pace.end(moved)
        self.result(file.abort())
        self.assert_exact(0, 0)

    def test_published(self) -> None:
        """What was written to the descriptor counts, as far as the pace has seen it and no further."""
        file = self.begin()
        pace = file.pace()
        file.prepare()
        os.pwrite(file.fileno(), bytes(300_000), 0)
        committing = Deferred.fromCoroutine(file.commit())
        self.assertNoResult(committing)
        pace.end(300_000)
        self.successResultOf(committing)
        self.assert_exact(300_000, 1)

    def test_without_a_pace(self) -> None:
        """Where nobody has asked for the pace, the file is asked how large it is."""
        limits, self.books.limits = self.books.limits, []
        file: Any = self.begin()
        other: Any = self.result(self.storage.open_write(("b",)))
        for one, octets in ((file, 300_000), (other, 1_000_001)):
            one.prepare()
            os.pwrite(one.fileno(), bytes(octets), 0)
        self.books.limits = limits
        self.result(file.suspend())
        self.assert_exact(300_000, 0)
        self.failureResultOf(Deferred.fromCoroutine(other.commit()), QuotaExceeded)
        self.result(other.abort())
        self.assert_exact(300_000, 0)


async def _wait(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
