"""Tests of ftpx.storage.filesystems.turns."""

# mypy: allow-untyped-calls

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import StorageUnavailable
from ftpx.storage.filesystems.turns import Turns

__all__: list[str] = []


class TurnsTests(SynchronousTestCase):
    """One at a time for each name, and each change counted."""

    def setUp(self) -> None:
        """Turns that nobody waits for."""
        self.turns = Turns(0.0)

    def change(self, *names: str) -> None:
        """Change some names."""
        with self.turns.changing(*[(name,) for name in names]):
            pass

    def test_one_at_a_time(self) -> None:
        """Who has a name has it alone; other names are free, and it is free again afterwards, whatever happened."""
        with self.turns.changing(("a",), ("b",)):
            self.change("c")
            self.assertRaises(StorageUnavailable, self.change, "a")
            self.assertRaises(StorageUnavailable, self.change, "c", "b")
        with self.assertRaises(KeyError), self.turns.changing(("a",)):
            raise KeyError
        self.change("a", "b", "c")

    def test_changes(self) -> None:
        """A name that was changed is told from what it was; others are not."""
        before = {name: self.turns.change((name,)) for name in "abc"}
        self.change("a", "b")
        after = {name: self.turns.change((name,)) for name in "abc"}
        self.assertEqual({name for name in "abc" if before[name] != after[name]}, {"a", "b"})
        self.change("a")
        self.assertNotEqual(self.turns.change(("a",)), after["a"])

    def test_bounded(self) -> None:
        """Only so many changes are remembered, and what is forgotten looks like one."""
        self.change("a")
        mark = self.turns.change(("a",))
        for number in range(10_000):
            self.change(str(number))
        self.assertNotEqual(self.turns.change(("a",)), mark)
