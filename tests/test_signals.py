"""What signals do."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpx.signals import install_signals


class _Reactor:
    """A reactor that runs, calls and stops when told to."""

    def __init__(self) -> None:
        self.starting: list[Callable[[], None]] = []
        self.called: list[Callable[[], None]] = []
        self.stopped = 0

    def callWhenRunning(self, function: Callable[[], None]) -> None:
        """Note it."""
        self.starting.append(function)

    def callFromThread(self, function: Callable[[], None]) -> None:
        """Note it."""
        self.called.append(function)

    def stop(self) -> None:
        """Count."""
        self.stopped += 1


class SignalsTests(SynchronousTestCase):
    """CR15, CR16, TL27: the first signal to stop stops, others hasten; another one reloads."""

    def test_signals(self) -> None:
        """Signals are taken when the reactor runs; what they do is done in its thread."""
        installed: dict[int, Any] = {}
        self.patch(signal, "signal", installed.__setitem__)
        reactor = _Reactor()
        hastened: list[int] = []
        reloaded: list[int] = []
        install_signals(reactor, lambda: hastened.append(1), lambda: reloaded.append(1))
        self.assertEqual(installed, {})
        reactor.starting[0]()
        self.assertEqual(installed.keys(), {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            installed[number](number, None)
        self.assertEqual((reactor.stopped, hastened), (0, []))
        reactor.called[0]()
        self.assertEqual((reactor.stopped, hastened), (1, []))
        reactor.called[1]()
        reactor.called[2]()
        self.assertEqual((reactor.stopped, hastened, reloaded), (1, [1, 1], []))
        for _ in range(2):
            installed[signal.SIGHUP](signal.SIGHUP, None)
        self.assertEqual(reloaded, [])
        for called in reactor.called[3:]:
            called()
        self.assertEqual((reactor.stopped, hastened, reloaded), (1, [1, 1], [1, 1]))
