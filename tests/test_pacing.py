"""Paces that are granted in blocks."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.errors import QuotaExceeded, StorageFailure
from ftpx.interfaces import IPace
from ftpx.pacing import GrantedPace


class GrantedPaceTests(SynchronousTestCase):
    """A pace of a hundred octets, and who grants more."""

    def setUp(self) -> None:
        """Nothing was asked for yet."""
        self.asked: list[tuple[int, Deferred[int]]] = []
        self.ended: list[tuple[int, int]] = []
        self.pace = GrantedPace(100, self._grow, lambda moved, granted: self.ended.append((moved, granted)))

    async def _grow(self, needed: int) -> int:
        answer: Deferred[int] = Deferred()
        self.asked.append((needed, answer))
        return await answer

    def answer(self, what: int | Exception) -> None:
        """Grant or refuse what was asked for last."""
        if isinstance(what, int):
            self.asked[-1][1].callback(what)
        else:
            self.asked[-1][1].errback(what)

    def needed(self) -> list[int]:
        """How many octets were asked for, each time."""
        return [needed for needed, _ in self.asked]

    def test_interface(self) -> None:
        """It is a pace."""
        verifyObject(IPace, self.pace)

    def test_ahead(self) -> None:
        """The next block is asked for when half of the last one has moved, once."""
        self.assertEqual((self.pace.allowed(0), self.pace.allowed(49), self.needed()), (100, 100, []))
        self.assertEqual((self.pace.allowed(50), self.pace.allowed(60), self.needed()), (100, 100, [101]))
        self.answer(300)
        self.assertEqual((self.pace.allowed(60), self.pace.allowed(199), self.needed()), (300, 300, [101]))
        self.pace.allowed(200)
        self.assertEqual(self.needed(), [101, 301])

    def test_waits(self) -> None:
        """Who has moved all waits, longer and longer, until more is granted."""
        self.assertEqual(self.pace.allowed(100), 100)
        waits = [self.pace.wait() for _ in range(8)]
        self.assertEqual((waits[0], waits[1], waits[-1]), (0.001, 0.002, 0.05))
        self.answer(101)
        self.assertEqual((self.pace.allowed(100), self.pace.wait()), (101, 0.001))

    def test_refused_ahead(self) -> None:
        """What is refused ahead is asked for once more when it is needed."""
        self.pace.allowed(50)
        self.answer(QuotaExceeded("not now"))
        self.assertEqual((self.pace.allowed(99), self.needed()), (100, [101]))
        self.assertEqual((self.pace.allowed(100), self.needed()), (100, [101, 101]))
        self.answer(150)
        self.assertEqual(self.pace.allowed(100), 150)

    def test_refused(self) -> None:
        """Who is refused for good may find that there is nothing more, and fails with one octet more."""
        self.pace.allowed(100)
        self.answer(QuotaExceeded("used up"))
        self.assertEqual((self.pace.allowed(100), self.pace.allowed(100)), (101, 101))
        error = self.assertRaises(QuotaExceeded, self.pace.allowed, 101)
        self.assertEqual((str(error), self.needed()), ("used up", [101]))

    def test_nothing(self) -> None:
        """With nothing granted at the beginning, an empty file can be moved."""
        pace = GrantedPace(0, self._grow)
        self.assertEqual((pace.allowed(0), self.needed()), (0, [1]))
        self.answer(QuotaExceeded("used up"))
        self.assertEqual(pace.allowed(0), 1)
        pace.end(0)

    def test_end(self) -> None:
        """The end is told once, with what was granted."""
        self.pace.end(30)
        self.pace.end(40)
        self.assertEqual(self.ended, [(30, 100)])

    def test_end_while_asking(self) -> None:
        """What is granted behind the end counts, so the end is told then."""
        self.pace.allowed(70)
        self.pace.end(70)
        self.assertEqual(self.ended, [])
        self.answer(300)
        self.assertEqual(self.ended, [(70, 300)])

    def test_end_refused(self) -> None:
        """The same when it is refused."""
        self.pace.allowed(100)
        self.pace.end(100)
        self.answer(QuotaExceeded("used up"))
        self.assertEqual(self.ended, [(100, 100)])

    def test_broken(self) -> None:
        """An error that nobody knows is logged, and ends the transfer."""
        self.pace.allowed(100)
        self.answer(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.pace.allowed(100), 101)
        self.assertRaises(StorageFailure, self.pace.allowed, 101)
