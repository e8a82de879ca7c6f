"""Credentials that follow their files while the server runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ftpx.interfaces import IWorkerPool
from ftpx.reloading import Reloading
from ftpx.tls.credentials import CredentialFiles, Credentials

__all__ = ["CredentialSource"]

_log = Logger()


class CredentialSource(Reloading[Credentials]):
    """
    The credentials for new handshakes, in ``current``; see `Reloading`.

    :param now: tells the seconds since 1970.
    :raises ConfigurationError: a file cannot be used.
    """

    def __init__(
        self, files: CredentialFiles, pool: IWorkerPool, clock: IReactorTime, now: Callable[[], float]
    ) -> None:
        super().__init__("The TLS certificates", files.stamp, files.load, self._tell, pool=pool, clock=clock)
        self._now = now
        self._warn()

    def _tell(self, credentials: Credentials) -> None:
        for identity in credentials.identities:
            _log.info(
                "The TLS certificate of {names} was read: SHA-256 {fingerprint}, valid until {expiry}",
                names=", ".join(identity.names) or "no name",
                fingerprint=identity.fingerprint,
                expiry=f"{identity.chain[0].not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC",
            )
        self._warn()

    def _warn(self) -> None:
        for problem in self.current.problems(datetime.fromtimestamp(self._now(), UTC)):
            _log.warn("{problem}", problem=problem)
