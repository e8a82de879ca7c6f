"""Tests of `ftpx.cli.settings`."""

from __future__ import annotations

from ftpx.accounts.settings import account_settings
from tests.cli.cases import CommandCase


class SettingsTests(CommandCase):
    """``ftpx settings``."""

    def test_settings(self) -> None:
        """Settings are shown, set, and given their defaults again."""
        self.done("settings", "set", "ban_failures", "5")
        values = self.read_json("settings", "show")
        self.assertEqual(values["ban_failures"], 5)
        self.assertEqual(list(values), list(account_settings()))
        self.assertRegex(self.done("settings", "show"), r"ban_failures +5 +10 ")
        self.done("settings", "set", "ban_failures", "")
        self.assertEqual(self.read_json("settings", "show")["ban_failures"], 10)

    def test_refused(self) -> None:
        """There are only those settings, and only numbers that can be."""
        self.assertIn("ban_failures", self.refused("settings", "set", "ban_failures", "many"))
        self.assertIn("NAME", self.refused("settings", "set", "colour", "red", status=2))
