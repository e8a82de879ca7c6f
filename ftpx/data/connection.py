"""A data connection as a session sees it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

from zope.interface import implementer

from ftpx.data.receiving import receive
from ftpx.data.sending import send_blocks, send_file
from ftpx.data.stream import IStream, Time
from ftpx.data.transfer import Transfer
from ftpx.errors import DataConnectionAborted, StorageError
from ftpx.interfaces import Block, IDataConnection, IPace, IReadableFile, IWritableFile

__all__ = ["DataConnection"]


@implementer(IDataConnection)
class DataConnection:
    """
    One transfer over one stream; see `IDataConnection`.

    A transfer that does not succeed resets the connection, so that no client takes a part of a file for all of it.
    Where it is the storage that goes no further, that is done a moment later, so that the client can read why.

    :param timeout: seconds over which the peer must move `ftpx.data.stall.MINIMUM_RATE` octets a second.
    """

    def __init__(self, clock: Time, stream: IStream, timeout: float) -> None:
        self._transfer = Transfer(clock, stream, timeout)

    @property
    def moved(self) -> int:
        """Octets sent or received so far."""
        return self._transfer.moved

    def keep_pace(self, pace: IPace) -> None:
        """See `IDataConnection`."""
        self._transfer.keep_pace(pace)

    async def send_file(self, source: IReadableFile, offset: int, end: int) -> int:
        """See `IDataConnection`."""
        return await self._run(send_file, source, offset, end)

    async def send_blocks(self, blocks: AsyncGenerator[Block, None], delimited: bool = False) -> int:
        """See `IDataConnection`."""
        return await self._run(send_blocks, blocks, delimited)

    async def receive(self, sink: IWritableFile) -> int:
        """See `IDataConnection`."""
        return await self._run(receive, sink)

    def abort(self) -> None:
        """See `IDataConnection`."""
        self._transfer.interrupt(DataConnectionAborted("the transfer was aborted"))
        self._transfer.finish(clean=False)

    async def _run(self, move: Callable[..., Awaitable[None]], *arguments: object) -> int:
        try:
            if self._transfer.error is None:
                established = self._transfer.established()
                if established is not None:
                    await established
                await move(self._transfer, *arguments)
            # Also a sink may break the transfer off, from within its very last write.
            if self._transfer.error is not None:
                raise self._transfer.error
        except StorageError:
            self._transfer.refuse()
            raise
        except BaseException:
            self._transfer.finish(clean=False)
            raise
        self._transfer.finish(clean=True)
        return self._transfer.moved
