"""The names of storages that are made of others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError
from ftpx.storage.spec import Setting, Settings, split_settings

_PLAIN = st.text(st.characters(exclude_characters=":=[]", exclude_categories=["Cs"]), min_size=1)


class SplitSettingsTests(SynchronousTestCase):
    """Settings first, then the storage."""

    def test_storage_only(self) -> None:
        """Without settings all of it is the storage, whatever it holds."""
        for inner in ("local:/srv/ftp", "object:s3://b/p?endpoint=http://h:1", "memory:", "local:/a=b:[c"):
            self.assertEqual(split_settings(inner), ([], inner))

    def test_settings(self) -> None:
        """Settings stand before it."""
        self.assertEqual(
            split_settings("days=30:name=.old:crypt:key=/k:local:/srv"),
            ([("days", "30"), ("name", ".old")], "crypt:key=/k:local:/srv"),
        )

    def test_brackets(self) -> None:
        """A value in brackets may hold colons, and brackets of its own."""
        self.assertEqual(
            split_settings("/a=[overlay:lower=[local:/l]:local:/u]:/b=[memory:]:local:/srv"),
            ([("/a", "overlay:lower=[local:/l]:local:/u"), ("/b", "memory:")], "local:/srv"),
        )

    def test_errors(self) -> None:
        """What is not closed, or names no storage, is refused."""
        for text in ("", "days=30", "days=30:", "/a=[local:/x:local:/srv", "/a=[memory:]x:local:/srv"):
            self.assertRaises(ConfigurationError, split_settings, text)

    @given(st.lists(st.tuples(_PLAIN, _PLAIN)), st.lists(_PLAIN, min_size=1).map(":".join))
    def test_any(self, settings: list[tuple[str, str]], inner: str) -> None:
        """Whatever is put together is taken apart again."""
        text = "".join(f"{name}=[{value}]:" for name, value in settings) + inner
        self.assertEqual(split_settings(text), (settings, inner))


def _number(text: str) -> int:
    if not text.isdigit():
        raise ConfigurationError("that is no number.")
    return int(text)


class SettingsTests(SynchronousTestCase):
    """The settings that a kind takes."""

    def setUp(self) -> None:
        """A kind with one setting that must be given, and one that need not."""
        self.settings = Settings(
            "kind", [Setting("key", "FILE", "where the key is.", str), Setting("size", "N", "how many.", _number, "7")]
        )

    def test_read(self) -> None:
        """Values come in any order, or from their defaults."""
        self.assertEqual(self.settings.read("key=/k:memory:"), ({"key": "/k", "size": 7}, "memory:"))
        self.assertEqual(self.settings.read("size=3:key=[a:b]:x:y=z"), ({"key": "a:b", "size": 3}, "x:y=z"))
        self.assertEqual(Settings("plain").read("memory:"), ({}, "memory:"))

    def test_told(self) -> None:
        """What it takes is told from the same table."""
        self.assertEqual(self.settings.argument_format, "key=FILE:[size=N:]STORAGE")
        self.assertEqual(self.settings.help("A kind."), "A kind. FILE: where the key is. N: how many.")
        self.assertEqual(Settings("plain").argument_format, "STORAGE")

    def test_wrong(self) -> None:
        """What is unknown, doubled, missing or wrong is said in one sentence."""
        for arguments, text in (
            ("kye=/k:memory:", "kind: has no setting 'kye'; there are: key, size."),
            ("key=/k:key=/l:memory:", "kind: the setting 'key' is given twice."),
            ("memory:", "kind: needs a setting key=FILE."),
            ("key=/k:size=x:memory:", "kind: size: that is no number."),
        ):
            error = self.assertRaises(ConfigurationError, self.settings.read, arguments)
            self.assertEqual(str(error), text)
        error = self.assertRaises(ConfigurationError, Settings("plain").read, "a=b:memory:")
        self.assertEqual(str(error), "plain: has no setting 'a'; there are: none.")
