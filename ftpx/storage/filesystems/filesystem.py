"""What ftpx asks of an instance of one of fsspec's filesystems, in the words that all of them know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any, ClassVar, Final

from zope.interface.interface import InterfaceClass

from ftpx.errors import DirectoryNotEmpty, NameRefused, PermissionDenied
from ftpx.interfaces import Kind
from ftpx.storage.filesystems.entries import Info, kind_of
from ftpx.storage.names import HIDDEN_PREFIX

__all__ = ["ASIDE", "Filesystem", "plain_name"]

#: How many things in a directory are moved one by one, where a filesystem cannot rename it.
_MOST_MOVED: Final = 10_000


#: How a file is called that gives way to another for a moment.
ASIDE: Final = ".replaced"


def plain_name(told: str) -> str | None:
    """What a filesystem says is the name of something, if it can be one."""
    return told if told not in {"", ".", ".."} and not set(told) & {"/", "\0", "\r", "\n"} else None


class Filesystem:
    """
    One instance, used by one thread at a time, and the directory of it that is served.

    Where a filesystem does something better, or not at all, a subclass says so. Calls may raise anything.

    :param filesystem: an ``fsspec.AbstractFileSystem``. It has no types.
    :param root: the path of the directory as the filesystem has it.
    """

    #: How many instances there may be.
    connections: ClassVar[int] = 8
    #: Whether there must be no more than one instance, whatever is asked for.
    single: ClassVar[bool] = False
    #: Whether all of it is in this process or on this machine, so that it can be opened at the start.
    near: ClassVar[bool] = False
    #: Whether `move` gives a name to another thing in one step, directories too. If not, things are copied.
    moves: ClassVar[bool] = False
    #: Whether there are symbolic links that `real_path` sees through.
    links: ClassVar[bool] = False
    #: Whether a listing that nobody reads to its end is in the way of other calls.
    listing_lingers: ClassVar[bool] = False
    #: The optional interfaces of storages that it can do.
    abilities: ClassVar[Sequence[InterfaceClass]] = ()

    def __init__(self, filesystem: Any, root: str) -> None:
        self.filesystem = filesystem
        # Names must come from the filesystem itself each time: others change it too.
        if hasattr(filesystem, "dircache"):
            filesystem.dircache.use_listings_cache = False
        rooted = root.startswith("/") or filesystem.root_marker == "/"
        self._base = root.rstrip("/")
        self._root = self._base or ("/" if rooted else "")
        self._before_names = f"{self._base}/" if self._base or rooted else ""

    @classmethod
    def options(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The options of an instance: those given, and what is better than the defaults of the library."""
        return given

    # Paths

    def path(self, names: Sequence[str]) -> str:
        """
        The path of something in the directory.

        :raises NameRefused: the filesystem would take it for something else.
        """
        if not names:
            return self._root
        path = self._before_names + "/".join(names)
        if self.filesystem._strip_protocol(path).lstrip("/") != path.lstrip("/"):
            raise NameRefused("the filesystem cannot keep this name")
        return path

    def require_exact(self, names: Sequence[str]) -> None:
        """:raises NameRefused: a path would reach something that has another name, as where case is ignored."""

    def real_path(self, path: str) -> str:
        """The path without symbolic links; only where there are `links`."""
        return path

    @cached_property
    def real_root(self) -> str:
        """What the root really is, without a slash at the end."""
        return self.real_path(self._root).rstrip("/")

    # Looking

    def info(self, path: str) -> Info:
        """What is at a path; of a symbolic link, the link, where the filesystem tells them apart."""
        self.filesystem.invalidate_cache()
        info: Info = self.filesystem.info(path)
        return info

    def target(self, path: str) -> Info:
        """What a symbolic link leads to."""
        return self.info(path)

    def infos(self, path: str) -> Iterator[tuple[str, Info]]:
        """What is in a directory, by names; what is no name is left out, whoever made it up."""
        self.filesystem.invalidate_cache()
        for info in self.filesystem.ls(path, detail=True):
            name = self._name_in(path, str(info.get("name", "")))
            if name is not None:
                yield name, info

    def _name_in(self, directory: str, told: str) -> str | None:
        """The name of something in a directory, however its path is told. ``None``: it is no such thing."""
        path, parent = told.strip("/"), directory.strip("/")
        if not path or path == parent:
            return None
        return plain_name(path.removeprefix(f"{parent}/") if parent else path)

    def ping(self) -> None:
        """Raises an error that is no answer if the instance is of no more use."""
        self.info(self._root)

    # Files

    def open_to_read(self, path: str) -> Any:
        """A file object."""
        return self.filesystem.open(path, "rb")

    def by_range(self, file: Any) -> bool:
        """Whether each read of a file is a request by its name, so that another file may answer it."""
        from fsspec.spec import AbstractBufferedFile  # type: ignore[import-untyped]  # it has no types

        return isinstance(file, AbstractBufferedFile)

    def read(self, file: Any, offset: int, size: int) -> bytes:
        """Some octets from an offset, fewer than ``size`` if it likes; none only at the end."""
        if file.tell() != offset:
            # Only then: to seek is a new request for some.
            file.seek(offset)
        block: bytes = file.read(size)
        return block

    def open_to_write(self, path: str) -> Any:
        """A file object for a file that is not there."""
        return self.filesystem.open(path, "wb")

    def write(self, file: Any, block: bytes) -> None:
        """Add all of a block."""
        file.write(block)

    def remove_file(self, path: str) -> None:
        """Remove anything but a directory."""
        self.filesystem.rm_file(path)

    def copy_file(self, source: str, destination: str) -> None:
        """Copy a file, over one that may be there."""
        self.filesystem.cp_file(source, destination)

    # Names

    def replace(self, source: str, destination: str) -> None:
        """Give a file the name of another, or a name that is free."""
        if not self.moves:
            self.copy_file(source, destination)
            self.remove_file(source)
            return
        try:
            self.filesystem.mv(source, destination)
        except FileExistsError:
            self.replace_aside(source, destination)

    def replace_aside(self, source: str, destination: str) -> None:
        """
        Give a file the name of another where nothing renames over a file: the other one steps aside first.

        For a moment there is no file of that name. What steps aside comes back if the new one cannot take its place.
        """
        mark = blake2b(f"{source}\0{destination}".encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
        aside = f"{destination.rpartition('/')[0]}/{HIDDEN_PREFIX}{mark}{ASIDE}"
        self.place(destination, aside)
        try:
            self.place(source, destination)
        except Exception:
            self.place(aside, destination)
            raise
        self.remove_file(aside)

    def place(self, source: str, destination: str) -> None:
        """Give a file a name that must be free: as certainly as the filesystem can, and it was free a moment ago."""
        if self.moves:
            self.filesystem.mv(source, destination)
        else:
            self.replace(source, destination)

    def move_directory(self, source: str, destination: str) -> None:
        """Give a directory a name that is free."""
        if self.moves:
            self.filesystem.mv(source, destination)
            return
        # First all is copied, then the old is removed: whenever it breaks, nothing is lost.
        found = list(self._below(source))
        self.make_directory(destination)
        for path, kind in found:
            copied = destination + path.removeprefix(source)
            if kind is Kind.DIRECTORY:
                self.make_directory(copied)
            else:
                self.copy_file(path, copied)
        for path, kind in reversed(found):
            if kind is Kind.DIRECTORY:
                self.remove_directory(path)
            else:
                self.remove_file(path)
        self.remove_directory(source)

    def _below(self, top: str) -> Iterator[tuple[str, Kind]]:
        """All that is below a directory, each directory before what is in it."""
        to_go, found = [top], 0
        while to_go:
            directory = to_go.pop()
            for name, info in self.infos(directory):
                found += 1
                if found > _MOST_MOVED:
                    raise PermissionDenied("there is too much in the directory")
                path, kind = f"{directory.rstrip('/')}/{name}", kind_of(info)
                yield path, kind
                if kind is Kind.DIRECTORY:
                    to_go.append(path)

    # Directories

    def make_directory(self, path: str) -> None:
        """Make a directory in one that is there."""
        self.filesystem.mkdir(path, create_parents=False)

    def remove_directory(self, path: str) -> None:
        """
        Remove an empty directory.

        :raises DirectoryNotEmpty: it is not.
        """
        if next(self.infos(path), None) is not None:
            raise DirectoryNotEmpty("the directory is not empty")
        self.filesystem.rmdir(path)

    # Attributes

    def set_mode(self, path: str, mode: int) -> None:
        """Set permission bits."""
        raise NotImplementedError

    def set_modified(self, path: str, seconds: float) -> None:
        """Set the time of the last modification."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what the instance holds."""
