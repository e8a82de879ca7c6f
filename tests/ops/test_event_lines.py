"""Events as lines of JSON."""

from __future__ import annotations

import json
import os
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import Direction, Event
from ftpx.ops.event_lines import EventsDropped, line_of
from ftpx.testing.server import EPOCH
from tests.ops.doubles import HOSTILE_NAME, failed, finished, progress, started

_COMMON = {
    "id": 7,
    "user": "alice",
    "client": "192.0.2.1",
    "verb": "RETR",
    "direction": "download",
    "path": "/pub/a.txt",
    "protected": True,
    "started": "2020-01-01T00:00:00.000Z",
    "size": 1000,
}
# Names as paths have them, and a few that they never have.
_TEXTS = st.text(st.characters(codec=None, categories=None))


def _value(event: Event | EventsDropped) -> dict[str, Any]:
    line = line_of(event)
    assert line.endswith(b"\n")
    value: dict[str, Any] = json.loads(line)
    return value


class LineTests(SynchronousTestCase):
    """What each kind of event looks like."""

    def test_started(self) -> None:
        """A start has what is common to all."""
        self.assertEqual(
            _value(started()), {"event": "transfer started", "time": "2020-01-01T00:00:00.000Z", **_COMMON}
        )

    def test_progress(self) -> None:
        """Rates are whole octets a second."""
        self.assertEqual(
            _value(progress(expected_end=EPOCH + 10.25)),
            {
                "event": "transfer progress",
                "time": "2020-01-01T00:00:02.000Z",
                **_COMMON,
                "octets": 200,
                "rate": 100,
                "average": 100,
                "expected_end": "2020-01-01T00:00:10.250Z",
            },
        )
        self.assertIsNone(_value(progress())["expected_end"])

    def test_expected_end_far_away(self) -> None:
        """An end that no calendar knows is the last that can be written."""
        self.assertEqual(_value(progress(expected_end=1e18))["expected_end"], "9999-12-31T23:59:59.000Z")

    def test_finished(self) -> None:
        """An end has octets, seconds, and the digest if there is one."""
        self.assertEqual(
            _value(finished(digest="abc", direction=Direction.UPLOAD, verb="STOR", size=None)),
            {
                "event": "transfer finished",
                "time": "2020-01-01T00:00:04.000Z",
                **_COMMON,
                "verb": "STOR",
                "direction": "upload",
                "size": None,
                "octets": 1000,
                "seconds": 4.0,
                "stored": 1000,
                "algorithm": "SHA-256",
                "digest": "abc",
            },
        )

    def test_failed(self) -> None:
        """A failure has its reason."""
        value = _value(failed())
        told = {name: value[name] for name in ("event", "octets", "seconds", "reason", "text")}
        self.assertEqual(
            told,
            {
                "event": "transfer failed",
                "octets": 300,
                "seconds": 1.5,
                "reason": "aborted",
                "text": "The client has sent ABOR.",
            },
        )

    def test_dropped(self) -> None:
        """A gap is told."""
        self.assertEqual(
            _value(EventsDropped(EPOCH, 12)),
            {"event": "events dropped", "time": "2020-01-01T00:00:00.000Z", "count": 12},
        )

    def test_utf_8(self) -> None:
        """What is printable is UTF-8 as it is."""
        self.assertIn("/Grüße/文件 🎉".encode(), line_of(started(path=("Grüße", "文件 🎉"))))

    def test_hostile_names(self) -> None:
        """PH08: nothing of a name ends the line or acts on a terminal, and nothing of it is lost."""
        line = line_of(failed(path=(HOSTILE_NAME,), user=HOSTILE_NAME, text=HOSTILE_NAME))
        text = line.decode("utf-8")
        self.assertEqual(len(text.splitlines()), 1)
        self.assertTrue(text[:-1].isprintable(), text)
        value = json.loads(line)
        self.assertEqual((value["path"], value["user"], value["text"]), (f"/{HOSTILE_NAME}", *[HOSTILE_NAME] * 2))

    def test_octets_of_a_name(self) -> None:
        """The octets of a name that is no UTF-8 can be had back."""
        name = os.fsdecode(b"caf\xe9")
        self.assertIn(rb"caf\udce9", line_of(started(path=(name,))))
        self.assertEqual(os.fsencode(_value(started(path=(name,)))["path"]), b"/caf\xe9")

    @given(_TEXTS, _TEXTS)
    def test_any_text(self, name: str, user: str) -> None:
        """Any text is one line of UTF-8 that reads back as it was."""
        line = line_of(started(path=(name,), user=user))
        self.assertEqual(len(line.decode("utf-8").splitlines()), 1)
        value = json.loads(line)
        # Two surrogates that are a pair in UTF-16 read back as what the pair means there.
        as_read = json.loads(json.dumps([f"/{name}", user]))
        self.assertEqual([value["path"], value["user"]], as_read)
