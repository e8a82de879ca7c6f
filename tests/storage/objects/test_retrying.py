"""Tests of `ftpx.storage.objects.retrying`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.storage.objects.retrying import LASTING, PROMPT, Patience, Retries


class _Store:
    """Fails so many times, each after so many seconds."""

    def __init__(self, clock: Clock, failures: int, seconds: float = 0.0) -> None:
        self._clock = clock
        self._failures = failures
        self._seconds = seconds
        self.numbers: list[int] = []

    def __call__(self, number: int) -> str:
        self.numbers.append(number)
        self._clock.advance(self._seconds)
        if len(self.numbers) <= self._failures:
            raise OSError(f"failure {len(self.numbers)}")
        return "done"


class RetriesTests(SynchronousTestCase):
    """How often, and with which pauses."""

    def setUp(self) -> None:
        """Have a clock that waiting advances."""
        self.clock = Clock()
        self.pauses: list[float] = []

    def _wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)

    def _call(self, store: _Store, patience: Patience = PROMPT, *, random: float = 1.0, again: bool = True) -> str:
        retries = Retries(self.clock.seconds, self._wait, lambda: random)
        return retries.call(patience, store, lambda error: again)

    def test_success(self) -> None:
        """What succeeds is called once."""
        store = _Store(self.clock, 0)
        self.assertEqual(self._call(store), "done")
        self.assertEqual((store.numbers, self.pauses), ([0], []))

    def test_pauses_grow(self) -> None:
        """CR11: five failures and a success; each pause may be twice the one before, and chance makes it shorter."""
        store = _Store(self.clock, 5)
        self.assertEqual(self._call(store), "done")
        self.assertEqual(store.numbers, [0, 1, 2, 3, 4, 5])
        for pause, expected in zip(self.pauses, [0.1, 0.2, 0.4, 0.8, 1.6], strict=True):
            self.assertAlmostEqual(pause, expected)
        self.pauses.clear()
        self._call(_Store(self.clock, 3), random=0.5)
        for pause, expected in zip(self.pauses, [0.05, 0.1, 0.2], strict=True):
            self.assertAlmostEqual(pause, expected)

    def test_longest_pause(self) -> None:
        """No pause is longer than two seconds."""
        self._call(_Store(self.clock, 9), LASTING)
        self.assertAlmostEqual(max(self.pauses), 2.0)

    def test_in_vain(self) -> None:
        """What cannot succeed is not tried again."""
        store = _Store(self.clock, 9)
        with self.assertRaises(OSError):
            self._call(store, again=False)
        self.assertEqual((store.numbers, self.pauses), ([0], []))

    def test_tries(self) -> None:
        """The last failure is raised when there were as many as there may be."""
        store = _Store(self.clock, 99)
        with self.assertRaises(OSError) as caught:
            self._call(store, Patience(3, 1000.0))
        self.assertEqual(str(caught.exception), "failure 3")

    @given(seconds=st.floats(0.0, 20.0), random=st.floats(0.0, 1.0), patience=st.sampled_from([PROMPT, LASTING]))
    def test_time(self, seconds: float, random: float, patience: Patience) -> None:
        """CR09: whatever a try takes, the last ends in time, if the first did; and the tries have an end."""
        clock = Clock()
        store = _Store(clock, 10**9, seconds)
        retries = Retries(clock.seconds, clock.advance, lambda: random)
        with self.assertRaises(OSError):
            retries.call(patience, store, lambda error: True)
        self.assertLessEqual(len(store.numbers), patience.tries)
        self.assertLessEqual(clock.seconds(), max(seconds, patience.seconds) + 1e-6)
