"""Reading an object in blocks, the next of which are fetched while one is sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable
from typing import Final, TypeVar

import attrs
from twisted.internet.defer import Deferred
from zope.interface import implementer

from ftpx.errors import StorageFailure
from ftpx.interfaces import IReadableFile, IStoragePool, IStoredDigests
from ftpx.storage.objects.entries import file_entry
from ftpx.storage.objects.store import IObjectStore, ObjectEntry

__all__ = ["FIRST_BLOCK", "LARGEST_BLOCK", "ObjectReadableFile", "read_exactly"]

#: Octets of the first block: what a small file costs is one request, and what somebody only looks into is not much.
FIRST_BLOCK: Final = 512 * 1024
#: Octets of a block at most.
LARGEST_BLOCK: Final = 4 * 1024 * 1024
#: How many blocks are fetched at once when they are that large. Beside them a transfer has one that is being sent.
_AHEAD: Final = 3
_GROWTH: Final = 2

_T = TypeVar("_T")


def read_exactly(store: IObjectStore, found: ObjectEntry, offset: int, size: int) -> bytes:
    """
    Octets of an object, all that were asked for. Blocks.

    :raises StorageFailure: there are fewer.
    :raises FileChanged: it is another object now.
    """
    content = store.read(found, offset, size)
    if len(content) != size:
        raise StorageFailure("the store gave fewer octets than the object has")
    return content


@attrs.frozen
class _Block:
    start: int
    content: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.content)


@attrs.frozen
class _Ahead:
    """A block that is being fetched."""

    start: int
    end: int
    fetched: Deferred[bytes]

    def give_up(self) -> None:
        self.fetched.addErrback(lambda _: None)
        self.fetched.cancel()


async def _settled(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


@implementer(IReadableFile, IStoredDigests)
class ObjectReadableFile:
    """
    An object as it was when it was opened. If it is replaced meanwhile, what was not read yet cannot be read any more:
    `FileChanged`.

    :param content: its first octets, as far as they are here already.
    """

    def __init__(
        self, store: IObjectStore, pool: IStoragePool, name: str, found: ObjectEntry, content: bytes = b""
    ) -> None:
        self.entry = file_entry(name, found)
        self._store = store
        self._pool = pool
        self._found = found
        self._block = _Block(0, content)
        self._ahead: deque[_Ahead] = deque()
        self._next_size = FIRST_BLOCK
        self._position = 0
        self._open = True

    def stored_digest(self, algorithm: str) -> str | None:
        """The MD5 of the content where the store tells it; see `IStoredDigests`."""
        return self._found.md5 if algorithm.upper() == "MD5" else None

    async def read(self, offset: int, size: int) -> bytes:
        """Octets of the content; see `IReadableFile`."""
        end = min(offset + size, self.entry.size)
        if offset >= end:
            return b""
        follows = offset == self._position
        pieces = []
        position = offset
        while position < end:
            if not self._block.start <= position < self._block.end:
                self._block = await self._fetch(position, follows)
            elif follows:
                # What comes next is fetched while the caller is busy with this.
                self._look_ahead()
            piece = self._block.content[position - self._block.start : end - self._block.start]
            pieces.append(piece)
            position += len(piece)
        self._position = end
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _fetch(self, position: int, follows: bool) -> _Block:
        """The block in which a position is."""
        # The one that is here is dropped first: no more than those to come and one that is sent are in memory.
        self._block = _Block(0, b"")
        if self._ahead and not self._ahead[0].start <= position < self._ahead[0].end:
            self._give_up()
        if not self._ahead:
            if not follows:
                self._next_size = FIRST_BLOCK
            self._begin(position)
        ahead = self._ahead.popleft()
        content = await ahead.fetched
        if not self._open:
            raise StorageFailure("the file is closed")
        return _Block(ahead.start, content)

    def _look_ahead(self) -> None:
        while len(self._ahead) < (_AHEAD if self._next_size == LARGEST_BLOCK else 1):
            start = self._ahead[-1].end if self._ahead else self._block.end
            if start >= self.entry.size:
                return
            self._begin(start)

    def _begin(self, start: int) -> None:
        if not self._open:
            raise StorageFailure("the file is closed")
        end = min(start + self._next_size, self.entry.size)
        self._next_size = min(self._next_size * _GROWTH, LARGEST_BLOCK)
        fetching = self._pool.patient.run(read_exactly, self._store, self._found, start, end - start)
        self._ahead.append(_Ahead(start, end, Deferred.fromCoroutine(_settled(fetching))))

    def _give_up(self) -> None:
        while self._ahead:
            self._ahead.popleft().give_up()

    def close(self) -> None:
        """Let go of what was fetched; see `IReadableFile`."""
        self._open = False
        self._block = _Block(0, b"")
        self._give_up()
