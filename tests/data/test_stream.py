"""One socket as a stream."""

from __future__ import annotations

import contextlib
import fcntl
import socket

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.data import stream as stream_module
from ftpx.data.stream import IFileStream, SocketStream
from ftpx.errors import DataConnectionAborted, DataConnectionLost
from tests.data.doubles import DescriptorReactor, connected_pair, failing


class SocketStreamTests(SynchronousTestCase):
    """A stream over a socket pair."""

    def setUp(self) -> None:
        self.reactor = DescriptorReactor()
        self.ours, self.peer = connected_pair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.peer.close)
        self.stream = SocketStream(self.reactor, self.ours)

    def watched(self) -> tuple[bool, bool]:
        """Whether the reactor watches for reading and for writing."""
        return self.stream in self.reactor.readers, self.stream in self.reactor.writers

    def test_interface(self) -> None:
        """It provides its interface."""
        verifyObject(IFileStream, self.stream)

    def test_watched_while_somebody_waits(self) -> None:
        """The reactor watches only while somebody waits."""
        self.assertEqual(self.watched(), (False, False))
        waiting = self.stream.readable()
        self.assertEqual(self.watched(), (True, False))
        self.peer.send(b"x")
        self.reactor.turn()
        self.successResultOf(waiting)
        self.assertEqual(self.watched(), (False, False))
        waiting = self.stream.writable()
        self.assertEqual(self.watched(), (False, True))
        self.reactor.turn()
        self.successResultOf(waiting)
        self.assertEqual(self.watched(), (False, False))

    def test_still_watched_when_waited_for_again(self) -> None:
        """Who waits again at once is not taken out and put in again."""
        changes: list[str] = []
        self.patch(self.reactor, "removeReader", lambda reader: changes.append("removed"))

        def again(_: None) -> None:
            self.stream.readable()

        self.stream.readable().addCallback(again)
        self.stream.doRead()
        self.assertEqual(changes, [])
        self.assertEqual(self.watched(), (True, False))

    def test_cancel(self) -> None:
        """A wait that is cancelled is forgotten."""
        for wait in (self.stream.readable, self.stream.writable):
            waiting = wait()
            waiting.cancel()
            self.failureResultOf(waiting, CancelledError)
            self.assertEqual(self.watched(), (False, False))

    def test_dropped_by_the_reactor(self) -> None:
        """What the reactor says about a connection wakes whoever waits; the next call finds out the truth."""
        waiting = self.stream.readable()
        self.reactor.removeReader(self.stream)
        self.stream.connectionLost(Failure(ConnectionLost()))
        self.successResultOf(waiting)
        self.assertRaises(BlockingIOError, self.stream.receive_into, memoryview(bytearray(1)))

    def test_aborted(self) -> None:
        """After an abort every wait and every call fails with its error, and the peer is reset when it closes."""
        reading = self.stream.readable()
        error = DataConnectionAborted("stop")
        self.stream.abort(error, in_use=False)
        self.stream.abort(DataConnectionLost("later"), in_use=False)
        for waiting in (reading, self.stream.readable(), self.stream.writable()):
            self.assertIs(self.failureResultOf(waiting).value, error)
        for call in (
            lambda: self.stream.receive_into(memoryview(bytearray(1))),
            lambda: self.stream.send(b"x", False),
            lambda: self.stream.send_file(0, 0, 1),
            self.stream.end,
        ):
            self.assertRaises(DataConnectionAborted, call)
        self.assertEqual(self.watched(), (False, False))
        self.assertIsNotNone(self.ours.lingers)

    def test_aborted_while_in_use(self) -> None:
        """While a thread may use the descriptor the peer sees the end at once, and the descriptor stays."""
        self.stream.abort(DataConnectionAborted("stop"), in_use=True)
        self.assertEqual(self.peer.recv(1), b"")
        self.assertGreaterEqual(self.ours.fileno(), 0)
        self.stream.close()
        self.stream.close()
        self.assertEqual(self.ours.fileno(), -1)

    def test_broken(self) -> None:
        """Whatever goes wrong with the socket, the connection is lost."""
        self.peer.close()
        self.assertRaises(DataConnectionLost, self.stream.send, b"x", False)
        self.ours.broken = True
        self.assertRaises(DataConnectionLost, self.stream.receive_into, memoryview(bytearray(1)))
        self.ours.close()
        self.assertRaises(DataConnectionLost, self.stream.end)

    def test_reset_found_when_looking(self) -> None:
        """A reset is found when looking for what is unacknowledged."""
        self.patch(socket.socket, "getsockopt", lambda *arguments: 104)
        self.assertRaises(DataConnectionLost, self.stream.acknowledged)
        self.assertRaises(DataConnectionLost, self.stream.progress, 0)
        self.assertEqual(self.stream.unacknowledged(), 0)

    def test_room(self) -> None:
        """How much the system takes is told over TCP."""
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_connection(listener.getsockname()) as ours,
        ):
            stream = SocketStream(self.reactor, ours)
            peer, _ = listener.accept()
            before = stream.room()
            self.assertGreater(before, 0)
            with peer:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        stream.send(bytes(100_000), False)
                self.assertLess(stream.room(), before)
            stream.close()

    def test_room_that_is_not_told(self) -> None:
        """Where the system does not say how much it takes, it is tried."""
        most = 1 << 30
        for answer in (failing(92), lambda *arguments: b"short"):
            self.patch(socket.socket, "getsockopt", answer)
            self.assertGreater(self.stream.room(), most)
        self.patch(stream_module, "_MEMORY_INFORMATION", None)
        self.assertGreater(self.stream.room(), most)

    def test_system_without_the_answer(self) -> None:
        """Where the system does not say what is unacknowledged, everything is acknowledged."""

        def no_answer(*arguments: object) -> bytes:
            raise OSError(25, "Inappropriate ioctl for device")

        self.stream.send(bytes(1000), False)
        self.assertGreater(self.stream.unacknowledged(), 0)
        self.patch(fcntl, "ioctl", no_answer)
        self.successResultOf(self.stream.acknowledged())
