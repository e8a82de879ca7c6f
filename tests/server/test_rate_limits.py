"""Who shares a rate with whom, and for how long it is remembered."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.data.throttle import LONGEST_WAIT
from ftpx.interfaces import Direction, IPace
from ftpx.server.rate_limits import RateLimits
from ftpx.server.rates import RateTable, parse_rule

_DOWN, _UP = Direction.DOWNLOAD, Direction.UPLOAD


def table(*rules: str) -> RateTable:
    """A table of rules."""
    return RateTable(map(parse_rule, rules))


class RateLimitsTests(SynchronousTestCase):
    """Paces, by rules."""

    def setUp(self) -> None:
        self.clock = Clock()

    def limits(self, *rules: str, changing: bool = False) -> RateLimits:
        """Limits by rules."""
        return RateLimits(self.clock, table(*rules), changing=changing)

    def begin(
        self,
        limits: RateLimits,
        *,
        session: object = 1,
        user: str = "alice",
        address: str = "192.0.2.1",
        direction: Direction = _DOWN,
    ) -> IPace:
        """The pace of a transfer, which has one."""
        pace = limits.pace(direction, session, user, address)
        assert pace is not None
        return pace

    def moved(self, *paces: IPace, seconds: float = 10) -> list[int]:
        """How much transfers move that take all they may."""
        moved = [0] * len(paces)
        for _ in range(round(seconds / 0.02)):
            for number, pace in enumerate(paces):
                moved[number] = max(moved[number], pace.allowed(moved[number]))
            self.clock.advance(0.02)
        for number, pace in enumerate(paces):
            pace.end(moved[number])
        return moved

    def assert_moved(self, moved: list[int], *expected: int) -> None:
        """Within 5 per cent."""
        for value, wanted in zip(moved, expected, strict=True):
            self.assertLess(abs(value - wanted), wanted * 0.05, moved)

    def test_nothing(self) -> None:
        """Without a rule that concerns a transfer it has no pace, and nothing is kept for it."""
        self.assertIsNone(self.limits().pace(_DOWN, 1, "alice", "192.0.2.1"))
        limits = self.limits("user:bob=1K", "server:up=1K", "address:10.0.0.0/8=1")
        self.assertIsNone(limits.pace(_DOWN, 1, "alice", "192.0.2.1"))
        self.assertEqual(len(limits), 0)

    def test_levels(self) -> None:
        """Who shares each level, and who does not."""
        for rule, others in (
            ("transfer=10K", ()),
            ("session=10K", ({"user": "bob", "address": "192.0.2.9"},)),
            ("user=10K", ({"session": 2, "address": "192.0.2.9"},)),
            ("address=10K", ({"session": 2, "user": "bob"},)),
            ("server=10K", ({"session": 2, "user": "bob", "address": "192.0.2.9"},)),
        ):
            limits = self.limits(rule)
            first = self.begin(limits)
            same = [self.begin(limits, **other) for other in others]
            sharers = 1 + len(same)
            self.assert_moved(self.moved(first, *same), *[100_000 // sharers] * sharers)

    def test_apart(self) -> None:
        """Different ones have a rate each; so have two transfers of one session, where that is the level."""
        for rule, other in (
            ("transfer=10K", {}),
            ("session=10K", {"session": 2}),
            ("user=10K", {"user": "bob"}),
            ("address=10K", {"address": "192.0.2.9"}),
        ):
            limits = self.limits(rule)
            paces = self.begin(limits), self.begin(limits, **other)
            self.assert_moved(self.moved(*paces), 100_000, 100_000)

    def test_directions(self) -> None:
        """Uploads and downloads have a rate each."""
        limits = self.limits("server=10K", "server:up=20K")
        paces = self.begin(limits), self.begin(limits, direction=_UP)
        self.assert_moved(self.moved(*paces), 100_000, 200_000)

    def test_networks(self) -> None:
        """IPv6 addresses count by the first half, IPv4 addresses each for itself, also where a network has a rule."""
        limits = self.limits("address:2001:db8::/32=10K", "address:10.0.0.0/8=10K")
        paces = [self.begin(limits, address=address) for address in ("2001:db8::1", "2001:db8::ffff:1:2:3")]
        self.assert_moved(self.moved(*paces), 50_000, 50_000)
        paces = [self.begin(limits, address=address) for address in ("2001:db8::1", "2001:db8:0:1::1", "10.0.0.1")]
        self.assert_moved(self.moved(*paces, self.begin(limits, address="10.0.0.2")), *[100_000] * 4)

    def test_several(self) -> None:
        """All levels hold at once."""
        limits = self.limits("user=20K", "session=15K", "server=30K", "transfer=18K")
        paces = [self.begin(limits), self.begin(limits, session=2), self.begin(limits, session=3, user="bob")]
        alice, too, bob = self.moved(*paces)
        self.assert_moved([alice, too, bob], 100_000, 100_000, 100_000)
        paces = [self.begin(limits), self.begin(limits, session=3, user="bob")]
        self.assert_moved(self.moved(*paces), 150_000, 150_000)

    def test_many_small_transfers(self) -> None:
        """A user who makes one small transfer after the other, each in a session of its own, is held to the rate."""
        limits = self.limits("user=10K", "session=10K", "address=10K", "server=10K")
        for size in (10, 300, 1500):
            total, session, started = 0, 0, self.clock.seconds()
            while self.clock.seconds() < started + 10:
                session += 1
                pace = self.begin(limits, session=session)
                moved = 0
                while moved < size:
                    if (allowed := min(size, pace.allowed(moved))) > moved:
                        moved = allowed
                    else:
                        self.clock.advance(pace.wait())
                pace.end(moved)
                total += moved
            self.assert_moved([total], 100_000)
            self.assertLess(len(limits), 10 + 200)

    def test_forgotten(self) -> None:
        """What nobody uses any more is dropped once it would make no difference."""
        limits = self.limits("user=10K", "session=10K")
        for session in range(100):
            pace = self.begin(limits, session=session, user=f"user{session}")
            pace.end(pace.allowed(0))
        self.assertEqual(len(limits), 200)
        for _ in range(60):
            self.clock.advance(0.1)
            pace = self.begin(limits)
            pace.end(pace.allowed(0))
        self.assertEqual(len(limits), 2)

    def test_owing_one_is_in_nobodys_way(self) -> None:
        """One that is not full for long does not keep others from being dropped."""
        limits = self.limits("user=1")
        self.begin(limits, user="debtor").end(10**6)
        for number in range(200):
            self.begin(limits, user=f"user{number}").end(0)
            self.clock.advance(0.1)
        self.assertLess(len(limits), 20)

    def test_used_again(self) -> None:
        """One that is used again is not dropped."""
        limits = self.limits("user=10K")
        first = self.begin(limits)
        first.end(first.allowed(0))
        again = self.begin(limits)
        self.clock.advance(100)
        for number in range(10):
            self.begin(limits, user=f"user{number}").end(0)
        other = self.begin(limits)
        self.assert_moved(self.moved(again, other), 50_000, 50_000)

    def test_change(self) -> None:
        """Other rules hold at once, for what runs, also for who had no limit; and for what begins."""
        limits = self.limits(changing=True)
        running = self.begin(limits)
        moved = running.allowed(0)
        self.assertGreater(moved, 10**15)
        limits.change(table("user:alice=10K", "server=1M"))
        self.assertLessEqual(running.allowed(5_000_000), 5_000_000 + 2000)
        self.clock.advance(LONGEST_WAIT)
        running.end(5_000_000)
        self.assert_moved(self.moved(self.begin(limits), self.begin(limits, user="bob")), 100_000, 9_900_000)
        limits.change(table())
        self.assertGreater(self.begin(limits).allowed(0), 10**15)

    def test_change_while_unused(self) -> None:
        """What is kept only to be remembered changes, too."""
        limits = self.limits("user=10K", changing=True)
        pace = self.begin(limits)
        pace.end(pace.allowed(0))
        limits.change(table("user=20K"))
        self.assert_moved(self.moved(self.begin(limits)), 200_000)

    def test_cost_of_no_limit(self) -> None:
        """Without any rule a transfer costs one look at one attribute."""
        limits = self.limits()
        limits._buckets = limits._unused = limits._table = None  # type: ignore[assignment]
        self.assertIsNone(limits.pace(_DOWN, 1, "alice", "no address"))
