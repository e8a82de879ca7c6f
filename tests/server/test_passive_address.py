"""The address that PASV tells."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import DataConnectionNotOpened
from ftpx.server.passive_address import PassiveAddress


class PassiveAddressTests(SynchronousTestCase):
    """Local, given, or looked up."""

    def setUp(self) -> None:
        """Make a clock and a resolver."""
        self.clock = Clock()
        self.answer: str | Exception = "203.0.113.1"
        self.asked: list[str] = []

    async def resolve(self, name: str) -> str:
        """Answer, or fail."""
        self.asked.append(name)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def announced(self, address: PassiveAddress) -> str:
        """What a client of 192.0.2.1 is told."""
        return self.successResultOf(Deferred.fromCoroutine(address.announce("192.0.2.1")))

    def test_local(self) -> None:
        """Without a name it is the address that the client reached."""
        self.assertEqual(self.announced(PassiveAddress(self.clock, self.resolve, None)), "192.0.2.1")

    def test_literal(self) -> None:
        """An address is told without a look-up."""
        self.assertEqual(self.announced(PassiveAddress(self.clock, self.resolve, "203.0.113.9")), "203.0.113.9")
        self.assertEqual(self.asked, [])

    def test_name_is_looked_up_each_minute(self) -> None:
        """A name is looked up when it is first wanted, and again when a minute has passed."""
        address = PassiveAddress(self.clock, self.resolve, "ftp.example.com")
        self.assertEqual(self.announced(address), "203.0.113.1")
        self.answer = "203.0.113.2"
        self.clock.advance(59)
        self.assertEqual(self.announced(address), "203.0.113.1")
        self.clock.advance(1)
        self.assertEqual(self.announced(address), "203.0.113.2")
        self.assertEqual(self.asked, ["ftp.example.com"] * 2)

    def test_look_up_fails(self) -> None:
        """While a look-up fails the last address is told; without one PASV fails."""
        address = PassiveAddress(self.clock, self.resolve, "ftp.example.com")
        self.answer = DNSLookupError("no such host")
        self.failureResultOf(Deferred.fromCoroutine(address.announce("192.0.2.1")), DataConnectionNotOpened)
        self.answer = "203.0.113.1"
        self.assertEqual(self.announced(address), "203.0.113.1")
        self.answer = DNSLookupError("no such host")
        self.clock.advance(61)
        self.assertEqual(self.announced(address), "203.0.113.1")
