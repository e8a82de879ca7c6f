"""What of an address counts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.sources import source_of


class SourceTests(SynchronousTestCase):
    """Addresses, by who is taken to have them."""

    def test_sources(self) -> None:
        """AU04: IPv4 counts by address, IPv6 by /64, and an IPv4 address is one however it comes."""
        for address, source in (
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
            ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("no address", "no address"),
            ("x" * 1000, "x" * 64),
        ):
            self.assertEqual(source_of(address), source)
