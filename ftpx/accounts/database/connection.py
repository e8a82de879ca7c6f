"""The database of the accounts, as a server asks it: in threads, with an end to the patience."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnection
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime

from ftpx.accounts.database.calls import DEADLINE, Call, Line
from ftpx.accounts.database.opening import CONNECTIONS, WRITING, open_database, parse_url
from ftpx.errors import AccountsUnavailable
from ftpx.interfaces import IWorkerPool

__all__ = ["CONNECTIONS", "DEADLINE", "Database", "open_database", "parse_url", "transaction"]

# How many of the connections are for calls that write. SQLite has one writer at a time: the others wait in line here
# and not in threads, where they would try again and again.
_WRITERS: Final = {"sqlite": 1, "postgresql": CONNECTIONS // 2}
# A snapshot: what is read of an account by several queries was all there at one moment.
_READING: Final[dict[str, dict[str, Any]]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}

_T = TypeVar("_T")
_A = TypeVarTuple("_A")


@contextmanager
def transaction(engine: Engine, *, write: bool) -> Iterator[Connection]:
    """
    One transaction: what is done in it is done as a whole, or not if an error leaves it. Blocks.

    :param write: it changes something; one that does not, cannot.
    :raises AccountsUnavailable: the database does not answer, or not in time.
    """
    options = {WRITING: True} if write else _READING.get(engine.dialect.name, {})
    try:
        with engine.execution_options(**options).begin() as connection:
            yield connection
    except IntegrityError:
        raise
    except (DBAPIError, NoConnection) as error:
        raise AccountsUnavailable(_reason(error)) from error


def _reason(error: DBAPIError | NoConnection) -> str:
    told = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(told).split()).rstrip(".") or type(told).__name__


class Database:
    """
    Calls functions that take a connection of the database, each in a transaction and in a thread of the pool.

    Whoever waits is answered within `DEADLINE`. What has not begun by then is not done, what is under way is taken
    back, and of what was done in the very last moment ``discard`` is told. The database may go away and come back.

    :param pool: it has `CONNECTIONS` threads, and is nobody else's, so that a database that hangs holds up nobody.
    """

    def __init__(self, engine: Engine, pool: IWorkerPool, clock: IReactorTime) -> None:
        self._engine = engine
        self._pool = pool
        self._clock = clock
        self._closed = False
        writers = _WRITERS[engine.dialect.name]
        self._reads = Line(pool, clock, CONNECTIONS - writers, "read")
        self._writes = Line(pool, clock, writers, "changed")

    def read(
        self,
        work: Callable[[Connection, Unpack[_A]], _T],
        *arguments: *_A,
        discard: Callable[[_T], object] | None = None,
    ) -> Deferred[_T]:
        """
        What a function returns that changes nothing; see `write`.

        All that it reads was so at one moment.
        """
        return self._call(self._reads, False, work, arguments, discard)

    def write(
        self,
        work: Callable[[Connection, Unpack[_A]], _T],
        *arguments: *_A,
        discard: Callable[[_T], object] | None = None,
    ) -> Deferred[_T]:
        """
        What a function returns, and all that it changes or, if it raises, nothing.

        :param discard: called in the reactor thread with the result of a transaction that was done although whoever
            waited for it had been told that it was not, or had cancelled.
        :raises AccountsUnavailable: the database does not answer, or not in time.
        :raises IntegrityError: the tables do not allow it.
        """
        return self._call(self._writes, True, work, arguments, discard)

    def close(self) -> Deferred[None]:
        """Take no more calls, and let go of the connections. Fires when that is done, or cannot be done in time."""
        self._closed = True
        return Deferred.fromCoroutine(self._dispose()).addTimeout(DEADLINE, self._clock).addErrback(lambda _: None)

    async def _dispose(self) -> None:
        await self._pool.run(self._engine.dispose)

    def _call(
        self,
        line: Line,
        write: bool,
        work: Callable[[Connection, Unpack[_A]], _T],
        arguments: tuple[*_A],
        discard: Callable[[_T], object] | None,
    ) -> Deferred[_T]:
        if self._closed:
            return fail(AccountsUnavailable("the database is closed"))

        def perform(call: Call[_T]) -> _T:
            with transaction(self._engine, write=write) as connection:
                result = work(connection, *arguments)
                call.check()
            return result

        call = Call(perform, discard)
        try:
            line.begin(call)
        except AccountsUnavailable as error:
            return fail(error)
        return call.answer
