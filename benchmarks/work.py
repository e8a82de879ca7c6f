"""The files that servers serve and are given, how much of them there is, and how speed is measured."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

__all__ = ["DISTINCT", "MOST_AT_ONCE", "SETTLE_SECONDS", "Sizes", "Work", "WrongOctetsError", "rate", "throughput"]

# So many small files differ.
DISTINCT = 200
# So many transfers run at once at most.
MOST_AT_ONCE = 500
# How long a server may take to get over the beginning or the end of many connections.
SETTLE_SECONDS = 0.5
_GIGA = 1e9


class WrongOctetsError(Exception):
    """A file that was moved is not the file that arrived. There is no figure for that: the run fails."""


@attrs.frozen
class Sizes:
    """
    How much work there is; sizes are in octets.

    ``few_each`` and ``many_each`` are the sizes of the files of which 50 and 500 are moved at once and checked.
    A workload that counts operations stops after so many of them, or after ``seconds``,
    whichever comes first.
    """

    transfer: int = 1 << 30
    at_once: int = 50
    each: int = 20 << 20
    few_each: int = 16 << 20
    many_each: int = 4 << 20
    small: int = 1 << 10
    small_files: int = 2000
    operations: int = 5000
    seconds: float = 3.0
    logins: int = 300
    sessions: int = 2000
    entries: int = 20000
    stalled: int = 1000

    @property
    def room(self) -> int:
        """The memory that uploads need at most: under TLS there is the encrypted file beside the stored one."""
        return max(2 * self.transfer, self.at_once * self.each, MOST_AT_ONCE * self.many_each)


@attrs.frozen
class Work:
    """The folder that is served: read from its top, stored into ``stored``."""

    root: Path
    sizes: Sizes

    def prepare(self) -> None:
        """Write the files. The folder itself stays closed to writers, as vsftpd wants it."""
        for name in ("stored", "small", "many"):
            (self.root / name).mkdir(parents=True)
        (self.root / "stored").chmod(0o777)
        self._fill("large", self.sizes.transfer)
        self._fill("each", self.sizes.each)
        for number in range(DISTINCT):
            self._fill(f"small/{number}", self.sizes.small)
        for number in range(self.sizes.entries):
            (self.root / "many" / f"entry-{number:06}.dat").touch()
        # The memory that uploads will fill is touched once, so that the first of them finds it no slower than the last.
        self._fill("stored/room", self.sizes.room)
        self.clear()

    @contextlib.contextmanager
    def source(self, name: str) -> Iterator[int]:
        """The descriptor of a prepared file, to upload from."""
        descriptor = os.open(self.root / name, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def collect(self, count: int, size: int) -> None:
        """Remove what was stored; `RuntimeError` unless it was ``count`` files of ``size`` octets."""
        found = [path.stat().st_size for path in (self.root / "stored").iterdir()]
        self.clear()
        if found != [size] * count:
            raise RuntimeError(f"{len(found)} files arrived, {count} were stored; or their sizes are wrong")

    def clear(self) -> None:
        """Remove what was stored, whatever it is."""
        for path in (self.root / "stored").iterdir():
            path.unlink(missing_ok=True)

    def _fill(self, name: str, size: int) -> None:
        block = os.urandom(min(size, 1 << 20))
        with (self.root / name).open("wb", buffering=0) as file:
            while (missing := size - file.tell()) > 0:
                file.write(block[:missing])


def throughput(size: int, wanted: int, elapsed: float) -> float:
    """GB a second; `RuntimeError` unless as much was moved as was ``wanted``."""
    if size != wanted:
        raise RuntimeError(f"{size} octets came, not {wanted}")
    return size / elapsed / _GIGA


def rate(work: Work, operations: int, operation: Callable[[int], object], each: int = 1) -> tuple[float, int]:
    """Operations a second, and how many there were; a call of ``operation`` is ``each`` of them."""
    count = 0
    begin = time.perf_counter()
    end = begin + work.sizes.seconds
    now = begin
    while count < operations and now < end:
        operation(count)
        count += each
        now = time.perf_counter()
    return count / (now - begin), count
