"""The part of the storage contract about names."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import ClassVar

from ftpx.errors import NameRefused, NotFound
from ftpx.testing.contract.case import StorageCase

__all__ = ["NamesContract"]


class NamesContract(StorageCase):
    """Which names are kept, and that they come back as they were."""

    #: Names that every storage keeps exactly.
    good_names: ClassVar[tuple[str, ...]] = (
        "a b",
        " leading and trailing ",
        'quo"ted',
        "it's",
        "-l",
        "--help",
        "...",
        ".hidden",
        "semi;colon type=dir;",
        "star*?[a-z]{x}",
        "100%",
        "%2e%2e",
        "%s%n",
        "a+b&c=d#e?f",
        "~root",
        "<b>",
        "$HOME `id`",
        "über",
        "пример",
        "例え",
        "مثال",
        "\u00e9",
        "\U0001f4a9",
        "A",
        "x" * 200,
    )

    #: Names that a storage may refuse, see ``may_refuse_names``; what it keeps it keeps exactly.
    odd_names: ClassVar[tuple[str, ...]] = (
        "back\\slash",
        "..\\up",
        "e\u0301",
        "\u202etxt.exe",
        "\u200b",
        "\ufeff",
        "\ufffd",
        "\ufb01",
        "\x01\x1b[31m\x7f",
        "\t",
        "\u0085\u2028",
        "latin-\udce9",
        "\udcff\udcfe",
        "CON",
        "a:b|c",
        "end.",
        " ",
        "x" * 255,
        "é" * 127,
    )

    def assert_refused(self, name: str) -> None:
        """A name is refused, and nothing has it."""
        self.put(("source",), b"")
        self.assert_fails(self.storage.open_write((name,)), NameRefused)
        self.assert_fails(self.storage.open_write((name,), offset=None), NameRefused)
        self.assert_fails(self.storage.make_directory((name,)), NameRefused)
        self.assert_fails(self.storage.rename(("source",), (name,)), NameRefused)
        self.assert_nothing_named(name)
        self.assertEqual(self.get(("source",)), b"")
        self.result(self.storage.remove_file(("source",)))

    def assert_nothing_named(self, name: str) -> None:
        """Nothing has a name that was refused."""
        self.assert_fails(self.storage.stat((name,)), NotFound, NameRefused)
        self.assert_fails(self.storage.stat((name, "a")), NotFound, NameRefused)
        self.assert_fails(self.storage.open_read((name,)), NotFound, NameRefused)
        self.assert_fails(self.storage.remove_file((name,)), NotFound, NameRefused)
        self.assert_listing_fails((name,), NotFound, NameRefused)

    def kept_names(self) -> list[str]:
        """The names that the storage keeps, each of which now has a file with its number among them as the content."""
        kept = list(self.good_names)
        for number, name in enumerate(kept):
            self.put((name,), b"%d" % number)
        for name in self.odd_names:
            if self.try_to(self._stored(name, b"%d" % len(kept)), *([NameRefused] if self.may_refuse_names else [])):
                kept.append(name)
        return kept

    async def _stored(self, name: str, content: bytes) -> None:
        target = await self.storage.open_write((name,))
        try:
            await target.write(content)
            await target.commit()
        finally:
            await target.abort()

    def test_file_names(self) -> None:
        """PH13: spaces, quotes, dashes, any script and octets that are not UTF-8 are names of files, or refused."""
        kept = self.kept_names()
        self.assertEqual(self.names(), sorted(kept))
        for number, name in enumerate(kept):
            self.assertEqual(self.get((name,)), b"%d" % number)
            self.assertEqual(self.result(self.storage.stat((name,))).name, name)
            self.result(self.storage.remove_file((name,)))
        self.assertEqual(self.names(), [])

    def test_directory_names(self) -> None:
        """They are names of directories too."""
        kept = []
        for name in (*self.good_names, *self.odd_names):
            may_refuse = self.may_refuse_names and name in self.odd_names
            if self.try_to(self.storage.make_directory((name,)), *([NameRefused] if may_refuse else [])):
                kept.append(name)
                self.put((name, "a"), b"")
                self.assertEqual(self.names((name,)), ["a"])
        self.assertEqual(self.names(), sorted(kept))

    def test_refused_names(self) -> None:
        """A name that is refused to one operation is refused to all, and nothing has it."""
        for name in self.odd_names:
            if not self.try_to(self._stored(name, b""), NameRefused):
                self.assert_refused(name)
            else:
                self.result(self.storage.remove_file((name,)))

    def test_rename_to_names(self) -> None:
        """A file can be renamed to each name that is kept, and back."""
        self.put(("source",), b"abc")
        for name in (*self.good_names, *self.odd_names):
            may_refuse = self.may_refuse_names and name in self.odd_names
            if self.try_to(self.storage.rename(("source",), (name,)), *([NameRefused] if may_refuse else [])):
                self.assertEqual((self.names(), self.get((name,))), ([name], b"abc"))
                self.result(self.storage.rename((name,), ("source",)))
            self.assertEqual(self.names(), ["source"])

    def test_name_case(self) -> None:
        """PH14: upper and lower case are two files."""
        self.put(("a",), b"small")
        self.put(("A",), b"large")
        self.assertEqual((self.get(("a",)), self.get(("A",))), (b"small", b"large"))

    def test_unicode_forms(self) -> None:
        """PH13: a letter with its accent and one behind which the accent stands are two files, or the second is not."""
        self.put(("\u00e9",), b"composed")
        if self.try_to(self._stored("e\u0301", b"decomposed"), *([NameRefused] if self.may_refuse_names else [])):
            self.assertEqual(self.get(("e\u0301",)), b"decomposed")
            self.assertEqual(self.names(), ["e\u0301", "\u00e9"])
        else:
            self.assert_refused("e\u0301")
            self.assertEqual(self.names(), ["\u00e9"])
        self.assertEqual(self.get(("\u00e9",)), b"composed")

    def test_name_too_long(self) -> None:
        """PH12: a name of more than 255 octets is refused, or kept whole."""
        for name in ("x" * 256, "é" * 128, "x" * 300, "x" * 5000):
            if self.try_to(self._stored(name, b"abc"), NameRefused):
                self.assertEqual((self.names(), self.get((name,))), ([name], b"abc"))
                self.result(self.storage.remove_file((name,)))
            else:
                self.assert_refused(name)
        self.assertEqual(self.names(), [])

    def test_name_without_octets(self) -> None:
        """A name that no octets stand for is refused, and nothing has it."""
        self.assert_fails(self.storage.open_write(("\ud800",)), NameRefused)
        self.assert_fails(self.storage.make_directory(("\ud800",)), NameRefused)
        self.assert_nothing_named("\ud800")
