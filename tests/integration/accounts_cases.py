"""Servers with a database of users, which the command ``ftpx`` keeps."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar

from tests.integration.control import Control, Reply
from tests.integration.server import FtpxServer, environment
from tests.integration.waiting import eventually
from tests.postgresql import shared_server

__all__ = ["LIVE", "AccountsTestCase", "PostgresqlAccountsTestCase"]

LIVE = 5.0
"""Seconds within which a change reaches who is logged in."""

_PATIENCE = 10.0


class AccountsTestCase(unittest.TestCase):
    """A test with a SQLite database of its own, a directory that is served, and as many servers as it starts."""

    options: ClassVar[tuple[str, ...]] = ()
    root: Path
    work: Path
    url: str

    def setUp(self) -> None:
        """Have an empty database and an empty directory."""
        self.work = Path(tempfile.mkdtemp(prefix="ftpx-accounts-"))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        self.root = self.work / "root"
        self.root.mkdir()
        self.url = self.make_database()

    def make_database(self) -> str:
        """The URL of an empty database."""
        return f"sqlite:{self.work / 'accounts.db'}"

    def ftpx(self, *arguments: str, typed: str = "", status: int = 0) -> str:
        """Run the command ``ftpx`` with a text on its standard input; what it has printed."""
        done = subprocess.run(
            [sys.executable, "-m", "ftpx.cli", "--accounts", self.url, *arguments],
            input=typed,
            cwd=self.work,
            env=environment(self.work),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, status, f"ftpx {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def told(self, *arguments: str) -> Any:
        """What a command that reads tells, by ``--json``."""
        return json.loads(self.ftpx(*arguments, "--json"))

    def add_user(self, name: str, password: str = "secret", *options: str) -> None:
        """Add a user."""
        self.ftpx("user", "add", name, *options, typed=f"{password}\n")

    def start(self, *options: str) -> FtpxServer:
        """Start a server over the directory and the database; it is stopped after the test."""
        server = FtpxServer().start("--root", str(self.root), "--accounts", self.url, *self.options, *options)
        self.addCleanup(self._stop, server)
        return server

    def _stop(self, server: FtpxServer) -> None:
        if server.running:
            self.assertEqual(server.stop(), 0)

    def connect(self, server: FtpxServer, *, source: str | None = None) -> Control:
        """A control connection of which the greeting has been read."""
        control = Control((server.host, server.port), source=source)
        self.addCleanup(control.close)
        control.expect_reply(220)
        return control

    def login(self, server: FtpxServer, name: str, password: str = "secret", *, source: str | None = None) -> Control:
        """A control connection that is logged in."""
        control = self.connect(server, source=source)
        control.login_after_greeting(name, password)
        return control

    def try_login(self, server: FtpxServer, name: str, password: str = "secret", *, source: str | None = None) -> Reply:
        """The reply to PASS, or the one that refuses the connection."""
        with Control((server.host, server.port), source=source) as control:
            greeting = control.reply()
            if greeting.code != 220:
                return greeting
            control.expect(f"USER {name}", 331)
            return control.command(f"PASS {password}")

    def assert_ends(self, control: Control, seconds: float = LIVE) -> None:
        """The session gets 421 and its end."""
        control.socket.settimeout(seconds)
        control.expect_reply(421)
        self.assertTrue(control.at_end())

    def eventually_answers(self, control: Control, line: str, code: int, seconds: float = LIVE) -> None:
        """A command gets a reply within the time."""
        eventually(
            lambda: control.command(line).code == code, seconds=seconds, pause=0.2, what=f"{line} is answered by {code}"
        )


class PostgresqlAccountsTestCase(AccountsTestCase):
    """The same with a database of its own in a real PostgreSQL."""

    def make_database(self) -> str:
        """The URL of an empty database."""
        server = shared_server()
        return server.url(server.create_database())
