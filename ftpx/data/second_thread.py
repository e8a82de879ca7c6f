"""A second thread for a transfer that has one: it sends what the first has encrypted, while that encrypts the next."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import BoundedSemaphore
from types import TracebackType

from ftpx.data.stream import IStream

__all__ = ["Sender"]

# Where every processor has a transfer already, two threads for one of them help nobody.
_MOST = (os.cpu_count() or 1) // 2
_free = BoundedSemaphore(_MOST)
_threads = ThreadPoolExecutor(max(1, _MOST), "ftpx-sender")


class Sender:
    """
    Sends blocks for the time of one call in a thread: in a second one, or here if none is free.

    :param stream: where they go.
    :param worthwhile: whether there are so many that a second thread pays.
    """

    def __init__(self, stream: IStream, worthwhile: bool) -> None:
        self._stream = stream
        self._helped = worthwhile and _free.acquire(blocking=False)
        self._sending: Future[bytes] | None = None
        self._unsent = b""
        self.started = 0

    def start(self, block: memoryview) -> None:
        """Send a block, which has to stay as it is until `finish`. The one before is finished."""
        if self._helped:
            self._sending = _threads.submit(self._send, block)
            self.started = len(block)
        else:
            self._unsent = self._send(block)

    def finish(self) -> bytes:
        """Wait for the end of what was started, and return what of it could not be sent now."""
        if self._sending is not None:
            sending, self._sending, self.started = self._sending, None, 0
            return sending.result()
        unsent, self._unsent = self._unsent, b""
        return unsent

    def _send(self, block: memoryview) -> bytes:
        try:
            return bytes(block[self._stream.send(block, False) :])
        except BlockingIOError:
            return bytes(block)

    def __enter__(self) -> Sender:
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the second thread, and let others have it."""
        if self._sending is not None:
            wait([self._sending])
        if self._helped:
            _free.release()
