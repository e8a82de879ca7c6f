"""A real SFTP server, OpenSSH's sshd, on a free loopback port, for the user who runs the tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from collections.abc import Iterable
from pathlib import Path

from tests.integration.server import free_port
from tests.integration.waiting import eventually

__all__ = ["Sshd"]

_CONFIGURATION = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp -u 022
"""


class Sshd:
    """
    The server, its keys, and a directory to serve.

    :raises unittest.SkipTest: it is not installed.
    """

    def __init__(self) -> None:
        self._program = shutil.which("sshd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        keygen = shutil.which("ssh-keygen")
        if self._program is None or keygen is None:
            raise unittest.SkipTest("OpenSSH's server is not installed")
        self._folder = Path(tempfile.mkdtemp(prefix="ftpx-sshd-"))
        self.root = self._folder / "root"
        self.root.mkdir()
        self.port = free_port()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.key = self._folder / "user_key"
        self.known_hosts = self._folder / "known_hosts"
        for name in ("host_key", "user_key"):
            command = [keygen, "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(self._folder / name)]
            subprocess.run(command, check=True, timeout=30)
        kind, key, *_ = (self._folder / "host_key.pub").read_text(encoding="ascii").split()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n", encoding="ascii")
        self._configuration = self._folder / "sshd_config"
        self._configuration.write_text(_CONFIGURATION.format(port=self.port, folder=self._folder), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the directory is."""
        return f"sftp://{self.user}@127.0.0.1:{self.port}{self.root}"

    @property
    def options(self) -> dict[str, object]:
        """What a client needs to know besides."""
        return {
            "key_filename": str(self.key),
            "known_hosts": str(self.known_hosts),
            "allow_agent": False,
            "look_for_keys": False,
        }

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        assert self._program is not None
        if os.getuid() == 0:
            # It wants this directory, which the system's own service would make.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-D", "-e", "-f", str(self._configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Each session is a process of its own: with a group, all of them can be ended.
                start_new_session=True,
            )
        eventually(self._answers, seconds=20, what="sshd answers")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"sshd ended with status {self._process.returncode}:\n{self.log}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                return probe.recv(4) == b"SSH-"
        except OSError:
            return False

    @property
    def log(self) -> str:
        """What it wrote."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    def _descendants(self) -> list[int]:
        """The processes of the sessions, which make process groups of their own."""
        assert self._process is not None
        parents: dict[int, int] = {}
        for entry in (int(name) for name in os.listdir("/proc") if name.isdecimal()):
            try:
                fields = Path(f"/proc/{entry}/stat").read_text(encoding="ascii", errors="replace")
            except OSError:
                continue
            parents[entry] = int(fields.rpartition(")")[2].split()[1])
        # The number of a process may be less than that of its parent.
        found = [self._process.pid]
        for process in found:
            found += [child for child, parent in parents.items() if parent == process]
        return found[1:]

    def signal(self, number: int) -> None:
        """Send a signal to the server and to all its sessions."""
        assert self._process is not None
        # All are stopped first: a session that began meanwhile would be missed, and live on by itself.
        stopped: list[int] = []
        while found := [process for process in (self._process.pid, *self._descendants()) if process not in stopped]:
            self._kill(found, signal.SIGSTOP)
            stopped += found
        self._kill(stopped, number)

    @staticmethod
    def _kill(processes: Iterable[int], number: int) -> None:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def stop(self) -> None:
        """End it and all its sessions, at once."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def remove(self) -> None:
        """End it and remove its files."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
