"""Buckets and the pace of transfers, on a clock that is advanced by hand."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.data.throttle import BURST, LONGEST_WAIT, Bucket, Pace
from ftpx.interfaces import IPace

_SECONDS = 10
_KIB = 1024


class Sender:
    """
    A transfer that moves what it is allowed, in blocks.

    :param block: the most that it moves before it asks again.
    :param speed: octets a second that its peer takes; ``None``: all.
    """

    def __init__(self, clock: Clock, buckets: Sequence[Bucket], block: int = 1 << 60, speed: float | None = None):
        self.clock = clock
        self.pace = Pace(buckets)
        self.block = block
        self.speed = speed
        self.moved = 0
        self.forgotten = 0
        self.log: list[tuple[float, int]] = []
        self.begun = clock.seconds()
        self.running = True
        self.step()

    def step(self) -> None:
        """Move what may be moved, and go to sleep."""
        if not self.running:
            return
        while (credit := self.pace.allowed(self.moved) - self.moved) > 0:
            size = min(credit, self.block, self.taken())
            if size <= 0:
                self.clock.callLater(0.02, self.step)
                return
            self.moved += size
            self.log.append((self.clock.seconds(), size))
        self.clock.callLater(self.pace.wait(), self.step)

    def taken(self) -> int:
        """How much the peer takes now."""
        if self.speed is None:
            return 1 << 60
        return int(self.speed * (self.clock.seconds() - self.begun)) - self.moved

    @property
    def counted(self) -> int:
        """What has moved since `forget`."""
        return self.moved - self.forgotten

    def forget(self) -> None:
        """Count anew."""
        self.forgotten = self.moved

    def stop(self) -> None:
        """End the transfer."""
        self.running = False
        self.pace.end(self.moved)


class ThrottleCase(SynchronousTestCase):
    """A clock."""

    def setUp(self) -> None:
        self.clock = Clock()

    def run_for(self, seconds: float, step: float = 0.005) -> None:
        """Let time pass."""
        self.clock.pump([step] * round(seconds / step))

    def assert_near(self, value: float, expected: float, share: float = 0.05) -> None:
        """Within 5 per cent."""
        self.assertLess(abs(value - expected), expected * share, f"{value} is not about {expected}")


class RateTests(ThrottleCase):
    """Octets over ten seconds are within 5 per cent."""

    def test_interface(self) -> None:
        """A pace provides its interface."""
        verifyObject(IPace, Pace([Bucket(self.clock, 1)]))

    def test_one(self) -> None:
        """One transfer goes at the rate of its bucket, from ten octets a second to a thousand million."""
        for rate in (10, 64, 999, 20_000, 10**6, 10**9):
            sender = Sender(self.clock, [Bucket(self.clock, rate)])
            self.run_for(_SECONDS)
            self.assert_near(sender.moved, rate * _SECONDS)
            sender.stop()

    def test_one_octet(self) -> None:
        """One octet a second is one octet a second."""
        sender = Sender(self.clock, [Bucket(self.clock, 1)])
        self.run_for(_SECONDS)
        self.assertIn(sender.moved, (9, 10))
        self.assertEqual({size for _, size in sender.log}, {1})

    def test_steady(self) -> None:
        """In every second, not only over ten."""
        sender = Sender(self.clock, [Bucket(self.clock, 100_000)])
        self.run_for(_SECONDS)
        for second in range(1, _SECONDS):
            moved = sum(size for time, size in sender.log if second <= time < second + 1)
            self.assert_near(moved, 100_000, 0.1)

    def test_lowest_counts(self) -> None:
        """With several buckets the slowest says how fast, wherever it stands."""
        for rates in ((50_000, 400_000), (400_000, 50_000), (60_000, 50_000), (50_000, 50_000), (50_000, None)):
            sender = Sender(self.clock, [Bucket(self.clock, rate) for rate in rates])
            self.run_for(_SECONDS)
            self.assert_near(sender.moved, 50_000 * _SECONDS)
            sender.stop()

    def test_no_limit(self) -> None:
        """Without a rate everything may move."""
        pace = Pace([Bucket(self.clock, None)])
        self.assertGreater(pace.allowed(1 << 50), 1 << 60)
        bucket = Bucket(self.clock, None)
        self.assertEqual(bucket.wait(bucket.reserve(1 << 60)), 0)

    def test_late(self) -> None:
        """A reactor that is late by less than the burst costs nothing."""
        sender = Sender(self.clock, [Bucket(self.clock, 100_000)])
        self.run_for(_SECONDS, 0.13)
        self.assert_near(sender.moved, 100_000 * _SECONDS)

    def test_clock_stands_still(self) -> None:
        """Without time nothing moves but the burst; and time that goes back gives nothing."""
        bucket = Bucket(self.clock, 1000)
        sender = Sender(self.clock, [bucket])
        for _ in range(100):
            sender.pace.allowed(sender.moved)
        self.assertLessEqual(sender.pace.allowed(sender.moved), 1000 * BURST)
        self.clock.rightNow -= 100
        self.assertLessEqual(sender.pace.allowed(sender.moved), 1000 * BURST)
        self.assertGreater(sender.pace.wait(), 0)

    def test_idle(self) -> None:
        """Who has waited long has no more than the burst for it."""
        bucket = Bucket(self.clock, 1000)
        self.clock.advance(3600)
        sender = Sender(self.clock, [bucket])
        self.assertLessEqual(sender.moved, 1000 * BURST)

    def test_wait_is_bounded(self) -> None:
        """However slow it is, whoever waits asks again soon; and never at once."""
        pace = Pace([Bucket(self.clock, 1)])
        self.assertEqual(pace.allowed(0), 0)
        self.assertEqual(pace.wait(), LONGEST_WAIT)
        self.assertGreater(Pace([Bucket(self.clock, None)]).wait(), 0)


class FairnessTests(ThrottleCase):
    """Who shares a bucket has the same of it."""

    def shared(self, blocks: Sequence[int], rate: int, seconds: float = _SECONDS) -> list[Sender]:
        """Transfers that share a bucket, each with a block of its own."""
        bucket = Bucket(self.clock, rate)
        senders = [Sender(self.clock, [bucket], block) for block in blocks]
        self.settle(senders)
        self.run_for(seconds)
        self.assert_near(sum(sender.counted for sender in senders), rate * seconds)
        return senders

    def settle(self, senders: Sequence[Sender]) -> None:
        """Leave out the first second: the burst goes to whoever comes first."""
        self.run_for(1)
        for sender in senders:
            sender.forget()

    def assert_fair(self, senders: Sequence[Sender], share: float = 0.1) -> None:
        """All have moved the same."""
        mean = sum(sender.counted for sender in senders) / len(senders)
        for sender in senders:
            self.assert_near(sender.counted, mean, share)

    def test_two(self) -> None:
        """Two, of which one moves large blocks and the other small ones."""
        self.assert_fair(self.shared((1 << 20, 100), 1_000_000))

    def test_ten(self) -> None:
        """Ten, with blocks from ten octets to a mebibyte."""
        self.assert_fair(self.shared([10 * 4**number for number in range(10)], 2_000_000))

    def test_fifty(self) -> None:
        """Fifty, with blocks of all sizes."""
        self.assert_fair(self.shared([64 + 997 * number for number in range(50)], 3_000_000))

    def test_five_hundred(self) -> None:
        """Five hundred, which do not wake up more than some two thousand times a second for it."""
        senders = self.shared([1 << 20] * 500, 10_000_000, 10)
        self.assert_fair(senders, 0.15)
        self.assertLess(sum(len(sender.log) for sender in senders), 20_000)

    def test_many_of_a_few_octets(self) -> None:
        """Ten octets a second for five hundred: that is ten octets a second, and it is nobody's twice."""
        bucket = Bucket(self.clock, 10)
        senders = [Sender(self.clock, [bucket]) for _ in range(500)]
        self.run_for(_SECONDS, 0.05)
        self.assertIn(sum(sender.moved for sender in senders), range(95, 106))
        self.assertLessEqual(max(sender.moved for sender in senders), 10 * BURST + 1)

    def test_slow_one_has_its_share(self) -> None:
        """Who is held by a bucket of its own, too, still gets all that this one allows; the others get the rest."""
        server = Bucket(self.clock, 1_000_000)
        slow = Sender(self.clock, [Bucket(self.clock, 80_000), server])
        fast = [Sender(self.clock, [server]) for _ in range(10)]
        self.settle([slow, *fast])
        self.run_for(_SECONDS)
        self.assert_near(slow.counted, 80_000 * _SECONDS)
        for sender in fast:
            self.assert_near(sender.counted, 92_000 * _SECONDS)

    def test_slow_peer_leaves_the_rest(self) -> None:
        """What a peer that is slow does not use goes to the others."""
        bucket = Bucket(self.clock, 1_000_000)
        slow = Sender(self.clock, [bucket], speed=10_000)
        fast = Sender(self.clock, [bucket])
        self.settle([slow, fast])
        self.run_for(_SECONDS)
        self.assert_near(slow.counted, 10_000 * _SECONDS)
        self.assert_near(fast.counted, 990_000 * _SECONDS)

    def test_newcomer(self) -> None:
        """Who comes later has the same from then on."""
        bucket = Bucket(self.clock, 1_000_000)
        first = Sender(self.clock, [bucket])
        self.run_for(5)
        second, before = Sender(self.clock, [bucket]), first.moved
        self.run_for(5)
        self.assert_near(second.moved, 2_500_000)
        self.assert_near(first.moved - before, 2_500_000)

    def test_end(self) -> None:
        """Who is left has all of it."""
        bucket = Bucket(self.clock, 1_000_000)
        senders = [Sender(self.clock, [bucket]) for _ in range(10)]
        self.run_for(5)
        for sender in senders[1:]:
            sender.stop()
        before = senders[0].moved
        self.run_for(5)
        self.assert_near(senders[0].moved - before, 5_000_000)
        self.assertEqual(bucket.sharers, 1)


class ChangeTests(ThrottleCase):
    """Rates that change while transfers run."""

    def test_change(self) -> None:
        """From any rate to any other, from the next moment on."""
        for before, after in ((1_000_000, 50_000), (50_000, 1_000_000), (None, 50_000), (100_000_000, 10_000)):
            bucket = Bucket(self.clock, before)
            sender = Sender(self.clock, [bucket], speed=2_000_000)
            self.run_for(3)
            bucket.change(after)
            moved = sender.moved
            self.run_for(_SECONDS)
            self.assert_near(sender.moved - moved, after * _SECONDS)
            sender.stop()

    def test_no_limit_any_more(self) -> None:
        """A limit that is lifted holds nobody who waits for longer than a moment."""
        bucket = Bucket(self.clock, 1)
        sender = Sender(self.clock, [bucket], speed=1000)
        self.run_for(5)
        self.assertLess(sender.moved, 7)
        bucket.change(None)
        self.run_for(LONGEST_WAIT + 0.1)
        self.assertGreater(sender.moved, 1000)
        sender.stop()

    def test_same(self) -> None:
        """A rate that does not change takes no place away from anybody."""
        bucket = Bucket(self.clock, 1000)
        place = bucket.reserve(1000)
        bucket.change(1000)
        self.assertEqual(bucket.version, 0)
        self.assertAlmostEqual(bucket.wait(place), 1 - BURST)

    def test_many(self) -> None:
        """A change concerns all that wait, and fairness stays."""
        bucket = Bucket(self.clock, 100_000)
        senders = [Sender(self.clock, [bucket]) for _ in range(20)]
        self.run_for(3)
        bucket.change(1_000_000)
        before = [sender.moved for sender in senders]
        self.run_for(_SECONDS)
        for sender, moved in zip(senders, before, strict=True):
            self.assert_near(sender.moved - moved, 50_000 * _SECONDS, 0.1)

    def test_flapping(self) -> None:
        """A rate that changes all the time gives nothing away."""
        bucket = Bucket(self.clock, 100_000)
        sender = Sender(self.clock, [bucket])
        for count in range(100):
            bucket.change(100_000 + count % 2)
            self.run_for(0.1)
        self.assertLess(sender.moved, 105_000 * _SECONDS)


class GiveBackTests(ThrottleCase):
    """What was reserved and did not move."""

    def test_pending(self) -> None:
        """A transfer that ends while it waits leaves nothing behind it."""
        bucket = Bucket(self.clock, 10_000)
        waiting = Sender(self.clock, [bucket])
        place = bucket.reserve(1000)
        before = bucket.wait(place)
        waiting.stop()
        self.assertAlmostEqual(before - bucket.wait(place), 0.051, 3)

    def test_granted(self) -> None:
        """So does one that was allowed more than its peer took."""
        bucket = Bucket(self.clock, 10_000)
        pace = Pace([bucket])
        allowed = pace.allowed(0)
        self.assertEqual(allowed, 510)
        pace.end(0)
        self.assertTrue(bucket.full)

    def test_moved_before_it_was_allowed(self) -> None:
        """What moved beyond what was allowed, as a rate was lowered, is owed."""
        bucket = Bucket(self.clock, 1000)
        pace = Pace([bucket])
        pace.end(pace.allowed(0) + 5000)
        self.clock.advance(1)
        self.assertFalse(bucket.full)
        self.clock.advance(5)
        self.assertTrue(bucket.full)

    def test_no_more_than_the_burst(self) -> None:
        """Giving back saves nothing up."""
        bucket = Bucket(self.clock, 1000)
        bucket.give_back(10**9)
        self.assertAlmostEqual(bucket.wait(bucket.reserve(1000)), 1 - BURST)

    def test_end_twice(self) -> None:
        """A transfer ends once, and tells it once; also one whose bucket has another rate by then, or none."""
        ended: list[None] = []
        for rate in (1000, 2000, None):
            bucket = Bucket(self.clock, 1000)
            pace = Pace([bucket], lambda: ended.append(None))
            pace.allowed(0)
            bucket.change(rate)
            pace.end(0)
            pace.end(0)
            self.assertEqual(bucket.sharers, 0)
        self.assertEqual(len(ended), 3)


class WindowTests(SynchronousTestCase):
    """What holds of every stretch of time."""

    @given(
        rate=st.integers(10, 10**7),
        own=st.lists(st.none() | st.integers(10, 10**7), min_size=1, max_size=5),
        peers=st.lists(st.none() | st.floats(1, 10**7), min_size=5, max_size=5),
        steps=st.lists(st.floats(0, 0.6), min_size=1, max_size=60),
        ends=st.lists(st.integers(0, 60), min_size=5, max_size=5),
    )
    def test_never_more(
        self,
        rate: int,
        own: list[int | None],
        peers: list[float | None],
        steps: list[float],
        ends: list[int],
    ) -> None:
        """In no stretch of time more moves than the rate allows in it, the burst and what was granted and saved up."""
        clock = Clock()
        bucket = Bucket(clock, rate)
        senders = [
            Sender(clock, [bucket, Bucket(clock, limit)], speed=speed) for limit, speed in zip(own, peers, strict=False)
        ]
        # What was granted and what was reserved of everybody, when so many shared the bucket.
        quanta = [rate * (0.05 / sharers + 0.001) + 1 for sharers in range(1, len(senders) + 1)]
        saved = BURST * rate + 2 * sum(quanta) + 1
        for number, step in enumerate(steps):
            clock.advance(step)
            for sender, end in zip(senders, ends, strict=False):
                if number == end and sender.running:
                    sender.stop()
        log = sorted(entry for sender in senders for entry in sender.log)
        times = sorted({time for time, _ in log})
        for first in times:
            total = 0
            for time, size in log:
                if time >= first:
                    total += size
                    self.assertLessEqual(total, (time - first) * rate + saved)


class QuantumTests(ThrottleCase):
    """How much is reserved at a time."""

    def test_quantum(self) -> None:
        """A twentieth of a second alone; with others so little that all have a turn soon; but an octet at least."""
        for rate, sharers, low, high in (
            (1_000_000, 0, 50_000, 52_000),
            (1_000_000, 1, 50_000, 52_000),
            (1_000_000, 10, 5_000, 7_000),
            (1_000_000, 500, 1_000, 1_200),
            (10, 500, 1, 1),
            (1, 1, 1, 1),
        ):
            bucket = Bucket(self.clock, rate)
            bucket.sharers = sharers
            self.assertIn(bucket.quantum, range(low, high + 1), (rate, sharers))
