"""What is logged about sessions."""

from __future__ import annotations

from twisted.internet.task import Clock

from ftpx.server.journal import DELAY, MAXIMUM_ENTRIES, Journal
from tests.server.doubles import ServerCase


class JournalTests(ServerCase):
    """When entries are written."""

    def setUp(self) -> None:
        """Make a journal, and watch the log."""
        super().setUp()
        self.clock = Clock()
        self.journal = Journal(self.clock)
        self.logged = self.log()

    def test_later(self) -> None:
        """Entries are written together, in order, a little after the first."""
        self.journal.info("{name} came", name="alice")
        self.clock.advance(DELAY / 2)
        self.journal.info("{name} went", name="alice")
        self.assertEqual(self.logged, [])
        self.clock.advance(DELAY / 2)
        self.assertEqual(self.logged, ["alice came", "alice went"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_text_made_later(self) -> None:
        """A text is made when it is written, and may be any."""
        made: list[str] = []

        def text(name: str) -> str:
            made.append(name)
            return f"{name} {{came}}"

        self.journal.later(text, "alice")
        self.journal.info("{name} went", name="bob")
        self.assertEqual(made, [])
        self.clock.advance(DELAY)
        self.assertEqual((made, self.logged), (["alice"], ["alice {came}", "bob went"]))

    def test_bound(self) -> None:
        """No more than so many entries wait."""
        for number in range(MAXIMUM_ENTRIES + 1):
            self.journal.info("{number}", number=number)
        self.assertEqual(len(self.logged), MAXIMUM_ENTRIES)
        self.clock.advance(DELAY)
        self.assertEqual(self.logged[-1], str(MAXIMUM_ENTRIES))

    def test_flush(self) -> None:
        """What is there can be written at once, and is not written again."""
        self.journal.info("now")
        self.journal.flush()
        self.clock.advance(DELAY)
        self.journal.flush()
        self.assertEqual(self.logged, ["now"])
