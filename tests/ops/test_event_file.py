"""Events in a file."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftpx.errors import ConfigurationError, StorageUnavailable
from ftpx.interfaces import IEventSink, IWorkerPool
from ftpx.ops.event_file import BATCH, DELAY, MAXIMUM_EVENTS, RETRY, EventFile
from ftpx.testing.pool import InlinePool
from ftpx.testing.server import EPOCH
from tests.ops.doubles import finished, started
from tests.server.doubles import ServerCase

_T = TypeVar("_T")


@implementer(IWorkerPool)
class _Pool(InlinePool):
    """A pool whose thread is busy with something else while it is ``held``, and that may take no calls at all."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Deferred[None]] | None = None
        self.full = False
        self.at_once = 0

    def run(
        self, function: Callable[..., _T], *arguments: object, discard: Callable[[_T], object] | None = None
    ) -> Deferred[_T]:
        """See `IWorkerPool`."""
        if self.full:
            raise StorageUnavailable("too many calls are waiting")
        if self.held is None:
            return super().run(function, *arguments, discard=discard)
        self.held.append(Deferred())
        return self.held[-1].addCallback(lambda nothing: super(_Pool, self).run(function, *arguments))

    def let_go(self) -> None:
        """Make the calls that wait; later ones are made at once."""
        held, self.held = self.held or [], None
        for waiting in held:
            waiting.callback(None)


class EventFileTests(ServerCase):
    """A file in a directory of its own, and a thread that is none."""

    def setUp(self) -> None:
        """Open the file."""
        super().setUp()
        self.clock = Clock()
        self.clock.advance(1)
        self.pool = _Pool()
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.path = self.folder / "events"
        self.events = self.make()
        self.logged = self.log()

    def make(self, path: Path | None = None) -> EventFile:
        """A sink that writes to the file."""
        return EventFile(str(path or self.path), self.pool, self.clock, lambda: EPOCH + self.clock.seconds())

    def read(self) -> list[dict[str, Any]]:
        """What is in the file, each line read by itself."""
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    def ids(self) -> list[int]:
        """Which transfers are told of, in order; 0 for a gap."""
        return [value.get("id", 0) for value in self.read()]

    def emit(self, *ids: int) -> None:
        """Emit an event of each of these transfers."""
        for id_ in ids:
            self.events.emit(started(id=id_))

    def stop(self) -> None:
        """Stop, which takes no time here."""
        self.successResultOf(Deferred.fromCoroutine(self.events.stop()))

    def said(self, pattern: str) -> int:
        """How many lines of the log match."""
        return sum(re.search(pattern, line) is not None for line in self.logged)

    def test_sink(self) -> None:
        """It is a sink, and its file is private."""
        verifyObject(IEventSink, self.events)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_later_and_together(self) -> None:
        """Events are written in order a little later, by one call for many of them."""
        self.emit(1, 2)
        self.events.emit(finished(id=1))
        self.clock.advance(DELAY / 2)
        self.assertEqual((self.read(), self.pool.calls), ([], 0))
        self.clock.advance(DELAY / 2)
        self.assertEqual([(value["id"], value["event"]) for value in self.read()][1:], [
            (2, "transfer started"), (1, "transfer finished"),
        ])  # fmt: skip
        self.assertEqual((self.pool.calls, self.clock.getDelayedCalls()), (1, []))
        self.emit(3)
        self.clock.advance(DELAY)
        self.assertEqual(self.ids(), [1, 2, 1, 3])

    def test_while_writing(self) -> None:
        """What comes while the thread writes is written behind it, by one call at a time."""
        self.pool.held = []
        self.emit(1)
        self.clock.advance(DELAY)
        self.emit(2, 3)
        self.clock.advance(10)
        self.assertEqual(len(self.pool.held), 1)
        self.pool.let_go()
        self.assertEqual(self.ids(), [1, 2, 3])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_ten_thousand(self) -> None:
        """So many wait, in portions; what is beyond is dropped, and the gap is told in its place."""
        self.pool.held = []
        self.emit(1)
        self.clock.advance(DELAY)
        self.emit(*range(2, MAXIMUM_EVENTS + 6))
        self.assertEqual(len(self.events._queue), MAXIMUM_EVENTS)
        self.pool.let_go()
        self.emit(20_000)
        self.clock.advance(DELAY)
        self.assertEqual(self.ids(), [*range(1, MAXIMUM_EVENTS + 1), 0, 20_000])
        gap = self.read()[MAXIMUM_EVENTS]
        self.assertEqual((gap["event"], gap["count"]), ("events dropped", 5))
        self.assertEqual(self.pool.calls, 1 + -(-MAXIMUM_EVENTS // BATCH) + 1)

    def test_disk_fails(self) -> None:
        """CR17: it is said once, tried again from time to time, and nothing that waits is lost."""
        self.path.unlink()
        self.folder.rmdir()
        self.emit(1)
        self.clock.advance(DELAY)
        for _ in range(5):
            self.emit(2)
            self.clock.advance(RETRY)
        self.assertEqual((self.said("events cannot be written to .*/events: No such file"), len(self.logged)), (1, 1))
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.folder.mkdir()
        self.clock.advance(RETRY)
        self.assertEqual(self.ids(), [1, 2, 2, 2, 2, 2])
        self.assertEqual((self.said("events are written to .*/events again"), len(self.logged)), (1, 2))
        self.path.unlink()
        self.folder.rmdir()
        self.emit(3)
        self.clock.advance(DELAY)
        self.assertEqual(self.said("cannot be written"), 2)

    def test_disk_fails_for_long(self) -> None:
        """CR17: beyond the bound events are dropped, and their number stands where they are missing."""
        self.path.unlink()
        self.folder.rmdir()
        for number in range(1, MAXIMUM_EVENTS + 11):
            self.emit(number)
        self.clock.pump([RETRY] * 3)
        self.emit(1)
        self.folder.mkdir()
        self.clock.advance(RETRY)
        values = self.read()
        self.assertEqual(len(values), MAXIMUM_EVENTS + 1)
        self.assertEqual((values[-1]["event"], values[-1]["count"]), ("events dropped", 11))

    def test_pool_is_full(self) -> None:
        """A pool that takes no call is no loss either."""
        self.pool.full = True
        self.emit(1)
        self.clock.advance(DELAY)
        self.assertEqual(self.said("cannot be written to .*: too many calls"), 1)
        self.pool.full = False
        self.clock.advance(RETRY)
        self.assertEqual(self.ids(), [1])

    def test_reopen(self) -> None:
        """A file that was moved away is followed by a new one at once, without any event."""
        self.emit(1)
        self.clock.advance(DELAY)
        self.path.rename(self.folder / "events.1")
        self.events.reopen()
        self.assertEqual(self.path.read_bytes(), b"")
        self.emit(2)
        self.clock.advance(DELAY)
        self.assertEqual(self.ids(), [2])
        self.assertEqual(len((self.folder / "events.1").read_bytes().splitlines()), 1)

    def test_reopen_while_writing(self) -> None:
        """What comes meanwhile is written, once."""
        self.pool.held = []
        self.events.reopen()
        self.emit(1)
        self.pool.let_go()
        self.clock.advance(DELAY)
        self.assertEqual((self.ids(), self.clock.getDelayedCalls()), ([1], []))

    def test_reopen_fails(self) -> None:
        """Without the folder that is said, and tried again."""
        self.emit(1)
        self.path.unlink()
        self.folder.rmdir()
        self.events.reopen()
        self.assertEqual((self.said("cannot be written"), len(self.clock.getDelayedCalls())), (1, 1))
        self.folder.mkdir()
        self.clock.advance(RETRY)
        self.assertEqual((self.ids(), self.clock.getDelayedCalls()), ([1], []))

    def test_stop(self) -> None:
        """What waits is written, the file is closed, and nothing happens any more."""
        self.emit(1, 2)
        self.stop()
        self.assertEqual((self.ids(), self.clock.getDelayedCalls()), ([1, 2], []))
        self.emit(3)
        self.events.reopen()
        self.clock.advance(10)
        self.assertEqual(self.ids(), [1, 2])

    def test_stop_while_writing(self) -> None:
        """The call that is under way is waited for."""
        self.pool.held = []
        self.emit(1)
        self.clock.advance(DELAY)
        self.emit(2)
        stopped = Deferred.fromCoroutine(self.events.stop())
        self.assertNoResult(stopped)
        self.pool.let_go()
        self.successResultOf(stopped)
        self.assertEqual(self.ids(), [1, 2])

    def test_stop_without_disk(self) -> None:
        """What cannot be written at the end is counted in the log."""
        self.path.unlink()
        self.folder.rmdir()
        self.emit(1, 2)
        self.stop()
        self.assertEqual(self.said("2 events could not be written"), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_without_pool(self) -> None:
        """A pool that has never begun is no obstacle."""
        self.pool.full = True
        self.stop()
        self.assertEqual(self.logged, [])

    def test_cannot_be_opened(self) -> None:
        """At the start that is one line with the name as it was given."""
        for path in (self.folder, self.folder / "missing" / "events", Path("a\0b")):
            with self.assertRaises(ConfigurationError) as caught:
                self.make(path)
            self.assertRegex(str(caught.exception), r"\A--events [^\n]+: cannot be written: [^\n]+\.\Z")
