"""How fast octets move."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.ops.meter import WINDOW, Meter


class MeterTests(SynchronousTestCase):
    """A meter that is looked at once a second."""

    def test_before_any_look(self) -> None:
        """The rate is over all the time; without time there is none."""
        meter = Meter(10.0)
        self.assertEqual((meter.rate(10.0, 500), meter.rate(10.5, 500)), (0.0, 1000.0))

    def test_steady(self) -> None:
        """What moves steadily has one rate."""
        meter = Meter(0.0)
        for second in range(1, 20):
            meter.look(second, second * 300)
            self.assertAlmostEqual(meter.rate(second, second * 300), 300.0)

    def test_change(self) -> None:
        """The rate follows a change within a window."""
        meter, octets = Meter(0.0), 0
        for second in range(1, 101):
            octets += 1000
            meter.look(second, octets)
        rates = []
        for second in range(101, 101 + WINDOW):
            octets += 100
            meter.look(second, octets)
            rates.append(meter.rate(second, octets))
        self.assertEqual(rates, sorted(rates, reverse=True))
        self.assertGreater(rates[0], 500)
        self.assertAlmostEqual(rates[-1], 100.0)

    def test_standstill(self) -> None:
        """What has stopped has the rate 0 after a window."""
        meter = Meter(0.0)
        for second in range(1, 20):
            meter.look(second, 1000)
        self.assertEqual(meter.rate(19, 1000), 0.0)
