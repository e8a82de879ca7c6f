"""What tests of the command have in common."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from ftpx.cli.commands import ftpx

__all__ = ["PASSWORD", "CommandCase"]

PASSWORD = "correct horse"


class CommandCase(SynchronousTestCase):
    """Commands on the accounts of an SQLite file that is not there at first."""

    url: str

    def setUp(self) -> None:
        """A folder, and cheap hashes."""
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="ftpx-command-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.url = self.make_url()

    def make_url(self) -> str:
        """The accounts."""
        return f"sqlite:{self.folder / 'accounts'}"

    def run_ftpx(self, *arguments: str, stdin: str | bytes = "") -> Result:
        """Run a command, whatever it comes to."""
        result = CliRunner().invoke(ftpx, arguments, input=stdin, env={"FTPX_ACCOUNTS": self.url})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def done(self, *arguments: str, stdin: str | bytes = "") -> str:
        """What a command prints that succeeds."""
        result = self.run_ftpx(*arguments, stdin=stdin)
        self.assertEqual((result.exit_code, result.stderr), (0, ""), arguments)
        return result.stdout

    def read_json(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.done(*arguments, "--json"))

    def refused(self, *arguments: str, stdin: str | bytes = "", status: int = 1) -> str:
        """The one line by which a command tells that it cannot be done."""
        result = self.run_ftpx(*arguments, stdin=stdin)
        self.assertEqual((result.exit_code, result.stdout), (status, ""), (arguments, result.stderr))
        lines = result.stderr.splitlines()
        if status == 1:
            self.assertTrue(lines[-1].startswith("ftpx: "), lines)
        return lines[-1]

    def add_user(self, name: str, *options: str) -> None:
        """Add a user without a password, which costs no hash."""
        self.done("user", "add", name, "--no-password", *options)

    def write_file(self, name: str, content: str | bytes) -> str:
        """Make a file; its path."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)
