"""How long something took a server: by the clock, and of the processors."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import attrs

from benchmarks.launch import Running
from benchmarks.processes import processor_seconds
from benchmarks.work import throughput

__all__ = ["Meter", "metered"]

_GIB = 1 << 30


@attrs.define
class Meter:
    """Seconds by the clock, and seconds of the processors that the server's processes took."""

    elapsed: float = 0.0
    processor: float = 0.0

    def moved(self, size: int, wanted: int) -> tuple[float, float]:
        """GB a second, and processor seconds for a GiB; `RuntimeError` unless as much was moved as was ``wanted``."""
        return throughput(size, wanted, self.elapsed), self.processor * _GIB / size


@contextlib.contextmanager
def metered(server: Running) -> Iterator[Meter]:
    """
    Measure what is done inside; the meter tells it afterwards.

    Processes of the server have to be there before and after it: those of a session, as long as the session is open.
    """
    meter = Meter()
    spent = processor_seconds(server.process.pid)
    begin = time.perf_counter()
    yield meter
    meter.elapsed = time.perf_counter() - begin
    meter.processor = processor_seconds(server.process.pid) - spent
