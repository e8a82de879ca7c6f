"""Octets on their way into an object."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from ftpx.errors import StorageFailure
from ftpx.interfaces import Block, IStoragePool
from ftpx.storage.objects.errand import Errand
from ftpx.storage.objects.store import IObjectStore, IObjectUpload, ObjectEntry

__all__ = ["Sender"]


class Sender:
    """
    The next content of one object: what is small goes in one request, the rest in parts.

    At most two parts are in memory, one that is being filled and one that is being sent: who writes waits for it.

    :param upload: one that is gone on with; its parts come first.
    :param tail: what stands behind them.
    :param begun: is told when the first part is about to be sent, and may fail.
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
    ) -> None:
        self.upload = upload
        self.sent = 0 if upload is None else sum(part.size for part in upload.parts)
        self._store = store
        self._pool = pool
        self._key = key
        self._begun = begun
        self._part_size = store.part_size
        self._number = 0 if upload is None else len(upload.parts)
        self._whole = not self.sent % self._part_size
        self._filling = bytearray(tail)
        self._sending: Errand | None = None

    @property
    def unsent(self) -> memoryview:
        """What no part has yet. With what is `sent`, all that was written if no part is on its way."""
        return memoryview(self._filling)

    @property
    def busy(self) -> bool:
        """Whether a part is on its way."""
        return self._sending is not None and not self._sending.done

    async def write(self, block: Block) -> None:
        """Add a block, as soon as there is room for it."""
        rest = memoryview(block).cast("B")
        while rest:
            if len(self._filling) >= self._part_size:
                await self._send_on()
            taken = rest[: self._part_size - len(self._filling)]
            self._filling += taken
            rest = rest[len(taken) :]

    async def settle(self) -> None:
        """Wait until no part is on its way. Raises what was wrong with one."""
        if self._sending is not None:
            await self._sending.wait()

    async def _send_on(self) -> None:
        """Send what is filled, behind the part before it."""
        await self.settle()
        # Who waited here may have been one of two.
        if len(self._filling) >= self._part_size:
            content, self._filling = self._filling, bytearray()
            self._sending = Errand(self._send(content))

    async def _send(self, content: bytearray) -> None:
        if not self._whole:
            raise StorageFailure("the last part has been sent already")
        if self.upload is None:
            upload = await self._pool.run(self._store.begin_upload, self._key, discard=_abort)
            self.upload = upload
            if self._begun is not None:
                await self._begun(upload)
        await self._pool.patient.run(self.upload.put_part, self._number + 1, memoryview(content))
        self._number += 1
        self.sent += len(content)
        self._whole = len(content) == self._part_size

    async def flush(self) -> None:
        """Of what goes in parts, send the last."""
        await self.settle()
        if self.upload is not None and self._filling:
            content, self._filling = self._filling, bytearray()
            await self._send(content)

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
