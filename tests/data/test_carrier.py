"""What carries octets from a stream to a file."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import tempfile
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpx.data import carrier as module
from ftpx.data.carrier import Carrier
from ftpx.data.stream import SocketStream
from ftpx.errors import DataConnectionAborted, DataConnectionLost
from tests.data.doubles import DescriptorReactor, connected_pair, failing

_LARGE = os.urandom(5 * 1024 * 1024 + 3)
_OFFSET = 7


class CarrierTests(SynchronousTestCase):
    """From one end of a socket pair to a file, behind what that has."""

    skip = None if hasattr(os, "splice") else "splice is a call of Linux."

    def setUp(self) -> None:
        self.ours, self.peer = connected_pair()
        self.addCleanup(self.peer.close)
        self.stream = SocketStream(DescriptorReactor(), self.ours)
        self.addCleanup(self.stream.close)
        self.file = self.enterContext(tempfile.TemporaryFile())
        self.spliced: list[tuple[int, int]] = []
        self._splice = os.splice
        self.patch(os, "splice", self.splice)
        self.open = len(os.listdir("/proc/self/fd"))

    def splice(self, source: int, target: int, size: int, **more: Any) -> int:
        """Note from where to where."""
        moved = self._splice(source, target, size, **more)
        self.spliced.append((source, target))
        return moved

    def carry(self, content: bytes) -> bytes:
        """Send something and the end; what the file has in the end."""
        left = memoryview(content)
        moved = 0
        with Carrier(self.stream) as carrier:
            while True:
                if left:
                    left = left[self.peer.send(left[:65536]) :]
                else:
                    self.peer.shutdown(socket.SHUT_WR)
                size = carrier.take()
                if not size:
                    break
                carrier.put(self.file.fileno(), _OFFSET + moved)
                moved += size
        self.assertEqual(moved, len(content))
        self.assertEqual(len(os.listdir("/proc/self/fd")), self.open)
        self.file.seek(0)
        return self.file.read()

    def assert_carried(self, content: bytes = _LARGE) -> None:
        """All octets come to their places."""
        carried = self.carry(content)
        self.assertTrue(carried == bytes(_OFFSET if content else 0) + content)

    def test_few(self) -> None:
        """A few octets are copied, and no pipe is made for them."""
        self.assert_carried(_LARGE[: 1024 * 1024 - 1])
        self.assertEqual(self.spliced, [])

    def test_nothing(self) -> None:
        """Nothing but the end."""
        self.assert_carried(b"")

    def test_many(self) -> None:
        """Many octets go through a pipe, from the socket and into the file."""
        self.assert_carried()
        self.assertIn(self.ours.fileno(), {source for source, _ in self.spliced})
        self.assertIn(self.file.fileno(), {target for _, target in self.spliced})

    def test_in_pieces(self) -> None:
        """The file may take less at a time than is in the pipe."""

        def little(source: int, target: int, size: int, **more: Any) -> int:
            return self.splice(source, target, min(size, 1000) if target == self.file.fileno() else size, **more)

        self.patch(os, "splice", little)
        self.assert_carried()

    def test_no_splice(self) -> None:
        """Python of other systems has not got it."""
        del os.splice
        self.assert_carried()

    def test_socket_cannot(self) -> None:
        """The octets are copied."""
        self.patch(os, "splice", failing(errno.EINVAL))
        self.assert_carried()

    def test_file_cannot(self) -> None:
        """What is in the pipe already is read from there."""

        def half(source: int, target: int, size: int, **more: Any) -> int:
            if target == self.file.fileno():
                raise OSError(errno.EINVAL, "Invalid argument")
            return self.splice(source, target, size, **more)

        self.patch(os, "splice", half)
        self.assert_carried()
        self.assertTrue(self.spliced)

    def test_no_descriptor(self) -> None:
        """Where none is free for a pipe, the octets are copied."""
        self.patch(os, "pipe", failing(errno.EMFILE))
        self.assert_carried()
        self.assertEqual(self.spliced, [])

    def test_no_long_pipe(self) -> None:
        """Where none may be that long, too."""
        self.patch(fcntl, "fcntl", failing(errno.EPERM))
        self.assert_carried()
        self.assertEqual(self.spliced, [])

    def test_disk_full(self) -> None:
        """What the file says is raised, and the pipe is closed."""

        def full(source: int, target: int, size: int, **more: Any) -> int:
            if target == self.file.fileno():
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.splice(source, target, size, **more)

        self.patch(os, "splice", full)
        self.assertEqual(self.assertRaises(OSError, self.carry, _LARGE).errno, errno.ENOSPC)
        self.assertEqual(len(os.listdir("/proc/self/fd")), self.open)

    def test_nothing_has_come(self) -> None:
        """Before the pipe is in use, and behind that."""
        for _ in range(2):
            with Carrier(self.stream) as carrier:
                self.assertRaises(BlockingIOError, carrier.take)
                carrier._taken = module._WORTHWHILE
                self.assertRaises(BlockingIOError, carrier.take)
        self.assertEqual(len(os.listdir("/proc/self/fd")), self.open)

    def test_lost(self) -> None:
        """Who resets the connection, or aborts the stream, ends it."""
        with Carrier(self.stream) as carrier:
            carrier._taken = module._WORTHWHILE
            self.patch(os, "splice", failing(errno.ECONNRESET))
            self.assertRaises(DataConnectionLost, carrier.take)
            self.stream.abort(DataConnectionAborted("stop"), in_use=False)
            self.assertRaises(DataConnectionAborted, carrier.take)
