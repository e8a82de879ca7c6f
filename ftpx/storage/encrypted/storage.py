"""A storage whose files are encrypted in another one."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import ClassVar

from zope.interface.interface import InterfaceClass

from ftpx.errors import IsADirectory
from ftpx.interfaces import (
    Entry,
    ICreationTimes,
    IDurable,
    IFreeSpace,
    IModes,
    IPartialFile,
    IPartialUploads,
    IReadableFile,
    IRights,
    IServerSideCopy,
    IStorage,
    ISubtrees,
    ISymbolicLinks,
    ITidied,
    ITimes,
    IVersions,
    IWithoutLinks,
    IWorkerPool,
    IWritableFile,
    Path,
)
from ftpx.running import to_the_end
from ftpx.storage.encrypted.continuing import Continuing, suspend_in_background
from ftpx.storage.encrypted.keys import KeyRing
from ftpx.storage.encrypted.layout import kept_extent, plain_capacity
from ftpx.storage.encrypted.reading import EncryptedReadableFile, plain_entry
from ftpx.storage.forwarding import ForwardingStorage

__all__ = ["EncryptedStorage"]


class EncryptedStorage(ForwardingStorage):
    """
    Another storage, in which the content of files is encrypted; their names are as the other one has them.

    :param pool: where the encrypting is done.
    :param random: as many random octets as it is asked for, fit for keys.
    """

    abilities: ClassVar[Sequence[InterfaceClass]] = (
        IRights,
        IWithoutLinks,
        ISubtrees,
        ITimes,
        ICreationTimes,
        IModes,
        ISymbolicLinks,
        IServerSideCopy,
        IFreeSpace,
        IDurable,
        IPartialUploads,
        IVersions,
        ITidied,
    )

    def __init__(
        self, inner: IStorage, keys: KeyRing, pool: IWorkerPool, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        super().__init__(inner)
        self._keys = keys
        self._pool = pool
        self._random = random
        self._writing = Continuing(inner, keys, pool, random)

    def _around(self, inner: IStorage) -> EncryptedStorage:
        return EncryptedStorage(inner, self._keys, self._pool, self._random)

    def without_links(self) -> IStorage:
        """The same without following links; see `IWithoutLinks`."""
        return self._around(IWithoutLinks(self.inner).without_links())

    async def subtree(self, path: Path) -> IStorage:
        """A directory as a storage; see `ISubtrees`."""
        return self._around(await ISubtrees(self.inner).subtree(path))

    async def stat(self, path: Path) -> Entry:
        """The entry at a path, with its plain size; see `IStorage`."""
        return plain_entry(await self.inner.stat(path), path[-1] if path else "")

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory, with their plain sizes; see `IStorage`."""
        async with aclosing(self.inner.list_directory(path)) as pages:
            async for page in pages:
                yield [plain_entry(entry, entry.name) for entry in page]

    async def open_read(self, path: Path) -> IReadableFile:
        """
        Open a file; see `IStorage`.

        :raises StorageFailure: it is not encrypted, or an empty one is not as it was written.
        """
        inner = await self.inner.open_read(path)
        try:
            file = EncryptedReadableFile(inner, self._pool, self._keys, path[-1])
            await file.begin()
        except BaseException:
            inner.close()
            raise
        return file

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """
        Begin to write a file; see `IStorage`.

        :raises StorageFailure: it cannot be continued, as it cannot be read.
        """
        if not path:
            raise IsADirectory("the root is a directory")
        if offset == 0:
            return self._writing.new(await self.inner.open_write(path, exclusive=exclusive), path)
        return await self._writing.published(path, offset, exclusive=exclusive)

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file that is kept if it breaks off; see `IPartialUploads`."""
        if not path:
            raise IsADirectory("the root is a directory")
        file = await IPartialUploads(self.inner).begin_upload(path, owner, exclusive=exclusive)
        return IPartialFile(self._writing.new(file, path))

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with a partial upload; see `IPartialUploads`."""
        if not path:
            raise IsADirectory("the root is a directory")
        going_on = self._writing.partial(path, owner, offset, exclusive=exclusive)
        file = await to_the_end(going_on, discard=suspend_in_background)
        return None if file is None else IPartialFile(file)

    async def partial_size(self, path: Path, owner: str) -> int | None:
        """Plain octets that are kept of a partial upload; see `IPartialUploads`."""
        stored = await IPartialUploads(self.inner).partial_size(path, owner)
        extent = None if stored is None else kept_extent(stored)
        return None if extent is None else extent.plain

    async def kept_octets(self, owner: str, path: Path | None = None) -> int:
        """
        Plain octets that are kept for an owner; see `IPartialUploads`.

        Of several uploads together the other storage tells but the sum of what it stores: then it is some octets more,
        as many as a header and a block have beside their content, for each but one of them.
        """
        return plain_capacity(await IPartialUploads(self.inner).kept_octets(owner, path))

    async def free_space(self, path: Path) -> int:
        """Plain octets that a file could have; see `IFreeSpace`."""
        return plain_capacity(await IFreeSpace(self.inner).free_space(path))
