"""
Rounds: every workload on every server in turn, several times over, each time in another order.

What a machine can do wanders from minute to minute, so servers are only ever compared
within a round.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from benchmarks.certificate import write_certificate, write_openssl_settings
from benchmarks.clients import RefusedError
from benchmarks.launch import Running, free_port, start
from benchmarks.network import wait_for_ports
from benchmarks.packages import Packages, UnavailableError
from benchmarks.peers import BARE as BARE_PEER
from benchmarks.peers import Mode, Peer, Setting
from benchmarks.work import MOST_AT_ONCE, Work, WrongOctetsError
from benchmarks.workloads import BARE, Figures, Workload

__all__ = ["Field", "Results", "compare", "obtain"]

_SPARE_SESSIONS = 200


@attrs.frozen
class Results:
    """
    What was measured: a figure a round for each row and server.

    A round that failed is None; why is in ``notes``, as are peers that could not be had. Where
    octets were lost or changed is in ``wrong``, too.
    """

    servers: tuple[str, ...]
    figures: dict[tuple[str, str], list[float | None]] = attrs.Factory(dict)
    notes: list[str] = attrs.Factory(list)
    wrong: list[str] = attrs.Factory(list)

    def note(self, text: str) -> None:
        """Remember a line for the report, once."""
        if text not in self.notes:
            self.notes.append(text)


@attrs.define
class Field:
    """
    The servers that compete: started when first needed, started again after a failure.

    A peer may run in several modes. What all of them share is in the folder ``own``.
    """

    packages: Packages
    work: Work
    own: Path
    profile: Path | None = None
    _running: dict[tuple[str, Mode], Running] = attrs.Factory(dict)
    _starts: int = 0

    def server(self, peer: Peer, mode: Mode = Mode.CLEAR) -> Running:
        """The running server of a peer. `UnavailableError` or `RuntimeError` if it cannot be started."""
        if (peer.name, mode) not in self._running:
            self._running[peer.name, mode] = self._start(peer, mode, self.profile)
        return self._running[peer.name, mode]

    @contextlib.contextmanager
    def fresh(self, peer: Peer, mode: Mode = Mode.CLEAR) -> Iterator[Running]:
        """A server of a peer that has done nothing yet."""
        running = self._start(peer, mode, None)
        try:
            yield running
        finally:
            running.stop()

    def drop(self, peer: Peer, mode: Mode = Mode.CLEAR) -> None:
        """Stop a peer's server, if it runs."""
        running = self._running.pop((peer.name, mode), None)
        if running is not None:
            running.stop()

    def prepare(self) -> None:
        """Write the files that are served, and the certificate."""
        self.work.prepare()
        write_certificate(self.own / "certificate.pem")
        write_openssl_settings(self.own / "openssl.cnf")

    def close(self) -> None:
        """Stop every server."""
        while self._running:
            self._running.popitem()[1].stop()

    def _start(self, peer: Peer, mode: Mode, profile: Path | None) -> Running:
        launch = peer.launcher(mode)
        if launch is None:
            raise UnavailableError(f"{peer.name} has no {mode.value}")
        self._starts += 1
        folder = self.own / f"{self._starts}-{peer.name.replace(' ', '-')}"
        folder.mkdir()
        setting = Setting(
            packages=self.packages,
            root=self.work.root,
            folder=folder,
            port=free_port(),
            sessions=max(self.work.sizes.sessions, MOST_AT_ONCE) + _SPARE_SESSIONS,
            certificate=self.own / "certificate.pem",
            openssl=self.own / "openssl.cnf",
            profile=profile,
        )
        return start(launch(setting), setting.port, folder / "log")


def obtain(packages: Packages, peers: Iterable[Peer]) -> dict[str, str]:
    """Fetch what is not there yet; the names of the peers that cannot be had, with the reason."""
    absent = {}
    for peer in peers:
        try:
            peer.obtain(packages)
        except UnavailableError as error:
            absent[peer.name] = str(error)
    return absent


def compare(
    field: Field, peers: Sequence[Peer], missing: Mapping[str, str], workloads: Sequence[Workload], rounds: int
) -> Results:
    """Run everything; a peer that is ``missing``, cannot start or fails is noted and the others go on."""
    bare = [BARE_PEER]
    absent = {**missing, **_that_do_not_start(field, [peer for peer in peers if peer.name not in missing])}
    present = [peer for peer in peers if peer.name not in absent]
    fastest = bare if any(workload.name in BARE for workload in workloads) else []
    results = Results(tuple(peer.name for peer in fastest + present))
    for name, reason in absent.items():
        results.note(f"{name}: {reason}")
    for workload in workloads:
        able = [peer for peer in present if peer.launcher(workload.mode)]
        entrants = (bare if workload.name in BARE else []) + able
        for turn in range(1 if workload.fresh else rounds):
            first = turn % len(entrants)
            for peer in entrants[first:] + entrants[:first]:
                _measure(field, results, workload, peer)
    return results


def _that_do_not_start(field: Field, peers: Iterable[Peer]) -> dict[str, str]:
    reasons = {}
    for peer in peers:
        try:
            field.server(peer)
        except (UnavailableError, RuntimeError, OSError) as error:
            reasons[peer.name] = str(error)
    return reasons


def _measure(field: Field, results: Results, workload: Workload, peer: Peer) -> None:
    series = [results.figures.setdefault((row.name, peer.name), []) for row in workload.rows]
    if None in series[0]:
        return
    wait_for_ports()
    figures: tuple[float | None, ...] = (None,) * len(series)
    try:
        figures = _figures(field, workload, peer)
    except (OSError, RefusedError, RuntimeError, UnavailableError, WrongOctetsError) as error:
        reason = f"{peer.name}, {workload.name}: {error}"
        results.note(reason)
        if isinstance(error, WrongOctetsError):
            results.wrong.append(reason)
        field.drop(peer, workload.mode)
    field.work.clear()
    for row, past, figure in zip(workload.rows, series, figures, strict=True):
        past.append(figure)
        shown = "-" if figure is None else f"{figure:,.2f} {row.unit}"
        print(f"{row.name:14} {peer.name:10} {shown}", file=sys.stderr, flush=True)


def _figures(field: Field, workload: Workload, peer: Peer) -> tuple[float, ...]:
    figures = _run(field, workload, peer)
    return figures if isinstance(figures, tuple) else (figures,)


def _run(field: Field, workload: Workload, peer: Peer) -> Figures:
    if workload.fresh:
        with field.fresh(peer, workload.mode) as server:
            return workload.run(server, field.work)
    run = BARE[workload.name] if peer is BARE_PEER else workload.run
    return run(field.server(peer, workload.mode), field.work)
