"""The real server: ``twistd ftpx`` as a process of its own, with its log, on a free loopback port."""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from tests.integration.process import ProcessView
from tests.integration.waiting import eventually

__all__ = ["PROJECT", "FtpxServer", "environment", "free_port", "ftpx_command", "run_ftpx"]

PROJECT = Path(__file__).resolve().parents[2]
_TWISTD = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
_TWIST = "import sys; sys.argv[0] = 'twist'; from twisted.application.twist._twist import Twist; Twist.main()"
_TROUBLE = re.compile(
    r"Traceback \(most recent call last\)|Unhandled [Ee]rror|was never awaited|never retrieved|Exception ignored"
)
# Below what the kernel takes for outgoing connections, so that none of them is in the way.
_PORTS = range(20000, 32000)


def free_port(count: int = 1) -> int:
    """The first of ``count`` adjoining TCP ports that nobody uses on the loopback addresses now."""
    while True:
        first = random.randrange(_PORTS.start, _PORTS.stop - count)
        with contextlib.ExitStack() as sockets, contextlib.suppress(OSError):
            for port in range(first, first + count):
                probe = sockets.enter_context(socket.socket())
                probe.bind(("127.0.0.1", port))
            return first


def environment(home: Path) -> dict[str, str]:
    """The variables of a server process: this tree's code, and nothing of the user's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FTP", "ftp", "COV_"))}
    paths = [str(PROJECT), *filter(None, [kept.get("PYTHONPATH")])]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(paths),
        "HOME": str(home),
        "STATE_DIRECTORY": str(home / "state"),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def ftpx_command(*options: str, program: str = "twistd") -> list[str]:
    """The command line that runs ``twistd ftpx`` (in the foreground) or ``twist ftpx``."""
    if program == "twist":
        return [sys.executable, "-c", _TWIST, "ftpx", *options]
    return [sys.executable, "-c", _TWISTD, "-n", "--pidfile=", "ftpx", *options]


def run_ftpx(*options: str, program: str = "twistd", seconds: float = 30) -> subprocess.CompletedProcess[str]:
    """Run the server's command line to its end, in an empty directory."""
    with tempfile.TemporaryDirectory(prefix="ftpx-run-") as directory:
        return subprocess.run(
            ftpx_command(*options, program=program),
            cwd=directory,
            env=environment(Path(directory)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )


class FtpxServer:
    """
    One server process and the directory that it serves.

    It listens on one port number of 127.0.0.1 and, where the machine has it, of ::1; and with ``implicit_tls``
    on a second one there. As a context manager it ends by `stop`, and so by a look at the log.
    """

    def __init__(
        self, *, descriptors: int | None = None, endpoints: Sequence[str] | None = None, implicit_tls: bool = False
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="ftpx-test-"))
        self.root = self.directory / "root"
        self.root.mkdir()
        self.port = free_port(2)
        self.implicit_port = self.port + 1
        self.host = "127.0.0.1"
        self._descriptors = descriptors
        self._endpoints = endpoints
        self._implicit_tls = implicit_tls
        self._process: subprocess.Popen[bytes] | None = None
        self._log_path = self.directory / "log"

    # Starting

    @property
    def endpoints(self) -> Sequence[str]:
        """The endpoint strings that it listens on."""
        if self._endpoints is not None:
            return self._endpoints
        return _loopback(self.port)

    def options(self, *options: str) -> list[str]:
        """The options of a test with those that say where to listen and what to serve."""
        wanted = list(options)
        for endpoint in self.endpoints:
            wanted += ["--port", endpoint]
        if self._implicit_tls:
            for endpoint in _loopback(self.implicit_port):
                wanted += ["--implicit-tls", endpoint]
        if not any(option in {"--root", "--storage", "-r", "-s"} for option in options):
            wanted += ["--root", str(self.root)]
        return wanted

    def command(self, *options: str) -> list[str]:
        """The whole command line of the process."""
        return ftpx_command(*self.options(*options))

    def start(self, *options: str) -> FtpxServer:
        """Start the process and wait until it answers."""
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(*options),
                cwd=self.directory,
                env=environment(self.directory),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if self._descriptors is not None:
            resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE, (self._descriptors, self._descriptors))
        try:
            eventually(self._answers, seconds=30, pause=0.05, what="the server answers")
        except AssertionError as error:
            self._end_at_once()
            written = self.log[-3000:]
            shutil.rmtree(self.directory, ignore_errors=True)
            raise AssertionError(f"{error}\n{written}") from None
        return self

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended with status {self._process.returncode}")
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as probe:
                # A port takes connections before the reactor runs: only an answer tells that signals are heard.
                probe.sendall(b"QUIT\r\n")
                return probe.recv(1) != b""
        except OSError:
            return False

    # Looking

    @property
    def process(self) -> ProcessView:
        """The process as the kernel sees it."""
        assert self._process is not None
        return ProcessView(self._process.pid)

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """All that the process wrote so far."""
        if not self._log_path.exists():
            return ""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def trouble(self, start: int = 0) -> str:
        """The part of the log around the first sign of an error nobody handled; empty if there is none."""
        text = self.log[start:]
        found = _TROUBLE.search(text)
        return text[max(0, found.start() - 600) : found.start() + 3000] if found else ""

    # Ending

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float = 20) -> int:
        """Wait for the end of the process and return its exit status."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self, seconds: float = 20, *, seen: int = 0) -> int:
        """
        End the process by SIGTERM, remove its files and return its exit status.

        :param seen: how much of the log has been looked at already.
        :raises AssertionError: it did not end in time, or its log tells of an error that nobody handled.
        """
        try:
            if self._process is None:
                return 0
            if self.running:
                self.signal(signal.SIGTERM)
            status = self.wait(seconds)
            trouble = self.trouble(seen)
            if trouble:
                raise AssertionError(f"an error that nobody handled is in the log:\n{trouble}")
        except subprocess.TimeoutExpired:
            raise AssertionError(f"SIGTERM did not end the server in {seconds} s:\n{self.log[-3000:]}") from None
        finally:
            self._end_at_once()
            shutil.rmtree(self.directory, ignore_errors=True)
        return status

    def _end_at_once(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def empty_root(self) -> None:
        """Remove all that the served directory holds."""
        for entry in self._entries():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _entries(self) -> Iterator[Path]:
        return iter(list(self.root.iterdir()))

    def __enter__(self) -> FtpxServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
            return
        with contextlib.suppress(AssertionError):
            self.stop()


def _loopback(port: int) -> list[str]:
    """The endpoint strings of a port on every loopback address."""
    both = [f"tcp:{port}:interface=127.0.0.1"]
    if _has_ipv6():
        both.append(f"tcp6:{port}:interface=\\:\\:1")
    return both


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
