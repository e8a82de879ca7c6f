"""Octets on their way into an object."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from ftpx.errors import StorageFailure
from ftpx.interfaces import Block, IStoragePool
from ftpx.storage.objects.errand import Errand
from ftpx.storage.objects.store import IObjectStore, IObjectUpload, ObjectEntry

__all__ = ["SecondParts", "Sender"]

_IN_MEMORY: Final = 2


class SecondParts:
    """
    How many uploads may send a second part beside the first. One alone leaves a store idle between two parts; many
    keep it busy with one each, and leave threads for others.
    """

    def __init__(self, most: int) -> None:
        self._free = most

    def take(self) -> bool:
        """Whether one more may; it gives its leave back."""
        taken = self._free > 0
        self._free -= taken
        return taken

    def give_back(self) -> None:
        """It does not any more."""
        self._free += 1


class Sender:
    """
    The next content of one object: what is small goes in one request, the rest in parts.

    At most two parts are in memory. One is sent while the next is filled; or both are sent, and who writes waits.

    :param upload: one that is gone on with; its parts come first.
    :param tail: what stands behind them.
    :param begun: is told when the first part is about to be sent, and may fail.
    :param second: leave to send a second part; the store takes parts in any order then.
    """

    def __init__(
        self,
        store: IObjectStore,
        pool: IStoragePool,
        key: str,
        *,
        upload: IObjectUpload | None = None,
        tail: bytes = b"",
        begun: Callable[[IObjectUpload], Awaitable[None]] | None = None,
        second: SecondParts | None = None,
    ) -> None:
        self.upload = upload
        self._store = store
        self._pool = pool
        self._key = key
        self._begun = begun
        self._second = second or SecondParts(0)
        self._part_size = store.part_size
        self._number = 0 if upload is None else len(upload.parts)
        self._whole = not self.sent % self._part_size
        self._filling = bytearray(tail)
        self._beginning: Errand | None = None
        self._under_way: deque[Errand] = deque()

    @property
    def sent(self) -> int:
        """Octets that the store has."""
        return 0 if self.upload is None else sum(part.size for part in self.upload.parts)

    @property
    def unsent(self) -> memoryview:
        """What no part has yet. With what is `sent`, all that was written if no part is on its way."""
        return memoryview(self._filling)

    @property
    def busy(self) -> bool:
        """Whether a part is on its way."""
        return not all(part.done for part in self._under_way)

    async def write(self, block: Block) -> None:
        """Add a block, as soon as there is room for it."""
        rest = memoryview(block).cast("B")
        while rest:
            if len(self._filling) >= self._part_size:
                await self._send_on()
            if not self._filling:
                await self._until_fewer(_IN_MEMORY)
            taken = rest[: self._part_size - len(self._filling)]
            self._filling += taken
            rest = rest[len(taken) :]

    async def settle(self) -> None:
        """Wait until no part is on its way. Raises what was wrong with one."""
        for part in tuple(self._under_way):
            await part.ended()
        await self._until_fewer(1)

    async def _until_fewer(self, parts: int) -> None:
        """Wait until fewer parts are on their way. Raises what was wrong with one, every time."""
        while self._under_way and (len(self._under_way) >= parts or self._under_way[0].done):
            oldest = self._under_way[0]
            await oldest.wait()
            # Who waited here may have been one of two.
            if self._under_way and self._under_way[0] is oldest:
                self._under_way.popleft()

    async def _send_on(self) -> None:
        """Send what is filled: behind the part before it, or beside it."""
        await self._until_fewer(_IN_MEMORY)
        beside = bool(self._under_way) and self._second.take()
        if not beside:
            await self._until_fewer(1)
        # It may have been dropped meanwhile.
        if self._filling:
            self._start(beside=beside)

    def _start(self, *, beside: bool) -> None:
        content, self._filling = self._filling, bytearray()
        self._number += 1
        self._under_way.append(Errand(self._send(self._number, content, last=not self._whole, beside=beside)))
        self._whole = len(content) == self._part_size

    async def _send(self, number: int, content: bytearray, *, last: bool, beside: bool) -> None:
        try:
            if last:
                raise StorageFailure("the last part has been sent already")
            upload = await self._begun_upload()
            await self._pool.patient.run(upload.put_part, number, memoryview(content))
        finally:
            if beside:
                self._second.give_back()

    async def _begun_upload(self) -> IObjectUpload:
        """The upload, when all is ready for its parts."""
        if self.upload is None and self._beginning is None:
            self._beginning = Errand(self._begin())
        if self._beginning is not None:
            await self._beginning.wait()
        if self.upload is None:
            raise StorageFailure("the upload was not begun")
        return self.upload

    async def _begin(self) -> None:
        self.upload = await self._pool.run(self._store.begin_upload, self._key, discard=_abort)
        if self._begun is not None:
            await self._begun(self.upload)

    async def flush(self) -> None:
        """Of what goes in parts, send the last."""
        if self._filling and (self._number or self.upload is not None):
            await self._send_on()
        await self.settle()

    async def publish(self, *, exclusive: bool) -> ObjectEntry:
        """
        Give the object its key, when all of it was sent.

        :raises AlreadyExists: it is to be ``exclusive``, and there is one.
        """
        await self.flush()
        if self.upload is None:
            return await self._pool.patient.run(
                partial(self._store.put, self._key, bytes(self._filling), exclusive=exclusive)
            )
        return await self._pool.patient.run(partial(self.upload.complete, exclusive=exclusive))

    def drop(self) -> None:
        """Let go of what no part has."""
        self._filling = bytearray()


def _abort(upload: IObjectUpload) -> None:
    upload.abort()
