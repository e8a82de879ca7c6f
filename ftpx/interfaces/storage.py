"""What every storage does, and how one is made."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence

from zope.interface import Attribute, Interface

from ftpx.interfaces.files import IReadableFile, IWritableFile
from ftpx.interfaces.threads import IStoragePool
from ftpx.interfaces.values import Entry, Path

__all__ = ["IStorage", "IStoragePlugin"]


class IStorage(Interface):
    """What every storage does."""

    def stat(path: Path) -> Awaitable[Entry]:
        """
        The entry at a path. The name of the root's entry is empty. A symbolic link is followed
        where it leads to something inside the storage, and is an entry of kind ``LINK`` otherwise.

        :raises NotFound: nothing is there.
        """

    def list_directory(path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """
        The entries of a directory in pages of at most 1,000; links are not followed.

        Each page is sorted by name. Closing the generator early releases what it holds.

        :raises NotFound, NotADirectory: at the first page.
        """

    def open_read(path: Path) -> Awaitable[IReadableFile]:
        """
        Open a file.

        :raises NotFound, IsADirectory, NotARegularFile, PermissionDenied:
        """

    def open_write(path: Path, *, offset: int | None = 0, exclusive: bool = False) -> Awaitable[IWritableFile]:
        """
        Begin to write a file: a new one, or the next content of a present one.

        :param offset: how many octets of the present file to keep and continue behind;
            ``None``: all of them. 0 starts afresh.
        :param exclusive: fail with `AlreadyExists`, at the latest on commit, if the name is taken.
        :raises OffsetBeyondEnd: the present file is shorter than ``offset``.
        :raises NotFound, NotADirectory: the directory is not there.
        :raises IsADirectory, NotARegularFile, NameRefused, PermissionDenied, NoSpace:
        """

    def make_directory(path: Path) -> Awaitable[None]:
        """:raises AlreadyExists, NotFound, NotADirectory, NameRefused, PermissionDenied:"""

    def remove_directory(path: Path) -> Awaitable[None]:
        """:raises NotFound, NotADirectory, DirectoryNotEmpty, PermissionDenied:"""

    def remove_file(path: Path) -> Awaitable[None]:
        """
        Remove anything but a directory; of a symbolic link, the link.

        :raises NotFound, IsADirectory, PermissionDenied:
        """

    def rename(source: Path, destination: Path) -> Awaitable[None]:
        """
        Give an entry another name, in one step. A file replaces a file and a directory an empty
        directory; anything else in the way is an error.

        :raises NotFound, AlreadyExists, IsADirectory, NotADirectory, DirectoryNotEmpty, NameRefused, PermissionDenied:
        """


class IStoragePlugin(Interface):
    """A kind of storage, found by `twisted.plugin` and named on the command line by its prefix."""

    prefix: str = Attribute("The kind: what stands before the first colon of ``--storage``.")
    argument_format: str = Attribute("The form of what stands behind it, such as ``DIR``.")
    help: str = Attribute("What it is, in a sentence or two, for ``--help-storage``.")

    def open_storage(arguments: str, pool: IStoragePool) -> IStorage:
        """
        Make the storage. Called once, at start-up, before anything listens.

        :raises ConfigurationError: the arguments cannot be used.
        """
