"""The command line: what is wrong is told in one line before anything listens; help is help."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.integration.cases import AUTH
from tests.integration.control import Control
from tests.integration.mounts import make_read_only, small_file_system
from tests.integration.server import PROJECT, FtpxServer, environment, free_port, ftpx_command, run_ftpx

WRONG: tuple[tuple[str, str], ...] = (
    ("--port", "nonsense"),
    ("--port", "99999"),
    ("--port", "tcp:http"),
    ("--root", "/nonexistent"),
    ("--root", "/etc/passwd"),
    ("--storage", "nope"),
    ("--storage", "nope:"),
    ("--storage", "local:/nonexistent"),
    ("--auth", "nope"),
    ("--auth", "file:/nonexistent"),
    ("--passive-ports", "70000-1"),
    ("--passive-ports", "5000-4000"),
    ("--passive-ports", "all"),
    ("--passive-address", "::1"),
    ("--passive-address", "not an address"),
    ("--max-sessions", "-1"),
    ("--max-sessions-per-ip", "many"),
    ("--idle-timeout", "-1"),
    ("--login-timeout", "0"),
    ("--data-timeout", "soon"),
    ("--shutdown-grace", "-3"),
    ("--home", "elsewhere"),
)


class WrongValueTests(unittest.TestCase):
    """Wrong command lines."""

    def assert_refused(self, *options: str, told: str) -> None:
        """One line that names what is wrong, exit status 1, and no traceback."""
        done = run_ftpx(*options)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        self.assertEqual((done.returncode, len(lines)), (1, 1), f"{options}: {done.stdout}{done.stderr}")
        self.assertIn(told, lines[0])

    def test_wrong_values(self) -> None:
        """Every wrong value ends the program with status 1 and one line that names it."""
        for option, value in WRONG:
            with self.subTest(option=option, value=value):
                self.assert_refused(option, value, told=value.rpartition(":")[2] or value.rstrip(":"))

    def test_unknown_option(self) -> None:
        """An option that does not exist is named."""
        self.assert_refused("--no-such-option", told="no-such-option")

    def test_unexpected_argument(self) -> None:
        """An argument that is no option is refused."""
        self.assert_refused("surplus", told="argument")

    def test_port_in_use(self) -> None:
        """A port that somebody has already is named, in the last line of the log that has begun by then."""
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen(1)
            endpoint = f"tcp:{holder.getsockname()[1]}:interface=127.0.0.1"
            done = run_ftpx("--port", endpoint, "--root", tempfile.gettempdir())
        output = done.stdout + done.stderr
        self.assertEqual(done.returncode, 1, output)
        self.assertNotIn("Traceback", output)
        self.assertIn(f"{endpoint}: cannot listen there", output.splitlines()[-1])

    def test_nothing_listens_beside_a_wrong_value(self) -> None:
        """With a good endpoint and a second that is none, the good one does not listen either."""
        port = free_port()
        self.assert_refused("--port", f"tcp:{port}:interface=127.0.0.1", "--port", "nonsense", told="nonsense")
        with socket.socket() as probe:
            self.assertNotEqual(probe.connect_ex(("127.0.0.1", port)), 0)


class HelpTests(unittest.TestCase):
    """The texts that explain."""

    def assert_help(self, *options: str, program: str = "twistd", words: tuple[str, ...]) -> None:
        """Status 0 and all the words."""
        done = run_ftpx(*options, program=program)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        for word in words:
            self.assertIn(word, done.stdout)

    def test_help(self) -> None:
        """``twistd ftpx --help`` names every option of the README with its default."""
        options = (
            "--port", "--root", "--storage", "--help-storage", "--auth", "--help-auth", "--home", "--read-only",
            "--passive-ports", "--passive-address", "--no-active", "--banner", "--max-sessions",
            "--max-sessions-per-ip", "--idle-timeout", "--login-timeout", "--data-timeout", "tcp:2121",
        )  # fmt: skip
        self.assert_help("--help", words=options)

    def test_twist_help(self) -> None:
        """``twist ftpx --help`` says the same."""
        self.assert_help("--help", program="twist", words=("--passive-ports", "--help-auth"))

    def test_help_storage(self) -> None:
        """``--help-storage`` lists the kinds of storage."""
        self.assert_help("--help-storage", words=("local:", "memory:"))

    def test_help_auth(self) -> None:
        """``--help-auth`` lists the kinds of login."""
        self.assert_help("--help-auth", words=("memory:", "file:", "anonymous", "htpasswd:"))


class PluginCacheTests(unittest.TestCase):
    """The cache of Twisted's plugins, which may be stale or impossible to write."""

    def setUp(self) -> None:
        """Have a directory of our own."""
        self.directory = Path(tempfile.mkdtemp(prefix="ftpx-copy-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.plugins = self.directory / "twisted" / "plugins"

    def copy(self) -> None:
        """Copy the plugin and the package there."""
        ignore = shutil.ignore_patterns("__pycache__", "dropin.cache")
        shutil.copytree(PROJECT / "ftpx", self.directory / "ftpx", ignore=ignore)
        shutil.copytree(PROJECT / "twisted", self.directory / "twisted", ignore=ignore)

    def run_copy(self) -> subprocess.CompletedProcess[str]:
        """``--help`` by the copy."""
        variables = {**environment(self.directory), "PYTHONPATH": str(self.directory), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            ftpx_command("--help"),
            cwd="/",
            env=variables,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def test_read_only(self) -> None:
        """Where the cache cannot be written, the command is found all the same."""
        with small_file_system(self.directory, 64 << 20):
            self.copy()
            make_read_only(self.directory)
            done = self.run_copy()
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("--passive-ports", done.stdout)
            self.assertFalse((self.plugins / "dropin.cache").exists())

    def test_stale(self) -> None:
        """A cache from before the plugin was there is renewed."""
        self.copy()
        plugin = self.plugins / "ftpx_plugin.py"
        aside = self.directory / "aside.py"
        plugin.rename(aside)
        self.assertNotEqual(self.run_copy().returncode, 0)
        aside.rename(plugin)
        done = self.run_copy()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("--passive-ports", done.stdout)


class TwistTests(unittest.TestCase):
    """The other program that runs Twisted services."""

    def test_serves(self) -> None:
        """``twist ftpx`` answers a login and ends by SIGTERM."""

        class TwistServer(FtpxServer):
            def command(self, *options: str) -> list[str]:
                return ftpx_command(*self.options(*options), program="twist")

        with TwistServer().start(*AUTH) as server, Control(("127.0.0.1", server.port)) as control:
            control.login("anonymous", "x")
            self.assertEqual(control.command("NOOP").code, 200)
            control.expect("QUIT", 221)
