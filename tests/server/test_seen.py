"""Tests of ftpx.server.seen."""

from __future__ import annotations

import attrs
from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import Entry, Kind
from ftpx.server.seen import SeenFiles

_FILE = Entry("a", Kind.FILE, size=10, identity=b"1", version=b"1")


class SeenFilesTests(SynchronousTestCase):
    """What a session was told."""

    def test_unknown(self) -> None:
        """Of a file that was not asked for, nothing is known."""
        self.assertFalse(SeenFiles().changed(("a",), _FILE))

    def test_same(self) -> None:
        """The same version is the same content."""
        seen = SeenFiles()
        seen.note(("a",), _FILE)
        self.assertFalse(seen.changed(("a",), _FILE))
        self.assertFalse(seen.changed(("b",), attrs.evolve(_FILE, version=b"2")))

    def test_replaced(self) -> None:
        """Another file, whatever its size, and the same one that did not grow, have another content."""
        seen = SeenFiles()
        seen.note(("a",), _FILE)
        for size in (9, 10, 11):
            self.assertTrue(seen.changed(("a",), attrs.evolve(_FILE, identity=b"2", version=b"2", size=size)))
        self.assertTrue(seen.changed(("a",), attrs.evolve(_FILE, version=b"2")))
        self.assertTrue(seen.changed(("a",), attrs.evolve(_FILE, version=b"2", size=9)))

    def test_grown(self) -> None:
        """A log that has grown begins as it did."""
        seen = SeenFiles()
        seen.note(("a",), _FILE)
        self.assertFalse(seen.changed(("a",), attrs.evolve(_FILE, version=b"2", size=11)))

    def test_no_identity(self) -> None:
        """Where files have no identity, one that is longer may be another one."""
        seen = SeenFiles()
        told = attrs.evolve(_FILE, identity=None)
        seen.note(("a",), told)
        self.assertFalse(seen.changed(("a",), told))
        for size in (9, 10, 11):
            self.assertTrue(seen.changed(("a",), attrs.evolve(told, version=b"2", size=size)))

    def test_told_again(self) -> None:
        """What counts is what was told last."""
        seen = SeenFiles()
        other = attrs.evolve(_FILE, identity=b"2", version=b"2")
        seen.note(("a",), _FILE)
        seen.note(("a",), other)
        self.assertFalse(seen.changed(("a",), other))

    def test_no_version(self) -> None:
        """A storage that knows no versions has no changes."""
        seen = SeenFiles()
        seen.note(("a",), attrs.evolve(_FILE, version=None))
        self.assertFalse(seen.changed(("a",), attrs.evolve(_FILE, version=b"2", size=1)))

    def test_bound(self) -> None:
        """The 256 that were told last are remembered."""
        seen = SeenFiles()
        other = attrs.evolve(_FILE, identity=b"2", version=b"2")
        for number in range(257):
            seen.note((str(number),), _FILE)
        self.assertFalse(seen.changed(("0",), other))
        self.assertTrue(seen.changed(("1",), other))
