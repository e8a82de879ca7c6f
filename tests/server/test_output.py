"""Replies on their way out."""

from __future__ import annotations

from typing import Any

from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ftpx.server.output import Output


class _Socket(Connection):  # type: ignore[misc,unused-ignore]
    """A connection that takes so many octets straight away, and notes what goes the transport's way."""

    def __init__(self, room: int | Exception) -> None:
        self.room = room
        self.connected = 1
        self.straight: list[bytes] = []
        self.queued: list[bytes] = []

    def getHandle(self) -> Any:
        """It is the socket as well."""
        return self

    def send(self, data: bytes) -> int:
        """Take as much as there is room for."""
        if isinstance(self.room, Exception):
            raise self.room
        taken = data[: self.room]
        self.room -= len(taken)
        self.straight.append(taken)
        return len(taken)

    def write(self, data: bytes) -> None:
        """Note it."""
        self.queued.append(data)


class OutputTests(SynchronousTestCase):
    """Straight to the socket while it has room, by the transport from then on."""

    def test_other_transports(self) -> None:
        """What is no socket gets everything, each turn in one piece."""
        transport = StringTransport()
        output = Output(transport)
        output.write(b"1")
        output.write(b"2")
        self.assertEqual(transport.value(), b"")
        output.flush()
        output.flush()
        self.assertEqual(transport.value(), b"12")

    def test_straight(self) -> None:
        """A socket with room gets the replies of a turn at once."""
        socket = _Socket(100)
        output = Output(socket)
        for turn in ((b"1",), (b"2", b"3")):
            for octets in turn:
                output.write(octets)
            output.flush()
        self.assertEqual((socket.straight, socket.queued), ([b"1", b"23"], []))

    def test_full(self) -> None:
        """CP16: what a socket has no room for waits in the transport, and so does all behind it, in order."""
        socket = _Socket(3)
        output = Output(socket)
        for octets in (b"12", b"345", b"6"):
            output.write(octets)
            output.flush()
        self.assertEqual((socket.straight, socket.queued), ([b"12", b"3"], [b"45", b"6"]))

    def test_lost(self) -> None:
        """A socket that breaks is the transport's affair."""
        socket = _Socket(BrokenPipeError())
        output = Output(socket)
        output.write(b"1")
        output.flush()
        self.assertEqual(socket.queued, [b"1"])

    def test_not_connected_or_encrypted(self) -> None:
        """A socket that is closed, or speaks TLS, is never written to past the transport."""
        for name, value in (("connected", 0), ("TLS", True)):
            socket = _Socket(100)
            setattr(socket, name, value)
            output = Output(socket)
            output.write(b"1")
            output.flush()
            self.assertEqual((socket.straight, socket.queued), ([], [b"1"]), name)
