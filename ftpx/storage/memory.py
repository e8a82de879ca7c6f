"""``memory:`` and ``memory:SIZE``: files that are gone when the server ends. Nothing in it blocks."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from operator import attrgetter

from zope.interface import alsoProvides, implementer

from ftpx.errors import (
    AlreadyExists,
    ConfigurationError,
    DirectoryNotEmpty,
    FileChanged,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotFound,
    OffsetBeyondEnd,
    PermissionDenied,
    StorageFailure,
)
from ftpx.interfaces import (
    Block,
    Entry,
    ICreationTimes,
    IFreeSpace,
    IModes,
    IPartialFile,
    IPartialUploads,
    IReadableFile,
    IServerSideCopy,
    IStagedContent,
    IStorage,
    IStoragePlugin,
    IStoragePool,
    ISubtrees,
    ITimes,
    IWritableFile,
    Path,
)
from ftpx.storage.listing import PAGE_SIZE
from ftpx.storage.memory_partials import MemoryPartials, PartialPlace
from ftpx.storage.names import LONGEST_NAME, octets
from ftpx.storage.nodes import Directory, File, Node, Volume

__all__ = ["MemoryPlugin", "MemoryStorage", "plugin"]

_NEW_FILE = 0o644


@implementer(IReadableFile)
class _ReadableFile:
    """The content as it was when the file was opened."""

    def __init__(self, entry: Entry, content: bytearray) -> None:
        self.entry = entry
        self._content = memoryview(content)

    async def read(self, offset: int, size: int) -> bytes:
        """Octets of the content; see `IReadableFile`."""
        return bytes(self._content[offset : offset + size])

    def close(self) -> None:
        """Let go of the content; see `IReadableFile`."""
        self._content = memoryview(b"")


@implementer(IWritableFile, IStagedContent)
class _WritableFile:
    """Content that is gathered until it is committed."""

    def __init__(self, volume: Volume, content: bytearray, publish: Callable[[bytearray], Entry]) -> None:
        self.offset = len(content)
        self._volume = volume
        self._content = content
        self._publish = publish
        self._open = True
        volume.take(len(content))

    async def read_back(self, offset: int, size: int) -> bytes:
        """Octets of what was written; see `IStagedContent`."""
        return bytes(self._content[offset : offset + size])

    async def write(self, block: Block) -> None:
        """Add a block; see `IWritableFile`."""
        self._require_open()
        self._volume.take(len(block))
        self._content += block

    async def commit(self) -> Entry:
        """Publish; see `IWritableFile`."""
        self._require_open()
        try:
            entry = self._publish(self._content)
        except BaseException:
            await self.abort()
            raise
        self._open = False
        return entry

    async def abort(self) -> None:
        """Throw away; see `IWritableFile`."""
        if self._open:
            self._open = False
            self._volume.give_back(len(self._content))
            self._content = bytearray()

    def _require_open(self) -> None:
        if not self._open:
            raise StorageFailure("the upload is closed")


@implementer(IPartialFile)
class _PartialFile(_WritableFile):
    """Content that is kept for its owner if it breaks off. ``continued``: it began as such."""

    def __init__(
        self,
        volume: Volume,
        partials: MemoryPartials,
        place: PartialPlace,
        content: bytearray,
        publish: Callable[[bytearray], Entry],
        *,
        continued: bool,
    ) -> None:
        super().__init__(volume, content, publish)
        self._partials = partials
        self._place = place
        self._continued = continued
        self._replaces = partials.replaced_by(place)
        partials.begin(place)

    async def commit(self) -> Entry:
        """Publish; see `IWritableFile`."""
        entry = await super().commit()
        self._partials.end(self._place)
        if not self._continued:
            self._partials.supersede(self._place)
        return entry

    async def suspend(self) -> None:
        """Keep what was written; see `IPartialFile`."""
        if self._open and self._content:
            self._open = False
            self._partials.end(self._place)
            self._partials.keep(self._place, self._content, self._replaces)
        await self.abort()

    async def abort(self) -> None:
        """Throw away; see `IWritableFile`."""
        if self._open:
            self._partials.end(self._place)
        await super().abort()


@implementer(IStorage, ITimes, ICreationTimes, IModes, ISubtrees, IServerSideCopy, IPartialUploads)
class MemoryStorage:
    """
    A tree of files in memory. With a limit it provides `IFreeSpace` too.

    :param limit: how many octets the content of all files may have.
    :param clock: the seconds since the epoch.
    """

    def __init__(self, limit: int | None = None, clock: Callable[[], float] = time.time) -> None:
        volume = Volume(clock, limit)
        self._place(volume, MemoryPartials(volume), volume.directory(), ())

    def _place(self, volume: Volume, partials: MemoryPartials, root: Directory, prefix: Path) -> None:
        self._prefix = prefix
        self._volume = volume
        self._partials = partials
        self._root = root
        if volume.limit is not None:
            alsoProvides(self, IFreeSpace)

    def _node(self, path: Path) -> Node:
        node: Node = self._root
        for name in path:
            if not isinstance(node, Directory):
                raise NotADirectory("not a directory")
            child = node.children.get(name)
            if child is None:
                _require_short(name)
                raise NotFound("no such file or directory")
            node = child
        return node

    def _directory(self, path: Path) -> Directory:
        node = self._node(path)
        if not isinstance(node, Directory):
            raise NotADirectory("not a directory")
        return node

    def _file(self, path: Path) -> File:
        node = self._node(path)
        if not isinstance(node, File):
            raise IsADirectory("is a directory")
        return node

    def _new_place(self, path: Path) -> tuple[Directory, str]:
        """The directory where a new entry may be put, and the name for it."""
        directory = self._directory(path[:-1])
        _require_short(path[-1])
        if directory.removed:
            raise NotFound("no such file or directory")
        return directory, path[-1]

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        return self._volume.entry(path[-1] if path else "", self._node(path))

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory; see `IStorage`."""
        children = self._directory(path).children
        names = list(children)
        for start in range(0, len(names), PAGE_SIZE):
            page = [
                self._volume.entry(name, node)
                for name in names[start : start + PAGE_SIZE]
                if (node := children.get(name)) is not None
            ]
            if page:
                page.sort(key=attrgetter("name"))
                yield page

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        node = self._file(path)
        return _ReadableFile(self._volume.entry(path[-1], node), node.content)

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; see `IStorage`."""
        if not path:
            raise IsADirectory("the root is a directory")
        directory, name = self._new_place(path)
        present = self._replaceable(directory, name, exclusive=exclusive)
        content = bytearray() if present is None else present.content
        if (offset or 0) > len(content):
            raise OffsetBeyondEnd("the file is shorter")
        publish = self._publication(directory, name, exclusive=exclusive, continued=offset != 0)
        return _WritableFile(self._volume, content[:offset], publish)

    def _publication(
        self, directory: Directory, name: str, *, exclusive: bool = False, continued: bool = False
    ) -> Callable[[bytearray], Entry]:
        """What gives a file its next content; one that is ``continued`` must be what it is now."""
        present = self._replaceable(directory, name, exclusive=exclusive)
        version = _version(present)

        def publish(content: bytearray) -> Entry:
            now_present = self._replaceable(directory, name, exclusive=exclusive)
            if continued and (now_present is not present or _version(now_present) != version):
                raise FileChanged("the file was changed meanwhile")
            return self._put(directory, name, content, now_present)

        return publish

    def _partial_place(self, path: Path, owner: str) -> PartialPlace:
        return PartialPlace(owner, self._prefix + path, *self._new_place(path))

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file that is kept if it breaks off; see `IPartialUploads`."""
        if not path:
            raise IsADirectory("the root is a directory")
        place = self._partial_place(path, owner)
        publish = self._publication(place.directory, place.name, exclusive=exclusive)
        return _PartialFile(self._volume, self._partials, place, bytearray(), publish, continued=False)

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with a partial upload; see `IPartialUploads`."""
        if not path:
            raise IsADirectory("the root is a directory")
        place = self._partial_place(path, owner)
        publish = self._publication(place.directory, place.name, exclusive=exclusive, continued=True)
        content = self._partials.claim(place, offset)
        if content is None:
            return None
        return _PartialFile(self._volume, self._partials, place, content, publish, continued=True)

    async def partial_size(self, path: Path, owner: str) -> int | None:
        """What is kept of a partial upload; see `IPartialUploads`."""
        return self._partials.size(self._partial_place(path, owner)) if path else None

    async def discard_partial(self, path: Path, owner: str) -> bool:
        """Throw a partial upload away; see `IPartialUploads`."""
        return bool(path) and self._partials.discard(self._partial_place(path, owner))

    async def kept_octets(self, owner: str, path: Path | None = None) -> int:
        """What is kept for an owner; see `IPartialUploads`."""
        if path is None:
            return self._partials.octets_below(self._prefix, owner)
        return self._partials.octets_at(self._partial_place(path, owner)) if path else 0

    async def tidy_partials(self, lifetime: float) -> None:
        """Throw away what was kept for too long; see `IPartialUploads`."""
        self._partials.tidy(lifetime)

    @staticmethod
    def _replaceable(directory: Directory, name: str, *, exclusive: bool) -> File | None:
        present = directory.children.get(name)
        if present is not None and exclusive:
            raise AlreadyExists("the name is taken")
        if isinstance(present, Directory):
            raise IsADirectory("is a directory")
        return present

    def _put(self, directory: Directory, name: str, content: bytearray, present: File | None) -> Entry:
        if directory.removed:
            raise NotFound("no such file or directory")
        node = self._volume.file(content, _NEW_FILE if present is None else present.mode)
        self._forget(present)
        directory.children[name] = node
        self._volume.touch(directory)
        return self._volume.entry(name, node)

    def _forget(self, node: Node | None) -> None:
        if isinstance(node, File):
            self._volume.give_back(len(node.content))
        elif node is not None:
            node.removed = True

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        if not path:
            raise AlreadyExists("the root is there")
        directory, name = self._new_place(path)
        if name in directory.children:
            raise AlreadyExists("the name is taken")
        directory.children[name] = self._volume.directory()
        self._volume.touch(directory)

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        _refuse_root(path)
        if self._directory(path).children:
            raise DirectoryNotEmpty("the directory is not empty")
        self._remove(path)

    async def remove_file(self, path: Path) -> None:
        """Remove a file; see `IStorage`."""
        self._file(path)
        self._remove(path)

    def _remove(self, path: Path) -> None:
        directory = self._directory(path[:-1])
        self._forget(directory.children.pop(path[-1]))
        self._volume.touch(directory)

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; see `IStorage`."""
        _refuse_root(source)
        _refuse_root(destination)
        node = self._node(source)
        directory, name = self._new_place(destination)
        if isinstance(node, Directory) and source == destination[: len(source)] and source != destination:
            raise NameRefused("a directory cannot be put into itself")
        present = directory.children.get(name)
        if present is node:
            return
        if present is not None:
            _require_replaceable(node, present)
        self._forget(present)
        old = self._directory(source[:-1])
        del old.children[source[-1]]
        directory.children[name] = node
        self._volume.touch(old)
        self._volume.touch(directory)

    async def set_modified(self, path: Path, seconds: float) -> None:
        """Set the time of the last modification; see `ITimes`."""
        self._node(path).modified = seconds

    async def set_created(self, path: Path, seconds: float) -> None:
        """Set the time of creation; see `ICreationTimes`."""
        self._node(path).created = seconds

    async def set_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits; see `IModes`. They are kept, and nobody is held to them."""
        self._node(path).mode = mode & 0o777

    async def subtree(self, path: Path) -> IStorage:
        """A directory as a storage of its own; see `ISubtrees`."""
        storage = MemoryStorage.__new__(MemoryStorage)
        storage._place(self._volume, self._partials, self._directory(path), self._prefix + path)
        return storage

    async def copy(self, source: Path, destination: Path) -> None:
        """Copy a file; see `IServerSideCopy`."""
        content = self._file(source).content
        _refuse_root(destination)
        target = await self.open_write(destination)
        try:
            await target.write(content)
            await target.commit()
        finally:
            await target.abort()

    async def free_space(self, path: Path) -> int:
        """Octets up to the limit; see `IFreeSpace`."""
        self._directory(path)
        return max(0, (self._volume.limit or 0) - self._volume.used)


def _version(node: File | None) -> int | None:
    return None if node is None else node.version


def _require_short(name: str) -> None:
    """:raises NameRefused: nothing can have this name."""
    if len(octets(name)) > LONGEST_NAME:
        raise NameRefused("the name is too long")


def _refuse_root(path: Path) -> None:
    if not path:
        raise PermissionDenied("not with the root")


def _require_replaceable(node: Node, present: Node) -> None:
    """:raises IsADirectory, NotADirectory, DirectoryNotEmpty: one may not take the place of the other."""
    if isinstance(present, File):
        if isinstance(node, Directory):
            raise NotADirectory("a directory cannot replace a file")
    elif isinstance(node, File):
        raise IsADirectory("a file cannot replace a directory")
    elif present.children:
        raise DirectoryNotEmpty("the directory is not empty")


@implementer(IStoragePlugin)
class MemoryPlugin:
    """``memory:`` and ``memory:SIZE``."""

    prefix = "memory"
    argument_format = "[SIZE]"
    help = "Files in memory, gone when the server ends. SIZE is how many octets they may have together."

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """An empty storage; see `IStoragePlugin`."""
        if not arguments:
            return MemoryStorage()
        if not (arguments.isascii() and arguments.isdigit()) or len(arguments) > 18:
            raise ConfigurationError(f"memory:{arguments}: the size is a number of octets, as in memory:1000000")
        return MemoryStorage(int(arguments))


plugin = MemoryPlugin()
