"""``make serve`` and ``make test``: what they start, on machines that lack one thing or another."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.server import free_port
from tests.integration.waiting import eventually
from tests.qa.sources import PROJECT

_SECONDS = 60


class ServeTests(SynchronousTestCase):
    """The server of ``make serve``."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        for name in ("README.md", "Makefile"):
            shutil.copy(PROJECT / name, self.folder)
        self.port = free_port()
        self.log = self.folder / "log"

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.folder), "PORT": str(self.port), "PYTHONPATH": str(PROJECT)}

    def _serve(self) -> None:
        with self.log.open("w", encoding="utf-8") as output:
            self.server = server = subprocess.Popen(
                [str(PROJECT / ".ci/serve"), str(Path(sys.executable).parent)],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.addCleanup(self._stop)
        eventually(lambda: "listening: " in self._printed() or server.poll() is not None, seconds=_SECONDS)
        self.assertIsNone(server.poll(), self._printed())
        # A port takes connections before the reactor runs: only an answer tells that signals are heard.
        with socket.create_connection(("127.0.0.1", self.port), timeout=_SECONDS) as probe:
            self.assertEqual(probe.recv(3), b"220")

    def _stop(self) -> None:
        """End the server, if it runs."""
        if self.server.poll() is None:
            self.server.terminate()
        self.assertEqual(self.server.wait(_SECONDS), 0)

    def _printed(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def _try(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )

    def test_printed_lines_work(self) -> None:
        """Every line that it says to try does what one expects of it."""
        missing = [client for client in ("curl", "lftp") if shutil.which(client) is None]
        if missing:
            raise SkipTest(f"not installed: {', '.join(missing)}")
        self._serve()
        commands = re.findall(r"^  ((?:curl|lftp) .*)$", self._printed(), re.MULTILINE)
        self.assertEqual(len(commands), 8, self._printed())
        self.assertEqual(sum("self-signed.pem" in command for command in commands), 2, self._printed())
        for command in commands:
            result = self._try(command)
            self.assertEqual(result.returncode, 0, f"{command}\n{result.stdout}{result.stderr}")
        served = sorted(path.name for path in (self.folder / "srv").iterdir())
        self.assertEqual(served, ["Makefile", "README.md", "homes", "welcome.txt"])
        self.assertEqual([path.name for path in (self.folder / "srv/homes/small").iterdir()], ["README.md"])

    def test_passwords_are_private_and_new(self) -> None:
        """Only the owner may read the accounts, and each start has other passwords."""
        told = []
        for _ in range(2):
            self._serve()
            for path in (self.folder / ".run").iterdir():
                if path.name.startswith("accounts"):
                    self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)
            self.assertEqual(stat.S_IMODE((self.folder / ".run").stat().st_mode), 0o700)
            told += re.findall(r"ftp://(?:ftpx|small):([0-9a-f]{16,})@", self._printed())
            self._stop()
        self.assertEqual(len(set(told)), 4, told)

    def test_certificate_is_private_and_stays(self) -> None:
        """Only the owner may read the certificate's file, as the key is in it; the next start has the same one."""
        contents = set()
        for _ in range(2):
            self._serve()
            certificate = self.folder / ".run/self-signed.pem"
            self.assertEqual(stat.S_IMODE(certificate.stat().st_mode), 0o600)
            contents.add(certificate.read_bytes())
            self._stop()
        self.assertEqual(len(contents), 1)

    def test_what_is_served_stays(self) -> None:
        """A folder that is there already is served as it is."""
        (self.folder / "srv").mkdir()
        (self.folder / "srv/mine").write_text("mine")
        self._serve()
        self.assertEqual([path.name for path in (self.folder / "srv").iterdir()], ["mine"])


class VirtualEnvironmentTests(SynchronousTestCase):
    """``.ci/venv`` where python3 cannot make a virtual environment by itself."""

    def setUp(self) -> None:
        self.bin = Path(self.mktemp()).resolve()
        self.bin.mkdir(parents=True)
        self.target = self.bin / "made"
        self._program("id", "echo 1000")
        # Debian's python3 without python3-venv: everything but ensurepip.
        self._program("python3", f'case "$*" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"')

    def _program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def _venv(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", str(PROJECT / ".ci/venv"), str(self.target)],
            env={"PATH": str(self.bin)},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )

    def test_one_sentence(self) -> None:
        """Where nothing else helps, one sentence says what to install."""
        result = self._venv()
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn("install Debian's package python3-venv, or uv, or virtualenv", result.stderr)

    def test_uv_or_virtualenv(self) -> None:
        """uv or virtualenv make it, if they are there."""
        for program in ("virtualenv", "uv"):
            self._program(program, f'echo {program} "$@"')
            result = self._venv()
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertTrue(result.stdout.startswith(f"{program} "), result.stdout)
            self.assertIn(str(self.target), result.stdout)

    def test_root_on_debian_installs_it(self) -> None:
        """The superuser gets python3-venv installed, and then python3 makes the environment."""
        self._program("id", "echo 0")
        # The shell's own read and echo: there is nothing else in this PATH.
        installed = self.bin / "installed"
        self._program("apt-get", f'case "$*" in *python3-venv*) echo "$@" >{installed};; esac')
        self._program(
            "python3",
            f'case "$*" in *ensurepip*) test -e {installed}; exit $?;; *venv*) echo made "$@"; exit;; esac; exit 0',
        )
        result = self._venv()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"made -m venv {self.target}", result.stdout)

    def test_old_python(self) -> None:
        """A python3 that is too old is told so in one sentence."""
        self._program("python3", 'case "$*" in -V) echo Python 3.9.2;; *) exit 1;; esac')
        result = self._venv()
        self.assertEqual(result.returncode, 1)
        self.assertEqual(
            result.stderr, "ftpx needs Python 3.11 or newer, and python3 is Python 3.9.2: name another by PYTHON=...\n"
        )
