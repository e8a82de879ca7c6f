"""The listener that stands ready."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.data.spare import Opened, SpareListener
from ftpx.errors import NoFreePort


class _Socket:
    """A listening socket, or a connection, that notes whether it was closed."""

    def __init__(self, strangers: int = 0) -> None:
        self.closed = False
        self.waiting = [_Socket() for _ in range(strangers)]
        self.accepted: list[_Socket] = []

    def setsockopt(self, *arguments: object) -> None:
        """Let the close be a reset."""

    def accept(self) -> tuple[_Socket, object]:
        """The next connection."""
        if not self.waiting:
            raise BlockingIOError
        self.accepted.append(self.waiting.pop())
        return self.accepted[-1], None

    def close(self) -> None:
        """Close it."""
        self.closed = True


class SpareListenerTests(SynchronousTestCase):
    """One listener is opened ahead while requests follow close upon each other."""

    def setUp(self) -> None:
        """Ports are 1, 2, 3 and so on."""
        self.clock = Clock()
        self.opened: list[tuple[str, _Socket]] = []
        self.full = False
        self.strangers = 0
        self.listeners = SpareListener(self.clock, self._open)

    def _open(self, host: str) -> Opened:
        if self.full:
            raise NoFreePort
        self.opened.append((host, _Socket(self.strangers)))
        return cast(Any, self.opened[-1][1]), len(self.opened)

    def take(self, host: str = "127.0.0.1") -> int:
        """Take a listener, then let the reactor turn; its port."""
        port = self.listeners.take(host)[1]
        self.clock.advance(0)
        self.listeners.used()
        return port

    def test_single(self) -> None:
        """Requests that are far apart open a listener each, and nothing ahead."""
        for port in (1, 2, 3):
            self.assertEqual(self.take(), port)
            self.clock.advance(0.2)
        self.assertEqual((len(self.opened), self.clock.getDelayedCalls()), (3, []))

    def test_burst(self) -> None:
        """From the second of a series on, the next is open before it is asked for; each is given out once."""
        self.assertEqual([self.take(), self.take()], [1, 2])
        self.assertEqual(len(self.opened), 3)
        self.assertEqual([self.take(), self.take()], [3, 4])
        self.assertFalse(any(listener.closed for _, listener in self.opened))

    def test_unused(self) -> None:
        """DC25: a flood of requests that nobody uses opens nothing ahead."""
        for port in range(1, 20):
            self.assertEqual(self.listeners.take("127.0.0.1")[1], port)
            self.clock.advance(0)
        self.assertEqual((len(self.opened), self.clock.getDelayedCalls()), (19, []))

    def test_not_kept(self) -> None:
        """A spare that nobody wants is closed after a second."""
        self.take()
        self.take()
        self.clock.advance(1)
        self.assertTrue(self.opened[2][1].closed)
        self.assertEqual((self.take(), self.clock.getDelayedCalls()), (4, []))

    def test_other_address(self) -> None:
        """A spare is good for its own address only, and there is never a second one."""
        self.take()
        self.take()
        self.assertEqual(self.take("192.0.2.1"), 4)
        self.assertTrue(self.opened[2][1].closed)
        self.assertEqual([host for host, _ in self.opened], ["127.0.0.1"] * 3 + ["192.0.2.1"])

    def test_strangers(self) -> None:
        """DC07: whoever connects before the port was told to anybody is turned away."""
        self.strangers = 2
        self.take()
        self.take()
        self.take()
        spare = self.opened[2][1]
        self.assertEqual([stranger.closed for stranger in spare.accepted], [True, True])

    def test_no_port(self) -> None:
        """DC26: a spare takes nobody's port: without a free one there is none, and the last one is given out."""
        self.take()
        self.take()
        self.full = True
        self.assertEqual(self.take(), 3)
        self.assertRaises(NoFreePort, self.take)
