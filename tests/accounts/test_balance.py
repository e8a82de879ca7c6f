"""What may be set aside, whatever is used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.balance import GRACE, LARGEST, NOTHING, Balance, Limits, Share, grant, home_limits, mount_limits
from ftpx.errors import QuotaExceeded
from tests.accounts.profiles import profile_of

_NOW = 1000.0
_SOME = st.integers(0, 10**9)
_SHARES = st.builds(Share, _SOME, st.integers(0, 100))
_BALANCES = st.builds(Balance, octets=_SOME, files=st.integers(0, 100), held=_SHARES)
_LIMITS = st.builds(
    Limits, whose=st.just("user alice"), octets=st.none() | _SOME, files=st.none() | st.integers(0, 100)
)


class GrantTests(SynchronousTestCase):
    """One change, one or several who are charged."""

    @given(st.lists(st.tuples(_LIMITS, _BALANCES), max_size=3), _SHARES, _SHARES, _SOME)
    def test_never_above(self, parties: list[tuple[Limits, Balance]], own: Share, needed: Share, wanted: int) -> None:
        """What is granted is what is needed at least, and never more than is left to anybody."""
        try:
            share = grant(parties, own, needed, wanted, _NOW)
        except QuotaExceeded:
            self.assertTrue(any(self._too_much(known, balance, needed, own) for known, balance in parties))
            return
        self.assertGreaterEqual(share.octets, max(needed.octets, own.octets))
        self.assertGreaterEqual(share.files, max(needed.files, own.files))
        self.assertLessEqual(share.octets, max(wanted, needed.octets, own.octets))
        for known, balance in parties:
            if known.octets is not None and share.octets > own.octets:
                self.assertLessEqual(balance.octets + balance.held.octets + share.octets, known.octets)
            if known.files is not None and share.files > own.files:
                self.assertLessEqual(balance.files + balance.held.files + share.files, known.files)

    @staticmethod
    def _too_much(limits: Limits, balance: Balance, needed: Share, own: Share) -> bool:
        octets, files = balance.octets_left(limits, _NOW), balance.files_left(limits, _NOW)
        return (octets is not None and needed.octets > max(octets, own.octets)) or (
            files is not None and needed.files > max(files, own.files)
        )

    def test_leaves_some(self) -> None:
        """Ahead an upload takes a quarter of what is left, so that others find some, too; near the end all."""
        limits = Limits(whose="user alice", octets=1_000_000)
        for used, share in ((0, 250_000), (600_000, 100_000), (900_000, 65_536), (990_000, 10_000), (1_000_000, 0)):
            granted = grant([(limits, Balance(octets=used, files=0))], NOTHING, NOTHING, 10**7, _NOW)
            self.assertEqual(granted, Share(share, 0))

    def test_texts(self) -> None:
        """The text says whose quota it is, how large, and what is left."""
        limits = Limits(whose="group staff", octets=10, octets_soft=5, files=1)
        error = self.assertRaises(QuotaExceeded, self._grant, limits, Share(6, 0))
        told = "The quota of group staff is 10 octets and 5 octets for longer than seven days; 3 are left."
        self.assertEqual(str(error), told)
        error = self.assertRaises(QuotaExceeded, self._grant, limits, Share(0, 1))
        self.assertEqual(str(error), "The quota of group staff is 1 files; 0 are left.")

    @staticmethod
    def _grant(limits: Limits, needed: Share) -> Share:
        return grant([(limits, Balance(octets=7, files=1))], NOTHING, needed, 0, _NOW)


class SoftQuotaTests(SynchronousTestCase):
    """A soft quota may be exceeded for seven days."""

    limits = Limits(whose="user alice", octets=100, octets_soft=50, files=10, files_soft=5)

    def test_seven_days(self) -> None:
        """From the moment on at which it is exceeded the time runs; then it is as hard as the other."""
        balance = Balance(octets=50, files=5).changed(Share(10, 1), self.limits, _NOW)
        self.assertEqual((balance.octets_soft_since, balance.files_soft_since), (_NOW, _NOW))
        for now, octets, files in ((_NOW, 40, 4), (_NOW + GRACE - 1, 40, 4), (_NOW + GRACE, -10, -1)):
            self.assertEqual(balance.octets_left(self.limits, now), octets)
            self.assertEqual(balance.files_left(self.limits, now), files)

    def test_kept(self) -> None:
        """What is stored later does not begin the time again, and who is below has all of it once more."""
        balance = Balance(octets=60, files=6, octets_soft_since=1.0, files_soft_since=2.0)
        more = balance.changed(Share(1, 1), self.limits, _NOW)
        self.assertEqual((more.octets_soft_since, more.files_soft_since), (1.0, 2.0))
        less = balance.changed(Share(-10, -1), self.limits, _NOW)
        self.assertEqual((less.octets_soft_since, less.files_soft_since), (None, None))

    def test_clock(self) -> None:
        """A clock that was set back makes it no longer than seven days."""
        balance = Balance(octets=60, files=0, octets_soft_since=_NOW)
        self.assertEqual(balance.octets_left(self.limits, _NOW - 1), -10)

    def test_soft_alone(self) -> None:
        """Without a hard quota there is no other end for seven days."""
        limits = Limits(whose="user alice", octets_soft=50)
        balance = Balance(octets=40, files=0)
        self.assertIsNone(balance.octets_left(limits, _NOW))
        self.assertIsNone(balance.files_left(limits, _NOW))
        exceeded = balance.changed(Share(100), limits, _NOW)
        self.assertIsNone(exceeded.octets_left(limits, _NOW))
        self.assertEqual(exceeded.octets_left(limits, _NOW + GRACE), -90)


class BalanceTests(SynchronousTestCase):
    """Numbers stay what they can be."""

    @given(_BALANCES, st.integers(-(2**63), 2**63), st.integers(-(2**63), 2**63))
    def test_bounds(self, balance: Balance, octets: int, files: int) -> None:
        """Never below 0, nor larger than a number may be."""
        changed = balance.changed(Share(octets, files), Limits(whose="user alice"), _NOW)
        self.assertTrue(0 <= changed.octets <= LARGEST and 0 <= changed.files <= LARGEST)


class ChargedTests(SynchronousTestCase):
    """Who is charged for what."""

    def test_home(self) -> None:
        """The home counts for the user and for each group that has a quota."""
        profile = profile_of({"quota": "10"}, {"staff": {"quota_files": "2"}, "others": {"largest_file": "5"}})
        alice, staff = home_limits(profile)
        self.assertEqual((alice.whose, alice.octets, alice.files, alice.user_id), ("user alice", 10, None, 1))
        self.assertEqual((staff.whose, staff.octets, staff.files, staff.group_id), ("group staff", None, 2, 2))
        self.assertEqual((alice.holder, staff.holder), ((1, None), (None, 2)))

    def test_nobody(self) -> None:
        """Who has no quota is not charged."""
        self.assertEqual(home_limits(profile_of(groups={"staff": {}})), ())
        self.assertEqual(mount_limits(profile_of(groups={"staff": {}}), None), ())

    def test_mounts(self) -> None:
        """A folder of the user's own counts for the user only, one of a group for that group only."""
        profile = profile_of({"quota": "10"}, {"others": {"quota": "5"}, "staff": {"quota": "3"}})
        self.assertEqual([limits.whose for limits in mount_limits(profile, None)], ["user alice"])
        self.assertEqual([limits.whose for limits in mount_limits(profile, profile.groups[1])], ["group staff"])
        left = profile_of({"quota": "10"})
        self.assertEqual(mount_limits(left, profile.groups[1]), ())
