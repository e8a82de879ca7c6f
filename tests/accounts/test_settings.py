"""Settings of the accounts as texts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.settings import Settings, account_settings
from ftpx.errors import ConfigurationError


class SettingsTests(SynchronousTestCase):
    """The table of settings."""

    def test_defaults(self) -> None:
        """Every default is in its bounds, and every setting says what it is."""
        for name, setting in account_settings().items():
            self.assertEqual(setting.parse(str(setting.default)), getattr(Settings(), name))
            self.assertTrue(setting.help.endswith("."), name)

    def test_parse(self) -> None:
        """Numbers in their bounds are taken, the bounds included."""
        for name, setting in account_settings().items():
            for number in (setting.least, setting.most):
                self.assertEqual(getattr(Settings.parse({name: str(number)}), name), number)
            for text in (str(setting.least - 1), str(setting.most + 1), "", "x", "1.5", "1e3", " 5", "\u0665"):
                self.assertIn(name, str(self.assertRaises(ConfigurationError, Settings.parse, {name: text})))

    def test_unknown(self) -> None:
        """There is no setting that is not in the table."""
        self.assertRaises(ConfigurationError, Settings.parse, {"nothing": "1"})
