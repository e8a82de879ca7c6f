"""A file of rates that is read again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError, StorageUnavailable
from ftpx.reloading import CHECK_INTERVAL
from ftpx.server.rate_file import MAXIMUM_FILE, RateFile
from ftpx.server.rates import RateRule
from ftpx.testing.pool import FaultyPool
from tests.accounts.doubles import log_events
from tests.tls.test_reloading import SlowPool


class RateFileTests(SynchronousTestCase):
    """A file with one rate, and an ear on the log."""

    def setUp(self) -> None:
        self.path = Path(os.path.abspath(self.mktemp()))
        self.path.write_text("user=1K\n", encoding="utf-8")
        self.clock = Clock()
        self.pool: Any = FaultyPool()
        self.events = log_events(self)
        self.changes: list[int] = []

    def make(self, *, started: bool = True) -> RateFile:
        """The file."""
        file = RateFile(str(self.path), self.pool, self.clock, self.changed)
        if started:
            file.start()
            self.addCleanup(file.stop)
        return file

    def changed(self, rules: tuple[RateRule, ...]) -> None:
        """Note the rates that were read."""
        self.changes += [rule.rate for rule in rules]

    def replace(self, text: str) -> None:
        """Replace the file by another one."""
        new = self.path.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.replace(self.path)

    def look(self, times: int = 1) -> None:
        """Wait for the next looks."""
        for _ in range(times):
            self.clock.advance(CHECK_INTERVAL)

    def logged(self, level: Any) -> list[str]:
        """The texts of a level, taken from the log."""
        texts = [event["log_format"].format(**event) for event in self.events if event["log_level"] is level]
        self.events[:] = [event for event in self.events if event["log_level"] is not level]
        return texts

    def test_start(self) -> None:
        """It is read at once, without the pool, and that is no change."""
        file = self.make(started=False)
        self.assertEqual([rule.rate for rule in file.current], [1000])
        self.assertEqual((self.pool.calls, self.clock.getDelayedCalls(), self.changes), (0, [], []))

    def test_cannot_be_used(self) -> None:
        """A server does not start with a file that it cannot use, and says why in one line."""
        fifo = self.path.with_suffix(".fifo")
        os.mkfifo(fifo)
        large = self.path.with_suffix(".large")
        large.write_bytes(b"#" * (MAXIMUM_FILE + 1))
        self.path.write_text("user=1K\nuser=fast\n", encoding="utf-8")
        for path, reason in (
            (self.path, "line 2: 'user=fast'"),
            (fifo, "not a regular file"),
            (large, "larger than 64 KiB"),
            (self.path.parent, "cannot be read"),
            (self.path.with_suffix(".none"), "No such file"),
            (Path("\0"), "cannot be read"),
        ):
            with self.assertRaises(ConfigurationError) as caught:
                RateFile(str(path), self.pool, self.clock, self.changed)
            self.assertIn(reason, str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))

    def test_largest(self) -> None:
        """The largest file may be as large as it is said."""
        self.path.write_bytes(b"#" * MAXIMUM_FILE)
        self.assertEqual(self.make(started=False).current, ())

    def test_start_and_stop(self) -> None:
        """Both may be repeated; nothing is left on the clock."""
        file = self.make()
        file.start()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        file.stop()
        file.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_changed(self) -> None:
        """What has changed is taken at the next look, and told; what has not is not even read."""
        file = self.make()
        self.look(3)
        self.assertEqual((self.changes, self.events, set(self.pool.seen)), ([], [], {"_stamp"}))
        self.replace("user=2K\nserver=3K\n")
        self.look(3)
        self.assertEqual((self.changes, len(file.current)), ([2000, 3000], 2))
        self.assertEqual(self.logged(LogLevel.info), [f"2 rates were read from {self.path}"])

    def test_broken(self) -> None:
        """A file that is broken, or gone, changes nothing and is told once; once it is right it is taken."""
        file = self.make()
        self.replace("user=none\n")
        self.look(3)
        (text,) = self.logged(LogLevel.error)
        self.assertIn(f"The rates stay as they were: The file of rates {self.path}, line 1: ", text)
        self.path.unlink()
        self.look(3)
        self.assertEqual(len(self.logged(LogLevel.error)), 1)
        self.assertEqual((self.changes, file.current[0].rate), ([], 1000))
        self.replace("user=2K\n")
        self.look(3)
        self.assertEqual(self.changes, [2000])

    def test_reload(self) -> None:
        """It is read when that is asked for, changed or not; also if nobody looks."""
        file = self.make(started=False)
        for _ in range(2):
            self.successResultOf(Deferred.fromCoroutine(file.reload()))
        self.assertEqual(self.changes, [1000, 1000])
        self.assertEqual(len(self.logged(LogLevel.info)), 2)

    def test_full_pool(self) -> None:
        """A pool that takes no call is news only for who has asked; the next look tries again."""
        file = self.make()
        self.replace("user=2K\n")
        for call in ("_stamp", "_load"):
            self.pool.faults = {call: StorageUnavailable("too many calls are waiting")}
            self.look(2)
            self.assertEqual(self.events, [])
            self.successResultOf(Deferred.fromCoroutine(file.reload()))
            self.assertEqual(len(self.logged(LogLevel.error)), 1)
        self.pool.faults = {}
        self.look()
        self.assertEqual(self.changes, [2000])

    def test_defect(self) -> None:
        """Even a defect of ftpx itself does not end the looking."""
        self.make()
        self.replace("user=2K\n")
        self.pool.faults = {"_load": ZeroDivisionError()}
        self.look()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.pool.faults = {}
        self.replace("user=3K\n")
        self.look()
        self.assertEqual(self.changes, [3000])

    def test_slow_pool(self) -> None:
        """While one look hangs there is no other; reloads meanwhile are one more, which sees what has changed."""
        self.pool = SlowPool()
        file = self.make()
        self.look(10)
        self.assertEqual(len(self.pool.waiting), 1)
        for _ in range(5):
            self.successResultOf(Deferred.fromCoroutine(file.reload()))
        self.pool.step()
        self.replace("user=2K\n")
        self.pool.step()
        self.pool.step()
        self.assertEqual((self.changes, self.pool.waiting), ([2000], []))
