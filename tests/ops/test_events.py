"""Events on their way to sinks."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.interfaces import Event, IEventSink, TransferFinished, TransferStarted
from ftpx.ops.events import Events
from tests.ops.doubles import ALL_KINDS, Sink, failed, finished, started


class EventsTests(SynchronousTestCase):
    """Who is told what."""

    def test_wanted(self) -> None:
        """Each sink gets what it wants, in order, and nobody need make what none wants."""
        some, all_ = Sink(frozenset({TransferFinished})), Sink()
        verifyObject(IEventSink, some)
        events = Events([some, all_])
        self.assertEqual(events.wanted, ALL_KINDS)
        happened: list[Event] = [started(), finished(), failed()]
        for event in happened:
            events.emit(event)
        self.assertEqual((some.events, all_.events), ([happened[1]], happened))
        self.assertEqual(Events([some]).wanted, frozenset({TransferFinished}))

    def test_nobody(self) -> None:
        """Without sinks nothing is wanted, and nothing happens."""
        events = Events([])
        events.emit(started())
        self.assertEqual(events.wanted, frozenset())

    def test_sink_fails(self) -> None:
        """What a sink raises is logged once, and neither it nor others miss an event."""
        bad, worse, good = Sink(), Sink(), Sink(frozenset({TransferStarted}))
        bad.fault, worse.fault = ZeroDivisionError(), KeyError("x")
        events = Events([bad, worse, good])
        for _ in range(3):
            events.emit(started())
        self.assertEqual([len(sink.events) for sink in (bad, worse, good)], [3, 3, 3])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
