"""The queue of commands."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.server.command_queue import CommandQueue
from ftpx.wire.commands import Command
from ftpx.wire.lines import EndlessLine
from ftpx.wire.replies import Reply


class CommandQueueTests(SynchronousTestCase):
    """Commands and the replies to lines that are none, in order."""

    def test_order(self) -> None:
        """CP08, CP09: lines that are no commands stand in line as the replies to them."""
        queue = CommandQueue()
        queue.feed(b"noop\r\nNO\0OP\r\nMKD a\0b\r\n" + b"x" * 9000 + b"\r\nPWD\r\n")
        items = [queue.take() for _ in range(5)]
        self.assertEqual((items[0], items[4]), (Command("NOOP", None), Command("PWD", None)))
        self.assertEqual([item.code for item in items if isinstance(item, Reply)], [500, 501, 500])
        self.assertFalse(queue.items)

    def test_items(self) -> None:
        """Items can be looked at without being taken."""
        queue = CommandQueue()
        queue.feed(b"PWD\r\nNOOP\r\n")
        self.assertEqual(queue.items[0], Command("PWD", None))
        self.assertEqual(list(queue.items), [Command("PWD", None), Command("NOOP", None)])
        self.assertEqual(queue.take(), Command("PWD", None))

    def test_bound(self) -> None:
        """CP16: no more than the limit is parsed; the rest comes when there is room."""
        queue = CommandQueue(limit=3)
        queue.feed(b"PWD\r\nPWD\r\n")
        self.assertFalse(queue.full)
        queue.feed(b"".join(b"CWD %d\r\n" % number for number in range(5)))
        self.assertTrue(queue.full)
        self.assertEqual(len(list(queue.items)), 3)
        taken = [queue.take() for _ in range(7)]
        self.assertEqual(taken[-1], Command("CWD", "4"))
        self.assertFalse(queue.items)
        self.assertFalse(queue.full)

    def test_pieces(self) -> None:
        """CP05: a command may come in pieces."""
        queue = CommandQueue()
        for octet in b"PWD\r":
            queue.feed(bytes([octet]))
            self.assertFalse(queue.items)
        queue.feed(b"\n")
        self.assertEqual(queue.items[0], Command("PWD", None))

    def test_endless(self) -> None:
        """A line without an end is told."""
        queue = CommandQueue()
        with self.assertRaises(EndlessLine):
            for _ in range(100):
                queue.feed(b"x" * 1000)

    def test_clear(self) -> None:
        """Nothing is left, not even half a line."""
        queue = CommandQueue()
        queue.feed(b"PWD\r\nNO")
        queue.clear()
        self.assertFalse(queue.items)
        queue.feed(b"OP\r\n")
        self.assertEqual(queue.items[0], Command("OP", None))
