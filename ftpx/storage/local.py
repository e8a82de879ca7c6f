"""``local:DIR``: a directory of the operating system."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Sequence

from zope.interface import implementer

from ftpx.errors import AlreadyExists, ConfigurationError, IsADirectory, NameRefused, PermissionDenied
from ftpx.interfaces import (
    Entry,
    IDurable,
    IFreeSpace,
    IModes,
    IPartialFile,
    IPartialUploads,
    IReadableFile,
    IServerSideCopy,
    IStorage,
    IStoragePlugin,
    IStoragePool,
    ISubtrees,
    ISymbolicLinks,
    ITimes,
    IWithoutLinks,
    IWritableFile,
    Path,
)
from ftpx.storage.beneath import DIRECTORY, Beneath, KernelBeneath, Root, WalkBeneath
from ftpx.storage.deadline import LONGER
from ftpx.storage.descriptor import Closable, Descriptor, release
from ftpx.storage.failures import call, change
from ftpx.storage.files import LocalReadableFile, LocalWritableFile
from ftpx.storage.names import names_to_read, names_to_write
from ftpx.storage.syscalls import has_openat2
from ftpx.storage.tree import Tree, Volume
from ftpx.storage.upload import Upload

__all__ = ["LocalPlugin", "LocalStorage", "open_local", "plugin"]


@implementer(
    IStorage,
    ITimes,
    IModes,
    ISubtrees,
    ISymbolicLinks,
    IWithoutLinks,
    IServerSideCopy,
    IFreeSpace,
    IDurable,
    IPartialUploads,
)
class LocalStorage:
    """
    A directory, confined: see `ftpx.storage.beneath`.

    Every call is made in the pool, but for those to ``stat`` and ``open_read`` that the kernel
    can answer from its caches.
    """

    def __init__(self, tree: Tree, pool: IStoragePool) -> None:
        self._tree = tree
        self._pool = pool

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        names = names_to_read(path)
        entry = self._tree.stat_now(names)
        return await call(self._pool, self._tree.stat, names) if entry is None else entry

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory; see `IStorage`."""
        scan = await call(self._pool, self._tree.scan, names_to_read(path), discard=_close)
        try:
            while (page := await call(self._pool.allowing(ongoing=True), scan.page)) is not None:
                if page:
                    yield page
        finally:
            # Nobody waits for that, as it comes behind a page that may hang.
            release(self._pool.patient, scan)

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        names = names_to_read(path)
        found = self._tree.open_read_now(names)
        if found is not None:
            return LocalReadableFile(self._pool, *found, nearby=True)
        found = await call(self._pool, self._tree.open_read, names, discard=_close_first)
        return LocalReadableFile(self._pool, *found, nearby=False)

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; see `IStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        names = names_to_write(path)
        return LocalWritableFile(self._pool, await self._begin(self._tree.begin_upload, names, offset, exclusive))

    async def _begin(self, begin: Callable[..., Upload], *arguments: object) -> Upload:
        """Begin an upload and have what it keeps copied, a slice a call."""
        upload = await call(self._pool, begin, *arguments, discard=_close)
        try:
            while upload.keeping:
                await call(self._pool.allowing(longer=LONGER, ongoing=True), upload.keep)
        except BaseException:
            release(self._pool.patient, upload)
            raise
        return upload

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file that is kept if it breaks off; see `IPartialUploads`."""
        if not path:
            raise IsADirectory("the root is a directory")
        upload = await self._begin(self._tree.begin_owned, names_to_write(path), owner, exclusive)
        return LocalWritableFile(self._pool, upload)

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with a partial upload; see `IPartialUploads`."""
        if not path:
            raise IsADirectory("the root is a directory")
        names = names_to_write(path)
        upload = await call(self._pool, self._tree.continue_owned, names, owner, offset, exclusive, discard=_suspend)
        return None if upload is None else LocalWritableFile(self._pool, upload)

    async def partial_size(self, path: Path, owner: str) -> int | None:
        """What is kept of a partial upload; see `IPartialUploads`."""
        if not path:
            return None
        return await call(self._pool, self._tree.partial_size, names_to_read(path), owner)

    async def discard_partial(self, path: Path, owner: str) -> bool:
        """Throw a partial upload away; see `IPartialUploads`."""
        return bool(path) and await change(self._pool, self._tree.discard_partial, names_to_read(path), owner)

    async def kept_octets(self, owner: str, path: Path | None = None) -> int:
        """
        What is kept for an owner; see `IPartialUploads`.

        Where this is a subtree of a storage, all is what is kept in the whole storage.
        """
        if path == ():
            return 0
        names = None if path is None else names_to_read(path)
        return await call(self._pool, self._tree.kept_octets, owner, names)

    async def tidy_partials(self, lifetime: float) -> None:
        """Throw away what is of no use any more; see `IPartialUploads`."""
        # Nobody waits for it, and who begins it again does so only when it is done.
        await call(self._pool.patient, self._tree.tidy_partials, lifetime)

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        if not path:
            raise AlreadyExists("the root is there")
        await change(self._pool, self._tree.make_directory, names_to_write(path))

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        await change(self._pool, self._tree.remove_directory, _not_root(path, names_to_read))

    async def remove_file(self, path: Path) -> None:
        """Remove anything but a directory; see `IStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        await change(self._pool, self._tree.remove_file, names_to_read(path))

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; see `IStorage`."""
        names = _not_root(source, names_to_read), _not_root(destination, names_to_write)
        await change(self._pool, self._tree.rename, *names)

    async def subtree(self, path: Path) -> IStorage:
        """A directory as a storage of its own; see `ISubtrees`."""
        return LocalStorage(await call(self._pool, self._tree.subtree, names_to_read(path)), self._pool)

    def without_links(self) -> IStorage:
        """The same directory, with nothing behind any link; see `IWithoutLinks`."""
        return LocalStorage(self._tree.without_links(), self._pool)

    async def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        await change(self._pool, self._tree.set_modified, names_to_read(path), seconds)

    async def set_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits; see `IModes`."""
        await change(self._pool, self._tree.set_mode, names_to_read(path), mode)

    async def make_link(self, path: Path, target: str) -> None:
        """Make a symbolic link; see `ISymbolicLinks`. It is followed only as long as it stays in here."""
        if not path:
            raise AlreadyExists("the root is there")
        try:
            octets = target.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise NameRefused("no octets stand for this target") from None
        if not octets or b"\0" in octets:
            raise NameRefused("no target of a link")
        await change(self._pool, self._tree.make_link, names_to_write(path), octets)

    async def copy(self, source: Path, destination: Path) -> None:
        """Copy a file, staged; see `IServerSideCopy`."""
        names = names_to_read(source), _not_root(destination, names_to_write)
        upload = await self._begin(self._tree.begin_copy, *names)
        try:
            await change(self._pool.allowing(longer=LONGER, ongoing=True), upload.commit, False)
        finally:
            # A commit that was made has closed it.
            if upload.open:
                release(self._pool.patient, upload)

    async def free_space(self, path: Path) -> int:
        """Octets that could still be stored; see `IFreeSpace`."""
        return await call(self._pool, self._tree.free_space, names_to_read(path))


def _close(thing: Closable) -> None:
    """In a thread: let go of what was opened for somebody who does not wait any more."""
    thing.close()


def _suspend(upload: Upload | None) -> None:
    if upload is not None:
        upload.suspend()


def _close_first(found: tuple[Descriptor, Entry]) -> None:
    found[0].close()


def _not_root(path: Path, names: Callable[[Path], list[bytes]]) -> list[bytes]:
    if not path:
        raise PermissionDenied("not with the root")
    return names(path)


def open_local(directory: str, pool: IStoragePool, *, openat2: bool = True, tmpfile: bool = True) -> LocalStorage:
    """
    A directory as a storage. Blocks: it is called at start-up.

    :param directory: may be relative to the working directory, or begin with ``~``.
    :param openat2: let the kernel confine, where it can.
    :param tmpfile: stage uploads without a name, where the file system can.
    :raises ConfigurationError: it is not there, or not a directory.
    """
    absolute = os.path.abspath(os.path.expanduser(directory))
    try:
        root = Root(os.open(absolute, DIRECTORY))
    except OSError as error:
        raise ConfigurationError(f"the root directory {absolute} cannot be used: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"the root directory {directory!r} cannot be used: {error}") from error
    beneath: Beneath = KernelBeneath(root) if openat2 and has_openat2() else WalkBeneath(root)
    return LocalStorage(Tree(beneath, Volume(root, tmpfile)), pool)


@implementer(IStoragePlugin)
class LocalPlugin:
    """``local:DIR``."""

    prefix = "local"
    argument_format = "DIR"
    help = (
        "A directory of this machine. Nothing leads out of it: links are followed as long as they stay inside. "
        "An upload appears under its name when it is complete."
    )

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """Open the directory; see `IStoragePlugin`."""
        if not arguments:
            raise ConfigurationError("local: needs a directory, as in local:/srv/ftp")
        return open_local(arguments, pool)


plugin = LocalPlugin()
