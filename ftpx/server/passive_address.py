"""The address that PASV tells."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import AddressValueError, IPv4Address

from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ftpx.errors import DataConnectionNotOpened

__all__ = ["PassiveAddress"]

# How long an address that was looked up is told, in seconds: behind a changing address, as long as FTP may fail.
_KEPT = 60.0


class PassiveAddress:
    """
    Tells the address of this server as its clients see it.

    :param name: an IPv4 address, a host name that is looked up again every minute, or ``None``
        for the local address of the control connection.
    :param resolve: looks up the IPv4 address of a host name, without blocking.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, resolve: Callable[[str], Awaitable[str]], name: str | None) -> None:
        self._clock = clock
        self._resolve = resolve
        self._name = name
        self._address: str | None = None
        self._looked_up = 0.0

    async def announce(self, local: str) -> str:
        """
        The IPv4 address to tell a client that reached us at ``local``.

        :raises DataConnectionNotOpened: the host name has no address now and never had one.
        """
        if self._name is None:
            return local
        if self._address is None or self._clock.seconds() - self._looked_up >= _KEPT:
            await self._look_up(self._name)
        if self._address is None:
            raise DataConnectionNotOpened
        return self._address

    async def _look_up(self, name: str) -> None:
        try:
            self._address = str(IPv4Address(name))
        except AddressValueError:
            try:
                self._address = await self._resolve(name)
            except DNSLookupError as error:
                self.log.warn("the passive address cannot be looked up: {error}", error=error)
        self._looked_up = self._clock.seconds()
