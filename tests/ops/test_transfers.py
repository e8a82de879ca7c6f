"""The transfers that are under way."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import (
    Direction,
    TransferFailed,
    TransferFinished,
    TransferProgress,
    TransferStarted,
)
from ftpx.ops.events import Events
from ftpx.ops.transfers import MOST_AT_ONCE, RunningTransfer, Transfers
from ftpx.testing.server import EPOCH
from tests.ops.doubles import Sink


@attrs.define
class _Counter:
    moved: int = 0


class TransfersTests(SynchronousTestCase):
    """Transfers on a clock that is advanced by hand."""

    def setUp(self) -> None:
        """Begin with nothing under way."""
        self.clock = Clock()
        self.sink = Sink()
        self.transfers = self.make(self.sink)

    def make(self, *sinks: Sink) -> Transfers:
        """Transfers, with a timer that runs."""
        transfers = Transfers(self.clock, lambda: EPOCH + self.clock.seconds(), Events(sinks))
        transfers.start()
        self.addCleanup(transfers.stop)
        return transfers

    def begin(self, size: int | None = 1000, transfers: Transfers | None = None, **facts: Any) -> RunningTransfer:
        """A command waits for its data connection."""
        given = {
            "user": "alice",
            "client": "192.0.2.1",
            "verb": "RETR",
            "direction": Direction.DOWNLOAD,
            "path": ("a",),
            "protected": False,
        }
        return (transfers or self.transfers).begin(size=size, **{**given, **facts})

    def open(self, size: int | None = 1000, **facts: Any) -> tuple[RunningTransfer, _Counter]:
        """A transfer whose data connection is there."""
        running, counter = self.begin(size, **facts), _Counter()
        running.open(self.clock.seconds(), counter)
        return running, counter

    def seconds(self, count: int, counter: _Counter | None = None, each: int = 0) -> None:
        """Let seconds pass in which so many octets move each."""
        for _ in range(count):
            if counter is not None:
                counter.moved += each
            self.clock.advance(1)

    def progress(self) -> list[TransferProgress]:
        """What was told of progress."""
        return [event for event in self.sink.events if isinstance(event, TransferProgress)]

    def test_ids(self) -> None:
        """Each transfer has an id of its own, counted from 1, whatever becomes of it."""
        ids = []
        for _ in range(3):
            running = self.begin()
            ids.append(running.facts.id)
            self.transfers.finish(running)
        self.assertEqual(ids, [1, 2, 3])

    def test_finished(self) -> None:
        """A start, then an end with octets, seconds since the connection opened, and what was stored."""
        self.clock.advance(5)
        running = self.begin(None, verb="STOR", direction=Direction.UPLOAD, protected=True)
        self.clock.advance(0.25)
        counter = _Counter(77)
        running.open(self.clock.seconds(), counter)
        self.clock.advance(0.5)
        self.assertEqual(self.transfers.count, 1)
        self.transfers.finish(running, 100, "SHA-256", "abc")
        facts = running.facts
        self.assertEqual((facts.started, facts.protected, facts.verb), (EPOCH + 5, True, "STOR"))
        self.assertEqual(
            self.sink.events,
            [
                TransferStarted(time=EPOCH + 5, transfer=facts),
                TransferFinished(
                    time=EPOCH + 5.75,
                    transfer=facts,
                    octets=77,
                    seconds=0.5,
                    size=100,
                    algorithm="SHA-256",
                    digest="abc",
                ),
            ],
        )
        self.assertEqual(self.transfers.count, 0)

    def test_failed(self) -> None:
        """The reason is told; without a data connection there are neither octets nor seconds."""
        running = self.begin()
        self.clock.advance(0.5)
        self.transfers.fail(running, "not opened", "nobody came")
        self.assertEqual(
            self.sink.events[1:],
            [
                TransferFailed(
                    time=EPOCH + 0.5,
                    transfer=running.facts,
                    octets=0,
                    seconds=0.0,
                    reason="not opened",
                    text="nobody came",
                )
            ],
        )

    def test_nothing_of_short_ones(self) -> None:
        """A transfer that ends within a second makes no progress, whenever it begins."""
        for _ in range(40):
            running, counter = self.open()
            counter.moved = 10
            self.clock.pump([0.1] * 9)
            self.transfers.finish(running)
        self.assertEqual(self.progress(), [])

    def test_progress(self) -> None:
        """Once a second: octets, rates and the expected end."""
        self.clock.advance(0.3)
        running, counter = self.open()
        self.clock.advance(0.99)
        self.assertEqual(self.progress(), [])
        counter.moved = 100
        self.clock.advance(0.01)
        self.assertEqual(len(self.progress()), 1)
        self.seconds(3, counter, 100)
        told = self.progress()
        self.assertEqual([event.octets for event in told], [100, 200, 300, 400])
        times = [event.time for event in told]
        self.assertTrue(all(later - before >= 0.999 for before, later in pairwise(times)), times)
        for event in told:
            self.assertIs(event.transfer, running.facts)
            self.assertAlmostEqual(event.rate, 100.0, delta=1e-3)
            self.assertAlmostEqual(event.average, 100.0, delta=1e-3)
            self.assertAlmostEqual(event.expected_end or 0.0, EPOCH + 10.3, delta=1e-3)

    def test_no_expected_end(self) -> None:
        """Nobody can tell the end if the size is unknown, or nothing moves."""
        _, counter = self.open(None)
        self.seconds(2, counter, 10)
        self.open()
        self.seconds(2)
        self.assertEqual({event.expected_end for event in self.progress()}, {None})

    def test_more_than_expected(self) -> None:
        """A file that has grown meanwhile is expected to end now."""
        running, counter = self.open(100)
        self.seconds(1, counter, 300)
        self.assertEqual(running.seconds_left(self.clock.seconds()), 0.0)

    def test_waiting_for_the_connection(self) -> None:
        """While the data connection is waited for, there is progress of nothing; its time counts from the opening."""
        running = self.begin()
        self.seconds(10)
        self.assertEqual({(event.octets, event.rate, event.average) for event in self.progress()}, {(0, 0.0, 0.0)})
        counter = _Counter()
        running.open(self.clock.seconds(), counter)
        self.seconds(2, counter, 50)
        self.assertAlmostEqual(self.progress()[-1].average, 50.0)
        self.assertEqual(running.seconds(self.clock.seconds()), 2.0)

    def test_nobody_wants_progress(self) -> None:
        """Without anybody who wants events the rate is known all the same."""
        transfers = self.make()
        running = self.begin(transfers=transfers)
        counter = _Counter()
        running.open(self.clock.seconds(), counter)
        self.seconds(20, counter, 1000)
        self.seconds(3, counter, 10)
        self.assertLess(running.rate(self.clock.seconds()), 500.0)
        self.assertGreater(running.average(self.clock.seconds()), 800.0)
        transfers.finish(running)
        transfers.fail(self.begin(transfers=transfers), "aborted", "")
        self.assertEqual((self.sink.events, transfers.count), ([], 0))

    def test_one_timer(self) -> None:
        """However many transfers there are, one timer looks at them, and each once a second."""
        running = []
        for _ in range(50):
            running += [self.open()[0], self.open()[0]]
            self.clock.advance(0.02)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([0.02] * 100)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        times: dict[int, list[float]] = {}
        for event in self.progress():
            times.setdefault(event.transfer.id, []).append(event.time)
        self.assertEqual(times.keys(), {transfer.facts.id for transfer in running})
        for seen in times.values():
            self.assertGreaterEqual(len(seen), 2)
            self.assertTrue(all(later - before >= 0.99 for before, later in pairwise(seen)), seen)
        for transfer in running[::2]:
            self.transfers.finish(transfer)
        before = len(self.progress())
        self.clock.pump([0.02] * 51)
        told = {event.transfer.id for event in self.progress()[before:]}
        self.assertEqual(told, {transfer.facts.id for transfer in running[1::2]})

    def test_many_take_turns(self) -> None:
        """The reactor gets its turn between so many of them."""
        for _ in range(MOST_AT_ONCE * 2 + 1):
            self.open()
        told = []
        # A call that is due between two others has its turn.
        self.clock.callLater(1, lambda: told.append(len(self.progress())))
        self.clock.advance(1)
        self.assertEqual((told, len(self.progress())), ([MOST_AT_ONCE], MOST_AT_ONCE * 2 + 1))
        self.clock.advance(0.5)
        self.assertEqual(len(self.progress()), MOST_AT_ONCE * 2 + 1)

    def test_start_and_stop(self) -> None:
        """The timer runs from start to stop, each of which may be repeated."""
        self.transfers.start()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.open()
        self.transfers.stop()
        self.transfers.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(5)
        self.assertEqual(self.progress(), [])
