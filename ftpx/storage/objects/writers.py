"""Which process writes an upload, and whether it still can."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from ftpx.storage.staged_names import current_boot

__all__ = ["LEASE", "Leases", "Writer"]

#: Seconds after which an upload of another machine is taken for dead if nothing was heard of it.
LEASE: Final = 90.0
_MOST_SEEN: Final = 10_000


def _started(process: int) -> str:
    """When a process was started, as the kernel counts; empty: there is none, or nobody knows."""
    try:
        status = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:
        return ""
    # The name of the command may hold anything, brackets and blanks too.
    return status.rpartition(b")")[2].split()[19].decode()


def _processes() -> str:
    """Which processes can be seen from here: the same number is another process elsewhere."""
    try:
        return f"{current_boot()}-{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


@attrs.frozen
class Writer:
    """
    A storage in a process.

    ``instance`` differs between any two, ``processes`` says where ``process`` and ``started`` mean anything.
    """

    instance: str
    processes: str
    process: int
    started: str

    @classmethod
    def here(cls) -> Writer:
        """A new one in this process."""
        return cls(secrets.token_hex(8), _processes(), os.getpid(), _started(os.getpid()))

    def has_ended(self) -> bool:
        """Whether the process is known to be gone. May block."""
        if not (self.processes and self.started) or self.processes != _processes():
            return False
        return _started(self.process) != self.started


class Leases:
    """
    How long others have been silent, by our own clock: those of two machines may differ.

    :param clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[str, float]] = {}

    def has_ended(self, key: str, version: str) -> bool:
        """Whether what stands under a key has been the same for so long that nobody renews it any more."""
        now = self._clock()
        last, since = self._seen.get(key, ("", now))
        if last == version:
            return now - since >= LEASE
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen[key] = (version, now)
        return False
