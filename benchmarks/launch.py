"""Starting a server on a free port of 127.0.0.1 as a process of its own, and stopping all of it again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import attrs

from benchmarks.clients import RefusedError, Session, connect, wait_for_greeting
from benchmarks.processes import birth, family

__all__ = ["Launch", "Running", "start"]

_START_SECONDS = 20.0
_STOP_SECONDS = 10.0


@attrs.frozen
class Launch:
    """
    How a server is started: its command and what the environment needs on top.

    ``greets`` is False where a connection says nothing by itself. ``client`` is how a session is begun.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = attrs.Factory(dict)
    user: str = "bench"
    password: str = "bench"
    greets: bool = True
    client: type[Session] = Session


@attrs.frozen
class Running:
    """A server that runs."""

    launch: Launch
    process: subprocess.Popen[bytes]
    port: int

    def session(self) -> Session:
        """A new logged-in session, ready for transfers."""
        session = self.login()
        session.prepare()
        return session

    def login(self) -> Session:
        """A new logged-in session."""
        session = self.launch.client.greeted(self.port)
        session.login(self.launch.user, self.launch.password)
        return session

    def stop(self) -> None:
        """SIGTERM, then SIGKILL to whatever of it is left."""
        births = {process: birth(process) for process in family(self.process.pid)}
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_SECONDS)
        for process, when in births.items():
            if when and birth(process) == when:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def start(launch: Launch, port: int, log: Path) -> Running:
    """Start a server and wait until it greets; `RuntimeError` with the end of its output if it does not."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            launch.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **launch.environment},
            cwd=log.parent,
            start_new_session=True,
        )
    running = Running(launch, process, port)
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, RefusedError):
            _greet(launch, port)
            return running
        time.sleep(0.05)
    running.stop()
    lines = log.read_text(errors="replace").strip().splitlines()
    raise RuntimeError(f"did not start: {lines[-1] if lines else 'it said nothing'}")


def _greet(launch: Launch, port: int) -> None:
    if launch.greets:
        wait_for_greeting(port)
    else:
        connect(port).close()
