"""What the verbs see of a control connection."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ftpx.errors import DataConnectionNotOpened
from ftpx.interfaces import Entry, Kind, Right
from ftpx.server.session import Session
from ftpx.testing.server import EPOCH
from tests.server.doubles import ServerCase


class SessionTests(ServerCase):
    """A session, apart from its commands."""

    def setUp(self) -> None:
        """Look at the session of alice."""
        super().setUp()
        protocol: Any = self.client._protocol
        self.session: Session = protocol.session

    def test_account(self) -> None:
        """Who is logged in, what they see and what they may do."""
        self.assertEqual(self.session.account.name, "alice")
        self.assertIs(self.session.storage, self.storage)
        self.assertEqual(self.session.rights(()), Right.ALL)
        self.server.login("anonymous", "me@")
        self.assertEqual(self.session.rights(()), Right.LOOK)

    def test_now(self) -> None:
        """Files have the time of the wall clock."""
        self.server.clock.advance(5)
        self.assertEqual(self.session.now(), EPOCH + 5)

    def test_unique(self) -> None:
        """IL03: unique says nothing about the disk."""
        entry = Entry("a", Kind.FILE, identity=b"1:2")
        unique = self.session.unique(entry)
        self.assertRegex(str(unique), r"\A[0-9a-f]{16}\Z")
        self.assertEqual(unique, self.session.unique(Entry("b", Kind.FILE, identity=b"1:2")))
        self.assertIsNone(self.session.unique(Entry("a", Kind.FILE)))

    def test_sleep(self) -> None:
        """A wait takes its time, and leaves no timer when it is cancelled."""
        waiting = Deferred.fromCoroutine(self.session.sleep(5))
        timers = len(self.server.clock.getDelayedCalls())
        self.server.clock.advance(5)
        self.successResultOf(waiting)
        waiting = Deferred.fromCoroutine(self.session.sleep(5))
        waiting.addErrback(lambda failure: None)
        waiting.cancel()
        self.assertEqual(len(self.server.clock.getDelayedCalls()), timers - 1)

    def test_open_data_without_port(self) -> None:
        """Without a data port there is no data connection."""

        async def work() -> None:
            async with self.session.open_data("a"):
                self.fail("there is no connection")

        self.failureResultOf(Deferred.fromCoroutine(work()), DataConnectionNotOpened)

    def test_open_data_is_closed(self) -> None:
        """Whatever happens inside, the connection is closed and no transfer is under way."""

        async def work() -> None:
            async with self.session.open_data("a"):
                raise ZeroDivisionError

        self.client.command("EPSV")
        peer = self.client.last_port.accept()
        self.failureResultOf(Deferred.fromCoroutine(work()), ZeroDivisionError)
        self.assertTrue(peer.closed)
        self.assertIsNone(self.session.transfer)

    def test_commitment(self) -> None:
        """The step that is not interrupted ends, whatever happens in it."""

        def work() -> None:
            with self.session.commitment():
                self.assertTrue(self.session.committing)
                raise ZeroDivisionError

        self.assertRaises(ZeroDivisionError, work)
        self.assertFalse(self.session.committing)
