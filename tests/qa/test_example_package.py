"""The package of docs/examples, as who has written one would publish it: built, installed, tested and served."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.server import free_port
from tests.integration.waiting import eventually
from tests.qa.packages import EXAMPLE, install, installed, run, wheel
from tests.qa.sources import PROJECT

_SECONDS = 60
_ADD_USER = "import sys; from ftpx_sqlite.login import add_user; add_user(*sys.argv[1:])"
_READ_UPLOADS = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT user, path, size FROM uploads").fetchall())
"""


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="ftpx-example-")


@cache
def _environment() -> dict[str, str]:
    return installed(Path(_folder().name))


@cache
def _programs() -> Path:
    """The programs of a virtual environment in which ftpx and the example are installed."""
    return install(_environment(), Path(_folder().name, "venv"), wheel(PROJECT), wheel(EXAMPLE))


class ExamplePackageTests(SynchronousTestCase):
    """ftpx and the example from their wheels, in one virtual environment for all tests."""

    def setUp(self) -> None:
        """Work in a folder that is nowhere near the sources."""
        self.folder = Path(tempfile.mkdtemp(prefix="elsewhere-", dir=_folder().name))

    def run_installed(self, program: str, *arguments: str) -> str:
        """Run a program of the virtual environment; what it prints."""
        return run([_programs() / program, *arguments], self.folder, _environment())

    def test_wheel(self) -> None:
        """The wheel has the modules and the plugins, and nothing that would hide Twisted or what else is installed."""
        names = zipfile.ZipFile(wheel(EXAMPLE)).namelist()
        for path in [*EXAMPLE.glob("ftpx_sqlite/*.py"), *EXAMPLE.glob("twisted/plugins/*.py")]:
            self.assertIn(str(path.relative_to(EXAMPLE)), names)
        self.assertEqual(
            {name.partition("/")[0] for name in names if ".dist-info/" not in name}, {"ftpx_sqlite", "twisted"}
        )
        self.assertEqual([name for name in names if name.startswith("twisted/") and name.endswith("__init__.py")], [])
        self.assertEqual([name for name in names if not name.endswith(".py") and ".dist-info/" not in name], [])

    def test_installed(self) -> None:
        """What is tested here comes from the wheels and not from the sources."""
        for module in ("ftpx", "ftpx_sqlite", "twisted.plugins.ftpx_sqlite_plugin"):
            place = self.run_installed("python", "-c", f"import {module} as module; print(module.__file__)")
            self.assertTrue(Path(place).is_relative_to(_programs().parent), place)

    def test_tests(self) -> None:
        """Its own tests pass, those of the contract among them, by trial and without the sources."""
        printed = self.run_installed("trial", "ftpx_sqlite")
        self.assertRegex(printed, r"PASSED \(.*successes=[0-9]{3,}\)", printed)

    def test_kinds(self) -> None:
        """Its kinds are found, whether the cache of plugins is there, out of date or broken."""
        cache = next(_programs().parent.rglob("ftpx_sqlite_plugin.py")).with_name("dropin.cache")
        for content, thing, kind in (
            (None, "storage", "sqlite:FILE"),
            (b"", "event-sink", "sqlite-uploads:FILE"),
            (b"broken", "auth", "sqlite-users:FILE"),
        ):
            cache.unlink(missing_ok=True)
            if content is not None:
                cache.write_bytes(content)
            self.assertIn(f"--{thing} {kind}\n", self.run_installed("twistd", "ftpx", f"--help-{thing}"))

    def test_served(self) -> None:
        """What curl stores in the database is fetched from it, by a user of another one, and is noted in a third."""
        if shutil.which("curl") is None:
            raise SkipTest("not installed: curl")
        port = free_port()
        self.run_installed("python", "-c", _ADD_USER, "users.db", "alice", "correct horse")
        self.start(
            *("--port", f"tcp:{port}:interface=127.0.0.1", "--storage", "sqlite:files.db"),
            *("--auth", "sqlite-users:users.db", "--event-sink", "sqlite-uploads:uploads.db"),
        )
        content = bytes(range(256)) * 12_345
        (self.folder / "sent").write_bytes(content)
        url = f"ftp://127.0.0.1:{port}/in/here/a%20file"
        self.curl("--ftp-create-dirs", "-T", "sent", url)
        self.curl("-o", "fetched", url)
        self.assertEqual((self.folder / "fetched").read_bytes(), content)
        self.stop()
        self.assertIn("SQLite format 3", (self.folder / "files.db").read_bytes()[:16].decode())
        noted = self.run_installed("python", "-c", _READ_UPLOADS, "uploads.db")
        self.assertEqual(noted.strip(), f"[('alice', '/in/here/a file', {len(content)})]")

    def start(self, *options: str) -> None:
        """Start a server; it is stopped behind the test at the latest."""
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self.server = subprocess.Popen(
                [_programs() / "twistd", "-n", "--pidfile=", "ftpx", *options],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.addCleanup(self.stop)
        eventually(lambda: "listening: " in self.log.read_text() or self.server.poll() is not None, seconds=_SECONDS)
        self.assertIsNone(self.server.poll(), self.log.read_text())

    def stop(self) -> None:
        """End the server, in good order."""
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(_SECONDS), 0, self.log.read_text())
        self.assertNotIn("Traceback", self.log.read_text())

    def curl(self, *arguments: str) -> None:
        """Run curl as alice."""
        run(
            ["curl", "-sS", "--max-time", str(_SECONDS), "-u", "alice:correct horse", *arguments],
            self.folder,
            _environment(),
        )
