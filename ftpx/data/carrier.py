"""What carries octets from a stream to a file, in a thread."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from types import TracebackType
from typing import Final

from ftpx.buffer import thread_buffer
from ftpx.data.stream import IPipeStream, IStream

__all__ = ["Carrier", "write_all"]

_PIPE: Final = 1024 * 1024
"""As long as any user may make a pipe; shorter ones are slower than a copy."""
_WORTHWHILE: Final = 1024 * 1024
"""Behind so many octets that came without a pause, more are on their way, and a pipe pays."""
# The system, or the file system, cannot do it; the octets can still be copied.
_NO_SPLICE: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


def write_all(descriptor: int, octets: memoryview, position: int) -> None:
    """Write octets at a place of a file."""
    written = 0
    while written < len(octets):
        written += os.pwrite(descriptor, octets[written:], position + written)


class _Pipe:
    """A pipe; it is empty whenever the next octets are taken."""

    def __init__(self) -> None:
        self.outlet, self.inlet = os.pipe()
        self.filled = 0
        try:
            fcntl.fcntl(self.inlet, fcntl.F_SETPIPE_SZ, _PIPE)
        except OSError:
            self.close()
            raise

    def pour(self, descriptor: int, position: int) -> None:
        """Move all that is in it to a place of a file."""
        while self.filled:
            poured = self._pour(descriptor, position)
            self.filled -= poured
            position += poured

    def _pour(self, descriptor: int, position: int) -> int:
        try:
            return os.splice(self.outlet, descriptor, self.filled, offset_dst=position)
        except OSError as error:
            if error.errno not in _NO_SPLICE:
                raise
        octets = os.read(self.outlet, self.filled)
        write_all(descriptor, memoryview(octets), position)
        return len(octets)

    def close(self) -> None:
        """Close both ends."""
        os.close(self.outlet)
        os.close(self.inlet)


class Carrier:
    """
    Carries octets for the time of one call in a thread: in the thread's buffer, and when many have come and the stream
    can do that, through a pipe in the kernel, which spares one of two copies.

    :param stream: where they come from.
    """

    def __init__(self, stream: IStream) -> None:
        self._stream = stream
        self._pipes = IPipeStream(stream, None) if hasattr(os, "splice") else None
        self._buffer = thread_buffer()
        self._filled = 0
        self._taken = 0
        self._pipe: _Pipe | None = None

    def take(self) -> int:
        """
        Take what has come, and return how much; 0 is the clean end.

        :raises BlockingIOError: nothing has come.
        """
        size = self._splice()
        if size is None:
            size = self._filled = self._stream.receive_into(self._buffer)
        self._taken += size
        return size

    def put(self, descriptor: int, position: int) -> None:
        """
        Write what was taken to a place of a file.

        :raises OSError: the file did not take all of it.
        """
        if self._pipe is None:
            write_all(descriptor, self._buffer[: self._filled], position)
        else:
            self._pipe.pour(descriptor, position)

    def _splice(self) -> int | None:
        """What `take` returns; ``None`` if the buffer has to be used."""
        if self._pipes is None or self._taken < _WORTHWHILE:
            return None
        try:
            # No descriptor may be free, or no memory for so long a pipe.
            self._pipe = self._pipe or _Pipe()
            self._pipe.filled = self._pipes.splice(self._pipe.inlet, _PIPE)
        except BlockingIOError:
            raise
        except OSError:
            self._pipes = None
            self._close()
            return None
        return self._pipe.filled

    def _close(self) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            with suppress(OSError):
                pipe.close()

    def __enter__(self) -> Carrier:
        """Nothing is opened before it is needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pipe."""
        self._close()
