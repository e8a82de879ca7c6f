"""Directories and files as flat keys have them. Every call blocks."""

from __future__ import annotations

import attrs

from ftpx.errors import AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory, NotFound
from ftpx.storage.objects.keys import parent_of
from ftpx.storage.objects.looking import first_below
from ftpx.storage.objects.store import IObjectStore, ObjectEntry, ObjectPage

__all__ = ["ObjectTree"]


@attrs.frozen
class ObjectTree:
    """
    What is a file and what a directory.

    A directory is there as long as its marker is, or anything else below it. An object hides a directory of the same
    key. Nothing is remembered from one call to the next: others may change the store.
    """

    store: IObjectStore

    def file(self, key: str) -> ObjectEntry | None:
        """The object of a key, if there is one."""
        try:
            return self.store.head(key)
        except NotFound:
            return None

    def has_below(self, key: str) -> bool:
        """Whether there is a directory, seen or hidden by a file."""
        return bool(first_below(self.store, f"{key}/", 1))

    def is_empty(self, key: str) -> bool:
        """Whether there is nothing below a directory but its marker, or no such directory."""
        return all(found == self.marker(key) for found in first_below(self.store, f"{key}/", 2))

    def find(self, key: str) -> ObjectEntry | None:
        """
        The file of a key, or ``None`` for a directory.

        :raises NotFound: it is neither.
        """
        found = self.file(key)
        if found is None and key and not self.has_below(key):
            raise NotFound("no such file or directory")
        return found

    def find_file(self, key: str) -> ObjectEntry:
        """:raises NotFound, IsADirectory: it is none."""
        found = self.find(key)
        if found is None:
            raise IsADirectory("is a directory")
        return found

    def open_file(self, key: str, size: int) -> tuple[ObjectEntry, bytes]:
        """A file and its first octets. :raises NotFound, IsADirectory: it is none."""
        try:
            return self.store.open(key, size)
        except NotFound:
            if self.has_below(key):
                raise IsADirectory("is a directory") from None
            raise

    def require_parent(self, key: str) -> None:
        """:raises NotFound: there is no directory to put something in."""
        parent = parent_of(key)
        if parent and not self.has_below(parent[:-1]):
            raise NotFound("no such file or directory")

    def present(self, key: str, *, exclusive: bool = False) -> ObjectEntry | None:
        """
        The file that is to be replaced, if there is one.

        :raises AlreadyExists: the name is to be free.
        :raises NotFound, IsADirectory: no file can have the key.
        """
        found, below = self.store.look(key)
        if exclusive and (found is not None or below):
            raise AlreadyExists("the name is taken")
        if below:
            raise IsADirectory("is a directory")
        if found is None:
            self.require_parent(key)
        return found

    def require_place(self, key: str) -> None:
        """
        A directory above that is gone comes back with the file.

        :raises IsADirectory: no file can have the key any more.
        """
        if self.has_below(key) and self.file(key) is None:
            raise IsADirectory("is a directory")

    def first_page(self, prefix: str) -> ObjectPage:
        """:raises NotFound, NotADirectory: there is no such directory."""
        page = self.store.list_page(prefix)
        if prefix and not (page.objects or page.prefixes or page.next):
            if self.file(prefix[:-1]) is not None:
                raise NotADirectory("not a directory")
            raise NotFound("no such file or directory")
        return page

    def marker(self, key: str) -> str:
        """The key of the object that makes an empty directory."""
        return f"{key}/{self.store.directory_marker}"

    def make_directory(self, key: str) -> None:
        """:raises AlreadyExists, NotFound: it cannot be made."""
        self.present(key, exclusive=True)
        self.store.put(self.marker(key), b"", exclusive=True)

    def remove_directory(self, key: str) -> None:
        """:raises NotFound, NotADirectory, DirectoryNotEmpty: it cannot be removed."""
        found = first_below(self.store, f"{key}/", 2)
        if not found:
            if self.file(key) is not None:
                raise NotADirectory("not a directory")
            raise NotFound("no such file or directory")
        if found != [self.marker(key)]:
            raise DirectoryNotEmpty("the directory is not empty")
        self.remove(self.marker(key))
        self.keep(parent_of(key))

    def remove_file(self, key: str) -> None:
        """:raises NotFound, IsADirectory: it is none."""
        self.find_file(key)
        self.remove(key)
        self.keep(parent_of(key))

    def remove(self, key: str) -> None:
        """Remove an object, and nothing else."""
        self.store.delete(key)

    def keep(self, parent: str) -> None:
        """Have a directory stay, though the last thing in it may be gone."""
        if parent and not self.has_below(parent[:-1]):
            self.store.put(self.marker(parent[:-1]), b"")
