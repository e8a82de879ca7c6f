"""Tests of ``ftpx.accounts.admission``."""

from __future__ import annotations

import os
import time

from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.admission import Circumstances, admission, first_objection
from ftpx.accounts.profile import Profile
from tests.accounts.profiles import profile_of

# Monday, the 23rd of November 2026, 12:00 UTC.
_NOON = 1_795_435_200.0


class AdmissionTests(SynchronousTestCase):
    """Who may log in when, from where and how."""

    def setUp(self) -> None:
        """Be in UTC."""
        self.patch(os, "environ", {**os.environ, "TZ": "UTC"})
        os.putenv("TZ", "UTC")
        time.tzset()

    def _item(
        self, profile: Profile, address: str | None = "192.0.2.7", *, secured: bool = True, now: float = _NOON
    ) -> str | None:
        objection = first_objection(profile, Circumstances(now, address, secured))
        return None if objection is None else objection[0]

    def test_nothing_said(self) -> None:
        """Who has no such items may always log in."""
        self.assertIsNone(self._item(profile_of(), secured=False))
        self.assertTrue(admission(profile_of(), Circumstances(_NOON, None, False)).allowed)

    def test_disabled(self) -> None:
        """A disabled user may not."""
        self.assertEqual(self._item(profile_of(disabled=True)), "disabled")

    def test_expires(self) -> None:
        """Up to the moment, and not from then on; that of a group counts too."""
        profile = profile_of({}, {"g": {"expires": "2026-11-23T12:00:00Z"}})
        self.assertIsNone(self._item(profile, now=_NOON - 1))
        self.assertEqual(self._item(profile), "expires")

    def test_addresses(self) -> None:
        """Only from the networks that are named, of IPv6 and mapped IPv4 too."""
        profile = profile_of({"addresses": ["192.0.2.0/24", "2001:db8::/32"]})
        for address, expected in {
            "192.0.2.7": None,
            "::ffff:192.0.2.7": None,
            "2001:db8::1": None,
            "198.51.100.1": "addresses",
            "2001:db9::1": "addresses",
            "/run/ftpx.socket": None,
        }.items():
            self.assertEqual(self._item(profile, address), expected, address)

    def test_hours(self) -> None:
        """Only in the hours that are named."""
        self.assertIsNone(self._item(profile_of({"hours": ["Mon-Fri 08:00-18:00"]})))
        self.assertEqual(self._item(profile_of({"hours": ["Tue 08:00-18:00", "Mon 08:00-12:00"]})), "hours")

    def test_tls(self) -> None:
        """Only by TLS where that is asked for."""
        self.assertEqual(self._item(profile_of({"tls": "yes"}), secured=False), "tls")
        self.assertIsNone(self._item(profile_of({"tls": "yes"})))
        self.assertIsNone(self._item(profile_of({"tls": "no"}), secured=False))

    def test_all_must_agree(self) -> None:
        """The user and each group that says something have to agree."""
        profile = profile_of({"addresses": ["192.0.2.0/24"]}, {"g": {"addresses": ["10.0.0.0/8"]}})
        self.assertEqual(self._item(profile), "addresses")

    def test_the_rule_is_told(self) -> None:
        """A decision names the item, its texts and whose it is."""
        profile = profile_of({}, {"staff": {"addresses": ["10.0.0.0/8", "192.168.0.0/16"]}})
        decision = admission(profile, Circumstances(_NOON, "192.0.2.7", True))
        self.assertFalse(decision.allowed)
        self.assertEqual(decision.rule, "addresses 10.0.0.0/8, 192.168.0.0/16 of group staff")
