"""A PostgreSQL of the tests' own: started when the first of them wants it, stopped when the last is done."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from unittest import SkipTest

import psycopg

from tests.integration.server import free_port
from tests.integration.waiting import eventually

__all__ = ["PostgresqlServer", "shared_server"]

_PACKAGES = Path("/usr/lib/postgresql")
_NOT_AS_ROOT = "postgres"
_SECONDS = 60
# What is lost in a crash of the machine is of no use to a test.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
}


def _programs() -> Path:
    """
    Where the newest PostgreSQL's programs are.

    :raises SkipTest: there is none.
    """
    found = sorted(_PACKAGES.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    program = found[-1] if found else shutil.which("postgres")
    if program is None:
        raise SkipTest("there is no PostgreSQL here: install Debian's package postgresql")
    return Path(program).resolve().parent


class PostgresqlServer:
    """
    A server on a loopback port with a data directory of its own, whose superuser needs no password.

    :raises SkipTest: there is no PostgreSQL, or nobody whom it could run as.
    """

    def __init__(self) -> None:
        self._programs = _programs()
        self._user = _NOT_AS_ROOT if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="ftpx-postgresql-"))
        self._data = self._folder / "data"
        if self._user is not None:
            try:
                shutil.chown(self._folder, self._user)
            except LookupError:
                raise SkipTest(f"PostgreSQL does not run as root, and there is no user {self._user}") from None
        self._run("initdb", "--username=ftpx", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def url(self, database: str = "postgres") -> str:
        """The URL of a database, as operators write it."""
        return f"postgresql://ftpx@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = [argument for name, value in _SETTINGS.items() for argument in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, "-p", str(self._port), *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
                start_new_session=True,
            )
        eventually(self._answers, seconds=_SECONDS, what="PostgreSQL takes connections")

    def stop(self) -> None:
        """Stop it at once; its clients see their connections break. May be repeated."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill all its processes."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it, and start it on the same port with the same data."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop all its processes where they are: connections stay, and nothing is answered."""
        for pid in self._processes():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        for pid in self._processes():
            os.kill(pid, signal.SIGCONT)

    def remove(self) -> None:
        """Stop it for good, and remove its data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Do something as the superuser, in no transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def create_database(self, template: str = "template0") -> str:
        """The name of a new database, a copy of another that nobody is connected to."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, "-D", self._data, *arguments],
            check=True,
            capture_output=True,
            cwd=self._folder,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            timeout=_SECONDS,
        )

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError((self._folder / "log").read_text(errors="replace"))
        try:
            psycopg.connect(self.url(), connect_timeout=_SECONDS).close()
        except psycopg.OperationalError:
            return False
        return True

    def _end(self, how: signal.Signals) -> None:
        process, all_of_it = self._process, self._processes()
        if process is None:
            return
        self._process = None
        # A stopped process would not follow.
        for pid in all_of_it:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how if how is signal.SIGKILL else signal.SIGCONT)
        process.send_signal(how)
        process.wait(_SECONDS)
        eventually(lambda: not any(map(_is_alive, all_of_it)), seconds=_SECONDS, what="PostgreSQL has ended")

    def _processes(self) -> list[int]:
        """The server and its children, the server first."""
        if self._process is None:
            return []
        server = self._process.pid
        return [server, *(pid for pid in _all_processes() if _parent(pid) == server)]


def _all_processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _status(pid: int) -> list[str]:
    """State and parent of a process, first; nothing if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int | None:
    status = _status(pid)
    return int(status[1]) if status else None


def _is_alive(pid: int) -> bool:
    status = _status(pid)
    return bool(status) and status[0] != "Z"


@cache
def shared_server() -> PostgresqlServer:
    """
    The server of all tests of this process, running.

    :raises SkipTest: there is no PostgreSQL.
    """
    server = PostgresqlServer()
    atexit.register(server.remove)
    server.start()
    return server
