"""The digests that are known."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.digests.algorithms import Algorithm
from ftpx.digests.store import DigestStore
from ftpx.interfaces import Entry, Kind

MD5, SHA = Algorithm.MD5, Algorithm.SHA_256


def entry(identity: bytes | None = b"1", version: bytes | None = b"a", size: int = 3) -> Entry:
    """The entry of a file."""
    return Entry("a.txt", Kind.FILE, size=size, identity=identity, version=version)


class DigestStoreTests(SynchronousTestCase):
    """What is remembered, and for how long."""

    def setUp(self) -> None:
        self.store = DigestStore(files=3)

    def test_remembers(self) -> None:
        """Each algorithm by itself, whatever name the file has now."""
        self.store.put(entry(), MD5, "m")
        self.assertIsNone(self.store.get(entry(), SHA))
        self.store.put(entry(), SHA, "s")
        other_name = attrs.evolve(entry(), name="b.txt")
        self.assertEqual((self.store.get(other_name, MD5), self.store.get(other_name, SHA)), ("m", "s"))

    def test_other_version(self) -> None:
        """Another version is another content, and so is another size, whatever the version says."""
        self.store.put(entry(), MD5, "m")
        for other in (entry(version=b"b"), entry(size=4), entry(identity=b"2")):
            self.assertIsNone(self.store.get(other, MD5))
            self.assertFalse(self.store.knows(other))
        self.assertTrue(self.store.knows(entry()))

    def test_new_version_replaces(self) -> None:
        """What is put for a new version takes the place of all that is known of the old one."""
        self.store.put(entry(), SHA, "old")
        self.store.put(entry(version=b"b"), MD5, "m")
        self.assertIsNone(self.store.get(entry(), SHA))
        self.assertIsNone(self.store.get(entry(version=b"b"), SHA))
        self.assertEqual(len(self.store), 1)

    def test_without_identity(self) -> None:
        """Files that have no identity or no version are not remembered."""
        for unknown in (entry(identity=None), entry(version=None)):
            self.store.put(unknown, MD5, "m")
            self.assertIsNone(self.store.get(unknown, MD5))
        self.assertEqual(len(self.store), 0)

    def test_bound(self) -> None:
        """The file that was not asked for the longest is dropped."""
        for number in (b"1", b"2", b"3"):
            self.store.put(entry(number), MD5, "m")
        self.store.get(entry(b"1"), MD5)
        self.store.put(entry(b"4"), MD5, "m")
        known = [number for number in (b"1", b"2", b"3", b"4") if self.store.knows(entry(number))]
        self.assertEqual(known, [b"1", b"3", b"4"])

    def test_carry(self) -> None:
        """What is known stays with a file of which only attributes were changed."""
        self.store.put(entry(), MD5, "m")
        self.store.carry(entry(), entry(version=b"b"))
        self.assertEqual(self.store.get(entry(version=b"b"), MD5), "m")
        self.assertIsNone(self.store.get(entry(), MD5))

    def test_not_carried(self) -> None:
        """Nothing is carried to another file, another size, no version, or from a version of which nothing is known."""
        self.store.put(entry(), MD5, "m")
        for after in (entry(b"2", b"b"), entry(version=b"b", size=4), entry(version=None)):
            self.store.carry(entry(), after)
            self.assertIsNone(self.store.get(after, MD5))
        self.store.carry(entry(version=b"x"), entry(version=b"b"))
        self.assertIsNone(self.store.get(entry(version=b"b"), MD5))
        self.assertEqual(self.store.get(entry(), MD5), "m")

    def test_forget(self) -> None:
        """What was written anew has no digest yet."""
        self.store.put(entry(), MD5, "m")
        self.store.forget(entry(None))
        self.assertTrue(self.store.knows(entry()))
        self.store.forget(entry(version=b"b"))
        self.assertFalse(self.store.knows(entry()))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.sampled_from([MD5, SHA]))))
def test_never_wrong(puts: list[tuple[int, int, Algorithm]]) -> None:
    """Whatever is put in whatever order: what is told was put last for that very version, and the bound holds."""
    store = DigestStore(files=4)
    last: dict[tuple[int, int, Algorithm], str] = {}
    for number, (file, version, algorithm) in enumerate(puts):
        last[file, version, algorithm] = str(number)
        store.put(entry(b"%d" % file, b"%d" % version), algorithm, str(number))
    assert len(store) <= 4
    for (file, version, algorithm), digest in last.items():
        assert store.get(entry(b"%d" % file, b"%d" % version), algorithm) in {None, digest}
