"""How long a session waits for the reply to NOOP while others move large files."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from benchmarks.bulk import bulk_transfers
from benchmarks.launch import Running
from benchmarks.work import SETTLE_SECONDS, Work

__all__ = ["noop_under_load"]

# Between two commands, so that they come at all moments of what the server does, and are no load of their own.
_PAUSE = 0.001
_GIGA = 1e9
_FEWEST = 100


def noop_under_load(verbs: Sequence[str]) -> Callable[[Running, Work], tuple[float, ...]]:
    """
    The work of a session that says NOOP, with one bulk transfer for each of the verbs (``RETR``, ``STOR``) beside it.

    Its figures are the median, the 99th percentile and the longest of the waits, in milliseconds, and the GB a second
    of the bulk transfers in all.
    """

    def run(server: Running, work: Work) -> tuple[float, ...]:
        waits: list[float] = []
        with server.session() as session, bulk_transfers(server, work.root, verbs) as bulk:
            time.sleep(SETTLE_SECONDS)
            end = time.perf_counter() + work.sizes.seconds
            while (begin := time.perf_counter()) < end or len(waits) < _FEWEST:
                session.command("NOOP", b"200")
                waits.append((time.perf_counter() - begin) * 1000)
                time.sleep(_PAUSE)
        cuts = statistics.quantiles(waits, n=100, method="inclusive")
        return cuts[49], cuts[98], max(waits), bulk.speed / _GIGA

    return run
