"""Tests of `ftpx.tls.reloading`."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.errors import ConfigurationError, StorageUnavailable
from ftpx.interfaces import IWorkerPool
from ftpx.reloading import CHECK_INTERVAL
from ftpx.testing.pool import FaultyPool, InlinePool
from ftpx.tls.credentials import CredentialFiles
from ftpx.tls.reloading import CredentialSource
from tests.accounts.doubles import log_events
from tests.tls.certificates import Authority, Issued

AUTHORITY = Authority()
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def issued(name: str, days: int = 90) -> Issued:
    """A certificate from a day before now on."""
    day = timedelta(days=1)
    return AUTHORITY.issue("x", name, not_before=NOW - 9 * day, not_after=NOW + days * day)


OLD, NEW, LATEST = issued("old.example.org"), issued("new.example.org"), issued("latest.example.org")


@implementer(IWorkerPool)
class SlowPool:
    """Makes a call when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def run(self, function: Any, *arguments: object, discard: Any = None) -> Deferred[Any]:
        """Note the call."""
        result: Deferred[Any] = Deferred()
        self.waiting.append(lambda: maybeDeferred(function, *arguments).chainDeferred(result))
        return result

    def step(self) -> None:
        """Make the call that has waited longest."""
        self.waiting.pop(0)()


class Case(SynchronousTestCase):
    """A certificate in a file, and an ear on the log."""

    def setUp(self) -> None:
        """The certificate is good now."""
        self.path = Path(os.path.abspath(self.mktemp()))
        self.path.write_bytes(OLD.pem)
        self.clock = Clock()
        self.events = log_events(self)

    def source(self, pool: Any = None, *, started: bool = True) -> CredentialSource:
        """A source of the file."""
        self.pool = InlinePool() if pool is None else pool
        source = CredentialSource(CredentialFiles((str(self.path),)), self.pool, self.clock, NOW.timestamp)
        if started:
            source.start()
            self.addCleanup(source.stop)
        return source

    def replace(self, content: bytes) -> None:
        """Replace the file by another one."""
        new = self.path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(self.path)

    def name(self, source: CredentialSource) -> str:
        """Whose certificate is served now."""
        (name,) = source.current.identities[0].names
        return name.split(".")[0]

    def logged(self, level: Any) -> list[str]:
        """The texts of a level, taken from the log."""
        texts = [event["log_format"].format(**event) for event in self.events if event["log_level"] is level]
        self.events[:] = [event for event in self.events if event["log_level"] is not level]
        return texts


class StartTests(Case):
    """What is read before anything listens."""

    def test_read(self) -> None:
        """The files are read at once, without the pool, which does not run yet."""
        source = self.source(started=False)
        self.assertEqual(self.name(source), "old")
        self.assertEqual((self.pool.calls, self.clock.getDelayedCalls(), self.events), (0, [], []))

    def test_fault(self) -> None:
        """A server does not start with files that it cannot use."""
        self.path.write_bytes(b"")
        error = self.assertRaises(ConfigurationError, self.source)
        self.assertIn(str(self.path), str(error))

    def test_out_of_date(self) -> None:
        """An expired certificate is served, with a warning."""
        self.path.write_bytes(issued("old.example.org", days=-1).pem)
        self.assertEqual(self.name(self.source()), "old")
        self.assertEqual(
            self.logged(LogLevel.warn), ["The certificate of old.example.org expired on 2026-02-28 00:00:00 UTC."]
        )

    def test_start_and_stop(self) -> None:
        """Both can be called twice, and in any order; nothing is left on the clock."""
        source = self.source(started=False)
        source.stop()
        source.start()
        source.start()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        source.stop()
        source.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.replace(NEW.pem)
        self.clock.advance(CHECK_INTERVAL * 2)
        self.assertEqual(self.name(source), "old")
        source.start()
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(self.name(source), "new")
        source.stop()


class LookTests(Case):
    """TL27: files that change on disk."""

    def look(self) -> None:
        """Wait for the next look."""
        self.clock.advance(CHECK_INTERVAL)

    def test_changed(self) -> None:
        """A new certificate is served after the next look, and what is served is logged."""
        source = self.source()
        before = source.current
        self.look()
        self.assertIs(source.current, before)
        self.assertEqual(self.events, [])
        self.replace(NEW.pem)
        self.look()
        self.assertEqual(self.name(source), "new")
        self.assertEqual(before.identities[0].names, ("old.example.org",))
        (text,) = self.logged(LogLevel.info)
        self.assertIn("new.example.org", text)
        self.assertIn(source.current.identities[0].fingerprint, text)
        self.assertIn("2026-05-30 00:00:00 UTC", text)
        for _ in range(3):
            self.look()
        self.assertEqual(self.events, [])

    def test_broken_once(self) -> None:
        """A broken file keeps the old certificate and is told once; when it has changed again it is tried again."""
        source = self.source()
        for broken in (b"", NEW.pem[:-20], NEW.certificate_pem):
            self.replace(broken)
            for _ in range(3):
                self.look()
            (text,) = self.logged(LogLevel.error)
            self.assertIn("stay as they were", text)
            self.assertIn(str(self.path), text)
            self.assertEqual(self.name(source), "old")
        self.replace(NEW.pem)
        self.look()
        self.assertEqual(self.name(source), "new")
        self.assertEqual(self.logged(LogLevel.error), [])

    def test_gone(self) -> None:
        """A file that is gone is told once, and read when it is back."""
        source = self.source()
        aside = self.path.with_suffix(".aside")
        self.path.rename(aside)
        self.look()
        self.look()
        self.assertEqual(len(self.logged(LogLevel.error)), 1)
        aside.rename(self.path)
        self.look()
        self.assertEqual(len(self.logged(LogLevel.info)), 1)
        self.assertEqual(self.name(source), "old")

    def test_changed_while_reading(self) -> None:
        """What is written after a file was looked at is seen by the next look."""
        pool = SlowPool()
        source = self.source(pool)
        self.replace(NEW.pem)
        self.look()
        pool.step()
        pool.step()
        self.replace(LATEST.pem)
        self.assertEqual(self.name(source), "new")
        self.look()
        pool.step()
        self.replace(OLD.pem)
        pool.step()
        self.assertEqual(self.name(source), "old")
        self.look()
        pool.step()
        pool.step()
        self.assertEqual(self.name(source), "old")
        self.look()
        pool.step()
        self.assertEqual(pool.waiting, [])

    def test_changed_while_starting(self) -> None:
        """So it is with what is written while the server starts."""
        load = CredentialFiles.load

        def replaced_meanwhile(files: CredentialFiles) -> Any:
            credentials = load(files)
            self.replace(NEW.pem)
            return credentials

        with patch.object(CredentialFiles, "load", replaced_meanwhile):
            source = self.source()
        self.look()
        self.assertEqual(self.name(source), "new")

    def test_hanging_pool(self) -> None:
        """While one look hangs there is no other; when it ends, looks go on."""
        pool = SlowPool()
        source = self.source(pool)
        for _ in range(10):
            self.look()
        self.assertEqual(len(pool.waiting), 1)
        pool.step()
        self.replace(NEW.pem)
        self.look()
        pool.step()
        pool.step()
        self.assertEqual(self.name(source), "new")

    def test_full_pool(self) -> None:
        """A pool that takes no call is no news; the change is seen when it takes calls again."""
        pool = FaultyPool()
        source = self.source(pool)
        self.replace(NEW.pem)
        for call in ("stamp", "load"):
            pool.faults = {call: StorageUnavailable("too many calls are waiting")}
            for _ in range(3):
                self.look()
        self.assertEqual(self.events, [])
        pool.faults = {}
        self.look()
        self.assertEqual(self.name(source), "new")


class ReloadTests(Case):
    """TL27: reading again on request."""

    def reload(self, source: CredentialSource) -> Deferred[None]:
        """Ask for it."""
        return Deferred.fromCoroutine(source.reload())

    def test_reload(self) -> None:
        """The files are read, and what they hold is logged, changed or not; the next look has nothing to do."""
        source = self.source()
        self.successResultOf(self.reload(source))
        self.assertEqual(len(self.logged(LogLevel.info)), 1)
        self.replace(NEW.pem)
        self.successResultOf(self.reload(source))
        self.assertEqual(self.name(source), "new")
        self.assertEqual(len(self.logged(LogLevel.info)), 1)
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(self.events, [])

    def test_without_looks(self) -> None:
        """It works before `start` and after `stop`."""
        source = self.source(started=False)
        self.replace(NEW.pem)
        self.successResultOf(self.reload(source))
        self.assertEqual(self.name(source), "new")

    def test_out_of_date(self) -> None:
        """A certificate that is not valid is taken, with a warning."""
        source = self.source()
        self.replace(issued("new.example.org", days=-1).pem)
        self.successResultOf(self.reload(source))
        self.assertEqual(self.name(source), "new")
        self.assertEqual(len(self.logged(LogLevel.warn)), 1)

    def test_faults(self) -> None:
        """Whatever happens is logged each time, nothing is raised, and the old certificate stays."""
        pool = FaultyPool()
        source = self.source(pool)
        for call in ("stamp", "load"):
            for fault in (StorageUnavailable("stopped"), ConfigurationError("The file x is damaged.")):
                pool.faults = {call: fault}
                self.successResultOf(self.reload(source))
                (text,) = self.logged(LogLevel.error)
                self.assertIn(str(fault), text)
        self.assertEqual(self.name(source), "old")

    def test_defect(self) -> None:
        """Even a defect of ftpx itself does not end the reloading."""
        pool = FaultyPool()
        source = self.source(pool)
        self.replace(NEW.pem)
        for call in ("stamp", "load"):
            pool.faults = {call: ZeroDivisionError()}
            self.successResultOf(self.reload(source))
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        pool.faults = {}
        self.successResultOf(self.reload(source))
        self.assertEqual(self.name(source), "new")

    def test_at_once(self) -> None:
        """However many reloads are asked for during one, they are one more, which sees what has changed by then."""
        pool = SlowPool()
        source = self.source(pool, started=False)
        first = self.reload(source)
        pool.step()
        pool.step()
        second = self.reload(source)
        self.successResultOf(first)
        self.assertEqual(len(pool.waiting), 1)
        self.replace(NEW.pem)
        for _ in range(5):
            self.successResultOf(self.reload(source))
        self.assertNoResult(second)
        pool.step()
        pool.step()
        self.assertEqual(self.name(source), "new")
        self.replace(LATEST.pem)
        pool.step()
        pool.step()
        self.successResultOf(second)
        self.assertEqual(self.name(source), "latest")
        self.assertEqual(pool.waiting, [])

    def test_during_look(self) -> None:
        """A reload during a look that finds nothing new is not lost, and looks do not come between."""
        pool = SlowPool()
        source = self.source(pool)
        self.clock.advance(CHECK_INTERVAL)
        self.successResultOf(self.reload(source))
        pool.step()
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(len(pool.waiting), 1)
        pool.step()
        pool.step()
        self.assertEqual(len(self.logged(LogLevel.info)), 1)
        self.assertEqual(pool.waiting, [])

    def test_no_secret(self) -> None:
        """IL04: no line of a key gets into the log."""
        source = self.source()
        secrets = OLD.key_pem.splitlines()[1:-1] + NEW.key_pem.splitlines()[1:-1]
        for content in (NEW.pem, NEW.pem[:-30], NEW.key_pem, NEW.key_pem * 2 + OLD.pem):
            self.replace(content)
            self.successResultOf(self.reload(source))
        self.assertEqual(len(self.events), 4)
        for secret in secrets:
            self.assertNotIn(secret.decode(), repr(self.events))
