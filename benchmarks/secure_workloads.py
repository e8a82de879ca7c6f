"""The work under TLS that is not the same as the work without: large files, and handshakes that stall."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from benchmarks import bare_secure, clients
from benchmarks.launch import Running
from benchmarks.meter import Meter, metered
from benchmarks.processes import family
from benchmarks.secure import SecureSession, half_of_a_client_hello
from benchmarks.work import SETTLE_SECONDS, Work, rate

__all__ = ["bare_retrieve", "bare_store", "retrieve", "stalled", "store"]

_END_SECONDS = 30.0


def retrieve(server: Running, work: Work) -> tuple[float, float]:
    """GB a second of the large file, from the command to the 226, and the processor seconds of a GiB."""
    size = work.sizes.transfer
    with _secure_session(server) as session, metered(server) as meter, session.transfer("RETR large") as data:
        data.discard(size)
    return meter.moved(size, size)


def store(server: Running, work: Work) -> tuple[float, float]:
    """GB a second of the large file, encrypted before, from its first octet to the 226; and the processor seconds."""
    size = work.sizes.transfer
    with _secure_session(server) as session, work.source("large") as source, contextlib.ExitStack() as stack:
        # The meter is entered last, and left when the transfer has had its 226.
        meter = Meter()
        with session.transfer("STOR stored/large") as data, data.encrypt(source, size) as upload:
            meter = stack.enter_context(metered(server))
            data.send(upload)
        stack.close()
    work.collect(1, size)
    return meter.moved(size, size)


def bare_retrieve(server: Running, work: Work) -> tuple[float, float]:
    """What `retrieve` is with the faster of the bare loops, and with the one that takes less of the processors."""
    size = work.sizes.transfer

    def run(library: str) -> Meter:
        with metered(server) as meter, bare_secure.ask(server.port, f"{library} RETR large") as connection:
            connection.discard(size)
        return meter

    return _best([run(library) for library in bare_secure.LIBRARIES], size)


def bare_store(server: Running, work: Work) -> tuple[float, float]:
    """What `store` is with the faster of the bare loops, and with the one that takes less of the processors."""
    size = work.sizes.transfer

    def run(library: str) -> Meter:
        with (
            work.source("large") as source,
            bare_secure.ask(server.port, f"{library} STOR stored/large") as connection,
            connection.encrypt(source, size) as upload,
            metered(server) as meter,
        ):
            connection.send(upload)
        work.collect(1, size)
        return meter

    return _best([run(library) for library in bare_secure.LIBRARIES], size)


def _best(meters: list[Meter], size: int) -> tuple[float, float]:
    best = Meter(min(meter.elapsed for meter in meters), min(meter.processor for meter in meters))
    return best.moved(size, size)


def stalled(server: Running, work: Work) -> float:
    """How much of its rate of NOOP a session keeps while many others have stopped in their handshake."""
    with server.session() as session:

        def ask(_: int) -> None:
            session.command("NOOP", b"200")

        before = rate(work, work.sizes.operations, ask)[0]
        processes = len(family(server.process.pid))
        with _half_open(server, work.sizes.stalled):
            crowded = rate(work, work.sizes.operations, ask)[0]
        _wait_for_ends(server, processes)
        after = rate(work, work.sizes.operations, ask)[0]
    return 2 * crowded / (before + after)


@contextlib.contextmanager
def _half_open(server: Running, count: int) -> Iterator[None]:
    """Connections that were asked for a handshake and say no more than half of their first message."""
    hello = half_of_a_client_hello()
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            session = stack.enter_context(clients.Session.greeted(server.port))
            session.command("AUTH TLS", b"234")
            session.send_octets(hello)
        time.sleep(SETTLE_SECONDS)
        yield


def _wait_for_ends(server: Running, processes: int) -> None:
    """Wait until a server that starts a process for every connection has ended them, for half a minute at most."""
    time.sleep(SETTLE_SECONDS)
    end = time.monotonic() + _END_SECONDS
    while len(family(server.process.pid)) > processes and time.monotonic() < end:
        time.sleep(SETTLE_SECONDS)


def _secure_session(server: Running) -> SecureSession:
    session = server.session()
    if not isinstance(session, SecureSession):
        raise TypeError("the server was not started with TLS")
    return session
