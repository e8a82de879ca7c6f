"""
A small blocking FTP client that costs as little as possible.

It runs in another process than the server. What it fetches is thrown away inside the
kernel (``MSG_TRUNC``), what it stores is sent by ``os.sendfile``: on a machine with few
cores the server, not the client, sets the pace. The bare loops are read and fed by the
same functions.
"""

from __future__ import annotations

import math
import os
import selectors
import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

__all__ = ["RefusedError", "Session", "connect", "drain", "drained", "exchange", "fed", "feed", "wait_for_greeting"]

_BLOCK = 4 << 20
_SINK = bytearray(_BLOCK)
_PATIENCE = 60


class RefusedError(Exception):
    """The server gave another reply than the one that was hoped for."""


def connect(port: int) -> socket.socket:
    """A blocking connection to a port of 127.0.0.1, whose calls give up after a minute."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
    connection.settimeout(None)
    # SO_RCVTIMEO rather than settimeout: the calls stay single, blocking system calls.
    patience = struct.pack("ll", _PATIENCE, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def wait_for_greeting(port: int) -> None:
    """Log nothing in, only see that a server greets; `OSError` or `RefusedError` where it does not."""
    Session.greeted(port).close()


def drain(connection: socket.socket, enough: float = math.inf) -> int:
    """Throw away what comes up to the end of the stream, or until it is ``enough``; how many octets that was."""
    total = 0
    while total < enough and (size := connection.recv_into(_SINK, _BLOCK, socket.MSG_TRUNC)):
        total += size
    return total


def drained(connection: socket.socket) -> Iterator[int]:
    """Throw away what comes up to the end of the stream; how many octets each call of the kernel took."""
    while size := connection.recv_into(_SINK, _BLOCK, socket.MSG_TRUNC):
        yield size


def feed(connection: socket.socket, source: int, size: int) -> None:
    """Send the first ``size`` octets of the file ``source``."""
    for _ in fed(connection, source, size):
        pass


def fed(connection: socket.socket, source: int, size: int) -> Iterator[int]:
    """Send the first ``size`` octets of the file ``source``; how many octets each call of the kernel took."""
    offset = 0
    while offset < size:
        sent = os.sendfile(connection.fileno(), source, offset, min(_BLOCK, size - offset))
        offset += sent
        yield sent


class Session:
    """A control connection. Every reply that is not expected raises `RefusedError`."""

    def __init__(self, port: int) -> None:
        self._control = connect(port)
        self._pending = b""

    @classmethod
    def greeted(cls, port: int) -> Self:
        """A connection that the server has greeted."""
        session = cls(port)
        session.expect(b"220")
        return session

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._control.close()

    def login(self, user: str, password: str) -> None:
        """USER and, where it is asked for, PASS."""
        if self.command(f"USER {user}", b"331", b"230").startswith(b"331"):
            self.command(f"PASS {password}", b"230")

    def prepare(self) -> None:
        """TYPE I."""
        self.command("TYPE I", b"200")

    def send(self, line: str) -> None:
        """Send a command and wait for nothing."""
        self.send_octets(line.encode() + b"\r\n")

    def send_octets(self, octets: bytes) -> None:
        """Send something that is no command."""
        self._control.sendall(octets)

    def expect(self, *codes: bytes) -> bytes:
        """The last line of the next reply, whose code has to be one of ``codes``."""
        line = self._line()
        if line[3:4] == b"-":
            end = line[:3] + b" "
            while not line.startswith(end):
                line = self._line()
        if line[:3] not in codes:
            raise RefusedError(line.decode(errors="replace"))
        return line

    def fileno(self) -> int:
        """The descriptor of the control connection."""
        return self._control.fileno()

    def arrived(self) -> list[bytes]:
        """The last lines of the replies that have come; to be called when there is something to be read."""
        self._receive()
        *lines, self._pending = self._pending.split(b"\r\n")
        return [line for line in lines if line[:3].isdigit() and line[3:4] == b" "]

    def command(self, line: str, *codes: bytes) -> bytes:
        """Send a command; the last line of its reply."""
        self.send(line)
        return self.expect(*codes)

    def passive(self) -> socket.socket:
        """A data connection by EPSV."""
        self.send("EPSV")
        return self.passive_opened()

    def passive_opened(self) -> socket.socket:
        """The data connection of an EPSV that was sent."""
        reply = self.expect(b"229")
        return connect(int(reply.rsplit(b"(", 1)[1].split(b"|")[3]))

    def retrieve(self, name: str) -> int:
        """Fetch a file and throw it away; how many octets it had."""
        with self.passive() as data:
            self.send(f"RETR {name}")
            return self.retrieved(data)

    def retrieved(self, data: socket.socket) -> int:
        """What came by a RETR that was sent: how many octets."""
        self.expect(b"150", b"125")
        size = drain(data)
        data.close()
        self.expect(b"226", b"250")
        return size

    def store(self, name: str, source: int, size: int) -> None:
        """Store the first ``size`` octets of the file ``source``."""
        with self.passive() as data:
            self.command(f"STOR {name}", b"150", b"125")
            feed(data, source, size)
        self.expect(b"226", b"250")

    def count_lines(self, line: str) -> int:
        """How many lines a listing has."""
        lines = 0
        with self.passive() as data:
            self.command(line, b"150", b"125")
            while block := data.recv(1 << 20):
                lines += block.count(b"\n")
        self.expect(b"226", b"250")
        return lines

    def _line(self) -> bytes:
        while b"\r\n" not in self._pending:
            self._receive()
        line, self._pending = self._pending.split(b"\r\n", 1)
        return line

    def _receive(self) -> None:
        block = self._control.recv(4096)
        if not block:
            raise RefusedError("the server closed the control connection")
        self._pending += block


def exchange(sessions: Sequence[Session], lines: Sequence[str], source: int | None, size: int) -> int:
    """
    Run one transfer in every session, all at once; the octets moved.

    With a ``source`` its first ``size`` octets go up in every session, else everything comes down.
    """
    moved = 0
    offsets: dict[socket.socket, int] = {}
    by_number: dict[int, socket.socket] = {}
    with selectors.EpollSelector() as selector:
        for session in sessions:
            data = session.passive()
            by_number[data.fileno()] = data
            offsets[data] = 0
            selector.register(data, selectors.EVENT_READ if source is None else selectors.EVENT_WRITE)
        for session, line in zip(sessions, lines, strict=True):
            session.send(line)
        if source is not None:
            for session in sessions:
                session.expect(b"150", b"125")
        for data in offsets:
            data.setblocking(False)
        while offsets:
            for key, _ in selector.select(_PATIENCE) or _give_up():
                data = by_number[key.fd]
                step = _receive(data) if source is None else _send(data, source, offsets[data], size)
                moved += step
                offsets[data] += step
                if step == 0:
                    selector.unregister(data)
                    data.close()
                    del offsets[data]
    for session in sessions:
        if source is None:
            session.expect(b"150", b"125")
        session.expect(b"226", b"250")
    return moved


def _receive(data: socket.socket) -> int:
    return data.recv_into(_SINK, _BLOCK, socket.MSG_TRUNC)


def _send(data: socket.socket, source: int, offset: int, size: int) -> int:
    return os.sendfile(data.fileno(), source, offset, min(_BLOCK, size - offset)) if offset < size else 0


def _give_up() -> list[tuple[selectors.SelectorKey, int]]:
    raise TimeoutError("nothing moved for a minute")
