"""Hidden names: what an upload has until it is whole, and what a crash leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from ftpx.interfaces import Path
from ftpx.storage.filesystems.entries import Info, entry_of
from ftpx.storage.filesystems.filesystem import ASIDE
from ftpx.storage.names import HIDDEN_PREFIX

__all__ = ["LEFT_OVER", "HiddenNames"]

#: After so many seconds without a change a hidden file is none of any server's uploads: a crash has left it.
LEFT_OVER: Final = 24 * 3600.0
_MOST_AT_ONCE: Final = 20


class HiddenNames:
    """
    Makes hidden names, and knows those in use.

    :param now: seconds since the epoch.
    :param randomness: so many random octets, for names that nobody guesses.
    """

    def __init__(self, now: Callable[[], float], randomness: Callable[[int], bytes]) -> None:
        self._now = now
        self._randomness = randomness
        self._lock = Lock()
        self._in_use: set[Path] = set()

    def new(self, directory: Path) -> Path:
        """A hidden name in a directory, in use from now on."""
        name = (*directory, f"{HIDDEN_PREFIX}{self._randomness(16).hex()}")
        with self._lock:
            self._in_use.add(name)
        return name

    def done(self, name: Path) -> None:
        """A name is used no more."""
        with self._lock:
            self._in_use.discard(name)

    def left_over(self, directory: Path, found: Sequence[tuple[str, Info]]) -> list[Path]:
        """Some of what a directory has that a crash has left, unless it may be all that is left of a file."""
        oldest = self._now() - LEFT_OVER
        left: list[Path] = []
        for name, info in found:
            if not name.startswith(HIDDEN_PREFIX) or name.endswith(ASIDE):
                continue
            modified = entry_of(name, info).modified
            if modified is not None and modified < oldest:
                left.append((*directory, name))
        with self._lock:
            return [name for name in left if name not in self._in_use][:_MOST_AT_ONCE]
