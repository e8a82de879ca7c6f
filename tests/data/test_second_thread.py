"""A second thread that sends."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpx.data import second_thread
from ftpx.data.second_thread import Sender
from ftpx.data.stream import SocketStream
from ftpx.errors import DataConnectionLost
from ftpx.interfaces import Block
from tests.data.doubles import DescriptorReactor, connected_pair


class _Noting(SocketStream):
    """A stream that notes in which threads it sends."""

    threads: list[str] = []

    def send(self, block: Block, more: bool) -> int:
        """Send, and note it."""
        self.threads.append(threading.current_thread().name)
        return super().send(block, more)


class SenderTests(SynchronousTestCase):
    """Blocks are sent in another thread, or in this one."""

    def setUp(self) -> None:
        """One second thread may be used."""
        self.free: SimpleQueue[Any] = SimpleQueue()
        self.free.put(second_thread._SecondThread())
        self.patch(second_thread, "_free", self.free)
        ours, self.peer = connected_pair()
        self.addCleanup(self.peer.close)
        self.stream = _Noting(DescriptorReactor(), ours)
        self.addCleanup(self.stream.close)
        self.patch(self.stream, "threads", [])

    def threads(self, worthwhile: bool) -> set[str]:
        """Send three blocks; where that was done."""
        self.stream.threads.clear()
        with Sender(self.stream, worthwhile) as sender:
            for block in (b"one", b"two", b"three"):
                sender.start(memoryview(block))
                self.assertEqual(sender.finish(), b"")
                self.assertEqual(sender.finish(), b"")
        self.assertEqual(self.peer.recv(100), b"onetwothree")
        return set(self.stream.threads)

    def test_second_thread(self) -> None:
        """They go through the second thread if that is worth it."""
        (name,) = self.threads(worthwhile=True)
        self.assertIn("ftpx-sender", name)
        self.assertEqual(self.threads(worthwhile=False), {threading.current_thread().name})

    def test_same_again(self) -> None:
        """A thread is begun when it is needed first, and once."""
        names = [thread.name for thread in threading.enumerate()]
        self.threads(worthwhile=True)
        self.threads(worthwhile=True)
        more = [thread.name for thread in threading.enumerate()]
        self.assertEqual(len(more), len(names) + 1)

    def test_one_for_all(self) -> None:
        """Who finds none free sends in the own thread; whoever is done lets others have it."""
        with Sender(self.stream, True):
            self.assertEqual(self.threads(worthwhile=True), {threading.current_thread().name})
        self.assertNotEqual(self.threads(worthwhile=True), {threading.current_thread().name})

    def test_no_room(self) -> None:
        """What could not be sent is given back, in order and as it was."""
        for worthwhile in (True, False):
            with Sender(self.stream, worthwhile) as sender:
                block = memoryview(bytearray(range(256)) * 40_000)
                sender.start(block)
                self.assertEqual(sender.started, len(block) if worthwhile else 0)
                unsent = sender.finish()
                self.assertEqual((unsent == block[len(block) - len(unsent) :], sender.started), (True, 0))
                self.assertGreater(len(unsent), 0)
                sender.start(memoryview(b"more"))
                self.assertEqual(sender.finish(), b"more")
            while len(block) > len(unsent):
                block = block[len(self.peer.recv(1 << 20)) :]

    def test_lost(self) -> None:
        """Who waits for the end hears that the connection is lost; who does not, has the thread back."""
        self.peer.close()
        for worthwhile in (True, False):
            with Sender(self.stream, worthwhile) as sender:
                sender.start(memoryview(b"x"))
                self.assertRaises(DataConnectionLost, sender.finish)
                sender.start(memoryview(b"x"))
        self.assertEqual(self.free.qsize(), 1)
