"""How fast transfers may go: buckets that they share, and the pace of one transfer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zope.interface import implementer

from ftpx.data.stream import Time
from ftpx.interfaces import IPace

__all__ = ["BURST", "LONGEST_WAIT", "Bucket", "Pace"]

BURST = 0.2
"""Seconds of its rate that a bucket saves up while nobody uses it, or while the reactor is late."""

LONGEST_WAIT = 0.5
"""Seconds after which a transfer that has to wait asks again, as rates may have changed meanwhile."""

_SHORTEST_WAIT = 0.001
# A turn of everybody who shares a bucket takes so many seconds, and a little more for each of them: many turns a second
# would be much work where there are hundreds.
_TURN, _TURN_EACH = 0.05, 0.001
# What numbers with a point are not exact for, in octets.
_NOTHING = 1e-3
_UNLIMITED = 1 << 62


class Bucket:
    """
    A rate, and what was asked for of it.

    Think of a line of octets, of which the bucket serves so many a second. `reserve` gives a place on it, and what was
    reserved may move when the line has been served up to there. Who shares a bucket reserves a little at a time, and so
    they have turns, without a queue and without waking each other.

    :param rate: octets a second; ``None``: no limit.
    """

    def __init__(self, clock: Time, rate: int | None) -> None:
        self._clock = clock
        self.rate = rate
        self.version = 0
        """Changes with the rate: no place that was given before counts any more."""
        self.sharers = 0
        """How many transfers share the bucket."""
        self._reserved = 0
        # How much of what was reserved is not served yet; below 0: how much is saved up.
        self._behind = -self._burst
        self._seen = clock.seconds()

    @property
    def quantum(self) -> int:
        """How many octets to reserve at a time."""
        sharers = max(1, self.sharers)
        return max(1, int((self.rate or 0) * (_TURN + _TURN_EACH * sharers) / sharers))

    @property
    def full(self) -> bool:
        """Whether nothing is left to be served, so that another bucket of the same rate could take its place."""
        self._serve()
        return self.rate is None or self._behind <= _NOTHING - self._burst

    def change(self, rate: int | None) -> None:
        """Have another rate from now on; everybody has to reserve anew."""
        if rate != self.rate:
            self.rate = rate
            self.version += 1
            self._behind = 0.0
            self._seen = self._clock.seconds()

    def reserve(self, octets: int) -> int:
        """Ask for octets; their place."""
        self._serve()
        self._reserved += octets
        self._behind += octets
        return self._reserved

    def wait(self, place: int) -> float:
        """Seconds until the octets of a place may move; 0: now."""
        if self.rate is None:
            return 0.0
        self._serve()
        short = self._behind - (self._reserved - place)
        return short / self.rate if short > _NOTHING else 0.0

    def give_back(self, octets: int) -> None:
        """Let others have octets that were reserved and did not move; below 0: some moved that were not reserved."""
        self._behind = max(self._behind - octets, -self._burst)

    @property
    def _burst(self) -> float:
        return (self.rate or 0) * BURST

    def _serve(self) -> None:
        now = self._clock.seconds()
        if now > self._seen:
            self._behind = max(self._behind - (self.rate or 0) * (now - self._seen), -self._burst)
            self._seen = now


class _Share:
    """
    What one transfer has of one bucket.

    The next octets are reserved before the last have moved. So who goes slower than its share of a bucket for another
    reason, such as a bucket of its own, finds its place served when it gets there.
    """

    __slots__ = ("_pending", "_place", "_version", "bucket", "granted")

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.granted = 0
        self._pending = 0
        self._place = 0
        self._version = bucket.version
        bucket.sharers += 1

    def allowed(self, moved: int) -> int:
        bucket = self.bucket
        if self._version != bucket.version:
            self._version, self.granted, self._pending = bucket.version, moved, 0
        if bucket.rate is None:
            return moved + _UNLIMITED
        if not self._pending and self.granted - moved < bucket.quantum:
            self._pending = bucket.quantum
            self._place = bucket.reserve(self._pending)
        if self._pending and not bucket.wait(self._place):
            self.granted += self._pending
            self._pending = 0
        return self.granted

    def wait(self, moved: int) -> float:
        held = self._pending and self.granted <= moved and self._version == self.bucket.version
        return self.bucket.wait(self._place) if held else 0.0

    def end(self, moved: int) -> None:
        self.bucket.sharers -= 1
        if self._version == self.bucket.version and self.bucket.rate is not None:
            self.bucket.give_back(self._pending + self.granted - moved)


@implementer(IPace)
class Pace:
    """
    The pace of one transfer: no faster than any of its buckets; see `IPace`.

    :param buckets: at least one.
    :param ended: called once, when the transfer has ended.
    """

    def __init__(self, buckets: Sequence[Bucket], ended: Callable[[], object] = lambda: None) -> None:
        self._shares = [_Share(bucket) for bucket in buckets]
        self._ended = ended
        self._moved = 0

    def allowed(self, moved: int) -> int:
        """See `IPace`."""
        self._moved = moved
        return min([share.allowed(moved) for share in self._shares])

    def wait(self) -> float:
        """See `IPace`."""
        longest = max([share.wait(self._moved) for share in self._shares])
        return min(max(longest, _SHORTEST_WAIT), LONGEST_WAIT)

    def end(self, moved: int) -> None:
        """See `IPace`."""
        shares, self._shares = self._shares, []
        if shares:
            for share in shares:
                share.end(moved)
            self._ended()
