"""
The work, the same for every server.

A workload is a function of a running server and the `Work` folder that gives one figure.
Sessions are logged in before the clock starts, except where logins are the work, and what
was stored is checked for its size and removed after it has stopped.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import attrs

from benchmarks import bare, clients, secure_workloads
from benchmarks.launch import Running
from benchmarks.processes import memory
from benchmarks.work import DISTINCT, SETTLE_SECONDS, Work, rate, throughput

__all__ = ["BARE", "WORKLOADS", "Workload"]

_WARM_SESSIONS = 5
# Sessions at once do so many times more in all than one, or it would be over too soon.
_AT_ONCE_MORE = 5


@attrs.frozen
class Workload:
    """
    One row: what it is called, the unit of its figure, and how it is run.

    ``more`` says whether more is better. ``fresh`` work gets a server of its own and is done
    once, as it counts something that does not depend on the hour. ``tls`` work is done on the
    peers that have TLS, with their control and data connections under it.
    """

    name: str
    title: str
    unit: str
    run: Callable[[Running, Work], float]
    more: bool = True
    fresh: bool = False
    tls: bool = False


def _retrieve(server: Running, work: Work) -> float:
    with server.session() as session:
        begin = time.perf_counter()
        size = session.retrieve("large")
        elapsed = time.perf_counter() - begin
    return throughput(size, work.sizes.transfer, elapsed)


def _store(server: Running, work: Work) -> float:
    size = work.sizes.transfer
    with server.session() as session, work.source("large") as source:
        begin = time.perf_counter()
        session.store("stored/large", source, size)
        elapsed = time.perf_counter() - begin
    work.collect(1, size)
    return throughput(size, size, elapsed)


def _bare_retrieve(server: Running, work: Work) -> float:
    begin = time.perf_counter()
    size = bare.retrieve(server.port, "large")
    return throughput(size, work.sizes.transfer, time.perf_counter() - begin)


def _bare_store(server: Running, work: Work) -> float:
    size = work.sizes.transfer
    with work.source("large") as source:
        begin = time.perf_counter()
        bare.store(server.port, "stored/large", source, size)
        elapsed = time.perf_counter() - begin
    work.collect(1, size)
    return throughput(size, size, elapsed)


def _retrieve_at_once(server: Running, work: Work) -> float:
    with _sessions(server, work.sizes.at_once) as sessions:
        begin = time.perf_counter()
        size = clients.exchange(sessions, ["RETR each"] * len(sessions), None, 0)
        elapsed = time.perf_counter() - begin
    return throughput(size, work.sizes.each * work.sizes.at_once, elapsed)


def _store_at_once(server: Running, work: Work) -> float:
    lines = [f"STOR stored/{number}" for number in range(work.sizes.at_once)]
    with _sessions(server, work.sizes.at_once) as sessions, work.source("each") as source:
        begin = time.perf_counter()
        size = clients.exchange(sessions, lines, source, work.sizes.each)
        elapsed = time.perf_counter() - begin
    work.collect(work.sizes.at_once, work.sizes.each)
    return throughput(size, work.sizes.each * work.sizes.at_once, elapsed)


def _retrieve_small(server: Running, work: Work) -> float:
    def fetch(number: int) -> None:
        if session.retrieve(f"small/{number % DISTINCT}") != work.sizes.small:
            raise RuntimeError("a small file came back with another size")

    with server.session() as session:
        return rate(work, work.sizes.small_files, fetch)[0]


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

        return rate(work, work.sizes.small_files * _AT_ONCE_MORE, fetch, len(sessions))[0]


def _store_small(server: Running, work: Work) -> float:
    with server.session() as session, work.source("small/0") as source:
        speed, count = rate(
            work, work.sizes.small_files, lambda number: session.store(f"stored/{number}", source, work.sizes.small)
        )
    work.collect(count, work.sizes.small)
    return speed


def _commands(line: str, code: bytes) -> Callable[[Running, Work], float]:
    def run(server: Running, work: Work) -> float:
        with server.session() as session:
            return rate(work, work.sizes.operations, lambda _: session.command(line, code))[0]

    return run


def _commands_at_once(line: str, code: bytes) -> Callable[[Running, Work], float]:
    def run(server: Running, work: Work) -> float:
        with _sessions(server, work.sizes.at_once) as sessions:

            def ask(_: int) -> None:
                for session in sessions:
                    session.send(line)
                for session in sessions:
                    session.expect(code)

            return rate(work, work.sizes.operations * _AT_ONCE_MORE, ask, len(sessions))[0]

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

    return rate(work, work.sizes.logins * _AT_ONCE_MORE, visit, work.sizes.at_once)[0]


def _logins(server: Running, work: Work) -> float:
    def visit(_: int) -> None:
        with server.login() as session:
            session.command("QUIT", b"221")

    return rate(work, work.sizes.logins, visit)[0]


def _idle_memory(server: Running, work: Work) -> float:
    with _sessions(server, _WARM_SESSIONS):
        pass
    time.sleep(SETTLE_SECONDS)
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
        Workload("tls-retr", "TLS: RETR of one large file", "GB/s", secure_workloads.retrieve, tls=True),
        Workload("tls-stor", "TLS: STOR of one large file", "GB/s", secure_workloads.store, tls=True),
        Workload("tls-retr-small", "TLS: small files fetched", "a second", _retrieve_small, tls=True),
        Workload("tls-logins", "TLS: logins, with connect and QUIT", "a second", _logins, tls=True),
        Workload("tls-memory", "TLS: memory of an idle session", "KiB", _idle_memory, more=False, fresh=True, tls=True),
        Workload(
            "tls-stalled",
            "TLS: NOOP while handshakes stall",
            "times the usual rate",
            secure_workloads.stalled,
            tls=True,
        ),
    )
}
BARE = {
    "retr": _bare_retrieve,
    "stor": _bare_store,
    "tls-retr": secure_workloads.bare_retrieve,
    "tls-stor": secure_workloads.bare_store,
}
