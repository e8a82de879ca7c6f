"""Data connections of transfers that a storage has refused, as a session keeps them."""

from __future__ import annotations

from ftpx.data.transfer import REFUSAL_TIME
from ftpx.errors import NoSpace
from ftpx.testing.data import MemoryPeer
from tests.server.doubles import ServerCase, codes


class RefusedTransfersTests(ServerCase):
    """The client reads the reply before its data connection is reset: else it takes that for a fault of the network."""

    def _refused(self) -> MemoryPeer:
        """A refused upload, of which the reply has come; the client's end of its data connection."""
        self.client.command("TYPE I")
        self.script.faults["write"] = NoSpace("full")
        replies, peer = self.client.begin("STOR a")
        peer.send(b"12345")
        self.client.settle()
        self.assertEqual(codes([*replies, *self.client.replies()])[-1], 452)
        return peer

    def test_reply_first(self) -> None:
        """The connection is there for a moment behind the reply, and is never closed cleanly."""
        peer = self._refused()
        self.assertFalse(peer.closed)
        self.server.clock.advance(REFUSAL_TIME)
        self.assertTrue(peer.closed)
        self.assertFalse(peer.complete)

    def test_one_at_most(self) -> None:
        """The next transfer does not wait: so a session leaves one such connection behind and no more."""
        first = self._refused()
        second = self._refused()
        self.assertTrue(first.closed)
        self.assertFalse(second.closed)

    def test_ends_with_the_session(self) -> None:
        """Nothing is left of a session."""
        peer = self._refused()
        self.client.lose()
        self.assertTrue(peer.closed)
