"""Files on their way into an object store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger
from zope.interface import alsoProvides, implementer

from ftpx.errors import (
    AlreadyExists,
    FileChanged,
    NotSupported,
    StorageError,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.interfaces import Block, Entry, IPartialFile, IStagedContent, IStoragePool, IWritableFile
from ftpx.running import to_the_end
from ftpx.storage.objects.entries import file_entry
from ftpx.storage.objects.errand import Errand
from ftpx.storage.objects.reading import read_exactly
from ftpx.storage.objects.sending import Sender
from ftpx.storage.objects.store import ObjectEntry
from ftpx.storage.objects.target import Target
from ftpx.storage.objects.trail import Trail

__all__ = ["ObjectPartialFile", "ObjectWritableFile"]

_T = TypeVar("_T")

_log = Logger()


@implementer(IWritableFile)
class ObjectWritableFile:
    """
    The next content of an object.

    :param trail: what is in the journal of it, where the store has one.
    :param kept: an object from which what is kept can be read, and at which of its octets that begins.
    """

    def __init__(
        self,
        pool: IStoragePool,
        target: Target,
        sender: Sender,
        trail: Trail | None,
        kept: tuple[ObjectEntry, int] | None = None,
    ) -> None:
        self.offset = sender.sent + len(sender.unsent)
        if kept is not None:
            alsoProvides(self, IStagedContent)
        self._kept = kept
        self._pool = pool
        self._target = target
        self._sender = sender
        self._trail = trail
        self._turn = DeferredLock()
        self._open = True

    async def write(self, block: Block) -> None:
        """Add a block, as soon as the store has taken enough of those before; see `IWritableFile`."""
        self._require_open()
        if self._trail is not None:
            self._trail.renew()
        await self._sender.write(block)

    async def read_back(self, offset: int, size: int) -> bytes:
        """
        Read what is kept, or what was written and has not been sent; see `IStagedContent`.

        :raises NotSupported: it was written and sent; no store gives that back before it is published.
        """
        sender = self._sender
        if offset < self.offset and self._kept is not None:
            found, start = self._kept
            wanted = min(size, self.offset - offset)
            content = await self._pool.run(read_exactly, self._target.tree.store, found, start + offset, wanted)
            return content if wanted == size else content + await self.read_back(self.offset, size - wanted)
        if offset < sender.sent or sender.busy:
            raise NotSupported("those octets were sent already")
        return bytes(sender.unsent[offset - sender.sent :][:size])

    async def commit(self) -> Entry:
        """Publish; see `IWritableFile`."""
        return await to_the_end(self._alone(self._commit))

    async def abort(self) -> None:
        """Throw away; see `IWritableFile`."""
        await to_the_end(self._alone(self._abort))

    async def _alone(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """One end at a time: who waits for one may have been cancelled, and come to another."""
        await self._turn.acquire()
        try:
            return await work()
        finally:
            self._turn.release()

    async def _commit(self) -> Entry:
        self._require_open()
        self._open = False
        target = self._target
        try:
            await self._sender.flush()
            await self._pool.run(target.check)
            found = await self._sender.publish(exclusive=target.only_new)
        except BaseException as error:
            await self._failed(error)
            if isinstance(error, AlreadyExists) and not target.exclusive:
                raise FileChanged("the file was changed meanwhile") from error
            raise
        await self._published()
        return file_entry(target.name, found)

    async def _published(self) -> None:
        """It is there: nothing that fails from here on makes it undone."""
        try:
            if self._trail is not None:
                await self._trail.remove()
                await self._account(self._trail)
        except StorageError as error:
            _log.warn("what is known of an upload that was published could not be removed: {error}", error=error)
        finally:
            self._end()

    async def _account(self, trail: Trail) -> None:
        """What a publication means for what was kept before: nothing."""

    async def _failed(self, error: BaseException) -> None:
        """It could not be published."""
        await self._throw_away()

    async def _abort(self) -> None:
        if not self._open:
            return
        self._open = False
        await self._throw_away()

    async def _throw_away(self) -> None:
        self._sender.drop()
        if self._sender.busy:
            # Not before the part that is on its way has come, or it would stay; and nobody needs to wait for that.
            Errand(self._clean())
        else:
            await self._clean()

    async def _clean(self) -> None:
        """Have nothing left in the store."""
        sender, trail = self._sender, self._trail
        try:
            await sender.settle()
        except Exception as error:
            _log.debug("the upload that is thrown away had failed: {error}", error=error)
        try:
            if trail is None:
                if sender.upload is not None:
                    await self._pool.run(sender.upload.abort)
            elif await trail.is_ours():
                if sender.upload is not None:
                    await self._pool.run(sender.upload.abort)
                await trail.remove()
        except StorageError as error:
            _log.warn("an upload could not be thrown away: {error}", error=error)
            self._left()
        finally:
            self._end()

    def _left(self) -> None:
        """The store did not take that the upload is thrown away."""
        if self._trail is not None and self._sender.upload is not None:
            self._trail.leave(self._sender.upload)

    def _end(self) -> None:
        self._sender.drop()
        if self._trail is not None:
            self._trail.end()

    def _require_open(self) -> None:
        if not self._open:
            raise StorageFailure("the upload is closed")


@implementer(IPartialFile)
class ObjectPartialFile(ObjectWritableFile):
    """The next content of an object, of which is kept what has come if it breaks off."""

    def __init__(
        self,
        pool: IStoragePool,
        target: Target,
        sender: Sender,
        trail: Trail,
        kept: tuple[ObjectEntry, int] | None = None,
    ) -> None:
        super().__init__(pool, target, sender, trail, kept)
        self._kept_in = trail

    async def suspend(self) -> None:
        """Keep what has come; see `IPartialFile`."""
        await to_the_end(self._alone(self._suspend))

    async def _suspend(self) -> None:
        if not self._open:
            return
        self._open = False
        sender, trail = self._sender, self._kept_in
        try:
            await sender.settle()
        except StorageError as error:
            # What was to be behind that part has no place any more.
            _log.info("a part of an upload that broke off was not stored: {error}", error=error)
            sender.drop()
        if not sender.sent and not sender.unsent:
            await self._throw_away()
            return
        try:
            if await trail.is_ours():
                await trail.keep(sender.sent, bytes(sender.unsent))
        except StorageError as error:
            # The trace tells all but the octets that are no part yet.
            _log.warn("the end of an upload that broke off could not be kept: {error}", error=error)
        finally:
            self._end()

    def _left(self) -> None:
        """It stays as it is: its owner can go on when the store is back, and if nobody does, its time will be over."""

    async def _account(self, trail: Trail) -> None:
        """An upload from its start takes the place of what was kept before."""
        if not self._target.continued:
            await trail.supersede()

    async def _failed(self, error: BaseException) -> None:
        # A store that does not answer now has the parts all the same, and they can be published later.
        if isinstance(error, StorageUnavailable) and self._sender.sent:
            self._end()
        else:
            await self._throw_away()
