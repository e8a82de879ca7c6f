"""What a local storage does to its directory, as the threads of a pool do it: every call here may block."""

from __future__ import annotations

import errno
import math
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Final

import attrs

from ftpx.errors import (
    AlreadyExists,
    DirectoryNotEmpty,
    IsADirectory,
    NameRefused,
    NotFound,
    NotSupported,
    OffsetBeyondEnd,
    PermissionDenied,
    StorageUnavailable,
)
from ftpx.interfaces import Entry
from ftpx.storage import partials
from ftpx.storage.beneath import DIRECTORY, Beneath, Root, in_parent
from ftpx.storage.descriptor import Descriptor
from ftpx.storage.entries import entry_of, require_regular
from ftpx.storage.listing import DirectoryScan
from ftpx.storage.names import HIDDEN_PREFIX, Names, text
from ftpx.storage.partials import Claim
from ftpx.storage.staged_names import PartialKey, StagedName, State
from ftpx.storage.staging import Staging, begin_staging, path_of_descriptor
from ftpx.storage.staging_folder import FOLDER
from ftpx.storage.upload import Target, Upload, present_at, token_of_present

__all__ = ["Tree", "Volume"]

#: A FIFO must not make us wait, a terminal must not become ours.
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_SCAN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK
_MOST_LINKS: Final = 8
# What is said of a directory in which something is.
_NOT_EMPTY: Final = frozenset([errno.EEXIST, errno.ENOTEMPTY])
_NEW_FILE: Final = 0o666
_PRIVATE: Final = 0o600
# Where the thing itself cannot be had, but what has its name may be a link that can be told of.
_PERHAPS_A_LINK: Final = frozenset([errno.ENOENT, errno.ENOTDIR, errno.EXDEV, errno.ELOOP, errno.EACCES])


def _title(names: Names) -> str:
    return text(names[-1]) if names else ""


@attrs.define
class Volume:
    """
    What all trees of one storage share.

    ``root`` is its directory, where the staging folder is; ``tmpfile``: uploads may be staged without a name;
    ``continuing``: see `Target`; ``lifetime``: for how many seconds partial uploads are kept, as far as it is known.
    """

    root: Root
    tmpfile: bool
    continuing: Lock = attrs.field(factory=Lock)
    lifetime: float = math.inf


class Tree:
    """
    A directory and what is beneath it.

    :param volume: what all trees of one storage share.
    :param prefix: the path from the root of the storage.
    """

    def __init__(self, beneath: Beneath, volume: Volume, prefix: Names = ()) -> None:
        self._beneath = beneath
        self._volume = volume
        self._prefix = prefix

    @contextmanager
    def _opened(self, names: Names, flags: int) -> Iterator[int]:
        descriptor = self._beneath.open(names, flags)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def stat(self, names: Names) -> Entry:
        """The entry, of what a link leads to if that is here, else of the link."""
        try:
            with self._opened(names, os.O_PATH) as descriptor:
                return entry_of(_title(names), os.fstat(descriptor))
        except OSError as error:
            if not names or error.errno not in _PERHAPS_A_LINK:
                raise
            link = self._link(names)
            if link is None:
                raise
            return link

    def _link(self, names: Names) -> Entry | None:
        with suppress(OSError), in_parent(self._beneath, names) as (parent, name):
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                return entry_of(_title(names), status, text(os.readlink(name, dir_fd=parent)))
        return None

    def stat_now(self, names: Names) -> Entry | None:
        """The entry if it can be had without any wait."""
        descriptor = self._beneath.open_now(names, os.O_PATH)
        if descriptor < 0:
            return None
        try:
            return entry_of(_title(names), os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def open_read(self, names: Names) -> tuple[Descriptor, Entry]:
        """A regular file, open for reading."""
        return self._readable(names, self._beneath.open(names, _READ))

    def open_read_now(self, names: Names) -> tuple[Descriptor, Entry] | None:
        """The same if it can be had without any wait."""
        descriptor = self._beneath.open_now(names, _READ)
        return None if descriptor < 0 else self._readable(names, descriptor)

    @staticmethod
    def _readable(names: Names, number: int) -> tuple[Descriptor, Entry]:
        descriptor = Descriptor(number)
        try:
            status = os.fstat(number)
            require_regular(status)
        except BaseException:
            descriptor.close()
            raise
        return descriptor, entry_of(_title(names), status)

    def scan(self, names: Names) -> DirectoryScan:
        """Begin to list a directory."""
        return DirectoryScan(self._beneath.open(names, _SCAN))

    def subtree(self, names: Names) -> Tree:
        """A directory as a tree of its own."""
        root = Root(self._beneath.open(names, DIRECTORY))
        return Tree(self._beneath.at(root), self._volume, [*self._prefix, *names])

    def without_links(self) -> Tree:
        """The same tree, with nothing behind any link."""
        return Tree(self._beneath.without_links(), self._volume, self._prefix)

    def make_directory(self, names: Names) -> None:
        """Make a directory."""
        with in_parent(self._beneath, names) as (parent, name):
            os.mkdir(name, dir_fd=parent)

    def remove_directory(self, names: Names) -> None:
        """Remove an empty directory."""
        with in_parent(self._beneath, names) as (parent, name):
            try:
                os.rmdir(name, dir_fd=parent)
            except OSError as error:
                if error.errno not in _NOT_EMPTY or not _holds_partials_only(parent, name):
                    raise
                os.rmdir(name, dir_fd=parent)

    def remove_file(self, names: Names) -> None:
        """Remove anything but a directory."""
        with in_parent(self._beneath, names) as (parent, name):
            os.unlink(name, dir_fd=parent)

    def rename(self, source: Names, destination: Names) -> None:
        """Give an entry another name."""
        with in_parent(self._beneath, source) as (here, old), in_parent(self._beneath, destination) as (there, new):
            try:
                os.rename(old, new, src_dir_fd=here, dst_dir_fd=there)
            except FileExistsError:
                # Some file systems say so of a directory that is not empty.
                raise DirectoryNotEmpty("the directory is not empty") from None

    def make_link(self, names: Names, target: bytes) -> None:
        """Make a symbolic link."""
        if any(part.startswith(HIDDEN_PREFIX.encode()) for part in target.split(b"/")):
            raise NameRefused("a reserved name")
        with in_parent(self._beneath, names) as (parent, name):
            os.symlink(target, name, dir_fd=parent)

    def set_modified(self, names: Names, seconds: float) -> None:
        """Set the time of the last modification, and leave that of the last access."""
        if not math.isfinite(seconds):
            raise NotSupported("not a time")
        whole = math.floor(seconds)
        modified = whole * 1_000_000_000 + round((seconds - whole) * 1_000_000_000)

        def change(path: bytes, status: os.stat_result) -> None:
            try:
                os.utime(path, ns=(status.st_atime_ns, modified))
            except OverflowError:
                raise NotSupported("a time that cannot be kept") from None

        self._change(names, change)

    def set_mode(self, names: Names, mode: int) -> None:
        """Set the permission bits; never those that give a program rights."""
        self._change(names, lambda path, _status: os.chmod(path, mode & 0o777))

    def _change(self, names: Names, change: Callable[[bytes, os.stat_result], None]) -> None:
        """Change a file or directory by a path that leads to the very thing that was opened beneath the root."""
        with self._opened(names, os.O_PATH) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISDIR(status.st_mode):
                require_regular(status)
            change(path_of_descriptor(descriptor), status)

    def free_space(self, names: Names) -> int:
        """Octets that a user without privileges could still store."""
        with self._opened(names, DIRECTORY) as descriptor:
            status = os.fstatvfs(descriptor)
            return status.f_bavail * status.f_frsize

    def begin_upload(self, names: Names, offset: int | None, exclusive: bool) -> Upload:
        """Stage the next content of a file that keeps the first ``offset`` octets of the present one."""
        directory, name = self._place(names, exclusive=exclusive)
        source = -1
        try:
            present = self._replaceable(directory, name, exclusive=exclusive)
            keep = 0
            if offset != 0 and present is not None:
                source = os.open(name, _READ | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
                present = os.fstat(source)
                require_regular(present)
                keep = present.st_size if offset is None else offset
            if (offset or 0) > (0 if present is None else present.st_size):
                raise OffsetBeyondEnd("the file is shorter")
            target = self._target(names, directory, name, present, exclusive=exclusive, continued=offset != 0)
            return self._staged(target, source, keep)
        except BaseException:
            _close_all(directory, source)
            raise

    def begin_owned(self, names: Names, owner: str, exclusive: bool) -> Upload:
        """Stage the next content of a file, from its start; it is kept for the owner if it breaks off."""
        directory, name = self._place(names, exclusive=exclusive)
        try:
            present = self._replaceable(directory, name, exclusive=exclusive)
            target = self._target(names, directory, name, present, exclusive=exclusive, key=self._key(names, owner))
            return self._staged(target, -1, 0)
        except BaseException:
            _close_all(directory)
            raise

    def continue_owned(self, names: Names, owner: str, offset: int | None, exclusive: bool) -> Upload | None:
        """Go on with the partial upload of an owner; see `IPartialUploads`."""
        directory, name = self._place(names, exclusive=exclusive)
        claimed: Claim | None = None
        upload: Upload | None = None
        try:
            key = self._key(names, owner)
            places = self._places(directory)
            present = self._replaceable(directory, name, exclusive=exclusive)
            token = token_of_present(present)
            if offset is None and present is not None:
                kept = partials.kept_of(places, key)
                if kept is not None:
                    partials.may_append(kept[0], same_file=kept[1] == token)
                return None
            claimed = partials.claim(places, key)
            if claimed is not None:
                partials.may_continue(offset, claimed.size, same_file=present is None or claimed.name.token == token)
                keep = claimed.size if offset is None else offset
                target = self._target(names, directory, name, present, exclusive=exclusive, continued=True, key=key)
                staging = Staging(places, claimed.descriptor)
                staging.adopt(claimed.folder, claimed.octets)
                try:
                    staging.give_name(StagedName(State.UNDER_WAY, key, token))
                except FileNotFoundError:
                    # A newer one that broke off has just taken its place.
                    raise StorageUnavailable("the partial upload was replaced") from None
                os.ftruncate(claimed.descriptor, keep)
                upload = Upload(target, staging, -1, 0, offset=keep)
            return upload
        finally:
            if upload is None:
                _close_all(directory)
                if claimed is not None:
                    _close_all(claimed.descriptor)
                    claimed.folder.close()

    def partial_size(self, names: Names, owner: str) -> int | None:
        """Octets of the partial upload of an owner, where no file has the name."""
        with self._partials(names, owner) as (directory, name, key):
            if present_at(directory, name) is not None:
                return None
            kept = partials.kept_of(self._places(directory), key)
            return None if kept is None else kept[0] or None

    def discard_partial(self, names: Names, owner: str) -> bool:
        """Throw away the partial upload of an owner."""
        with self._partials(names, owner) as (directory, _, key):
            return partials.discard(self._places(directory), key)

    def kept_octets(self, owner: str, names: Names | None) -> int:
        """
        Octets of the partial uploads of an owner to one place, or of all that the staging folder of the root holds.

        Others are only where the root cannot be written to, or is another file system; only their places are known.
        """
        if names is None:
            return partials.kept_octets([self._volume.root.descriptor], self._key((), owner).owner)
        with self._partials(names, owner) as (directory, _, key):
            return partials.kept_octets(self._places(directory), key.part)

    def tidy_partials(self, lifetime: float) -> None:
        """Throw away what is of no use in the staging folder; see `IPartialUploads`."""
        self._volume.lifetime = lifetime
        partials.tidy(self._volume.root.descriptor, lifetime, time.time())

    @contextmanager
    def _partials(self, names: Names, owner: str) -> Iterator[tuple[int, bytes, PartialKey]]:
        directory, name = self._place(names)
        try:
            yield directory, name, self._key(names, owner)
        finally:
            os.close(directory)

    def _key(self, names: Names, owner: str) -> PartialKey:
        return PartialKey.of(owner, [*self._prefix, *names])

    def _places(self, directory: int) -> tuple[int, ...]:
        """Where staged files may get a name: at the root of the storage, where that can be, else where they will be."""
        return self._volume.root.descriptor, directory

    def _target(
        self,
        names: Names,
        directory: int,
        name: bytes,
        present: os.stat_result | None,
        *,
        exclusive: bool = False,
        continued: bool = False,
        key: PartialKey | None = None,
    ) -> Target:
        # Only the folder of the root is tidied from time to time.
        with suppress(OSError):
            partials.tidy_elsewhere(directory, self._volume.root.descriptor, self._volume.lifetime, time.time())
        return Target(
            directory,
            self._places(directory),
            name,
            _title(names),
            present,
            exclusive,
            continued,
            self._volume.continuing,
            key,
        )

    def begin_copy(self, source: Names, destination: Names) -> Upload:
        """Stage the content of another file; it is all there when `Upload.keep` says so."""
        original = self._beneath.open(source, _READ)
        directory = -1
        try:
            status = os.fstat(original)
            require_regular(status)
            directory, name = self._place(destination)
            present = self._replaceable(directory, name, exclusive=False)
            target = self._target(destination, directory, name, present)
            return self._staged(target, original, status.st_size)
        except BaseException:
            _close_all(directory, original)
            raise

    def _staged(self, target: Target, source: int, keep: int) -> Upload:
        # What replaces a file gets its mode only at the end; until then it is nobody else's business. A partial upload
        # may be published when that file is gone, and is in a private folder until then.
        mode = _NEW_FILE if target.present is None or target.key is not None else _PRIVATE
        staging = begin_staging(target.directory, target.places, mode, tmpfile=self._volume.tmpfile)
        return Upload(target, staging, source, keep)

    @staticmethod
    def _replaceable(directory: int, name: bytes, *, exclusive: bool) -> os.stat_result | None:
        """What has the name now, if it is a file that may be written."""
        present = present_at(directory, name)
        if present is None:
            return None
        if exclusive:
            raise AlreadyExists("the name is taken")
        require_regular(present)
        if not os.access(name, os.W_OK, dir_fd=directory, effective_ids=True):
            raise PermissionDenied("the file may not be written")
        return present

    def _place(self, names: Names, *, exclusive: bool = False) -> tuple[int, bytes]:
        """
        The directory, opened, and the name in it where a file is to appear: of a link, where it leads.

        Link by link, since what is replaced must be the last thing and no link to it; the kernel
        confines each step.

        :param exclusive: the name must be free, also of a link.
        """
        follow = self._beneath.follows and not exclusive
        path = list(names)
        for _ in range(_MOST_LINKS):
            if path[-1] in {b"", b".", b".."}:
                raise IsADirectory("is a directory")
            if path[-1].startswith(HIDDEN_PREFIX.encode()):
                raise NotFound("no such file or directory")
            directory = self._beneath.open(path[:-1], DIRECTORY)
            try:
                target = os.readlink(path[-1], dir_fd=directory) if follow else None
            except OSError:
                target = None
            if target is None:
                return directory, path[-1]
            os.close(directory)
            if target.startswith(b"/"):
                raise PermissionDenied("the link leads elsewhere")
            path[-1:] = target.split(b"/")
        raise PermissionDenied("too many links")


def _holds_partials_only(parent: int, name: bytes) -> bool:
    """Whether a directory looks empty to clients. What nobody writes any more in its staging folder is thrown away."""
    directory = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        if [*map(os.fsencode, os.listdir(directory))] != [FOLDER]:
            return False
        partials.tidy(directory, 0, math.inf)
        return not os.listdir(directory)
    finally:
        os.close(directory)


def _close_all(*descriptors: int) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)
