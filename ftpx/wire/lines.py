"""Lines out of the octets of a control connection (RFC 959 section 5.3, RFC 854)."""

from __future__ import annotations

import re

from ftpx.errors import FtpxError

__all__ = ["EndlessLine", "LineFramer", "LineTooLong"]

_DATA_MARK = 0xF2

# Telnet commands before a verb: IAC with option and its number, IAC with another command, IAC before an
# ordinary octet, and a Data Mark whose IAC was sent as urgent data and taken out of band. IAC IAC is data.
# So many at a time, as a flood of them would need memory to go back. (Python 3.11 knows a possessive "++", but before
# 3.11.4 it finds one repetition only.)
_TELNET = re.compile(rb"(?:\xff[\xfb-\xfe].|\xff[\xf0-\xfa]|\xff(?=[\x00-\xef])|\xf2){1,1000}", re.DOTALL)
_TELNET_BEGUN = re.compile(rb"\xff[\xfb-\xfe]?")


class LineTooLong(FtpxError):
    """A line was longer than lines may be; it is gone, and the next one can be read."""


class EndlessLine(FtpxError):
    """So much came without a line end that no more will be read."""


class LineFramer:
    """
    Cuts a stream of octets into lines. The result does not depend on how the stream was cut before.

    After each `feed`, `next_line` is called until it returns ``None``; the memory held is then
    bounded by ``maximum``.

    :param maximum: how many octets a line may have, without its line end.
    :param discard: how many octets of one line are dropped before its end is given up.
    """

    def __init__(self, maximum: int = 8192, discard: int = 65536) -> None:
        self._maximum = maximum
        self._discard = discard
        self._buffer = bytearray()
        self._searched = 0  # octets at the start of the buffer that are known to hold no line end
        self._dropped = 0  # octets of the present line that are no longer in the buffer

    @property
    def buffered(self) -> int:
        """How many octets are held."""
        return len(self._buffer)

    def lone_line(self, data: bytes) -> bytes | None:
        """
        The line without its line end, if octets that came are exactly one and nothing is held before them.

        Nearly all clients send one line and wait. What gives ``None`` is for `feed`.
        """
        if self._buffer or self._dropped or data.find(b"\n") != len(data) - 1 or data[-2:] != b"\r\n":
            return None
        return None if data[0] >= _DATA_MARK or len(data) > self._maximum else data[:-2]

    def clear(self) -> None:
        """Forget what is held, as if nothing had come yet."""
        self._buffer.clear()
        self._searched = self._dropped = 0

    def feed(self, data: bytes) -> None:
        """Add octets as they came."""
        self._buffer += data

    def next_line(self) -> bytes | None:
        """
        The next line without its line end (CRLF or LF), or ``None`` if no whole line is there yet.

        Telnet commands in front of it are left out.

        :raises LineTooLong: once, in place of a line of more than ``maximum`` octets, when its end has come.
        :raises EndlessLine: more than ``discard`` octets came without a line end; so from now on.
        """
        buffer = self._buffer
        # Only at the start of a line: later on the same octets are data.
        if buffer and buffer[0] >= _DATA_MARK and not self._searched and not self._dropped:
            del buffer[: _telnet_end(buffer)]
            if _TELNET_BEGUN.fullmatch(buffer):
                return None
        end = buffer.find(b"\n", self._searched)
        length = self._dropped + (len(buffer) if end < 0 else end)
        if length > self._discard:
            self._dropped = length
            buffer.clear()
            raise EndlessLine("Too many octets without a line end.")
        if end < 0:
            self._keep(length)
            return None
        line = bytes(buffer[: end - 1 if buffer[end - 1 : end] == b"\r" else end])
        del buffer[: end + 1]
        self._searched = 0
        if self._dropped or len(line) > self._maximum:
            self._dropped = 0
            raise LineTooLong("The line is too long.")
        return line

    def _keep(self, length: int) -> None:
        """Hold the beginning of a line, unless it is too long already whatever follows."""
        # One octet more than the maximum may still be the CR of the line end.
        if length > self._maximum + 1:
            self._dropped = length
            self._buffer.clear()
        self._searched = len(self._buffer)


def _telnet_end(octets: bytearray) -> int:
    """How many octets at the front are whole Telnet commands."""
    end = 0
    while commands := _TELNET.match(octets, end):
        end = commands.end()
    return end
