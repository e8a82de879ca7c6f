"""
The work, the same for every server.

A workload is a function of a running server and the `Work` folder that gives one figure.
Sessions are logged in before the clock starts, except where logins are the work, and what
was stored is checked for its size and removed after it has stopped.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from benchmarks import bare, clients
from benchmarks.launch import Running
from benchmarks.processes import memory

__all__ = ["BARE", "WORKLOADS", "Sizes", "Work", "Workload"]

_GIGA = 1e9
_WARM_SESSIONS = 5
_DISTINCT = 200
# Sessions at once do so many times more in all than one, or it would be over too soon.
_AT_ONCE_MORE = 5


@attrs.frozen
class Sizes:
    """
    How much work there is; sizes are in octets.

    A workload that counts operations stops after so many of them, or after ``seconds``,
    whichever comes first.
    """

    transfer: int = 1 << 30
    at_once: int = 50
    each: int = 20 << 20
    small: int = 1 << 10
    small_files: int = 2000
    operations: int = 5000
    seconds: float = 3.0
    logins: int = 300
    sessions: int = 2000
    entries: int = 20000


@attrs.frozen
class Work:
    """The folder that is served: read from its top, stored into ``stored``."""

    root: Path
    sizes: Sizes

    def prepare(self) -> None:
        """Write the files. The folder itself stays closed to writers, as vsftpd wants it."""
        for name in ("stored", "small", "many"):
            (self.root / name).mkdir(parents=True)
        (self.root / "stored").chmod(0o777)
        self._fill("large", self.sizes.transfer)
        self._fill("each", self.sizes.each)
        for number in range(_DISTINCT):
            self._fill(f"small/{number}", self.sizes.small)
        for number in range(self.sizes.entries):
            (self.root / "many" / f"entry-{number:06}.dat").touch()
        # The memory that uploads will fill is touched once, so that the first of them finds it no slower than the last.
        self._fill("stored/room", max(self.sizes.transfer, self.sizes.each * self.sizes.at_once))
        self.clear()

    @contextlib.contextmanager
    def source(self, name: str) -> Iterator[int]:
        """The descriptor of a prepared file, to upload from."""
        descriptor = os.open(self.root / name, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def collect(self, count: int, size: int) -> None:
        """Remove what was stored; `RuntimeError` unless it was ``count`` files of ``size`` octets."""
        found = [path.stat().st_size for path in (self.root / "stored").iterdir()]
        self.clear()
        if found != [size] * count:
            raise RuntimeError(f"{len(found)} files arrived, {count} were stored; or their sizes are wrong")

    def clear(self) -> None:
        """Remove what was stored, whatever it is."""
        for path in (self.root / "stored").iterdir():
            path.unlink()

    def _fill(self, name: str, size: int) -> None:
        block = os.urandom(min(size, 1 << 20))
        with (self.root / name).open("wb", buffering=0) as file:
            while (missing := size - file.tell()) > 0:
                file.write(block[:missing])


@attrs.frozen
class Workload:
    """
    One row: what it is called, the unit of its figure, and how it is run.

    ``more`` says whether more is better. ``fresh`` work gets a server of its own and is done
    once, as it counts something that does not depend on the hour.
    """

    name: str
    title: str
    unit: str
    run: Callable[[Running, Work], float]
    more: bool = True
    fresh: bool = False


def _retrieve(server: Running, work: Work) -> float:
    with server.session() as session:
        begin = time.perf_counter()
        size = session.retrieve("large")
        elapsed = time.perf_counter() - begin
    return _throughput(size, work.sizes.transfer, elapsed)


def _store(server: Running, work: Work) -> float:
    size = work.sizes.transfer
    with server.session() as session, work.source("large") as source:
        begin = time.perf_counter()
        session.store("stored/large", source, size)
        elapsed = time.perf_counter() - begin
    work.collect(1, size)
    return size / elapsed / _GIGA


def _bare_retrieve(server: Running, work: Work) -> float:
    begin = time.perf_counter()
    size = bare.retrieve(server.port, "large")
    return _throughput(size, work.sizes.transfer, time.perf_counter() - begin)


def _bare_store(server: Running, work: Work) -> float:
    size = work.sizes.transfer
    with work.source("large") as source:
        begin = time.perf_counter()
        bare.store(server.port, "stored/large", source, size)
        elapsed = time.perf_counter() - begin
    work.collect(1, size)
    return size / elapsed / _GIGA


def _retrieve_at_once(server: Running, work: Work) -> float:
    with _sessions(server, work.sizes.at_once) as sessions:
        begin = time.perf_counter()
        size = clients.exchange(sessions, ["RETR each"] * len(sessions), None, 0)
        elapsed = time.perf_counter() - begin
    return _throughput(size, work.sizes.each * work.sizes.at_once, elapsed)


def _store_at_once(server: Running, work: Work) -> float:
    lines = [f"STOR stored/{number}" for number in range(work.sizes.at_once)]
    with _sessions(server, work.sizes.at_once) as sessions, work.source("each") as source:
        begin = time.perf_counter()
        size = clients.exchange(sessions, lines, source, work.sizes.each)
        elapsed = time.perf_counter() - begin
    work.collect(work.sizes.at_once, work.sizes.each)
    return _throughput(size, work.sizes.each * work.sizes.at_once, elapsed)


def _retrieve_small(server: Running, work: Work) -> float:
    def fetch(number: int) -> None:
        if session.retrieve(f"small/{number % _DISTINCT}") != work.sizes.small:
            raise RuntimeError("a small file came back with another size")

    with server.session() as session:
        return _rate(work, work.sizes.small_files, fetch)[0]


def _retrieve_small_at_once(server: Running, work: Work) -> float:
    with _sessions(server, work.sizes.at_once) as sessions:

        def fetch(_: int) -> None:
            for session in sessions:
                session.send("EPSV")
            data = [session.passive_opened() for session in sessions]
            for number, session in enumerate(sessions):
                session.send(f"RETR small/{number}")
            for session, connection in zip(sessions, data, strict=True):
                if session.retrieved(connection) != work.sizes.small:
                    raise RuntimeError("a small file came back with another size")

        return _rate(work, work.sizes.small_files * _AT_ONCE_MORE, fetch, len(sessions))[0]


def _store_small(server: Running, work: Work) -> float:
    with server.session() as session, work.source("small/0") as source:
        rate, count = _rate(
            work, work.sizes.small_files, lambda number: session.store(f"stored/{number}", source, work.sizes.small)
        )
    work.collect(count, work.sizes.small)
    return rate


def _commands(line: str, code: bytes) -> Callable[[Running, Work], float]:
    def run(server: Running, work: Work) -> float:
        with server.session() as session:
            return _rate(work, work.sizes.operations, lambda _: session.command(line, code))[0]

    return run


def _commands_at_once(line: str, code: bytes) -> Callable[[Running, Work], float]:
    def run(server: Running, work: Work) -> float:
        with _sessions(server, work.sizes.at_once) as sessions:

            def ask(_: int) -> None:
                for session in sessions:
                    session.send(line)
                for session in sessions:
                    session.expect(code)

            return _rate(work, work.sizes.operations * _AT_ONCE_MORE, ask, len(sessions))[0]

    return run


def _logins_at_once(server: Running, work: Work) -> float:
    def visit(_: int) -> None:
        with contextlib.ExitStack() as stack:
            sessions = [stack.enter_context(clients.Session(server.port)) for _ in range(work.sizes.at_once)]
            for session in sessions:
                session.expect(b"220")
                session.send(f"USER {server.launch.user}")
            asked = [session for session in sessions if session.expect(b"331", b"230").startswith(b"331")]
            for session in asked:
                session.send(f"PASS {server.launch.password}")
            for session in asked:
                session.expect(b"230")
            for session in sessions:
                session.send("QUIT")
            for session in sessions:
                session.expect(b"221")

    return _rate(work, work.sizes.logins * _AT_ONCE_MORE, visit, work.sizes.at_once)[0]


def _logins(server: Running, work: Work) -> float:
    def visit(_: int) -> None:
        with server.login() as session:
            session.command("QUIT", b"221")

    return _rate(work, work.sizes.logins, visit)[0]


def _idle_memory(server: Running, work: Work) -> float:
    with _sessions(server, _WARM_SESSIONS):
        pass
    time.sleep(0.5)
    before = memory(server.process.pid)
    with _sessions(server, work.sizes.sessions) as sessions:
        after = memory(server.process.pid)
        for session in (sessions[0], sessions[-1]):
            session.command("NOOP", b"200")
    return (after - before) / work.sizes.sessions / 1024


def _listing(verb: str) -> Callable[[Running, Work], float]:
    def run(server: Running, work: Work) -> float:
        with server.session() as session:
            session.command("CWD many", b"250")
            begin = time.perf_counter()
            lines = session.count_lines(verb)
            elapsed = time.perf_counter() - begin
        if lines < work.sizes.entries:
            raise RuntimeError(f"only {lines} of {work.sizes.entries} entries were listed")
        return work.sizes.entries / elapsed

    return run


def _throughput(size: int, wanted: int, elapsed: float) -> float:
    if size != wanted:
        raise RuntimeError(f"{size} octets came, not {wanted}")
    return size / elapsed / _GIGA


def _rate(work: Work, operations: int, operation: Callable[[int], object], each: int = 1) -> tuple[float, int]:
    """Operations a second, and how many there were; a call of ``operation`` is ``each`` of them."""
    count = 0
    begin = time.perf_counter()
    end = begin + work.sizes.seconds
    now = begin
    while count < operations and now < end:
        operation(count)
        count += each
        now = time.perf_counter()
    return count / (now - begin), count


@contextlib.contextmanager
def _sessions(server: Running, count: int) -> Iterator[list[clients.Session]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(server.session()) for _ in range(count)]


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("retr", "RETR of one large file", "GB/s", _retrieve),
        Workload("stor", "STOR of one large file", "GB/s", _store),
        Workload("retr-at-once", "downloads at once, in all", "GB/s", _retrieve_at_once),
        Workload("stor-at-once", "uploads at once, in all", "GB/s", _store_at_once),
        Workload("retr-small", "small files fetched", "a second", _retrieve_small),
        Workload("retr-small-at-once", "small files fetched at once, in all", "a second", _retrieve_small_at_once),
        Workload("stor-small", "small files stored", "a second", _store_small),
        Workload("noop", "NOOP", "a second", _commands("NOOP", b"200")),
        Workload("noop-at-once", "NOOP at once, in all", "a second", _commands_at_once("NOOP", b"200")),
        Workload("size", "SIZE", "a second", _commands("SIZE large", b"213")),
        Workload("size-at-once", "SIZE at once, in all", "a second", _commands_at_once("SIZE large", b"213")),
        Workload("logins", "logins, with connect and QUIT", "a second", _logins),
        Workload("logins-at-once", "logins at once, in all", "a second", _logins_at_once),
        Workload("memory", "memory of an idle session", "KiB", _idle_memory, more=False, fresh=True),
        Workload("list", "LIST, entries", "a second", _listing("LIST")),
        Workload("mlsd", "MLSD, entries", "a second", _listing("MLSD")),
    )
}
BARE = {"retr": _bare_retrieve, "stor": _bare_store}
