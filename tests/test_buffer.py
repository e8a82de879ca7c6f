"""The memory that threads move octets through."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.buffer import record_buffers, thread_buffer


class ThreadBufferTests(SynchronousTestCase):
    """Buffers of a thread; tests/integration has the threads."""

    def test_same(self) -> None:
        """A thread has three buffers, of 1 MiB, that can be written to."""
        buffers = (thread_buffer(), *record_buffers())
        for number, again in enumerate((thread_buffer(), *record_buffers())):
            self.assertIs(buffers[number], again)
            self.assertEqual((len(again), again.readonly, again.itemsize), (1024 * 1024, False, 1))
            again[:1] = bytes([number])
        self.assertEqual([buffer[0] for buffer in buffers], [0, 1, 2])
