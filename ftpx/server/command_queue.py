"""The commands that have come and wait for their turn."""

from __future__ import annotations

from collections import deque

from ftpx.errors import FtpxError
from ftpx.server.outcome import reply_for
from ftpx.wire.commands import Command, parse_command
from ftpx.wire.lines import EndlessLine, LineFramer
from ftpx.wire.replies import Reply

__all__ = ["CommandQueue"]


class CommandQueue:
    """
    Commands, or the replies to lines that are none, in the order they came.

    ``items`` are at most ``limit`` of them; what came beyond stays with the framer, as octets, and
    `full` says that no more should be read.
    """

    def __init__(self, limit: int = 64) -> None:
        self._framer = LineFramer()
        self.items: deque[Command | Reply] = deque()
        self._limit = limit
        self._held_back = False  # whether the framer may hold whole lines

    @property
    def full(self) -> bool:
        """Whether reading should pause."""
        return len(self.items) >= self._limit

    def feed(self, octets: bytes) -> None:
        """
        Take in what the network brought.

        :raises EndlessLine: a line has no end; the connection should be closed.
        """
        line = None if self.items else self._framer.lone_line(octets)
        if line is None:
            self._framer.feed(octets)
            self._fill()
            return
        try:
            self.items.append(parse_command(line))
        except FtpxError as error:
            self.items.append(reply_for(error))

    def take(self) -> Command | Reply:
        """Take the next item out. There must be one."""
        item = self.items.popleft()
        if self._held_back:
            self._fill()
        return item

    def clear(self) -> None:
        """Drop everything."""
        self.items.clear()
        self._framer.clear()
        self._held_back = False

    def _fill(self) -> None:
        while not self.full:
            try:
                line = self._framer.next_line()
                if line is None:
                    self._held_back = False
                    return
                self.items.append(parse_command(line))
            except EndlessLine:
                raise
            except FtpxError as error:
                self.items.append(reply_for(error))
        self._held_back = True
