"""A storage in which an account may not do everything everywhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, aclosing, contextmanager
from typing import Final, NoReturn, cast

from zope.interface import implementer

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    IsADirectory,
    NotADirectory,
    NotARegularFile,
    NotFound,
    OffsetBeyondEnd,
    PermissionDenied,
    StorageError,
)
from ftpx.interfaces import (
    Entry,
    IAccessRules,
    ICreationTimes,
    IDurable,
    IFreeSpace,
    IModes,
    IPartialFile,
    IPartialUploads,
    IQuotaLeft,
    IReadableFile,
    IRights,
    IServerSideCopy,
    IStorage,
    ISymbolicLinks,
    ITimes,
    IVersions,
    IWritableFile,
    Kind,
    Path,
    Right,
)
from ftpx.storage.abilities import provide_like
from ftpx.storage.copy import copy_content
from ftpx.storage.forwarding import ForwardingFile

__all__ = ["PermittedStorage"]

_ABILITIES: Final = (
    ITimes,
    ICreationTimes,
    IModes,
    ISymbolicLinks,
    IServerSideCopy,
    IFreeSpace,
    IDurable,
    IPartialUploads,
    IQuotaLeft,
)

_NOTHING: Final = Right(0)
_STORING: Final = Right.WRITE | Right.APPEND | Right.OVERWRITE
# What can be done with a file that is there. RENAME is asked for on both sides anyway.
_WITH_FILES: Final = Right.LOOK | Right.APPEND | Right.OVERWRITE | Right.DELETE | Right.SET_ATTRIBUTES
# What says that something is there, and of which kind it is.
_TELLING: Final[tuple[type[StorageError], ...]] = (
    AlreadyExists,
    DirectoryNotEmpty,
    IsADirectory,
    NotADirectory,
    NotARegularFile,
)


def _refuse() -> NoReturn:
    raise PermissionDenied("not permitted")


def _shows(rights: Right, kind: Kind) -> bool:
    """Whether who has these rights to a thing is told of it: a directory is where something can be done."""
    return bool(rights & Right.LOOK) or (kind is Kind.DIRECTORY and bool(rights))


class _Guard:
    """The rules, and what the inner storage itself allows."""

    def __init__(self, inner: IStorage, rules: IAccessRules) -> None:
        self._inner = IRights(inner, None)
        self._versions = IVersions(inner, None)
        self._rules = rules

    def rights(self, path: Path) -> Right:
        rights = self.ruled(path)
        return rights if self._inner is None else rights & self._inner.rights(path)

    def ruled(self, path: Path) -> Right:
        """What the rules say of a path, and of where what is kept there has been."""
        if self._rules.is_hidden(path):
            return _NOTHING
        rights = self._rules.rights(path)
        origin = None if self._versions is None else self._versions.origin(path)
        return rights if origin is None else rights & self.ruled(origin)

    def require(self, path: Path, *wanted: Right) -> None:
        """:raises PermissionDenied: of each of these, at least one of the rights in it must be there."""
        rights = self.rights(path)
        if not all(rights & want for want in wanted):
            _refuse()

    def is_boundary(self, path: Path) -> bool:
        return self._rules.is_boundary(path)

    @contextmanager
    def discreet(
        self,
        *paths: Path,
        errors: tuple[type[StorageError], ...] = _TELLING,
        instead: type[StorageError] = PermissionDenied,
    ) -> Iterator[None]:
        """Turn what says more than the account may know of these paths into what is said of anything refused."""
        try:
            yield
        except errors as error:
            if not all(self._may_know(path, error) for path in paths):
                raise instead("not permitted") from None
            raise

    def looking(self, path: Path) -> AbstractContextManager[None]:
        """The same, where what is said is that nothing is there."""
        return self.discreet(path, instead=NotFound)

    def _may_know(self, path: Path, error: StorageError) -> bool:
        # What is no directory is one of those above.
        shortest = 0 if isinstance(error, NotADirectory) else len(path)
        return all(self.rights(path[:length]) & Right.LOOK for length in range(shortest, len(path) + 1))


class _PermittedFile(ForwardingFile):
    """
    A writable file around another one. It is published only if that is still allowed.

    :param rights: what is needed for it.
    """

    def __init__(self, guard: _Guard, path: Path, rights: Right, file: IWritableFile) -> None:
        super().__init__(file)
        self._guard = guard
        self._path = path
        self._rights = rights

    async def publish(self, commit: Callable[[], Awaitable[Entry]]) -> Entry:
        """Publish; see `IWritableFile`."""
        if self._rights not in self._guard.rights(self._path):
            await self.abort()
            _refuse()
        with self._guard.discreet(self._path):
            return await commit()


@implementer(IStorage, IRights)
class PermittedStorage:
    """
    Another storage, with the rights of an account in force: each operation is decided on the very path that the other
    storage is given, before it is given it. Who may not look cannot tell what is refused from what is missing.

    Nothing is remembered: rules that change hold from the next call on, and for an upload that is under way when it is
    published. All abilities are handed on but `ISubtrees` and `IWithoutLinks`: rules are for paths from this root.

    :param inner: follows no symbolic link, so that a path has one meaning.
    """

    def __init__(self, inner: IStorage, rules: IAccessRules) -> None:
        self._inner = inner
        self._guard = _Guard(inner, rules)
        provide_like(self, inner, _ABILITIES)

    def rights(self, path: Path) -> Right:
        """What the account may do at a path; see `IRights`."""
        return self._guard.rights(path)

    # To look

    async def stat(self, path: Path) -> Entry:
        """The entry at a path, of a directory also if only something else may be done in it; see `IStorage`."""
        rights = self.rights(path)
        if not rights:
            raise NotFound("no such file or directory")
        with self._guard.looking(path):
            entry = await self._inner.stat(path)
        if not _shows(rights, entry.kind):
            raise NotFound("no such file or directory")
        return entry

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory that the account is told of; see `IStorage`."""
        if Right.LIST not in self.rights(path):
            raise NotFound("no such file or directory")
        with self._guard.looking(path):
            async with aclosing(self._inner.list_directory(path)) as pages:
                async for page in pages:
                    shown = [entry for entry in page if _shows(self.rights((*path, entry.name)), entry.kind)]
                    if shown:
                        yield shown

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        if Right.READ not in self.rights(path):
            raise NotFound("no such file or directory")
        with self._guard.looking(path):
            return await self._inner.open_read(path)

    async def free_space(self, path: Path) -> int:
        """Octets that could be stored in a directory that may be listed or stored in; see `IFreeSpace`."""
        self._guard.require(path, Right.LIST | _STORING)
        with self._guard.discreet(path):
            return await IFreeSpace(self._inner).free_space(path)

    async def quota_left(self, path: Path) -> int | None:
        """Octets that the account may still store where it may list or store; see `IQuotaLeft`."""
        self._guard.require(path, Right.LIST | _STORING)
        with self._guard.discreet(path):
            return await IQuotaLeft(self._inner).quota_left(path)

    # To store

    async def _storing(self, path: Path, offset: int | None, exclusive: bool) -> tuple[Right, bool]:
        """
        The rights by which a file can be stored, and whether the name must be free.

        A new name takes ``WRITE``. One that is taken takes ``OVERWRITE``; ``APPEND`` will do to go on behind its end.

        :raises PermissionDenied: there are none.
        """
        over = Right.OVERWRITE | Right.APPEND if offset is None else Right.OVERWRITE
        rights = self.rights(path) & (Right.WRITE | over)
        if not rights or (Right.WRITE not in rights and not await self._is_there(path)):
            _refuse()
        return rights, exclusive or rights == Right.WRITE

    async def _is_there(self, path: Path) -> bool:
        try:
            await self._inner.stat(path)
        except (NotFound, NotADirectory):
            return False
        return True

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file: by ``WRITE`` a new one, by ``OVERWRITE`` or ``APPEND`` one that is there."""
        rights, exclusive = await self._storing(path, offset, exclusive)
        # How long a file is, is nobody's business either.
        with self._guard.discreet(path, errors=(*_TELLING, OffsetBeyondEnd)):
            file = await self._inner.open_write(path, offset=offset, exclusive=exclusive)
        return _PermittedFile(self._guard, path, rights, file)

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file that is kept if it breaks off; see `open_write` and `IPartialUploads`."""
        rights, exclusive = await self._storing(path, 0, exclusive)
        with self._guard.discreet(path):
            file = await IPartialUploads(self._inner).begin_upload(path, owner, exclusive=exclusive)
        return cast(IPartialFile, _PermittedFile(self._guard, path, rights, file))

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with a partial upload; see `open_write` and `IPartialUploads`."""
        rights, exclusive = await self._storing(path, offset, exclusive)
        with self._guard.discreet(path):
            file = await IPartialUploads(self._inner).continue_upload(path, owner, offset, exclusive=exclusive)
        return None if file is None else cast(IPartialFile, _PermittedFile(self._guard, path, rights, file))

    async def partial_size(self, path: Path, owner: str) -> int | None:
        """What is kept of a partial upload, as long as the account may store there; see `IPartialUploads`."""
        if not self.rights(path) & _STORING:
            return None
        with self._guard.discreet(path):
            return await IPartialUploads(self._inner).partial_size(path, owner)

    async def discard_partial(self, path: Path, owner: str) -> bool:
        """Throw a partial upload away, as who may store or delete there may; see `IPartialUploads`."""
        if not self.rights(path) & (_STORING | Right.DELETE):
            return False
        with self._guard.discreet(path):
            return await IPartialUploads(self._inner).discard_partial(path, owner)

    async def kept_octets(self, owner: str, path: Path | None = None) -> int:
        """What is kept for an owner, whatever may be done with it now; see `IPartialUploads`."""
        return await IPartialUploads(self._inner).kept_octets(owner, path)

    async def tidy_partials(self, lifetime: float) -> None:
        """Throw away what is of no use any more; see `IPartialUploads`."""
        await IPartialUploads(self._inner).tidy_partials(lifetime)

    async def copy(self, source: Path, destination: Path) -> None:
        """Copy a file that may be read to where one may be stored; see `IServerSideCopy`."""
        if Right.READ not in self.rights(source):
            raise NotFound("no such file or directory")
        _, exclusive = await self._storing(destination, 0, False)
        with self._guard.discreet(source, destination):
            if exclusive:
                await copy_content(self._inner, source, self._inner, destination, exclusive=True)
            else:
                await IServerSideCopy(self._inner).copy(source, destination)

    async def make_link(self, path: Path, target: str) -> None:
        """Make a symbolic link, by ``WRITE`` and ``SET_ATTRIBUTES``; see `ISymbolicLinks`."""
        self._guard.require(path, Right.WRITE, Right.SET_ATTRIBUTES)
        with self._guard.discreet(path):
            await ISymbolicLinks(self._inner).make_link(path, target)

    # To change

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        self._guard.require(path, Right.MAKE_DIRECTORY)
        with self._guard.discreet(path):
            await self._inner.make_directory(path)

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        self._guard.require(path, Right.DELETE)
        with self._guard.discreet(path):
            await self._inner.remove_directory(path)

    async def remove_file(self, path: Path) -> None:
        """Remove anything but a directory; see `IStorage`."""
        self._guard.require(path, Right.DELETE)
        with self._guard.discreet(path):
            await self._inner.remove_file(path)

    async def rename(self, source: Path, destination: Path) -> None:
        """
        Give an entry another name, by ``RENAME`` on both sides; see `IStorage`.

        Nothing comes to where the account may do more with it than where it is, and no directory moves that rules of
        their own hold for or in. What is replaced takes ``DELETE``, or if it is no directory, ``OVERWRITE``.
        """
        self._guard.require(source, Right.RENAME)
        self._guard.require(destination, Right.RENAME)
        with self._guard.discreet(source, destination):
            if source != destination:
                await self._require_movable(source, destination)
            await self._inner.rename(source, destination)

    async def _require_movable(self, source: Path, destination: Path) -> None:
        if self._guard.is_boundary(source) or self._guard.is_boundary(destination):
            _refuse()
        entry = await self._inner.stat(source)
        here, there = self._guard.ruled(source), self._guard.ruled(destination)
        counting = Right.ALL if entry.kind is Kind.DIRECTORY else _WITH_FILES
        if there & ~here & counting:
            _refuse()
        try:
            present = await self._inner.stat(destination)
        except (NotFound, NotADirectory):
            return
        replacing = Right.DELETE if present.kind is Kind.DIRECTORY else Right.DELETE | Right.OVERWRITE
        if not there & replacing:
            raise AlreadyExists("the name is taken")

    async def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        self._guard.require(path, Right.SET_ATTRIBUTES)
        with self._guard.discreet(path):
            await ITimes(self._inner).set_modified(path, seconds)

    async def set_created(self, path: Path, seconds: float) -> None:
        """Set the time of creation; see `ICreationTimes`."""
        self._guard.require(path, Right.SET_ATTRIBUTES)
        with self._guard.discreet(path):
            await ICreationTimes(self._inner).set_created(path, seconds)

    async def set_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits; see `IModes`."""
        self._guard.require(path, Right.SET_ATTRIBUTES)
        with self._guard.discreet(path):
            await IModes(self._inner).set_mode(path, mode)
