"""The memory that threads move octets through."""

from __future__ import annotations

import threading

__all__ = ["record_buffers", "thread_buffer"]

_SIZE = 1024 * 1024


class _Buffer(threading.local):
    """
    One buffer a thread, made when first used.

    A thread that hangs in a call keeps its own, so nobody else's bytes can get into that call.
    """

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_SIZE))


_octets = _Buffer()
_records = (_Buffer(), _Buffer())


def thread_buffer() -> memoryview:
    """The buffer of this thread, 1 MiB; what it holds is of no use once the call is over."""
    return _octets.view


def record_buffers() -> tuple[memoryview, memoryview]:
    """Two more, for octets while they are encrypted: one can be filled while the other is being sent."""
    return _records[0].view, _records[1].view
