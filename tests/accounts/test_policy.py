"""Tests of ``ftpx.accounts.policy``."""

from __future__ import annotations

from datetime import datetime

from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.policy import RIGHTS, AccountPolicy, DirectoryRights, Hours, Mount, items, show_rights
from ftpx.errors import ConfigurationError
from ftpx.interfaces import Right
from tests.accounts.profiles import policy_of

_GOOD = {
    "home": ["/{name}", "/homes/{name}", "/"],
    "rights": ["/=look", "/in=write,mkdir", "/x y=all", "/a=b=none"],
    "mounts": ["/shared=local:/srv/shared", "/in/deep=memory:"],
    "hidden": ["*.tmp", ".*", "[Tt]humbs.db"],
    "addresses": ["192.0.2.0/24", "2001:db8::/32", "127.0.0.1/32"],
    "hours": ["Mon-Fri 08:00-18:00", "Sat 00:00-24:00", "Mon-Sun 22:00-06:00"],
    "tls": ["yes", "no"],
    "expires": ["2028-01-01T00:00:00Z"],
    "quota": ["0", "10485760"],
    "sessions": ["3"],
    "rate_up": ["1000"],
}
_BAD = {
    "home": ["", "x", "/../{name}"],
    "rights": ["look", "=look", "/pub", "/pub=", "/pub=fly", "pub=look", "/a/../b=look", "/x\n=look"],
    "mounts": ["/shared", "/shared=", "/shared=/srv", "shared=local:/srv", "/=local:/srv", "/a=:x"],
    "hidden": ["", "a/b", "x" * 256],
    "addresses": ["here", "192.0.2.1/24", "", "10.0.0.0/33"],
    "hours": ["", "8-18", "Mon-Fri", "Mon-Fry 08:00-18:00", "25:00-26:00", "08:60-09:00", "mon 08:00-09:00"],
    "tls": ["", "true", "YES"],
    "expires": ["", "tomorrow", "2027-13-01", "2027-02-30"],
    "quota": ["", "-1", "1.5G", "10 M", "9999999999T", "NaN", "\u0661\u0660", "1e3"],
    "sessions": ["", "-1", "many", "1K"],
    "rate_up": ["0", "-1"],
}


class ItemsTests(SynchronousTestCase):
    """Items and their texts."""

    def test_texts_and_back(self) -> None:
        """What is shown of an item is read as the same value."""
        for name, texts in _GOOD.items():
            for text in texts:
                policy = AccountPolicy.parse([(name, text)])
                self.assertEqual(policy.texts(), {name: (text,)})
                self.assertEqual(AccountPolicy.parse((name, shown) for shown in policy.texts()[name]), policy)

    def test_refused(self) -> None:
        """What is no value is refused by the name of the item."""
        for name, texts in _BAD.items():
            for text in texts:
                error = self.assertRaises(ConfigurationError, AccountPolicy.parse, [(name, text)])
                self.assertIn(name.replace("_", "-"), str(error))

    def test_sizes(self) -> None:
        """Sizes have units of thousands and of 1,024."""
        self.assertEqual(policy_of({"quota": "10K"}).quota, 10_000)
        self.assertEqual(policy_of({"quota": "10Mi"}).quota, 10 * 1024 * 1024)

    def test_several(self) -> None:
        """Items that take several values keep them in order."""
        policy = policy_of({"rights": ["/=look", "/in=all"], "mounts": ["/m=memory:"]})
        self.assertEqual(policy.rights, (DirectoryRights((), Right.LOOK), DirectoryRights(("in",), Right.ALL)))
        self.assertEqual(policy.mounts, (Mount(("m",), "memory:"),))

    def test_every_right_has_a_name(self) -> None:
        """All rights together are those that operators can name."""
        together = Right(0)
        for right in RIGHTS.values():
            together |= right
        self.assertEqual(together, Right.ALL)
        self.assertEqual(show_rights(Right.WRITE | Right.MAKE_DIRECTORY), "write,mkdir")
        self.assertEqual([show_rights(right) for right in (Right.ALL, Right.LOOK, Right(0))], ["all", "look", "none"])

    def test_help(self) -> None:
        """Every item says what it is and which form it has."""
        for item in items().values():
            self.assertTrue(item.help.endswith("."), item)
            self.assertTrue(item.form)

    def test_end_of_a_day(self) -> None:
        """An account that expires on a day can be used on that day."""
        self.assertEqual(policy_of({"expires": "2027-12-31"}), policy_of({"expires": "2028-01-01T00:00:00Z"}))


class HoursTests(SynchronousTestCase):
    """Times of the week."""

    def _holds(self, hours: str, moment: str) -> bool:
        (parsed,) = policy_of({"hours": hours}).hours
        return parsed.hold(datetime.fromisoformat(moment))

    def test_of_a_day(self) -> None:
        """From the first minute up to, not including, the last one, on the days that are named."""
        # The 23rd of November 2026 is a Monday.
        for moment, expected in {
            "2026-11-23 08:00": True,
            "2026-11-23 17:59": True,
            "2026-11-23 18:00": False,
            "2026-11-23 07:59": False,
            "2026-11-22 12:00": False,
        }.items():
            self.assertEqual(self._holds("Mon-Fri 08:00-18:00", moment), expected, moment)

    def test_over_midnight(self) -> None:
        """What ends before it begins ends on the next day."""
        for moment, expected in {
            "2026-11-23 22:00": True,
            "2026-11-24 05:59": True,
            "2026-11-24 06:00": False,
            "2026-11-23 05:00": False,
            "2026-11-24 23:00": False,
        }.items():
            self.assertEqual(self._holds("Mon 22:00-06:00", moment), expected, moment)

    def test_over_sunday(self) -> None:
        """Days may go over the end of the week."""
        self.assertTrue(self._holds("Sat-Mon 00:00-24:00", "2026-11-22 12:00"))
        self.assertFalse(self._holds("Sat-Mon 00:00-24:00", "2026-11-24 12:00"))

    def test_all_days(self) -> None:
        """Without days it is every day."""
        self.assertEqual(policy_of({"hours": "08:00-18:00"}).hours, (Hours(0, 6, 480, 1080),))
