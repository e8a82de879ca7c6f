"""What the kernel says about a process: its memory, descriptors, processor time and sockets."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import attrs

__all__ = ["ProcessView"]

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_TCP_LISTEN = "0A"


@attrs.frozen
class ProcessView:
    """A process seen through ``/proc``."""

    pid: int

    def _status(self, field: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise KeyError(field)

    @property
    def memory(self) -> int:
        """Resident octets now."""
        return self._status("VmRSS")

    @property
    def peak_memory(self) -> int:
        """The most resident octets since `reset_peak_memory`."""
        return self._status("VmHWM")

    def reset_peak_memory(self) -> None:
        """Begin a new measure of `peak_memory`."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")

    @property
    def descriptors(self) -> int:
        """How many descriptors are open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def processor_seconds(self) -> float:
        """Processor time used so far, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS

    @property
    def listening_ports(self) -> set[int]:
        """The TCP ports that the process listens on, IPv4 and IPv6."""
        inodes = set()
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/{self.pid}/fd/{name}")
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
        ports = set()
        for table in ("tcp", "tcp6"):
            with contextlib.suppress(FileNotFoundError):
                for row in Path(f"/proc/{self.pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
                    columns = row.split()
                    if columns[3] == _TCP_LISTEN and columns[9] in inodes:
                        ports.add(int(columns[1].rpartition(":")[2], 16))
        return ports
