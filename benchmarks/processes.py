"""What the kernel says about a server's processes: who they are, their memory, and the time that they took."""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["birth", "family", "memory", "processor_seconds"]

# CPUCLOCK_SCHED of a whole process, see clock_getcpuclockid(3).
_CLOCK_OF_A_PROCESS = 2


def family(leader: int) -> list[int]:
    """The process ``leader`` and everything that descends from it or shares its session."""
    parents: dict[int, tuple[int, int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _status(entry)
            if fields:
                parents[int(entry.name)] = (int(fields[1]), int(fields[3]))
    found = {leader}
    grown = True
    while grown:
        more = {process for process, (parent, session) in parents.items() if parent in found or session == leader}
        grown = not more <= found
        found |= more
    return sorted(found & parents.keys())


def birth(process: int) -> str:
    """When a process began, in clock ticks; with its number it is its identity. Empty if there is none."""
    fields = _status(Path(f"/proc/{process}"))
    return fields[19] if fields else ""


def memory(leader: int) -> int:
    """
    The memory of a server in octets, over all its processes.

    It is the proportional set size: a page that several processes share counts once in all.
    """
    return sum(_proportional(process) for process in family(leader))


def processor_seconds(leader: int) -> float:
    """
    The processor time of a server in seconds, in the kernel and outside, over all processes that it has now.

    It is what ``/proc/PID/stat`` tells as utime and stime, in nanoseconds instead of ticks.
    """
    return sum(_processor_time(process) for process in family(leader))


def _status(entry: Path) -> list[str]:
    try:
        return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _processor_time(process: int) -> float:
    try:
        return time.clock_gettime(~process << 3 | _CLOCK_OF_A_PROCESS)
    except OSError:
        return 0.0


def _proportional(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)
