"""The time that a data connection may take to come about."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.data.opening import within
from ftpx.errors import DataConnectionNotOpened, DataConnectionNotSecured
from tests.data.contract import started


class WithinTests(SynchronousTestCase):
    """A wait with an end."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.opened: Deferred[None] = Deferred()

    def test_in_time(self) -> None:
        """What comes in time leaves no timer."""
        waiting = started(within(self.clock, 10, self.opened))
        self.clock.advance(9)
        self.assertNoResult(waiting)
        self.opened.callback(None)
        self.successResultOf(waiting)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """What does not is an error: the usual one, or another."""
        waiting = started(within(self.clock, 10, self.opened))
        self.clock.advance(10)
        self.failureResultOf(waiting, DataConnectionNotOpened)
        other: Deferred[None] = Deferred()
        waiting = started(within(self.clock, 10, other, DataConnectionNotSecured("late")))
        self.clock.advance(10)
        self.failureResultOf(waiting, DataConnectionNotSecured)

    def test_failed(self) -> None:
        """What fails in time fails as it does."""
        waiting = started(within(self.clock, 10, self.opened))
        self.opened.errback(ZeroDivisionError())
        self.failureResultOf(waiting, ZeroDivisionError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """To cancel the wait cancels what is waited for."""
        waiting = started(within(self.clock, 10, self.opened))
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
