"""Replies on their way out."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.server.output import Output


class _Socket(Connection):  # type: ignore[misc,unused-ignore]
    """A connection that takes so many octets straight away, and notes what goes the transport's way."""

    def __init__(self, room: int | Exception) -> None:
        self.room = room
        self.connected = 1
        self.straight: list[bytes] = []
        self.queued: list[bytes] = []
        self.happened: list[object] = []

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

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Note it."""
        self.happened.append(("register", producer, streaming))

    def unregisterProducer(self) -> None:
        """Note it."""
        self.happened.append("unregister")

    def loseConnection(self) -> None:
        """Note it."""
        self.happened.append("lose")

    def connectionLost(self, reason: Failure) -> None:
        """Note it."""
        self.connected = 0
        self.happened.append(reason.type)


@implementer(IPushProducer)
class _Producer:
    """Does nothing."""

    def pauseProducing(self) -> None:
        """Nothing."""

    def resumeProducing(self) -> None:
        """Nothing."""

    def stopProducing(self) -> None:
        """Nothing."""


PRODUCER = _Producer()


class OutputTests(SynchronousTestCase):
    """Straight to the socket while it has room, by the transport from then on."""

    def test_other_transports(self) -> None:
        """What is no socket gets everything, each turn in one piece."""
        transport = StringTransport()
        output = Output(transport, PRODUCER)
        output.write(b"1")
        output.write(b"2")
        self.assertEqual(transport.value(), b"")
        output.flush()
        output.flush()
        self.assertEqual(transport.value(), b"12")

    def test_straight(self) -> None:
        """A socket with room gets the replies of a turn at once."""
        socket = _Socket(100)
        output = Output(socket, PRODUCER)
        for turn in ((b"1",), (b"2", b"3")):
            for octets in turn:
                output.write(octets)
            output.flush()
        self.assertEqual((socket.straight, socket.queued, socket.happened), ([b"1", b"23"], [], []))

    def test_full(self) -> None:
        """CP16: what a socket has no room for waits in the transport, and so does all behind it, in order."""
        socket = _Socket(3)
        output = Output(socket, PRODUCER)
        for octets in (b"12", b"345", b"6"):
            output.write(octets)
            output.flush()
        self.assertEqual((socket.straight, socket.queued), ([b"12", b"3"], [b"45", b"6"]))
        self.assertEqual(socket.happened, [("register", PRODUCER, True)])

    def test_lost(self) -> None:
        """A socket that breaks is the transport's affair."""
        socket = _Socket(BrokenPipeError())
        output = Output(socket, PRODUCER)
        output.write(b"1")
        output.flush()
        self.assertEqual(socket.queued, [b"1"])

    def test_not_connected_or_encrypted(self) -> None:
        """A socket that is closed, or speaks TLS, is never written to past the transport."""
        for name, value in (("connected", 0), ("TLS", True)):
            socket = _Socket(100)
            setattr(socket, name, value)
            output = Output(socket, PRODUCER)
            output.write(b"1")
            output.flush()
            self.assertEqual((socket.straight, socket.queued), ([], [b"1"]), name)

    def test_close(self) -> None:
        """A socket that took everything is closed at once."""
        socket = _Socket(100)
        output = Output(socket, PRODUCER)
        output.write(b"1")
        self.assertTrue(output.close())
        self.assertEqual((socket.straight, socket.happened), ([b"1"], [ConnectionDone]))

    def test_close_when_full(self) -> None:
        """What the socket has no room for goes out first, and the transport closes then."""
        socket = _Socket(1)
        output = Output(socket, PRODUCER)
        output.write(b"12")
        self.assertFalse(output.close())
        self.assertEqual(socket.queued, [b"2"])
        self.assertEqual(socket.happened, [("register", PRODUCER, True), "unregister", "lose"])

    def test_close_unused(self) -> None:
        """A transport to which nothing was written closes by itself."""
        socket = _Socket(1)
        socket.TLS = True
        self.assertFalse(Output(socket, PRODUCER).close())
        self.assertEqual(socket.happened, ["lose"])

    def test_end(self) -> None:
        """Behind the end nothing is written, and nothing is held."""
        socket = _Socket(100)
        output = Output(socket, PRODUCER)
        output.end()
        output.write(b"1")
        output.flush()
        self.assertEqual((socket.straight, socket.queued), ([], []))
        self.assertNotIn(socket, vars(output).values())

    def test_protected(self) -> None:
        """What was written is protected, what TLS itself says goes out as it is, behind it."""
        transport = StringTransport()
        output = Output(transport, PRODUCER)
        output.write(b"1")
        output.flush()
        output.protect = lambda octets: b"<" + octets + b">"
        output.write(b"2")
        output.pass_on(b"alert")
        output.pass_on(b"")
        output.write(b"3")
        output.flush()
        self.assertEqual(transport.value(), b"1<2>alert<3>")
