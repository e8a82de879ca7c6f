"""Tests of encrypted names."""

# mypy: allow-untyped-calls

from __future__ import annotations

import re
from typing import cast

from hypothesis import given
from hypothesis.strategies import binary
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.errors import NameRefused, NotFound
from ftpx.interfaces import IRights, IStorage, ISymbolicLinks, ITimes, Kind, Path, Right
from ftpx.storage.encrypted.keys import KeyRing
from ftpx.storage.encrypted.names import LONGEST_PLAIN_NAME, NameCipher
from ftpx.storage.forwarding import ForwardingStorage
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageCase
from tests.storage.directories import new_directory
from tests.storage.encrypted.keyed import KEY, OTHER_KEY, with_names

_NAMES = NameCipher(KeyRing([KEY]))
_VECTORS = {
    "a": "h7e3uh3xrpykxhpi6oixaxdxf7ba",
    "note.txt": "2xpsqmwklcmtytneccj56sfxf3mo3m2o74pjxcy",
    "\xe9": "ymoahjgblxps4q333tnvxu6xexy6a",
    "latin-\udce9": "rmydu6bjeel5wndfpmtyud4kgwng65ngqsyb4",
    "xxxxxxxxxxxxxxxxxxxx": "kywgzyqddihcn45nrrj4423kwll2vbuttgujrkdj3knrd7exokby2pieq4",
}


class NameCipherTests(SynchronousTestCase):
    """Names and the texts that are stored for them."""

    def test_vector(self) -> None:
        """Version 1: these texts stand for these names for ever."""
        for name, stored in _VECTORS.items():
            self.assertEqual((_NAMES.hide(name), _NAMES.show(stored)), (stored, name))

    @given(binary(min_size=1, max_size=LONGEST_PLAIN_NAME))
    def test_round_trip(self, octets: bytes) -> None:
        """Every name that a file system can keep comes back, and its text is fit for those that know no case."""
        name = octets.translate(None, b"/\0").decode("utf-8", "surrogateescape")
        if name not in {"", ".", ".."}:
            stored = _NAMES.hide(name)
            self.assertTrue(re.fullmatch(r"[a-z2-7]{28,255}", stored), stored)
            self.assertEqual(_NAMES.show(stored), name)

    def test_length(self) -> None:
        """The longest name has 143 octets, and a text of 255."""
        self.assertEqual((LONGEST_PLAIN_NAME, len(_NAMES.hide("x" * 143))), (143, 255))
        for name in ("x" * 144, "é" * 72, "\ud800"):
            self.assertRaises(NameRefused, _NAMES.hide, name)

    def test_foreign(self) -> None:
        """Texts that were not made with this key are no names; nor is one that was, but in capitals or changed."""
        stored = _NAMES.hide("note.txt")
        other = NameCipher(KeyRing([OTHER_KEY])).hide("note.txt")
        changed = [
            stored[:position] + ("a" if letter != "a" else "b") + stored[position + 1 :]
            for position, letter in enumerate(stored)
        ]
        foreign = (
            "",
            "note.txt",
            ".ftpx-upload-1",
            "é",
            "a" * 28,
            "a" * 255,
            "=" * 8,
            stored.upper(),
            stored + "=",
            other,
        )
        for text in (*foreign, stored[:-1], stored + "a", *changed):
            self.assertIsNone(_NAMES.show(text), text)


class NamesCase(StorageCase, SynchronousTestCase):
    """A storage with encrypted names, and the one inside."""

    def make_storage(self) -> IStorage:
        """An empty storage."""
        self.inner = MemoryStorage()
        return with_names(self.inner)


class EncryptedNamesTests(NamesCase):
    """What is seen of names from both sides."""

    def test_stored_names(self) -> None:
        """Nothing of a name is to be seen inside, of files and of directories; every part of a path is encrypted."""
        self.make_directory(("letters",))
        self.put(("letters", "to alice.txt"), b"hello")
        outer, self.storage = self.storage, self.inner
        (directory,) = self.names()
        (file,) = self.names((directory,))
        self.assertEqual((directory, file), (_NAMES.hide("letters"), _NAMES.hide("to alice.txt")))
        self.storage = outer
        self.assertEqual(self.result(outer.stat(("letters", "to alice.txt"))).name, "to alice.txt")

    def test_foreign_names(self) -> None:
        """What has another name inside is not seen, and keeps its directory from being removed."""
        self.make_directory(("d",))
        stored = _NAMES.hide("d")
        self.result(self.inner.make_directory((stored, "plain")))
        self.result(self.inner.make_directory(("PLAIN",)))
        self.assertEqual((self.names(), self.pages(("d",))), (["d"], []))
        self.assert_missing(("plain",))
        self.assert_missing((stored,))

    def test_sorted(self) -> None:
        """Pages are sorted by the names that are shown."""
        names = [f"f{number}" for number in range(50)]
        for name in names:
            self.put((name,), b"")
        self.assertEqual([entry.name for page in self.pages(()) for entry in page], sorted(names))

    def test_too_long(self) -> None:
        """PH12: a name that is too long is refused for what is new, and not found otherwise; so is one in a path."""
        name = "x" * 144
        self.assert_fails(self.storage.open_write((name,)), NameRefused)
        self.assert_fails(self.storage.make_directory((name, "d")), NameRefused)
        self.assert_fails(self.storage.stat((name, "a")), NotFound)
        self.assert_fails(self.storage.remove_file((name,)), NotFound)

    def test_rename_keeps_content(self) -> None:
        """A renamed directory has what was in it: names do not depend on where they are."""
        self.make_directory(("d",))
        self.put(("d", "a"), b"abc")
        self.result(self.storage.rename(("d",), ("e",)))
        self.assertEqual((self.names(("e",)), self.get(("e", "a"))), (["a"], b"abc"))

    def test_subtree(self) -> None:
        """A directory as a storage has the same names."""
        self.make_directory(("d",))
        self.put(("d", "a"), b"abc")
        self.storage = self.result(self.ability_of_subtrees().subtree(("d",)))
        self.assertEqual((self.names(), self.get(("a",))), (["a"], b"abc"))

    def ability_of_subtrees(self) -> MemoryStorage:
        """The storage, which can make storages of directories."""
        return cast(MemoryStorage, self.storage)


class LinkedNamesTests(NamesCase):
    """Symbolic links inside."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        self.local = open_local(new_directory(self), InlinePool())
        return with_names(self.local)

    def test_links(self) -> None:
        """No link is made, and of one that somebody has made inside the target is not told."""
        self.assertFalse(ISymbolicLinks.providedBy(self.storage))
        self.assertTrue(ITimes.providedBy(self.storage))
        self.result(self.local.make_link((_NAMES.hide("link"),), "elsewhere"))
        entry = self.result(self.storage.stat(("link",)))
        self.assertEqual((entry.kind, entry.name, entry.target), (Kind.LINK, "link", None))
        self.assertIsNone(self.entries()["link"].target)


@implementer(IRights)
class _Graded(ForwardingStorage):
    """A storage where each directory deeper one right less is given."""

    def rights(self, path: Path) -> Right:
        return Right.LOOK if path else Right.ALL


class RightsTests(NamesCase):
    """Rights, which there are for every path."""

    def make_storage(self) -> IStorage:
        """A storage with rights."""
        return with_names(_Graded(MemoryStorage()))

    def test_rights(self) -> None:
        """A name that cannot be has the rights of where it would be."""
        storage = self.ability(IRights)
        self.assertEqual(storage.rights(("a",)), Right.LOOK)
        self.assertEqual(storage.rights(("x" * 144,)), Right.ALL)
        self.assertEqual(storage.rights(()), Right.ALL)
