"""A file of rates that is read again while the server runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ftpx.errors import ConfigurationError
from ftpx.interfaces import IWorkerPool
from ftpx.reloading import Reloading
from ftpx.server.rates import RateRule, parse_rules

__all__ = ["MAXIMUM_FILE", "RateFile"]

MAXIMUM_FILE: Final = 64 * 1024
"""Octets of a file of rates."""

_log = Logger()


class RateFile(Reloading[tuple[RateRule, ...]]):
    """
    The rules of a file, in ``current``; see `Reloading`.

    :param changed: called with the rules when they were read again.
    :raises ConfigurationError: the file cannot be used.
    """

    def __init__(
        self, path: str, pool: IWorkerPool, clock: IReactorTime, changed: Callable[[tuple[RateRule, ...]], None]
    ) -> None:
        # Absolute, since a daemon leaves the directory that it was started in.
        self._path = os.path.abspath(path)
        self._changed = changed
        super().__init__("The rates", self._stamp, self._load, self._tell, pool=pool, clock=clock)

    def _tell(self, rules: tuple[RateRule, ...]) -> None:
        _log.info("{count} rates were read from {path}", count=len(rules), path=self._path)
        self._changed(rules)

    def _stamp(self) -> tuple[int, ...] | None:
        """What differs when the file may have changed; ``None`` if it is not there."""
        try:
            status = os.stat(self._path)
        except (OSError, ValueError):
            return None
        return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def _load(self) -> tuple[RateRule, ...]:
        try:
            with open(self._path, "rb", opener=_open_at_once) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise OSError(0, "it is not a regular file")
                content = file.read(MAXIMUM_FILE + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(f"The file of rates {self._path} cannot be read: {reason}.") from None
        if len(content) > MAXIMUM_FILE:
            raise ConfigurationError(f"The file of rates {self._path} is larger than {MAXIMUM_FILE // 1024} KiB.")
        try:
            return parse_rules(content)
        except ConfigurationError as error:
            raise ConfigurationError(f"The file of rates {self._path}, {error}") from None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; of a FIFO, without waiting for its writer."""
    return os.open(path, flags | os.O_NONBLOCK)
