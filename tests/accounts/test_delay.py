"""Tests of `ftpx.accounts.delay`."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts import delay
from ftpx.accounts.delay import FORGET_AFTER, LONGEST, MAXIMUM_ADDRESSES, LoginDelay


class LoginDelayTests(SynchronousTestCase):
    """Guessing gets slow."""

    def setUp(self) -> None:
        """Nobody has failed yet."""
        self.clock = Clock()
        self.delay = LoginDelay(self.clock)

    def fail(self, address: str, times: int = 1) -> list[float]:  # type: ignore[override]
        """Fail some times in a row."""
        return [self.delay.failed(address) for _ in range(times)]

    def test_growing(self) -> None:
        """AU03: each failure waits twice as long as the one before, up to 16 seconds."""
        self.assertEqual(self.fail("192.0.2.1", 7), [1, 2, 4, 8, 16, 16, 16])

    def test_remembered(self) -> None:
        """AU03: failures are counted over connections and over minutes, from the last one on."""
        for wanted in (1, 2, 4):
            self.assertEqual(self.fail("192.0.2.1"), [wanted])
            self.clock.advance(FORGET_AFTER - 1)
        self.clock.advance(1)
        self.assertEqual(self.fail("192.0.2.1"), [1])

    def test_others(self) -> None:
        """AU05: who fails from one address delays nobody at another."""
        self.fail("192.0.2.1", 10)
        self.assertEqual(self.fail("192.0.2.2"), [1])

    def test_success(self) -> None:
        """AU05: a success begins afresh for its own address and for no other."""
        self.fail("192.0.2.1", 3)
        self.fail("192.0.2.2", 3)
        self.delay.succeeded("192.0.2.1")
        self.delay.succeeded("192.0.2.3")
        self.assertEqual(self.fail("192.0.2.1"), [1])
        self.assertEqual(self.fail("192.0.2.2"), [8])

    def test_networks(self) -> None:
        """AU03: the addresses of one IPv6 /64 count as one, those of the next as another."""
        self.fail("2001:db8:0:1::1")
        self.assertEqual(self.fail("2001:db8:0:1:ffff::2"), [2])
        self.assertEqual(self.fail("2001:db8:0:2::1"), [1])
        self.fail("fe80::1%eth0")
        self.assertEqual(self.fail("fe80::2%eth0"), [2])

    def test_mapped(self) -> None:
        """AU03: an IPv4 address is the same by an IPv6 socket, and two of them are two."""
        self.fail("192.0.2.1")
        self.assertEqual(self.fail("::ffff:192.0.2.1"), [2])
        self.assertEqual(self.fail("::ffff:192.0.2.2"), [1])

    def test_no_address(self) -> None:
        """The peers of a UNIX socket have no address and count as one."""
        self.fail("")
        self.assertEqual(self.fail(""), [2])
        self.assertEqual(self.fail("unix"), [1])

    def test_bounded(self) -> None:
        """AU04: only so many addresses are remembered; the one that failed longest ago goes first."""
        with patch.object(delay, "MAXIMUM_ADDRESSES", 3):
            for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1", "192.0.2.4"):
                self.fail(address)
            self.assertEqual(self.fail("192.0.2.1"), [4])
            self.assertEqual(self.fail("192.0.2.2"), [1])
        self.assertLessEqual(len(self.delay._failures), 3)
        self.assertGreaterEqual(MAXIMUM_ADDRESSES, 1000)

    def test_forgotten(self) -> None:
        """What is old is let go of, whoever fails next."""
        for number in range(100):
            self.fail(f"192.0.2.{number}")
        self.clock.advance(FORGET_AFTER)
        self.fail("198.51.100.1")
        self.assertEqual(len(self.delay._failures), 1)

    @given(st.lists(st.tuples(st.text(max_size=3), st.floats(0, 1000))))
    def test_always_a_delay(self, failures: list[tuple[str, float]]) -> None:
        """Whatever an address looks like, a failure waits between one and 16 seconds."""
        clock = Clock()
        delays = LoginDelay(clock)
        for address, pause in failures:
            self.assertTrue(1 <= delays.failed(address) <= LONGEST)
            clock.advance(pause)
