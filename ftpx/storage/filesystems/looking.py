"""Finding things below the directory that is served, and nothing outside of it."""

from __future__ import annotations

import attrs

from ftpx.errors import NotADirectory, NotFound
from ftpx.interfaces import Entry, Kind, Path
from ftpx.storage.filesystems.entries import Info, entry_of, kind_of
from ftpx.storage.filesystems.failures import meaning
from ftpx.storage.filesystems.filesystem import Filesystem

__all__ = ["Found", "Look"]


@attrs.frozen
class Found:
    """Something that is there: its path on the filesystem, and what is known of it."""

    path: str
    info: Info

    @property
    def kind(self) -> Kind:
        """What it is."""
        return kind_of(self.info)

    def entry(self, name: str) -> Entry:
        """Its entry under a name."""
        return entry_of(name, self.info)


class Look:
    """
    How paths are found.

    Links that a server follows by itself can lead anywhere. Where it tells, each path is checked: what it really leads
    to must be below the root, and without ``follows`` there must be no link in it at all. Between that look and what is
    done then, somebody with other access to the filesystem can still put a link there.
    """

    def __init__(self, *, follows: bool = True) -> None:
        self.follows = follows

    def path(self, filesystem: Filesystem, names: Path) -> str:
        """
        The path of something, which need not be there, in a directory that is below the root.

        :raises NotFound: what leads there is a link out of the root, or one that is not followed.
        :raises NameRefused: the filesystem cannot have it.
        """
        path = filesystem.path(names)
        filesystem.require_exact(names)
        if filesystem.links and len(names) > 1 and not self._is_below(filesystem, names[:-1]):
            raise NotFound("no such file or directory")
        return path

    def _is_below(self, filesystem: Filesystem, names: Path) -> bool:
        root = filesystem.real_root
        real = filesystem.real_path(filesystem.path(names))
        if self.follows:
            return f"{real}/".startswith(f"{root}/")
        return real == "/".join([root, *names])

    def find(self, filesystem: Filesystem, names: Path) -> Found:
        """
        What is at a path, the link if it is one.

        :raises NotFound: nothing is.
        """
        path = self.path(filesystem, names)
        return Found(path, filesystem.info(path))

    def follow(self, filesystem: Filesystem, names: Path) -> Found:
        """
        What is at a path, or what a link there leads to; the link, if it is not followed.

        :raises NotFound: nothing is.
        """
        found = self.find(filesystem, names) if names else self._root(filesystem)
        if found.kind is Kind.LINK and self.follows:
            try:
                if self._is_below(filesystem, names):
                    return Found(found.path, filesystem.target(found.path))
            except Exception as error:
                if not isinstance(meaning(error), NotFound):
                    raise
        return found

    @staticmethod
    def _root(filesystem: Filesystem) -> Found:
        path = filesystem.path(())
        return Found(path, filesystem.target(path))

    def find_any(self, filesystem: Filesystem, names: Path) -> Found | None:
        """What is at a path, the link if it is one; ``None``: nothing is, but the directory is there."""
        self.require_parent(filesystem, names)
        path = filesystem.path(names)
        try:
            return Found(path, filesystem.info(path))
        except Exception as error:
            if isinstance(meaning(error), NotFound):
                return None
            raise

    def require_parent(self, filesystem: Filesystem, names: Path) -> None:
        """:raises NotFound, NotADirectory: there is no directory for something to be in."""
        self.path(filesystem, names)
        # What leads there is checked, so a link may be followed.
        if kind_of(filesystem.target(filesystem.path(names[:-1]))) is not Kind.DIRECTORY:
            raise NotADirectory("not a directory")

    def require_directory(self, filesystem: Filesystem, names: Path) -> Found:
        """:raises NotFound, NotADirectory: no directory is at a path."""
        found = self.follow(filesystem, names)
        if found.kind is Kind.LINK:
            raise NotFound("no such file or directory")
        if found.kind is not Kind.DIRECTORY:
            raise NotADirectory("not a directory")
        return found
