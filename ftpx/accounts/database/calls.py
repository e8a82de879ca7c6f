"""Calls that wait for the database: so many at once, each with an end to its patience."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ftpx.errors import AccountsCorrupt, AccountsUnavailable, StorageUnavailable
from ftpx.interfaces import IWorkerPool

__all__ = ["DEADLINE", "MOST_WAITING", "Call", "Line"]

DEADLINE: Final = 4.0
"""Seconds after which a server does not wait any longer."""

MOST_WAITING: Final = 2000
"""Calls that wait in one line."""

_T = TypeVar("_T")

_log = Logger()


class Call(Generic[_T]):
    """
    Work for a thread, and ``answer`` for who waits for it.

    :param work: given this call, so that it can see whether it was given up.
    :param discard: called in the reactor thread with a result that came although the call had been given up.
    """

    def __init__(self, work: Callable[[Call[_T]], _T], discard: Callable[[_T], object] | None) -> None:
        self._work = work
        self._discard = discard
        self.begun = False
        self.given_up = False
        self.answer: Deferred[_T] = Deferred(self._cancel)

    def perform(self) -> _T:
        """In a thread: do the work, unless nobody waits for it any more."""
        self.begun = True
        self.check()
        return self._work(self)

    def check(self) -> None:
        """
        In a thread: end here if nobody waits any more.

        :raises AccountsUnavailable: so it is.
        """
        if self.given_up:
            raise AccountsUnavailable("nobody waits for it any more")

    def give_up(self) -> None:
        """Tell whoever waits that it takes too long."""
        self.given_up = True
        self.fail(AccountsUnavailable("the database does not answer in time"))

    def fail(self, error: Exception) -> None:
        """Hand over an error."""
        self.answer.errback(error)

    def succeed(self, result: _T) -> None:
        """Hand over the result."""
        if not self.given_up:
            self.answer.callback(result)
        elif self._discard is not None:
            self._discard(result)

    def _cancel(self, _answer: Deferred[_T]) -> None:
        self.given_up = True


class Line:
    """
    Calls of one kind: up to ``most`` of them have a thread of the pool, the others wait in line.

    :param what: what cannot be done with the accounts if they are not answered, for the log.
    """

    def __init__(self, pool: IWorkerPool, clock: IReactorTime, most: int, what: str) -> None:
        self._pool = pool
        self._clock = clock
        self._most = most
        self._what = what
        self._waiting: deque[Call[Any]] = deque()
        self._running = 0
        # Those whose threads have not come back in time.
        self._late: set[Call[Any]] = set()
        self._advancing = False
        self._out = False

    def begin(self, call: Call[Any]) -> None:
        """
        Take a call.

        :raises AccountsUnavailable: no thread is left, or too many calls wait.
        """
        while self._waiting and self._waiting[0].given_up:
            self._waiting.popleft()
        if len(self._late) >= self._most:
            raise AccountsUnavailable("the database does not answer")
        if len(self._waiting) >= MOST_WAITING:
            raise AccountsUnavailable("too many calls are waiting")
        patience = self._clock.callLater(DEADLINE, self._lose_patience, call)

        def answered(result: Any) -> Any:
            if patience.active():
                patience.cancel()
            return result

        call.answer.addBoth(answered)
        self._waiting.append(call)
        self._advance()

    def _advance(self) -> None:
        # Calls that end at once do not begin the next ones themselves: each would do so inside the one before.
        if self._advancing:
            return
        self._advancing = True
        while self._waiting and self._running < self._most:
            call = self._waiting.popleft()
            if not call.given_up:
                self._running += 1
                Deferred.fromCoroutine(self._perform(call)).addErrback(
                    lambda failure: _log.failure("a result that came too late could not be thrown away", failure)
                )
        self._advancing = False

    async def _perform(self, call: Call[Any]) -> None:
        """It ends with the thread, however long ago whoever waited was answered."""
        try:
            result = await self._pool.run(call.perform)
        except Exception as error:
            self._end(call)
            self._fail(call, error)
        else:
            self._end(call)
            self._note(None)
            # First the next call: its thread works while what follows from this one is done here.
            self._advance()
            call.succeed(result)
        finally:
            self._advance()

    def _end(self, call: Call[Any]) -> None:
        self._running -= 1
        self._late.discard(call)

    def _fail(self, call: Call[Any], error: Exception) -> None:
        if call.given_up:
            return
        if isinstance(error, StorageUnavailable) and not isinstance(error, AccountsCorrupt):
            error = error if isinstance(error, AccountsUnavailable) else AccountsUnavailable(str(error))
            self._note(str(error))
        else:
            self._note(None)
        call.fail(error)

    def _lose_patience(self, call: Call[Any]) -> None:
        if call.begun:
            self._late.add(call)
        self._note(f"no answer within {DEADLINE:.0f} seconds")
        call.give_up()

    def _note(self, outage: str | None) -> None:
        """Log that there is an outage, or none any more; once."""
        if outage is not None and not self._out:
            _log.error("The accounts cannot be {what}: {outage}.", what=self._what, outage=outage)
        elif outage is None and self._out:
            _log.info("The accounts can be {what} again.", what=self._what)
        self._out = outage is not None
