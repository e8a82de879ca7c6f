"""Uploads to servers that die in the middle, and what must hold when the next one has started."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from ftpx.storage.staged_names import parse_staged_name
from tests.integration.cases import PASSWORD, USER
from tests.integration.control import Control
from tests.integration.crash_server import Trap
from tests.integration.server import PROJECT, environment, free_port
from tests.integration.tls_control import TlsControl, client_context
from tests.integration.waiting import eventually
from tests.tls.certificates import Authority

__all__ = ["OTHER_USER", "CrashServer"]

OTHER_USER = "bob"
HIDDEN = ".ftpx-upload-"
_SERVER_NAME = "ftp.example.com"
_MAIN = "from tests.integration.crash_server import main; main()"


class CrashServer:
    """Servers of one directory, one after the other; as a context manager it ends the last."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="ftpx-crash-"))
        self.root = self.directory / "root"
        self.root.mkdir()
        self.trap = Trap(self.directory / "trap")
        self.port = free_port()
        self._log = self.directory / "log"
        self._authority = Authority()
        certificate = self.directory / "certificate.pem"
        certificate.write_bytes(self._authority.issue(_SERVER_NAME, _SERVER_NAME).pem)
        self.certificate = str(certificate)
        self._context = client_context(self._authority.pem)
        self._process: int | None = None
        self._settings: dict[str, Any] = {}
        self._parent = subprocess.Popen(
            [sys.executable, "-c", _MAIN],
            cwd=self.directory,
            env=environment(self.directory) | {"PYTHONPATH": str(PROJECT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _ask(self, line: str) -> str:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(line + "\n")
        self._parent.stdin.flush()
        return self._parent.stdout.readline().strip()

    def ensure(self, **settings: Any) -> None:
        """Have a server with some settings."""
        if not self.alive or settings != self._settings:
            self.kill()
            if not self.start(**settings):
                raise AssertionError(f"the server died:\n{self.log[-2000:]}")

    def start(self, **settings: Any) -> bool:
        """Start a server with some settings; false if it died before it served."""
        self._settings = settings
        wanted = {
            "port": [f"tcp:{self.port}:interface=127.0.0.1"],
            "storage": f"local:{self.root}",
            "auth": [f"memory:{USER}:{PASSWORD}", f"memory:{OTHER_USER}:{PASSWORD}"],
            "trap": str(self.directory / "trap"),
            "log": str(self._log),
            **settings,
        }
        answer = self._ask(json.dumps(wanted)).split()
        self._process = int(answer[1]) if answer[0] == "ready" else None
        return self._process is not None

    def kill(self) -> None:
        """End the server at once, if it has not done so itself, and wait for its end."""
        self.kill_now()
        if self._process is not None:
            self._process = None
            self._ask("end")
        self.trap.disarm()

    def kill_now(self) -> None:
        """End the server at once; `kill` is still to be called."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)

    @property
    def alive(self) -> bool:
        """Whether the server has not died yet."""
        if self._process is None:
            return False
        status = Path(f"/proc/{self._process}/stat")
        return (
            status.exists()
            and status.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] != "Z"
        )

    def dies(self) -> bool:
        """Whether the server dies of the steps that it still makes; it is given the time until it makes no more."""
        counted = -1
        while self.alive and counted != (counted := self.trap.counted):
            with contextlib.suppress(OSError), Control(("127.0.0.1", self.port)) as control:
                # It answers when it has done what came before.
                control.expect_reply(220)
                control.command("NOOP")
        return not self.alive

    def wait_tidied(self) -> None:
        """Wait until the server, which has just started, has tidied: at most one upload is kept."""

        def tidy() -> bool:
            folders = {path for path in self.hidden() if path.is_dir()}
            files = [path for path in self.hidden() if path not in folders]
            names = [parse_staged_name(os.fsencode(path.name)) for path in files if path.parent in folders]
            kept = [name for name in names if name is not None and name == name.on_disk()]
            return len(files) <= 1 and len(folders) == len(files) == len(kept)

        eventually(lambda: not self.alive or tidy(), what="the server has tidied", pause=0.001)

    def wait_staged(self, octets: int) -> None:
        """Wait until so much of an upload is on the disk."""

        def staged() -> bool:
            with contextlib.suppress(FileNotFoundError):
                return any(path.stat().st_size == octets for path in self.hidden())
            return False

        eventually(lambda: not self.alive or staged(), what="the octets are on the disk", pause=0.001)

    @property
    def log(self) -> str:
        """What the servers have logged so far."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def login(self, user: str = USER, *, tls: bool = False) -> Control:
        """A session."""
        address = ("127.0.0.1", self.port)
        control = TlsControl(address, self._context, name=_SERVER_NAME) if tls else Control(address)
        control.login(user, PASSWORD)
        return control

    def hidden(self) -> list[Path]:
        """Every file and directory beneath the root that is ftpx's own."""
        found = [Path(folder, name) for folder, *inside in os.walk(self.root) for names in inside for name in names]
        return sorted(path for path in found if any(part.startswith(HIDDEN) for part in path.parts))

    def __enter__(self) -> CrashServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        # With the server, if we were interrupted while it started.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._parent.pid, signal.SIGKILL)
        self._parent.communicate()
        shutil.rmtree(self.directory, ignore_errors=True)
