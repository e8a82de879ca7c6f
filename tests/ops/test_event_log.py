"""Events in the log."""

from __future__ import annotations

from twisted.internet.task import Clock

from ftpx.ops.event_log import EventLog, escaped
from ftpx.ops.events import Events
from ftpx.server.journal import DELAY, Journal
from tests.ops.doubles import HOSTILE_NAME, failed, finished, progress, started
from tests.server.doubles import ServerCase


class EventLogTests(ServerCase):
    """Lines of the log, as an operator reads them."""

    def setUp(self) -> None:
        """Write into the log by a journal."""
        super().setUp()
        self.clock = Clock()
        self.sink = EventLog(Journal(self.clock).later)
        self.logged = self.log()

    def written(self) -> list[str]:
        """What is in the log by now."""
        self.clock.advance(DELAY)
        return self.logged

    def test_ends(self) -> None:
        """A line for each transfer that is over, with its outcome."""
        events = Events([self.sink])
        for event in (started(), progress(), finished(), failed()):
            events.emit(event)
        beginning = 'transfer 7 of alice from 192.0.2.1: download of "/pub/a.txt"'
        self.assertEqual(
            self.written(),
            [
                f"{beginning} finished: 1000 octets in 4.000 s, 250 octets/s",
                f"{beginning} failed: aborted: 300 octets in 1.500 s, 200 octets/s; The client has sent ABOR.",
            ],
        )

    def test_hostile_names(self) -> None:
        """PH08: no name ends its line or its quotes, or acts on a terminal."""
        self.sink.emit(finished(path=(HOSTILE_NAME,), user=HOSTILE_NAME))
        self.sink.emit(failed(path=(HOSTILE_NAME,), text=HOSTILE_NAME))
        lines = self.written()
        self.assertEqual(len(lines), 2)
        for line in lines:
            self.assertTrue(line.isprintable(), line)
            line.encode("utf-8")
            self.assertIn(
                r'"/a\r\n{id} \"b\" \\ \x1b[31m\x9b\u202e\u2028\xff\ud800"',
                line,
            )

    def test_escaped(self) -> None:
        """What is printable stays, in any script."""
        for text in ("", "a b", "Grüße/文件 🎉", "{x}"):
            self.assertEqual(escaped(text), text)
        self.assertEqual(escaped('"\\\t'), '\\"\\\\\\t')
