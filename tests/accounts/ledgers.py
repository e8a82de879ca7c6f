"""Ledgers for tests: a server, and users with quotas, in the database of a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, insert, select
from twisted.internet.task import Clock

from ftpx.accounts.balance import Limits
from ftpx.accounts.database.connection import Database, transaction
from ftpx.accounts.database.schema import balances, groups, operation_places, operations, servers, users
from ftpx.accounts.ledger import Ledger
from ftpx.accounts.quotas import Quotas
from ftpx.interfaces import IWorkerPool
from ftpx.testing.pool import InlinePool
from tests.accounts.databases import DatabaseCase

__all__ = ["NOW", "Books", "LedgerCase", "add_group", "add_server", "add_user"]

NOW = 1_600_000_000.0

_T = TypeVar("_T")


def add_server(connection: Connection, name: str) -> None:
    """A server that is alive."""
    connection.execute(insert(servers).values(id=name, host="here", pid=1))


def add_user(connection: Connection, name: str) -> int:
    """A user with an empty balance; the number."""
    key = connection.execute(insert(users).values(name=name, identity=name)).inserted_primary_key
    number = int(key[0]) if key is not None else 0
    connection.execute(insert(balances).values(user_id=number, recount_due=False))
    return number


def add_group(connection: Connection, name: str) -> int:
    """A group with an empty balance; the number."""
    key = connection.execute(insert(groups).values(name=name, identity=name)).inserted_primary_key
    number = int(key[0]) if key is not None else 0
    connection.execute(insert(balances).values(group_id=number, recount_due=False))
    return number


class Books:
    """
    The books of a server ``here``: the user alice and the group staff, neither of them limited yet.

    :param engine: a database with all tables and no user.
    """

    def __init__(self, engine: Engine, clock: Clock, pool: IWorkerPool | None = None) -> None:
        self.engine = engine
        self.database = Database(engine, pool or InlinePool(), clock)
        self.write(add_server, "here")
        self.alice = self.write(add_user, "alice")
        self.staff = self.write(add_group, "staff")
        self.now = NOW
        self.ledger = Ledger(self.database, "here", clock, lambda: self.now)
        self.limits: list[Limits] = []
        self.largest: int | None = None
        self.quotas = Quotas(self.ledger, lambda: tuple(self.limits), lambda: self.largest)

    def read(self, work: Callable[..., _T], *arguments: object) -> _T:
        """What a function returns that takes a connection and changes nothing."""
        with transaction(self.engine, write=False) as connection:
            return work(connection, *arguments)

    def write(self, work: Callable[..., _T], *arguments: object) -> _T:
        """What a function returns that takes a connection, after it was done."""
        with transaction(self.engine, write=True) as connection:
            return work(connection, *arguments)

    def limit(
        self,
        octets: int | None = None,
        *,
        octets_soft: int | None = None,
        files: int | None = None,
        files_soft: int | None = None,
    ) -> Limits:
        """Give alice a quota, from now on."""
        limits = Limits(
            whose="user alice",
            user_id=self.alice,
            octets=octets,
            octets_soft=octets_soft,
            files=files,
            files_soft=files_soft,
        )
        self.limits = [limits, *(other for other in self.limits if other.user_id != self.alice)]
        return limits

    def limit_group(self, octets: int | None = None, *, files: int | None = None) -> Limits:
        """Give the group staff a quota, from now on."""
        limits = Limits(whose="group staff", group_id=self.staff, octets=octets, files=files)
        self.limits = [*(other for other in self.limits if other.group_id != self.staff), limits]
        return limits

    def row(self, *, group: bool = False) -> Row[Any]:
        """The balance of alice, or of the group."""
        mine = balances.c.group_id == self.staff if group else balances.c.user_id == self.alice
        rows: list[Row[Any]] = self.read(lambda found: list(found.execute(select(balances).where(mine)).all()))
        return rows[0]

    def used(self, *, group: bool = False) -> tuple[int, int]:
        """What alice, or the group, uses: octets and files."""
        row = self.row(group=group)
        return row.octets, row.files

    def recount_due(self) -> bool:
        """Whether what alice has is to be counted again."""
        return bool(self.row().recount_due)

    def under_way(self) -> int:
        """How many operations there are in the database."""
        return len(self.read(lambda connection: connection.execute(select(operations)).all()))

    def locked(self) -> Sequence[str]:
        """The places that are locked."""
        return self.read(lambda connection: connection.execute(select(operation_places.c.place)).scalars().all())


class LedgerCase(DatabaseCase):
    """A mixin: a database, and the books of a server in it."""

    def setUp(self) -> None:
        """Make them."""
        super().setUp()
        self.books = Books(self.engine, self.clock)
        self.database = self.books.database
        self.ledger = self.books.ledger
        self.quotas = self.books.quotas
