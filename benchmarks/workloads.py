"""
The work, the same for every server.

A workload is a function of a running server and the `Work` folder that gives one figure, or several.
Sessions are logged in before the clock starts, except where logins are the work, and what
was stored is checked for its size and removed after it has stopped.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import attrs

from benchmarks import bare, clients, secure_workloads
from benchmarks.latency import noop_under_load
from benchmarks.launch import Running
from benchmarks.many import transfers_at_once
from benchmarks.meter import metered
from benchmarks.peers import Mode
from benchmarks.processes import memory
from benchmarks.work import DISTINCT, SETTLE_SECONDS, Work, rate, throughput

__all__ = ["BARE", "WORKLOADS", "Figures", "Row", "Workload"]

_WARM_SESSIONS = 5
# Sessions at once do so many times more in all than one, or it would be over too soon.
_AT_ONCE_MORE = 5
_PROCESSOR = "seconds a GiB"


Figures = float | tuple[float, ...]


@attrs.frozen
class Row:
    """
    One row of the report: what it is called, and the unit of its figure.

    ``more`` says whether more is better. ``against`` is the name of a row of the same unit with which ftpx compares
    its own figure.
    """

    name: str
    title: str
    unit: str
    more: bool = attrs.field(default=True, kw_only=True)
    against: str = attrs.field(default="", kw_only=True)


@attrs.frozen
class Workload(Row):
    """
    How the figure of a row comes about, and those of the ``further`` rows, in their order.

    ``fresh`` work gets a server of its own and is done once, as it counts something that does
    not depend on the hour. ``mode`` is how the servers are started; those that have not that do
    not take part.
    """

    run: Callable[[Running, Work], Figures]
    fresh: bool = attrs.field(default=False, kw_only=True)
    mode: Mode = attrs.field(default=Mode.CLEAR, kw_only=True)
    further: tuple[Row, ...] = attrs.field(default=(), kw_only=True)

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows that the work gives a figure for."""
        return self, *self.further


def _retrieve(server: Running, work: Work) -> Figures:
    with server.session() as session, metered(server) as meter:
        size = session.retrieve("large")
    return meter.moved(size, work.sizes.transfer)


def _store(server: Running, work: Work) -> Figures:
    size = work.sizes.transfer
    with server.session() as session, work.source("large") as source, metered(server) as meter:
        session.store("stored/large", source, size)
    work.collect(1, size)
    return meter.moved(size, size)


def _bare_retrieve(server: Running, work: Work) -> Figures:
    with metered(server) as meter:
        size = bare.retrieve(server.port, "large")
    return meter.moved(size, work.sizes.transfer)


def _bare_store(verb: str) -> Callable[[Running, Work], Figures]:
    def run(server: Running, work: Work) -> Figures:
        size = work.sizes.transfer
        with work.source("large") as source, metered(server) as meter:
            bare.store(server.port, "stored/large", source, size, verb)
        work.collect(1, size)
        return meter.moved(size, size)

    return run


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


def _large(
    name: str,
    title: str,
    run: Callable[[Running, Work], Figures],
    *,
    mode: Mode = Mode.CLEAR,
    against: str = "",
) -> Workload:
    """One large file: its speed, and what it takes of the processors."""
    beside = against and f"{against}-processor"
    cost = Row(f"{name}-processor", f"{title}: processor", _PROCESSOR, more=False, against=beside)
    return Workload(name, title, "GB/s", run, mode=mode, further=(cost,), against=against)


def _many(name: str, title: str, run: Callable[[Running, Work], Figures]) -> Workload:
    """Many transfers at once: the speed of all, and how evenly they share it."""
    spread = Row(f"{name}-spread", f"{title}: slowest to fastest", "times as long", more=False)
    return Workload(name, f"{title}, checked", "GB/s", run, further=(spread,))


def _under_load(name: str, verbs: tuple[str, ...], beside: str) -> Workload:
    """NOOP beside bulk transfers: the waits of most and of the unlucky, and what the transfers got done."""
    return Workload(
        name,
        f"NOOP beside {beside}, median",
        "ms",
        noop_under_load(verbs),
        more=False,
        further=(
            Row(f"{name}-p99", f"NOOP beside {beside}, 99 of 100", "ms", more=False),
            Row(f"{name}-longest", f"NOOP beside {beside}, longest", "ms", more=False),
            Row(f"{name}-bulk", f"{beside} beside NOOP, in all", "GB/s"),
        ),
    )


WORKLOADS = {
    workload.name: workload
    for workload in (
        _large("retr", "RETR of one large file", _retrieve),
        _large("stor", "STOR of one large file", _store),
        _large("stor-digest", "STOR with a SHA-256 of every octet", _store, mode=Mode.DIGEST, against="stor"),
        Workload("retr-at-once", "downloads at once, in all", "GB/s", _retrieve_at_once),
        Workload("stor-at-once", "uploads at once, in all", "GB/s", _store_at_once),
        _many("many-50", "50 transfers at once", transfers_at_once(50, lambda work: work.sizes.few_each)),
        _many("many-500", "500 transfers at once", transfers_at_once(500, lambda work: work.sizes.many_each)),
        _under_load("noop-under-load", ("RETR",) * 4, "4 downloads"),
        _under_load("noop-under-uploads", ("STOR",) * 4, "4 uploads"),
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
        _large("tls-retr", "TLS: RETR of one large file", secure_workloads.retrieve, mode=Mode.TLS),
        _large("tls-stor", "TLS: STOR of one large file", secure_workloads.store, mode=Mode.TLS),
        Workload("tls-retr-small", "TLS: small files fetched", "a second", _retrieve_small, mode=Mode.TLS),
        Workload("tls-logins", "TLS: logins, with connect and QUIT", "a second", _logins, mode=Mode.TLS),
        Workload(
            "tls-memory", "TLS: memory of an idle session", "KiB", _idle_memory, more=False, fresh=True, mode=Mode.TLS
        ),
        Workload(
            "tls-stalled",
            "TLS: NOOP while handshakes stall",
            "times the usual rate",
            secure_workloads.stalled,
            mode=Mode.TLS,
        ),
    )
}
BARE = {
    "retr": _bare_retrieve,
    "stor": _bare_store("STOR"),
    "stor-digest": _bare_store("HASH"),
    "tls-retr": secure_workloads.bare_retrieve,
    "tls-stor": secure_workloads.bare_store,
}
