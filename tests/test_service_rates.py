"""The rates of a server as it is built from a configuration."""

from __future__ import annotations

import os
from pathlib import Path

from ftpx.config import settings
from ftpx.errors import ConfigurationError
from ftpx.interfaces import Direction
from ftpx.lifetime import FtpService
from ftpx.reloading import CHECK_INTERVAL
from tests.accounts.doubles import log_events
from tests.test_service import ServiceCase

_FREE = 10**15


class RateTests(ServiceCase):
    """``--rate`` and ``--rates``."""

    def setUp(self) -> None:
        super().setUp()
        self.path = Path(os.path.abspath(self.mktemp()))

    def served(self, *rates: str, file: str | None = None) -> FtpService:
        """A server with such options."""
        if file is not None:
            self.path.write_text(file, encoding="utf-8")
        parse = settings()["rate"][0].parse
        return self.make(rate=tuple(map(parse, rates)), rates=None if file is None else str(self.path))

    def allowed(self, service: FtpService, user: str = "alice") -> int:
        """How much a download of a user may move at once; behind the burst that is about a twentieth of a second's."""
        pace = service.factory.services.rates.pace(Direction.DOWNLOAD, object(), user, "192.0.2.1")
        if pace is None:
            return _FREE
        allowed = pace.allowed(0)
        pace.end(0)
        return min(allowed, _FREE)

    def test_none(self) -> None:
        """Without the options nobody has a limit."""
        self.assertEqual(self.allowed(self.served()), _FREE)

    def test_options(self) -> None:
        """What is on the command line holds."""
        service = self.served("user=100K", "user:bob=10K")
        self.assertEqual([self.allowed(service, user) for user in ("alice", "bob")], [5100, 510])

    def test_file(self) -> None:
        """What is in the file holds too, and where both say something, the file."""
        service = self.served("user=100K", "user:bob=10K", file="user:bob=20K\n")
        self.assertEqual([self.allowed(service, user) for user in ("alice", "bob")], [5100, 1020])

    def test_broken_file(self) -> None:
        """A file that cannot be used is told in one line, before anything listens."""
        for file in ("user=fast", "x" * 70_000):
            with self.assertRaises(ConfigurationError) as caught:
                self.served(file=file)
            self.assertIn(str(self.path), str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))

    def test_changed_file(self) -> None:
        """A change of the file holds soon, while the server runs."""
        service = self.served("user=100K", file="")
        service.privilegedStartService()
        service.startService()
        self.path.write_text("user=20K\n", encoding="utf-8")
        self.reactor.advance(CHECK_INTERVAL)
        self.assertEqual(self.allowed(service), 1020)
        stopped = service.stopService()
        self.path.write_text("user=30K # no rate", encoding="utf-8")
        self.reactor.advance(CHECK_INTERVAL)
        self.successResultOf(stopped)
        self.assertEqual(self.allowed(service), 1020)

    def test_reload(self) -> None:
        """SIGHUP has the file read, and without certificates there is something to reload."""
        events = log_events(self)
        service = self.served(file="user=100K\n")
        self.path.write_text("user=200K\n", encoding="utf-8")
        service.reload()
        self.assertEqual(self.allowed(service), 10200)
        texts = [event["log_format"] for event in events]
        self.assertEqual([text for text in texts if "nothing to reload" in text], [])
