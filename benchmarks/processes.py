"""What the kernel says about a server's processes: who they are, and their memory."""

from __future__ import annotations

from pathlib import Path

__all__ = ["birth", "family", "memory"]


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


def _status(entry: Path) -> list[str]:
    try:
        return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _proportional(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)
