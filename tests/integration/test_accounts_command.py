"""The command ``ftpx`` as a process: passwords on a terminal, and where they must not be."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from ftpx.accounts.database.connection import open_database, parse_url, transaction
from ftpx.accounts.database.users import find_profile
from ftpx.accounts.passwords import Argon2Passwords
from ftpx.accounts.settings import Settings
from tests.integration.server import environment
from tests.integration.waiting import eventually

PASSWORD = b"c0rrect-h0rse-battery"


class TerminalProcess:
    """A process with a terminal of its own, of which everything is kept that it prints."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.printed = b""
        self.terminal, other_side = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ftpx.cli", *arguments],
            env=environment(home),
            stdin=other_side,
            stdout=other_side,
            stderr=other_side,
            start_new_session=True,
        )
        os.close(other_side)

    def read(self) -> bytes:
        """What it has printed until now."""
        while select.select([self.terminal], [], [], 0)[0]:
            try:
                octets = os.read(self.terminal, 65536)
            except OSError:
                # Linux says so when nobody has the other side open any more.
                break
            if not octets:
                break
            self.printed += octets
        return self.printed

    def wait_for(self, text: bytes) -> None:
        """Wait until it has printed something."""
        eventually(lambda: text in self.read(), seconds=60, what=repr(text))

    def type(self, line: bytes) -> None:
        """Type a line."""
        os.write(self.terminal, line + b"\n")

    def kernel_has(self) -> bytes:
        """Its arguments and its environment, as everybody or the same user can read them."""
        return b"".join(Path(f"/proc/{self._process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))

    def end(self) -> int:
        """Wait for its end; its exit status."""

        def ended() -> bool:
            self.read()
            return self._process.poll() is not None

        eventually(ended, seconds=60, what="the end of the process")
        self.read()
        return self._process.wait()

    def close(self) -> None:
        """Kill it if it runs."""
        self._process.kill()
        self._process.wait()
        os.close(self.terminal)


class PasswordTests(unittest.TestCase):
    """Passwords that are asked for."""

    def setUp(self) -> None:
        """A folder for the accounts."""
        self.folder = Path(tempfile.mkdtemp(prefix="ftpx-accounts-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.url = f"sqlite:{self.folder / 'accounts'}"

    def begin(self, *arguments: str) -> TerminalProcess:
        """Start a command on a terminal."""
        process = TerminalProcess(self.folder, "--accounts", self.url, *arguments)
        self.addCleanup(process.close)
        return process

    def assert_password(self, password: bytes) -> None:
        """Alice has this password."""
        engine = open_database(parse_url(self.url))
        self.addCleanup(engine.dispose)
        with transaction(engine, write=False) as connection:
            profile = find_profile(connection, "alice")
        assert profile is not None
        self.assertTrue(Argon2Passwords().verify(profile.user.password, password, Settings()))

    def test_asked_twice_without_echo(self) -> None:
        """On a terminal a password is asked for twice; it is not shown, and in no argument of the process."""
        process = self.begin("user", "add", "alice")
        process.wait_for(b"Password: ")
        process.type(PASSWORD)
        process.wait_for(b"Again: ")
        self.assertNotIn(PASSWORD, process.kernel_has())
        process.type(PASSWORD)
        self.assertEqual(process.end(), 0, process.printed)
        self.assertIn(b"User alice is added.", process.printed)
        self.assertNotIn(PASSWORD, process.printed)
        self.assert_password(PASSWORD)

    def test_two_different_ones(self) -> None:
        """What is typed differently is asked for again, from the first."""
        process = self.begin("user", "add", "alice")
        process.wait_for(b"Password: ")
        process.type(PASSWORD)
        process.wait_for(b"Again: ")
        process.type(b"an0ther")
        eventually(lambda: process.read().count(b"Password: ") == 2, seconds=60, what="the first question once more")
        process.type(PASSWORD)
        eventually(lambda: process.read().count(b"Again: ") == 2, seconds=60, what="the second question once more")
        process.type(PASSWORD)
        self.assertEqual(process.end(), 0, process.printed)
        self.assertNotIn(b"an0ther", process.printed)
        self.assert_password(PASSWORD)

    def test_standard_input(self) -> None:
        """A program writes the password as a line."""
        done = self.run_ftpx("user", "add", "alice", stdin=PASSWORD + b"\n")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assert_password(PASSWORD)

    def test_one_line_of_error(self) -> None:
        """What cannot be done is told in one line, without a traceback."""
        done = self.run_ftpx("user", "show", "alice")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertTrue(done.stderr.startswith(b"ftpx: "), done.stderr)

    def test_other_encodings(self) -> None:
        """Where there is no UTF-8, names are shown as far as they can be."""
        self.run_ftpx("user", "add", "j\N{LATIN SMALL LETTER L WITH STROKE}", "--no-password")
        done = self.run_ftpx("user", "list", PYTHONIOENCODING="latin-1")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(rb"j\u0142", done.stdout)

    def run_ftpx(self, *arguments: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command without a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "ftpx.cli", "--accounts", self.url, *arguments],
            env={**environment(self.folder), **variables},
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )
