"""Tests of `ftpx.accounts.outage`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.outage import PAUSE, Outage


class OutageTests(SynchronousTestCase):
    """Who may ask a server that does not answer."""

    def setUp(self) -> None:
        """A server that nobody has asked."""
        self.clock = Clock()
        self.outage = Outage(self.clock.seconds)

    def test_well(self) -> None:
        """Everybody may ask a server that answers."""
        for _ in range(3):
            self.assertTrue(self.outage.may_ask())
        self.outage.ended()
        self.assertTrue(self.outage.may_ask())

    def test_pause(self) -> None:
        """After a failure nobody asks for a while."""
        self.outage.failed()
        self.clock.advance(PAUSE - 0.1)
        self.assertFalse(self.outage.may_ask())

    def test_one_tries(self) -> None:
        """Then one tries, and the others wait for what comes of it, but not longer than another pause."""
        self.outage.failed()
        self.clock.advance(PAUSE)
        self.assertEqual([self.outage.may_ask() for _ in range(3)], [True, False, False])
        self.clock.advance(PAUSE)
        self.assertEqual([self.outage.may_ask() for _ in range(3)], [True, False, False])

    def test_back(self) -> None:
        """With the first answer everybody may ask again."""
        self.outage.failed()
        self.clock.advance(PAUSE)
        self.assertTrue(self.outage.may_ask())
        self.outage.ended()
        self.assertTrue(all(self.outage.may_ask() for _ in range(3)))
