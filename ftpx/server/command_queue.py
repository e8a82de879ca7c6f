"""The commands that have come and wait for their turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ftpx.errors import ArgumentError
from ftpx.server.outcome import reply_for
from ftpx.wire.commands import Command, CommandError, parse_command
from ftpx.wire.lines import LineFramer, LineTooLong
from ftpx.wire.replies import Reply

__all__ = ["CommandQueue"]

_LINE_TOO_LONG = Reply(500, "The command line is too long.")
_NO_COMMAND = Reply(500, "Syntax error: that is no command.")


class CommandQueue:
    """
    Commands, or the replies to lines that are none, in the order they came.

    Holds at most ``limit`` of them; what came beyond stays with the framer, as octets, and
    `full` says that no more should be read.
    """

    def __init__(self, limit: int = 64) -> None:
        self._framer = LineFramer()
        self._items: deque[Command | Reply] = deque()
        self._limit = limit

    @property
    def full(self) -> bool:
        """Whether reading should pause."""
        return len(self._items) >= self._limit

    def feed(self, octets: bytes) -> None:
        """
        Take in what the network brought.

        :raises EndlessLine: a line has no end; the connection should be closed.
        """
        self._framer.feed(octets)
        self._fill()

    def head(self) -> Command | Reply | None:
        """The next item, without taking it."""
        return self._items[0] if self._items else None

    def take(self) -> Command | Reply:
        """Take the next item out. There must be one."""
        item = self._items.popleft()
        self._fill()
        return item

    def clear(self) -> None:
        """Drop everything."""
        self._items.clear()
        self._framer = LineFramer()

    def __iter__(self) -> Iterator[Command | Reply]:
        return iter(self._items)

    def _fill(self) -> None:
        while self._framer.buffered and len(self._items) < self._limit:
            try:
                line = self._framer.next_line()
                if line is None:
                    return
                item: Command | Reply = parse_command(line)
            except LineTooLong:
                item = _LINE_TOO_LONG
            except CommandError:
                item = _NO_COMMAND
            except ArgumentError as error:
                item = reply_for(error)
            self._items.append(item)
