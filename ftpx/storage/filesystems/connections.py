"""
Instances of a filesystem, each used by one thread at a time.

Few filesystems of fsspec may be used by several threads at once (an SFTP client mixes up its answers), so nobody relies
on it: there are several instances, and calls are spread over them. A call that hangs holds up the open files of its own
instance and nobody else; only when all instances hang does everybody wait, and not for longer than a limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Final, TypeVar, cast

import attrs
from twisted.logger import Logger

from ftpx.errors import StorageUnavailable
from ftpx.storage.filesystems.failures import Troubles, is_answer
from ftpx.storage.filesystems.filesystem import Filesystem

__all__ = ["IDLE", "MOST_CALLS", "PATIENCE", "Connections", "Lease"]

_T = TypeVar("_T")

#: After so many seconds without use an instance is asked for a sign of life before it is used again.
IDLE: Final = 15.0
#: How many seconds a call waits for others to be done.
PATIENCE: Final = 20.0
#: After so many calls an instance is replaced: the clients in it hold on to more and more.
MOST_CALLS: Final = 10_000

_log = Logger()


@attrs.define(eq=False)
class _Connection:
    """One instance, ``None`` before it is made. ``files``: how many leases there are; ``used``: when it was, last."""

    filesystem: Filesystem | None = None
    busy: bool = True
    retired: bool = False
    files: int = 0
    calls: int = 0
    used: float = 0.0


class Connections:
    """
    The instances of one filesystem.

    :param make: makes an instance; may block, and raise anything.
    :param most: how many instances there may be at once, but for those that broke and still have open files.
    :param clock: seconds, from any start.
    """

    def __init__(
        self, make: Callable[[], Filesystem], most: int, clock: Callable[[], float], troubles: Troubles
    ) -> None:
        self._make = make
        self._most = most
        self._clock = clock
        self._troubles = troubles
        self._changed = Condition()
        self._all: list[_Connection] = []

    def call(self, function: Callable[[Filesystem], _T]) -> _T:
        """
        Call a function with an instance that nobody else uses meanwhile.

        :raises StorageError: what the function or the filesystem raised, as an error of the domain.
        """
        with self._troubles.translated(), self._used(self._any()) as filesystem:
            return function(filesystem)

    def lease(self) -> Lease:
        """
        An instance to come back to, for what is opened on it.

        :raises StorageError: there is none.
        """
        with self._troubles.translated():
            connection = self._any()
            with self._changed:
                connection.files += 1
            self._return(connection)
            return Lease(self, connection)

    def call_again(self, connection: _Connection, function: Callable[[Filesystem], _T]) -> _T:
        """Call a function with a certain instance; see `call`."""
        with self._troubles.translated():
            limit = self._clock() + PATIENCE
            with self._changed:
                while connection.busy:
                    self._wait(limit)
                connection.busy = True
            with self._used(connection) as filesystem:
                return function(filesystem)

    def leave(self, connection: _Connection, *, spoiled: bool) -> None:
        """A lease ends. ``spoiled``: the instance is of no more use for anybody."""
        with self._changed:
            connection.files -= 1
            connection.retired = connection.retired or spoiled
            if connection.busy:
                # Who uses it now closes it, if nobody else needs it.
                return
            connection.busy = True
        self._return(connection)

    @contextmanager
    def _used(self, connection: _Connection) -> Iterator[Filesystem]:
        """The instance of a busy connection, which is free when the context ends."""
        connection.calls += 1
        try:
            # It is there: only who has made it, or waited for that, comes here.
            yield cast("Filesystem", connection.filesystem)
        except Exception as error:
            if not is_answer(error):
                self._suspect(connection)
            raise
        else:
            connection.used = self._clock()
            self._troubles.over()
        finally:
            self._return(connection)

    def _any(self) -> _Connection:
        """A connection with a living instance, busy. :raises StorageUnavailable: all others are busy, and stay so."""
        limit = self._clock() + PATIENCE
        while True:
            with self._changed:
                connection = self._free()
                while connection is None and len(self._all) >= self._most:
                    self._wait(limit)
                    connection = self._free()
                if connection is None:
                    connection = _Connection()
                    self._all.append(connection)
                connection.busy = True
            usable = False
            try:
                usable = self._is_usable(connection)
            finally:
                if not usable:
                    self._suspect(connection)
                    self._return(connection)
            if usable:
                connection.used = self._clock()
                return connection

    def _free(self) -> _Connection | None:
        """The best that nobody uses now; none, if a new one is better."""
        free = [connection for connection in self._all if not connection.busy]
        best = min(free, key=lambda connection: connection.files, default=None)
        if best is not None and best.files and len(self._all) < self._most:
            # It serves a transfer. With one of its own, neither holds up the other.
            return None
        return best

    def _wait(self, limit: float) -> None:
        remaining = limit - self._clock()
        if remaining <= 0 or not self._changed.wait(remaining):
            raise StorageUnavailable("the filesystem is busy")

    def _is_usable(self, connection: _Connection) -> bool:
        """Make the instance if there is none yet; if it was not used for a while, see whether it still lives."""
        if connection.filesystem is None:
            try:
                connection.filesystem = self._make()
            except Exception as error:
                # Whatever it says, it is not about the file that somebody asked for.
                self._troubles.tell(error)
                raise StorageUnavailable("the filesystem cannot be opened") from None
        elif self._clock() - connection.used > IDLE:
            try:
                connection.filesystem.ping()
            except Exception as error:
                return is_answer(error)
        return True

    def _suspect(self, connection: _Connection) -> None:
        """A connection broke. What broke it may have broken the others."""
        with self._changed:
            connection.retired = True
            for other in self._all:
                other.used = -math.inf

    def _return(self, connection: _Connection) -> None:
        with self._changed:
            connection.retired = connection.retired or connection.calls >= MOST_CALLS
            if connection.retired and connection in self._all:
                self._all.remove(connection)
            # What is over stays busy: it is closed here, and by nobody else.
            over = connection.busy = connection.retired and not connection.files
            self._changed.notify_all()
        if over and connection.filesystem is not None:
            try:
                connection.filesystem.close()
            except Exception as error:
                _log.debug("an instance of a filesystem failed to close: {error!r}", error=error)


class Lease:
    """One instance for as long as something is open on it."""

    def __init__(self, connections: Connections, connection: _Connection) -> None:
        self._connections = connections
        self._connection: _Connection | None = connection

    def call(self, function: Callable[[Filesystem], _T]) -> _T:
        """
        Call a function with the instance; see `Connections.call`.

        :raises StorageUnavailable: the lease has ended, or another call hangs.
        """
        if self._connection is None:
            raise StorageUnavailable("what was open on the filesystem is closed")
        return self._connections.call_again(self._connection, function)

    def end(self, *, spoiled: bool = False) -> None:
        """Nothing is open on the instance any more. ``spoiled``: it is of no more use. May be repeated."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._connections.leave(connection, spoiled=spoiled)
