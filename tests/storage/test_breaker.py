"""Tests of ftpx.storage.breaker."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.storage.breaker import CircuitBreaker

_MOST = 3


class CircuitBreakerTests(SynchronousTestCase):
    """When it opens, how long, and how it closes."""

    def setUp(self) -> None:
        """A circuit that opens after three late calls, and whose pauses are as long as they are by themselves."""
        self.clock = Clock()
        self.chance = 0.5
        self.circuit = CircuitBreaker(self.clock.seconds, lambda: self.chance, _MOST)

    def late(self, count: int = 1) -> list[bool]:
        """So many calls are late, each of which began just before."""
        return [self.circuit.was_late(self.circuit.signs) for _ in range(count)]

    def probe(self, in_time: bool | None) -> None:
        """One call is let through, and ends."""
        self.assertTrue(self.circuit.admits())
        self.circuit.probed(in_time)

    def test_opens(self) -> None:
        """It opens with the last of so many late calls in a row, and says so once."""
        self.assertEqual(self.late(_MOST + 1), [False, False, True, False])
        self.assertFalse(self.circuit.closed)
        self.assertFalse(self.circuit.admits())

    def test_not_in_a_row(self) -> None:
        """What comes back in between begins the count anew."""
        for _ in range(5):
            self.assertEqual(self.late(_MOST - 1), [False] * (_MOST - 1))
            self.circuit.came_back()
        self.assertTrue(self.circuit.closed)

    def test_others_are_answered(self) -> None:
        """Calls that hang while others come back say nothing of the storage, however many they are."""
        began = self.circuit.signs
        self.circuit.came_back()
        self.assertEqual([self.circuit.was_late(began) for _ in range(100)], [False] * 100)
        self.assertTrue(self.circuit.closed)

    def test_probe(self) -> None:
        """After the pause one call is let through, and no other before it ends; in time, it closes the circuit."""
        self.late(_MOST)
        self.clock.advance(4.9)
        self.assertFalse(self.circuit.admits())
        self.clock.advance(0.2)
        self.assertTrue(self.circuit.admits())
        self.assertFalse(self.circuit.admits())
        self.circuit.probed(True)
        self.assertTrue(self.circuit.closed)
        self.assertEqual(self.late(_MOST), [False, False, True])

    def test_late_probes(self) -> None:
        """Each late probe doubles the pause, up to a minute; an outage later on begins with the short one."""
        self.late(_MOST)
        for pause in (5, 10, 20, 40, 60, 60):
            self.clock.advance(pause - 0.1)
            self.assertFalse(self.circuit.admits(), pause)
            self.clock.advance(0.2)
            self.probe(False)
        self.clock.advance(61)
        self.probe(True)
        self.late(_MOST)
        self.clock.advance(5.1)
        self.assertTrue(self.circuit.admits())

    def test_chance(self) -> None:
        """Pauses differ by up to a fifth."""
        for self.chance, pause in ((0.0, 4.0), (1.0, 6.0)):
            self.late(_MOST)
            self.clock.advance(pause - 0.1)
            self.assertFalse(self.circuit.admits())
            self.clock.advance(0.2)
            self.probe(True)

    def test_probe_given_up(self) -> None:
        """A probe that its user gave up says nothing; the next call is the probe."""
        self.late(_MOST)
        self.clock.advance(5.1)
        self.probe(None)
        self.assertFalse(self.circuit.closed)
        self.probe(True)

    def test_something_comes_back(self) -> None:
        """What comes back at last, however late, has an open circuit probed at once."""
        self.late(_MOST)
        self.assertFalse(self.circuit.admits())
        self.circuit.came_back()
        self.assertFalse(self.circuit.closed)
        self.probe(True)
        self.assertTrue(self.circuit.closed)
