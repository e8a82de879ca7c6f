"""
Logins of a database's users, against the real server: ``python -m benchmarks.logins``.

One after the other, among many users: how long the reply to PASS takes, and how much of it is the hash. And many at
once: whether another session is answered meanwhile.
"""

from __future__ import annotations

import argparse
import selectors
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from sqlalchemy import update

from benchmarks.accounts import fill, name_of
from benchmarks.launch import Launch, Running, free_port, start
from ftpx.accounts.database.connection import open_database, parse_url, transaction
from ftpx.accounts.database.schema import users
from ftpx.accounts.passwords import Argon2Passwords
from ftpx.accounts.settings import Settings

__all__ = ["main"]

_SEED = 959
_PASSWORD = "correct horse"
_PROJECT = Path(__file__).resolve().parents[1]
_TWISTD = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"


class _Login:
    """A control connection, line by line."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._replies = self._socket.makefile("rb")
        self._reply()

    def _reply(self) -> bytes:
        return self._replies.readline()

    def ask(self, line: str) -> bytes:
        """Send a command; the reply."""
        self.send(line)
        return self._reply()

    def send(self, line: str) -> None:
        """Send a command, and do not wait."""
        self._socket.sendall(f"{line}\r\n".encode())

    def code(self) -> bytes:
        """The code of the next reply."""
        return self._reply()[:3]

    def fileno(self) -> int:
        """Its descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """End it."""
        self._replies.close()
        self._socket.close()


def main(arguments: Sequence[str]) -> None:
    """Make users, start a server, and print both."""
    parser = argparse.ArgumentParser("python -m benchmarks.logins", description=__doc__)
    parser.add_argument("--users", type=int, default=100_000, help="how many users there are (default 100000)")
    parser.add_argument("--logins", type=int, default=500, help="how many log in (default 500)")
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured (default 3)")
    parser.add_argument("--accounts", help="another database than SQLite in a new file; it must be empty")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ftpx-benchmark-") as folder:
        url = options.accounts or f"sqlite:{folder}/accounts"
        names = _make_users(url, options.users, options.logins)
        for number in range(1, options.rounds + 1):
            with _server(url, Path(folder)) as server:
                print(f"round {number}: {_sequence(server, names)}")
                print(f"round {number}: {_storm(server, names)}")


def _make_users(url: str, count: int, logins: int) -> list[str]:
    """Fill a database, and give some of the users a password."""
    engine = open_database(parse_url(url))
    fill(engine, count)
    names = [name_of(id) for id in Random(_SEED).sample(range(1, count + 1), logins)]
    stored = Argon2Passwords().hash(_PASSWORD.encode(), Settings())
    with transaction(engine, write=True) as connection:
        for name in names:
            connection.execute(update(users).where(users.c.name == name).values(password=stored))
    engine.dispose()
    return names


@contextmanager
def _server(url: str, folder: Path) -> Iterator[Running]:
    (folder / "root").mkdir(exist_ok=True)
    port = free_port()
    options = ("--port", f"tcp:{port}:interface=127.0.0.1", "--root", str(folder / "root"), "--accounts", url)
    command = (sys.executable, "-c", _TWISTD, "-n", "--pidfile=", "ftpx", *options)
    running = start(Launch(command, {"PYTHONPATH": str(_PROJECT)}), port, folder / "log")
    try:
        yield running
    finally:
        running.stop()


def _sequence(server: Running, names: Sequence[str]) -> str:
    """One login after the other, each with a hash of the same password beside it in the same run."""
    hashes, stored = Argon2Passwords(), Argon2Passwords().hash(_PASSWORD.encode(), Settings())
    waits, hashing = [], []
    for name in names:
        login = _Login(server.port)
        login.ask(f"USER {name}")
        begin = time.perf_counter()
        reply = login.ask(f"PASS {_PASSWORD}")
        waits.append((time.perf_counter() - begin) * 1000)
        if not reply.startswith(b"230"):
            raise RuntimeError(f"{name} was not let in: {reply!r}")
        login.close()
        begin = time.perf_counter()
        hashes.verify(stored, _PASSWORD.encode(), Settings())
        hashing.append((time.perf_counter() - begin) * 1000)
    whole, hashed = statistics.median(waits), statistics.median(hashing)
    return f"a login took {whole:.2f} ms in the median, a hash {hashed:.2f} ms: {whole - hashed:.2f} ms apart from it"


def _storm(server: Running, names: Sequence[str]) -> str:
    """All at once, and NOOP of one who is in."""
    with ExitStack() as stack:
        witness = _Login(server.port)
        stack.callback(witness.close)
        witness.ask(f"USER {names[0]}")
        witness.ask(f"PASS {_PASSWORD}")
        logins = [_Login(server.port) for _ in names]
        for login, name in zip(logins, names, strict=True):
            stack.callback(login.close)
            login.ask(f"USER {name}")
        begin = time.perf_counter()
        for login in logins:
            login.send(f"PASS {_PASSWORD}")
        waits: list[float] = []
        codes: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            for login in logins:
                selector.register(login, selectors.EVENT_READ, login)
            while len(codes) < len(logins):
                asked = time.perf_counter()
                witness.ask("NOOP")
                waits.append((time.perf_counter() - asked) * 1000)
                for key, _ in selector.select(0.001):
                    codes.append(key.data.code())
                    selector.unregister(key.data)
        seconds = time.perf_counter() - begin
    refused = sum(code != b"230" for code in codes)
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    figures = f"median {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms, longest {max(waits):.2f} ms"
    return f"{len(names)} at once in {seconds:.1f} s, {refused} refused; {len(waits)} NOOPs meanwhile: {figures}"


if __name__ == "__main__":
    main(sys.argv[1:])
