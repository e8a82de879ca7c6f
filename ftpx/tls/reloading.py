"""Credentials that follow their files while the server runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ftpx.errors import ConfigurationError, StorageUnavailable
from ftpx.interfaces import IWorkerPool
from ftpx.tls.credentials import CredentialFiles, Credentials

__all__ = ["CHECK_INTERVAL", "CredentialSource"]

CHECK_INTERVAL: Final = 2.0
"""Seconds between two looks at the files."""

_log = Logger()


class CredentialSource:
    """
    The credentials for new handshakes, in ``current``.

    They are read once at the start, when nothing may be wrong with the files, and again when the
    files change or when `reload` asks for it. If they cannot be used by then, what there was stays.

    To make one is blocking.

    :param now: tells the seconds since 1970.
    :raises ConfigurationError: a file cannot be used.
    """

    def __init__(
        self, files: CredentialFiles, pool: IWorkerPool, clock: IReactorTime, now: Callable[[], float]
    ) -> None:
        self._files = files
        self._pool = pool
        self._now = now
        # Before reading: what is written meanwhile makes the files differ from it.
        self._seen = files.stamp()
        self.current: Credentials = files.load()
        self._busy = False
        self._again = False
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock
        self._warn()

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
            stamp = await self._pool.run(self._files.stamp)
            if stamp == self._seen and not unchanged_too:
                return
            credentials = await self._pool.run(self._files.load)
        except StorageUnavailable as error:
            # The next look tries again by itself.
            if unchanged_too:
                _log.error(
                    "The TLS certificates cannot be read now, and stay as they were: {reason}.", reason=str(error)
                )
            return
        except ConfigurationError as error:
            _log.error("The TLS certificates stay as they were: {reason}", reason=str(error))
        except Exception:
            _log.failure("The TLS certificates stay as they were")
        else:
            self.current = credentials
            self._tell()
            self._warn()
        # Also of files with a fault, so that it is told once, and they are tried again when they have changed again.
        self._seen = stamp

    def _tell(self) -> None:
        for identity in self.current.identities:
            _log.info(
                "The TLS certificate of {names} was read: SHA-256 {fingerprint}, valid until {expiry}",
                names=", ".join(identity.names) or "no name",
                fingerprint=identity.fingerprint,
                expiry=f"{identity.chain[0].not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC",
            )

    def _warn(self) -> None:
        for problem in self.current.problems(datetime.fromtimestamp(self._now(), UTC)):
            _log.warn("{problem}", problem=problem)
