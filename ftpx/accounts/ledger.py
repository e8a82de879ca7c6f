"""The ledger as a server keeps it: what must be written is written, if need be when the database is back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack
from uuid import uuid4

import attrs
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ftpx.accounts.database.connection import Database
from ftpx.accounts.database.ledger import Operation
from ftpx.errors import AccountsCorrupt, AccountsUnavailable
from ftpx.running import to_the_end

__all__ = ["Ledger"]

# Seconds between two tries to write what is owed.
_PERIOD: Final = 1.0
# Beyond that, what is set aside stays so until this server ends, and then all is counted again.
_MOST_OWED: Final = 10_000

_T = TypeVar("_T")
_A = TypeVarTuple("_A")

_log = Logger()


@attrs.define(eq=False)
class _Debt:
    work: Callable[..., object]
    arguments: tuple[Any, ...]
    under_way: bool = False


class Ledger:
    """
    Changes the ledger for one server.

    :param server: the name of this server's row in ``servers``.
    :param now: the seconds since the epoch.
    """

    def __init__(self, database: Database, server: str, clock: IReactorTime, now: Callable[[], float]) -> None:
        self.clock = clock
        self.now = now
        self._database = database
        self._server = server
        self._debts: OrderedDict[str, _Debt] = OrderedDict()
        self._paying = LoopingCall(self.pay)
        self._paying.clock = clock
        self._told: str | None = None

    def start(self) -> None:
        """Begin to write now and then what is owed."""
        self._paying.start(_PERIOD, now=False)

    async def stop(self) -> None:
        """Write what is owed once more."""
        if self._paying.running:
            self._paying.stop()
        await self.pay()

    @property
    def owed(self) -> int:
        """How many changes are still to be written."""
        return len(self._debts)

    def operation(self) -> Operation:
        """A new operation; it has a name before anybody is told of it, so that it can be undone whatever happens."""
        return Operation(uuid4().hex, self._server)

    async def read(self, work: Callable[[Connection, Unpack[_A]], _T], *arguments: *_A) -> _T:
        """See `Database.read`."""
        try:
            return await self._database.read(work, *arguments)
        except AccountsCorrupt as error:
            self._tell(error)
            raise

    async def write(
        self,
        work: Callable[[Connection, Unpack[_A]], _T],
        *arguments: *_A,
        discard: Callable[[_T], object] | None = None,
    ) -> _T:
        """See `Database.write`."""
        try:
            return await self._database.write(work, *arguments, discard=discard)
        except AccountsCorrupt as error:
            self._tell(error)
            raise

    async def owe(self, name: str, work: Callable[[Connection, Unpack[_A]], object], *arguments: *_A) -> None:
        """
        Write something now, or when that can be. Does not raise.

        :param name: what tells it from all else that is owed.
        """
        debt = _Debt(work, arguments)
        self._debts[name] = debt
        if len(self._debts) > _MOST_OWED:
            self._debts.popitem(last=False)
        await to_the_end(self._pay(name, debt))

    async def pay(self) -> None:
        """Write what is owed, the oldest first, as long as the database takes it."""
        for name, debt in list(self._debts.items()):
            due = self._debts.get(name) is debt and not debt.under_way
            if due and not await self._pay(name, debt):
                return

    async def _pay(self, name: str, debt: _Debt) -> bool:
        debt.under_way = True
        try:
            await self._database.write(debt.work, *debt.arguments, discard=lambda _: self._paid(name, debt))
        except AccountsCorrupt as error:
            self._tell(error)
        except AccountsUnavailable:
            debt.under_way = False
            return False
        except IntegrityError as error:
            _log.error("{name} cannot be accounted for: {reason}", name=name, reason=str(error.orig))
        self._paid(name, debt)
        return True

    def _paid(self, name: str, debt: _Debt) -> None:
        if self._debts.get(name) is debt:
            del self._debts[name]

    def _tell(self, error: AccountsCorrupt) -> None:
        """Once for each: clients try again and again."""
        if str(error) != self._told:
            self._told = str(error)
            _log.error("{reason}.", reason=str(error))
