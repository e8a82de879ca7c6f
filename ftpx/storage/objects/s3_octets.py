"""The octets of a request and of an answer, with a bound on how many there are and how slowly they may come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Final

from ftpx.storage.objects.s3_failures import Spoiled

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

__all__ = ["AnswerOctets", "RequestOctets"]

_PIECE: Final = 256 << 10
# At 10 kB a second it goes well within the timeout for a piece.
_SENT_PIECE: Final = 64 << 10
# Who is slower than this is taken for broken; before it is compared, some time must have gone by.
_SLOWEST_OCTETS_A_SECOND: Final = 1000
_GRACE: Final = 30.0


class _Progress:
    """Notices that octets move too slowly, which no timeout does that begins again with each of them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()

    def check(self, moved: int) -> None:
        if self._clock() - self._began > _GRACE + moved / _SLOWEST_OCTETS_A_SECOND:
            raise Spoiled("The object store is too slow.")


class RequestOctets:
    """
    What is sent, as a file: so urllib3 sends it in small pieces, each with a timeout of its own. Sent as one piece, all
    of it would have to go within one timeout.
    """

    def __init__(self, content: bytes | memoryview, clock: Callable[[], float]) -> None:
        self._content = memoryview(content)
        self._clock = clock
        self._progress = _Progress(clock)
        self._position = 0

    def __len__(self) -> int:
        return len(self._content)

    def read(self, size: int = -1) -> memoryview:
        """Some of the next octets, without a copy."""
        start = self._position
        if start == 0:
            self._progress = _Progress(self._clock)
        self._progress.check(start)
        self._position = min(len(self._content), start + (_SENT_PIECE if size < 0 else min(size, _SENT_PIECE)))
        return self._content[start : self._position]

    def tell(self) -> int:
        """Where the next octets are."""
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place that is counted from the beginning, from here or from the end."""
        base = (0, self._position, len(self._content))[whence]
        self._position = max(0, min(len(self._content), base + offset))
        return self._position


class AnswerOctets:
    """
    What an answer holds, read as it comes.

    :param limit: how many octets there may be.
    """

    def __init__(self, raw: BaseHTTPResponse, limit: int, clock: Callable[[], float]) -> None:
        self._raw = raw
        self._limit = limit
        self._read = 0
        self._progress = _Progress(clock)

    def read(self, amt: int | None = None) -> bytes:
        """So many octets, or all; fewer only at the end."""
        left = self._limit - self._read + 1 if amt is None else amt
        # Costs less than to join pieces: it grows without a copy, and gives what it holds without one.
        found = BytesIO()
        while left > 0 and (piece := self._raw.read1(min(left, _PIECE), decode_content=False)):
            found.write(piece)
            left -= len(piece)
            self._read += len(piece)
            self._progress.check(self._read)
        if self._read > self._limit:
            self.close()
            raise Spoiled("The object store sends more than it was asked for.")
        return found.getvalue()

    def stream(self) -> Iterator[bytes]:
        """All of it."""
        yield self.read()

    def close(self) -> None:
        """Let go of the connection; with octets still to come it is not used again."""
        self._raw.close()
