"""What a storage may do besides."""

from __future__ import annotations

from collections.abc import Awaitable

from zope.interface import Interface

from ftpx.interfaces.files import IPartialFile
from ftpx.interfaces.storage import IStorage
from ftpx.interfaces.values import Path, Right

__all__ = [
    "ICreationTimes",
    "IDurable",
    "IFreeSpace",
    "IModes",
    "IPartialUploads",
    "IQuotaLeft",
    "IRights",
    "IServerSideCopy",
    "ISubtrees",
    "ISymbolicLinks",
    "ITidied",
    "ITimes",
    "IVersions",
    "IWithoutLinks",
]


class IRights(Interface):
    """Optional: not everything is allowed everywhere."""

    def rights(path: Path) -> Right:
        """What may be done with the thing at a path, or in it."""


class IWithoutLinks(Interface):
    """Optional: symbolic links can be left unfollowed."""

    def without_links() -> IStorage:
        """
        The same storage, in which no path leads over a symbolic link.

        What is behind a link is `NotFound`; the link itself is an entry of kind ``LINK``, for ``stat`` too.
        """


class ISubtrees(Interface):
    """Optional: a directory can be made a storage of its own that nothing leads out of."""

    def subtree(path: Path) -> Awaitable[IStorage]:
        """:raises NotFound, NotADirectory, PermissionDenied:"""


class ITimes(Interface):
    """Optional: the time of the last modification can be set."""

    def set_modified(path: Path, seconds: float) -> Awaitable[None]:
        """Seconds since the epoch, UTC."""


class ICreationTimes(Interface):
    """Optional: the time of creation can be set."""

    def set_created(path: Path, seconds: float) -> Awaitable[None]:
        """Seconds since the epoch, UTC."""


class IModes(Interface):
    """Optional: entries have UNIX permission bits."""

    def set_mode(path: Path, mode: int) -> Awaitable[None]:
        """``mode`` is between 0 and 0o777."""


class ISymbolicLinks(Interface):
    """Optional: symbolic links can be made."""

    def make_link(path: Path, target: str) -> Awaitable[None]:
        """:raises AlreadyExists, NotFound, PermissionDenied:"""


class IServerSideCopy(Interface):
    """Optional: a file can be copied without its bytes passing through ftpx."""

    def copy(source: Path, destination: Path) -> Awaitable[None]:
        """Copy one file; a file of the new name is replaced in one step."""


class IFreeSpace(Interface):
    """Optional: the storage knows how much it can still take."""

    def free_space(path: Path) -> Awaitable[int]:
        """Octets that could still be stored in the directory at a path."""


class IQuotaLeft(Interface):
    """Optional: less may be stored than there is room for."""

    def quota_left(path: Path) -> Awaitable[int | None]:
        """Octets that the account may still store in the directory at a path; ``None``: as many as it likes."""


class IPartialUploads(Interface):
    """
    Optional: what has come of an upload that broke off is kept for its owner, who can continue it.

    A partial upload belongs to a path and an owner, the login name of an account. It remembers which file, if any, it
    was to replace. Nobody sees it but its owner, and only by this interface.
    """

    def begin_upload(path: Path, owner: str, *, exclusive: bool = False) -> Awaitable[IPartialFile]:
        """
        Begin to write a file from its start, as ``open_write(path, exclusive=exclusive)``.

        The partial upload that the owner may have for this path stays until the new one is suspended or committed.
        """

    def continue_upload(
        path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> Awaitable[IPartialFile | None]:
        """
        Go on with the owner's partial upload behind its first ``offset`` octets, ``None``: behind all of them.

        :param exclusive: fail with `AlreadyExists`, at the latest on commit, if the name is taken.

        :return: ``None`` if there is no partial upload; then what stands under the name may be continued. So it is
            if ``offset`` is ``None`` and the owner has published a file of the name from its start since.
        :raises OffsetBeyondEnd: less has come.
        :raises FileReplaced: since the upload began, another file got the name; or ``offset`` is ``None`` and the one
            that it was to replace still stands; or another session of the owner is writing there.
        """

    def partial_size(path: Path, owner: str) -> Awaitable[int | None]:
        """How many octets are kept for an owner, where no file has the name; ``None`` if none are, or one has."""

    def discard_partial(path: Path, owner: str) -> Awaitable[bool]:
        """Throw away what is kept for an owner; whether there was something."""

    def kept_octets(owner: str, path: Path | None = None) -> Awaitable[int]:
        """
        How many octets are kept for an owner: of uploads to one path, also if a file has that name; or of all in the
        storage. What is being written at this moment does not count.
        """

    def tidy_partials(lifetime: float) -> Awaitable[None]:
        """Throw away what was kept for longer than so many seconds, and what a crash has left that is of no use."""


class IDurable(Interface):
    """Optional, without operations: writable files of this storage provide `IDurableFile`."""


class IVersions(Interface):
    """
    Optional: what was removed or replaced is kept in a part of the tree, from where it can be moved back.

    It counts for nobody's quota there, and nobody may do more with it than where it was.
    """

    def origin(path: Path) -> Path | None:
        """Where what is kept at a path has been, as far as its name says so; ``None``: that is no part for versions."""


class ITidied(Interface):
    """Optional: there is something to do from time to time, such as to throw away what has expired."""

    def tidy() -> Awaitable[None]:
        """Do it. Called when the server starts, and then every few minutes; never twice at a time."""
