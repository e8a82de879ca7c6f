"""The memory that threads move octets through."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.buffer import thread_buffer


class ThreadBufferTests(SynchronousTestCase):
    """One buffer a thread; tests/integration has the threads."""

    def test_same(self) -> None:
        """A thread has one buffer, of 1 MiB, that can be written to."""
        buffer = thread_buffer()
        self.assertIs(thread_buffer(), buffer)
        self.assertEqual((len(buffer), buffer.readonly, buffer.itemsize), (1024 * 1024, False, 1))
