"""A second thread for a transfer that has one: it sends what the first has encrypted, while that encrypts the next."""

from __future__ import annotations

import os
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Final

import attrs

from ftpx.data.stream import IStream

__all__ = ["Sender"]

_MOST: Final = (os.cpu_count() or 1) // 2
"""Where every processor has a transfer already, two threads for one of them help nobody."""


@attrs.frozen
class _Outcome:
    """What became of a block."""

    unsent: bytes = b""
    error: Exception | None = None


def _send(stream: IStream, block: memoryview) -> _Outcome:
    try:
        return _Outcome(bytes(block[stream.send(block, False) :]))
    except BlockingIOError:
        return _Outcome(bytes(block))
    except Exception as error:
        # The thread that waits for it raises it.
        return _Outcome(error=error)


class _SecondThread:
    """
    A thread that sends one block at a time; it begins with the first.

    An executor of the standard library takes so long to hand a block over that half of the gain is gone.
    """

    def __init__(self) -> None:
        self._blocks: SimpleQueue[tuple[IStream, memoryview]] = SimpleQueue()
        self._outcomes: SimpleQueue[_Outcome] = SimpleQueue()
        self._thread: Thread | None = None

    def start(self, stream: IStream, block: memoryview) -> None:
        """Begin to send a block."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="ftpx-sender", daemon=True)
            self._thread.start()
        self._blocks.put((stream, block))

    def outcome(self) -> _Outcome:
        """Wait for the end of what was begun."""
        return self._outcomes.get()

    def _run(self) -> None:
        while True:
            self._outcomes.put(_send(*self._blocks.get()))


_free: SimpleQueue[_SecondThread] = SimpleQueue()
for _ in range(_MOST):
    _free.put(_SecondThread())


class Sender:
    """
    Sends blocks for the time of one call in a thread: in a second one, or here if none is free.

    :param stream: where they go.
    :param worthwhile: whether there are so many that a second thread pays.
    """

    def __init__(self, stream: IStream, worthwhile: bool) -> None:
        self._stream = stream
        self._second = _take() if worthwhile else None
        self._outcome = _Outcome()
        self.started = 0
        """How many octets the second thread may not have sent yet."""

    def start(self, block: memoryview) -> None:
        """Send a block, which has to stay as it is until `finish`. The one before is finished."""
        if self._second is None:
            self._outcome = _send(self._stream, block)
        else:
            self._second.start(self._stream, block)
            self.started = len(block)

    def finish(self) -> bytes:
        """
        Wait for the end of what was started, and return what of it could not be sent now.

        :raises DataConnectionLost: the stream is broken.
        """
        outcome = self._finished()
        if outcome.error is not None:
            raise outcome.error
        return outcome.unsent

    def _finished(self) -> _Outcome:
        if self._second is not None and self.started:
            self.started = 0
            return self._second.outcome()
        outcome, self._outcome = self._outcome, _Outcome()
        return outcome

    def __enter__(self) -> Sender:
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the second thread, and let others have it."""
        self._finished()
        if self._second is not None:
            _free.put(self._second)


def _take() -> _SecondThread | None:
    try:
        return _free.get_nowait()
    except Empty:
        return None
