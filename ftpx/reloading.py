"""What is read from files, and read again when they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ftpx.errors import ConfigurationError, StorageUnavailable
from ftpx.interfaces import IWorkerPool

__all__ = ["CHECK_INTERVAL", "Reloading"]

CHECK_INTERVAL: Final = 2.0
"""Seconds between two looks at the files."""

_T = TypeVar("_T")

_log = Logger()


class Reloading(Generic[_T]):
    """
    What files say, in ``current``.

    They are read once at the start, when nothing may be wrong with them, and again when they have changed or when
    `reload` asks for it. If they cannot be used by then, what there was stays.

    To make one is blocking.

    :param what: what it is, to begin a sentence in the log.
    :param stamp: what differs when the files may have changed; blocking.
    :param load: reads them; blocking; raises `ConfigurationError` if they cannot be used.
    :param loaded: called with what was read again.
    :param pool: where the blocking calls are made later.
    """

    def __init__(
        self,
        what: str,
        stamp: Callable[[], object],
        load: Callable[[], _T],
        loaded: Callable[[_T], object],
        *,
        pool: IWorkerPool,
        clock: IReactorTime,
    ) -> None:
        self._what = what
        self._stamp_of = stamp
        self._read = load
        self._loaded = loaded
        self._pool = pool
        # Before reading: what is written meanwhile makes the files differ from it.
        self._seen = stamp()
        self.current: _T = load()
        self._busy = False
        self._again = False
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    def start(self) -> None:
        """Begin to look at the files from time to time."""
        if not self._looking.running:
            self._looking.start(CHECK_INTERVAL, now=False)

    def stop(self) -> None:
        """Look no more."""
        if self._looking.running:
            self._looking.stop()

    async def reload(self) -> None:
        """
        Read the files, changed or not, and log what came of it; never raises.

        If they are being read already, they will be once more after that, and this returns at once.
        """
        if self._busy:
            self._again = True
        else:
            await self._follow(unchanged_too=True)

    def _look(self) -> None:
        # A pool that hangs must not gather looks.
        if not self._busy:
            Deferred.fromCoroutine(self._follow(unchanged_too=False))

    async def _follow(self, *, unchanged_too: bool) -> None:
        """Read the files now, and once more if that was asked for meanwhile."""
        self._busy = True
        try:
            await self._attempt(unchanged_too=unchanged_too)
            while self._again:
                self._again = False
                await self._attempt(unchanged_too=True)
        finally:
            self._busy = False

    async def _attempt(self, *, unchanged_too: bool) -> None:
        stamp = self._seen
        try:
            stamp = await self._pool.run(self._stamp_of)
            if stamp == self._seen and not unchanged_too:
                return
            read = await self._pool.run(self._read)
        except StorageUnavailable as error:
            # The next look tries again by itself.
            if unchanged_too:
                _log.error("{what} cannot be read now, and stay as they were: {reason}.", what=self._what, reason=error)
            return
        except ConfigurationError as error:
            _log.error("{what} stay as they were: {reason}", what=self._what, reason=str(error))
        except Exception:
            _log.failure("{what} stay as they were", what=self._what)
        else:
            self.current = read
            self._loaded(read)
        # Also of files with a fault, so that it is told once, and they are tried again when they have changed again.
        self._seen = stamp
