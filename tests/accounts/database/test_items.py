"""Items of policies as rows of text."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.database.items import is_about_storage, read_policy, rows_of
from ftpx.errors import AccountsCorrupt, ConfigurationError
from tests.accounts.doubles import log_events


class ItemsTests(SynchronousTestCase):
    """Texts in and out."""

    def test_kept_form(self) -> None:
        """Texts are kept in one form, whatever operators write; no texts take an item back."""
        self.assertEqual(
            rows_of({"quota": ["10Ki"], "rights": ["/a/./b=read,list"], "hidden": [], "tls": ["no"]}),
            {"quota": ("10240",), "rights": ("/a/b=look",), "hidden": (), "tls": ("no",)},
        )

    def test_zero(self) -> None:
        """A limit of nothing is a limit, and is read back as one."""
        rows = rows_of({"quota": ["0"], "sessions": ["0"]})
        policy = read_policy("user 'alice'", [(name, text) for name, texts in rows.items() for text in texts])
        self.assertEqual((policy.quota, policy.sessions), (0, 0))

    def test_wrong(self) -> None:
        """What no item takes is refused by the item's name."""
        for changes in ({"quota": ["1", "2"]}, {"quota": ["x"]}, {"hidden": ["a\0"]}, {"hidden": ["\udcff"]}):
            error = self.assertRaises(ConfigurationError, rows_of, changes)
            self.assertIn(next(iter(changes)), str(error))
        self.assertRaises(ConfigurationError, rows_of, {"nothing": []})

    def test_cr08(self) -> None:
        """CR08: what is damaged is an error that names owner and item, in the log too."""
        for rows in ([("quota", None)], [("quota", b"5")], [(b"quota", "5")], [("quota", "5"), ("quota", "5")]):
            events = log_events(self)
            error = self.assertRaises(AccountsCorrupt, read_policy, "user 'alice'", rows)
            self.assertIn("user 'alice'", str(error))
            self.assertIn("quota", events[-1]["error"])

    def test_about_storage(self) -> None:
        """Items that say where things are, or how much, have them counted again."""
        self.assertTrue(is_about_storage({"home": [], "tls": ["yes"]}))
        self.assertFalse(is_about_storage({"tls": ["yes"], "rights": []}))
