"""Accounts of tests: a realm whose users have what a test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from zope.interface import implementer

from ftpx.interfaces import Direction, IAccount, IAllowance, IBans, IClient, IPace, IStorage, ITransferAllowance

__all__ = ["FakeAllowance", "FakeBans", "FakeRealm", "LimitedPace"]


@implementer(IPace)
class LimitedPace:
    """A pace that grants so many octets and no more, or raises an error behind them."""

    def __init__(self, granted: int, error: Exception | None = None) -> None:
        self.granted = granted
        self.error = error
        self.ended: int | None = None

    def allowed(self, moved: int) -> int:
        """See `IPace`."""
        if self.error is not None and moved >= self.granted:
            raise self.error
        return self.granted

    def wait(self) -> float:
        """See `IPace`."""
        return 0.1

    def end(self, moved: int) -> None:
        """See `IPace`."""
        self.ended = moved


@implementer(ITransferAllowance)
@attrs.define
class FakeTransfer:
    """A transfer that was counted in."""

    pace: IPace | None
    ends: list[int]

    def end(self, moved: int) -> None:
        """Note it."""
        self.ends.append(moved)


@implementer(IAllowance)
class FakeAllowance:
    """An allowance that notes the transfers, and refuses them with an error or lets them wait if a test says so."""

    def __init__(self) -> None:
        self.begun: list[Direction] = []
        self.ends: list[int] = []
        self.error: Exception | None = None
        self.waiting: Deferred[None] | None = None
        self.pace: IPace | None = None
        self.shared: Sequence[tuple[str, int | None]] = ()

    async def begin_transfer(self, direction: Direction) -> ITransferAllowance:
        """See `IAllowance`."""
        if self.waiting is not None:
            await self.waiting
        if self.error is not None:
            raise self.error
        self.begun.append(direction)
        return FakeTransfer(self.pace, self.ends)

    def rates(self, direction: Direction) -> Sequence[tuple[str, int | None]]:
        """See `IAllowance`."""
        return self.shared

    async def quota_lines(self) -> Sequence[str]:
        """See `IAllowance`."""
        return ()


@implementer(IAccount)
@attrs.define
class FakeAccount:
    """Who is logged in."""

    name: str
    storage: IStorage
    requires_tls: bool
    allowance: IAllowance | None
    anonymous: bool = False


@implementer(IRealm)
class FakeRealm:
    """
    Lets everybody in, or raises ``error``; and remembers the clients and how many logged out.

    ``waiting``: what a login waits for.
    """

    def __init__(self, storage: IStorage) -> None:
        self.storage = storage
        self.error: Exception | None = None
        self.waiting: Deferred[None] | None = None
        self.requires_tls = False
        self.allowance = FakeAllowance()
        self.clients: list[IClient] = []
        self.accounts: list[FakeAccount] = []
        self.logouts = 0

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Deferred[Any]:
        """See `IRealm`."""
        return Deferred.fromCoroutine(self._open(avatarId.decode(), mind))

    async def _open(self, name: str, mind: Any) -> tuple[Any, IAccount, Callable[[], None]]:
        self.clients.append(IClient(mind))
        if self.waiting is not None:
            await self.waiting
        if self.error is not None:
            raise self.error
        account = FakeAccount(name, self.storage, self.requires_tls, self.allowance)
        self.accounts.append(account)
        return IAccount, account, self._log_out

    def _log_out(self) -> None:
        self.logouts += 1


@implementer(IBans)
class FakeBans:
    """Bans that a test makes, and what failed."""

    def __init__(self) -> None:
        self.addresses: set[str] = set()
        self.logins: set[tuple[str, str]] = set()
        self.failures: list[tuple[str, str]] = []

    def refuses(self, address: str) -> bool:
        """See `IBans`."""
        return address in self.addresses

    def refuses_login(self, address: str, name: str) -> bool:
        """See `IBans`."""
        return self.refuses(address) or (address, name) in self.logins

    def failed(self, address: str, name: str) -> None:
        """See `IBans`."""
        self.failures.append((address, name))
