"""Uploads that broke off and wait in a staging folder to be continued. Every call here may block."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from operator import attrgetter
from typing import Final

import attrs

from ftpx.errors import FileReplaced, OffsetBeyondEnd, StorageUnavailable
from ftpx.storage.staged_names import PartialKey, StagedName, State, parse_staged_name
from ftpx.storage.staging import lock
from ftpx.storage.staging_folder import StagingFolder

__all__ = [
    "MOST_PARTIALS",
    "Claim",
    "claim",
    "discard",
    "drop_older",
    "kept_octets",
    "kept_of",
    "may_append",
    "may_continue",
    "superseding",
    "tidy",
    "tidy_elsewhere",
    "under_way",
]

#: How many partial uploads one owner may have; of more, the oldest are thrown away.
MOST_PARTIALS: Final = 100

_MOST_LOOKS: Final = 10

_OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


_REPLACED: Final = (
    "This upload cannot be continued: the file was replaced since it broke off. Send it from the start, without REST."
)
_UNDER_WAY: Final = "This upload cannot be continued: another session of yours is writing to that name."
_OLDER_STANDS: Final = (
    "An upload of yours to that name broke off, and the older file still stands. "
    "Send it from the start, or continue it with REST and STOR."
)


def may_append(size: int | None, *, same_file: bool) -> None:
    """
    Whether a file that stands may be appended to by the owner of a partial upload of ``size`` octets to its name.

    Clients that continue by SIZE and APPE take the file that stands for the beginning of their own. That is refused,
    unless the owner has published it since, and nothing is left of the upload.

    :param same_file: it is the one that the upload was to replace when it began.
    :raises FileReplaced: the outcome could be made of two files.
    """
    if size:
        raise FileReplaced(_OLDER_STANDS if same_file else _REPLACED)


def may_continue(offset: int | None, size: int, *, same_file: bool) -> None:
    """
    Whether a partial upload of ``size`` octets may be continued behind ``offset``, or all of them.

    :param same_file: what has the name, or that nothing has, is as it was when the upload began; or nothing has it now.
    :raises FileReplaced, OffsetBeyondEnd: the outcome could be made of two files.
    """
    if not same_file:
        raise FileReplaced(_REPLACED)
    if (offset or 0) > size:
        raise OffsetBeyondEnd("less has come")


def under_way() -> FileReplaced:
    """What is wrong when another session of the owner is writing to the same name."""
    return FileReplaced(_UNDER_WAY)


@attrs.frozen
class _Found:
    """A file in a staging folder; ``octets`` is its name as it stands there."""

    octets: bytes
    name: StagedName
    status: os.stat_result

    @property
    def modified(self) -> float:
        return self.status.st_mtime

    @property
    def published(self) -> bool:
        """Whether a file has this name only because a crash came between its getting another and its losing this."""
        return self.status.st_nlink > 1

    @property
    def useless(self) -> bool:
        """Whether it cannot be continued, nor tells that another one cannot."""
        crashed = self.name.state is State.UNDER_WAY and not self.status.st_size
        return crashed or self.name.state is State.PASSING or not self.name.trusted


@attrs.frozen
class Claim:
    """A partial upload that is now in use by nobody but us: its folder, name and descriptor, which are the caller's."""

    folder: StagingFolder
    octets: bytes
    name: StagedName
    descriptor: int
    size: int


def _found(folder: StagingFolder, part: str = "") -> list[_Found]:
    """The files with a part in their names; there may be many others, of which nothing else is looked at."""
    return _look(folder, part)[0]


def _look(folder: StagingFolder, part: str) -> tuple[list[_Found], bool]:
    """The same, and whether all of them kept their names while we looked."""
    files, steady = [], True
    for text in os.listdir(folder.descriptor):
        octets = os.fsencode(text) if part in text else b""
        name = parse_staged_name(octets)
        if name is None:
            continue
        try:
            status = os.stat(octets, dir_fd=folder.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            steady = False
            continue
        if stat.S_ISREG(status.st_mode):
            files.append(_Found(octets, name, status))
    return files, steady


def _of(folder: StagingFolder, key: PartialKey) -> list[_Found]:
    """What is kept for a key, the newest first."""
    return _with(folder, key.part)


def _with(folder: StagingFolder, part: str) -> list[_Found]:
    """What is kept with a part in its name, the newest first."""
    files: list[_Found] = []
    # Who takes a partial upload gives it another name, and it must not seem to be gone meanwhile.
    for _ in range(_MOST_LOOKS):
        files, steady = _look(folder, part)
        if steady:
            break
    kept = [found for found in files if found.name.state is not State.PASSING]
    return sorted((found for found in kept if not found.published), key=attrgetter("modified"), reverse=True)


@contextmanager
def _folders(places: Iterable[int]) -> Iterator[list[StagingFolder]]:
    """The staging folders that there are, each once."""
    folders: dict[tuple[int, int], StagingFolder] = {}
    try:
        for place in places:
            folder = StagingFolder.find(place)
            if folder is not None and folders.setdefault(folder.identity, folder) is not folder:
                folder.close()
        yield list(folders.values())
    finally:
        for folder in folders.values():
            folder.close()


@contextmanager
def _in_use(folder: StagingFolder, octets: bytes) -> Iterator[int | None]:
    """A file, open and locked; ``None`` if somebody else has it in use, or it is gone."""
    try:
        descriptor = os.open(octets, _OPEN, dir_fd=folder.descriptor)
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.ELOOP, errno.EACCES}:
            raise
        yield None
        return
    try:
        yield descriptor if lock(descriptor) and _is_still(folder, octets, descriptor) else None
    finally:
        os.close(descriptor)


def _is_still(folder: StagingFolder, octets: bytes, descriptor: int) -> bool:
    """Whether an open file has this name and no other: until we had its lock, another could publish or remove it."""
    status = os.fstat(descriptor)
    # With two names it is being published, where that takes two steps.
    if status.st_nlink != 1:
        return False
    try:
        return os.path.samestat(status, os.stat(octets, dir_fd=folder.descriptor, follow_symlinks=False))
    except FileNotFoundError:
        return False


def kept_of(places: Sequence[int], key: PartialKey) -> tuple[int, str] | None:
    """How many octets are kept of a partial upload, and what stands for the file that it was to replace."""
    with _folders(places) as folders:
        for folder in folders:
            for found in _of(folder, key):
                if not found.name.trusted:
                    continue
                if found.name.state is State.PARTIAL:
                    return found.status.st_size, found.name.token
                with _in_use(folder, found.octets) as descriptor:
                    # To which nothing had come is no upload.
                    if descriptor is not None and (size := os.fstat(descriptor).st_size):
                        return size, found.name.token
    return None


def kept_octets(places: Sequence[int], part: str) -> int:
    """
    How many octets are kept in all partial uploads whose names hold a part: an owner, or a key.

    One that a server left under way when it ended counts, too: it can be continued, and takes the room.
    """
    octets = 0
    with _folders(places) as folders:
        for folder in folders:
            for found in _with(folder, part):
                if not found.name.trusted:
                    continue
                if found.name.state is State.PARTIAL:
                    octets += found.status.st_size
                    continue
                with _in_use(folder, found.octets) as descriptor:
                    if descriptor is not None:
                        octets += os.fstat(descriptor).st_size
    return octets


def claim(places: Sequence[int], key: PartialKey) -> Claim | None:
    """
    Take a partial upload to go on with it.

    :raises FileReplaced: another session of the owner is writing to the same name.
    :raises StorageUnavailable: the session that broke off still holds it.
    """
    for place in places:
        folder = StagingFolder.find(place)
        if folder is None:
            continue
        taken = None
        try:
            taken = _claim(folder, key)
        finally:
            if taken is None:
                folder.close()
        if taken is not None:
            return taken
    return None


def _claim(folder: StagingFolder, key: PartialKey) -> Claim | None:
    for found in _of(folder, key):
        if not found.name.trusted:
            continue
        with _in_use(folder, found.octets) as descriptor:
            if descriptor is not None:
                # The lock goes with the open file, so with the copy of its descriptor.
                return Claim(folder, found.octets, found.name, os.dup(descriptor), os.fstat(descriptor).st_size)
        if found.name.state is State.UNDER_WAY:
            raise under_way()
        raise StorageUnavailable("the partial upload is still in use")
    return None


def drop_older(folder: StagingFolder, kept: StagedName) -> None:
    """Behind a partial upload that was kept: throw away those before it, and what is more than an owner may have."""
    others = [found for found in _found(folder, kept.key.owner) if found.name.key.owner == kept.key.owner]
    others = [found for found in others if found.name.state is State.PARTIAL and found.name != kept]
    others.sort(key=attrgetter("modified"), reverse=True)
    for place, found in enumerate(others, 1):
        if found.name.key == kept.key or place >= MOST_PARTIALS:
            _remove(folder, found.octets)


@contextmanager
def superseding(places: Sequence[int], key: PartialKey) -> Iterator[None]:
    """
    Around the publication of an upload from its start: what broke off before it must not be continued any more.

    An empty file stays and says so, until another upload is published or its time is over. What may fail for want of
    a descriptor does so before the publication, and what breaks behind it does not make it undone.
    """
    with _folders(places) as folders, ExitStack() as files:
        older = [
            (folder, found.octets, descriptor)
            for folder in folders
            for found in _of(folder, key)
            if (descriptor := files.enter_context(_in_use(folder, found.octets))) is not None
        ]
        yield
        for folder, octets, descriptor in older:
            with suppress(OSError):
                if os.fstat(descriptor).st_size:
                    os.ftruncate(descriptor, 0)
                else:
                    _remove(folder, octets)
        for folder in folders:
            folder.remove_if_empty()


def discard(places: Sequence[int], key: PartialKey) -> bool:
    """Throw away what is kept for a key; whether there was content."""
    content = False
    with _folders(places) as folders:
        for folder in folders:
            for found in _of(folder, key):
                with _in_use(folder, found.octets) as descriptor:
                    if descriptor is not None:
                        content = content or bool(found.status.st_size)
                        _remove(folder, found.octets)
            folder.remove_if_empty()
    return content


def tidy(place: int, lifetime: float, now: float) -> None:
    """
    Throw away what is too old, and what a crash left that cannot be continued; keep what can.

    :param lifetime: how many seconds a partial upload is kept.
    :param now: the wall clock.
    :raises OSError: of one file; the others are tidied all the same.
    """
    failed: OSError | None = None
    with _folders([place]) as folders:
        for folder in folders:
            kept: set[PartialKey] = set()
            for found in sorted(_found(folder), key=attrgetter("modified"), reverse=True):
                try:
                    _tidy(folder, found, kept, now - lifetime)
                except OSError as error:
                    failed = failed or error
            folder.remove_if_empty()
    if failed is not None:
        raise failed


def tidy_elsewhere(place: int, root: int, lifetime: float, now: float) -> None:
    """Tidy the staging folder of a directory, if there is one and it is not that of the root."""
    folder = StagingFolder.find(place)
    if folder is None:
        return
    folder.close()
    if not os.path.sameopenfile(place, root):
        tidy(place, lifetime, now)


def _tidy(folder: StagingFolder, found: _Found, kept: set[PartialKey], oldest: float) -> None:
    if found.published:
        _remove(folder, found.octets)
        return
    name = attrs.evolve(found.name, state=State.PARTIAL)
    with _in_use(folder, found.octets) as descriptor:
        if descriptor is None:
            return
        if found.name.key in kept or found.useless or found.modified <= oldest:
            _remove(folder, found.octets)
            return
        kept.add(found.name.key)
        if name != found.name:
            _rename(folder, found.name, name)
            drop_older(folder, name)
    if name != name.on_disk():
        _flush(folder, name)


def _flush(folder: StagingFolder, name: StagedName) -> None:
    """Have the content on disk, and then a name that says so; its owner need not wait for that to go on with it."""
    with suppress(FileNotFoundError):
        descriptor = os.open(name.octets(), _OPEN, dir_fd=folder.descriptor)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        # Whoever changes the content gives it another name before.
        with _in_use(folder, name.octets()) as unchanged:
            if unchanged is not None:
                _rename(folder, name, name.on_disk())


def _rename(folder: StagingFolder, name: StagedName, new: StagedName) -> None:
    os.rename(name.octets(), new.octets(), src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)


def _remove(folder: StagingFolder, octets: bytes) -> None:
    with suppress(FileNotFoundError):
        os.unlink(octets, dir_fd=folder.descriptor)
