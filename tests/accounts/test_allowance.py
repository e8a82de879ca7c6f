"""What a user may use besides room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.allowance import Allowance
from ftpx.accounts.profile import Profile
from ftpx.errors import QuotaExceeded, TooManyTransfers
from ftpx.interfaces import Direction, IPace
from tests.accounts.profiles import profile_of

_UP, _DOWN = Direction.UPLOAD, Direction.DOWNLOAD


class FakePace:
    """A pace that notes its end."""

    def __init__(self) -> None:
        self.moved: int | None = None

    def end(self, moved: int) -> None:
        """Note it."""
        self.moved = moved


class FakePresence:
    """A server on which so many transfers may be under way."""

    def __init__(self, most: int) -> None:
        self.left = most

    async def begin_transfer(self, profile: Profile, address: str) -> Any:
        """Count one in."""
        if not self.left:
            raise TooManyTransfers
        self.left -= 1
        return self

    def release(self) -> None:
        """Count one out."""
        self.left += 1


class AllowanceTests(SynchronousTestCase):
    """Transfers and rates of a user in a group."""

    def setUp(self) -> None:
        """Make the allowance."""
        self.profile = profile_of({"rate_up": "1K"}, {"staff": {"rate_down": "2K"}, "guests": {}})
        self.presence = FakePresence(1)
        self.pace: Any = FakePace()
        self.error: Exception | None = None
        self.allowance = Allowance(
            lambda: self.profile, "192.0.2.1", cast(Any, self.presence), self.traffic, self.lines
        )

    async def traffic(self, direction: Direction) -> IPace | None:
        """The pace."""
        if self.error is not None:
            raise self.error
        pace: IPace | None = self.pace
        return pace

    async def lines(self) -> Sequence[str]:
        """What is used."""
        return ["nothing is used"]

    def begin(self) -> Deferred[Any]:
        """A transfer."""
        return Deferred.fromCoroutine(self.allowance.begin_transfer(_UP))

    def test_transfer(self) -> None:
        """A transfer has its slot until it ends, and its octets are told."""
        transfer = self.successResultOf(self.begin())
        self.failureResultOf(self.begin(), TooManyTransfers)
        transfer.end(7)
        self.assertEqual((self.pace.moved, self.presence.left), (7, 1))

    def test_without_pace(self) -> None:
        """Octets that do not count have no pace."""
        self.pace = None
        transfer = self.successResultOf(self.begin())
        self.assertIsNone(transfer.pace)
        transfer.end(7)

    def test_used_up(self) -> None:
        """If the octets of the day are used up, the slot is free again."""
        self.error = QuotaExceeded("used up")
        self.failureResultOf(self.begin(), QuotaExceeded)
        self.assertEqual(self.presence.left, 1)

    def test_rates(self) -> None:
        """There is a rate for the user and for each group, also where there is no limit; it follows the profile."""
        self.assertEqual(
            self.allowance.rates(_DOWN), (("user:alice", None), ("group:guests", None), ("group:staff", 2000))
        )
        up = self.allowance.rates(_UP)
        self.assertEqual(up[0], ("user:alice", 1000))
        self.assertIs(self.allowance.rates(_UP), up)
        self.profile = profile_of({"rate_up": "5K"})
        self.assertEqual(self.allowance.rates(_UP), (("user:alice", 5000),))

    def test_quota_lines(self) -> None:
        """What is used is told."""
        self.assertEqual(
            self.successResultOf(Deferred.fromCoroutine(self.allowance.quota_lines())), ["nothing is used"]
        )
