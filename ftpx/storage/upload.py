"""An upload into a local directory, as the threads of a pool see it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Final

import attrs

from ftpx.errors import FileChanged, StorageFailure
from ftpx.interfaces import Block, Entry
from ftpx.storage import partials
from ftpx.storage.copying import copy_slice, write_all
from ftpx.storage.entries import entry_of, identity_of, version_of
from ftpx.storage.staged_names import NO_FILE, PartialKey, StagedName, State, token_of
from ftpx.storage.staging import Staging

__all__ = ["Target", "Upload", "present_at", "token_of_present"]

_PERMISSIONS: Final = 0o777


def present_at(directory: int, name: bytes) -> os.stat_result | None:
    """What has a name in a directory; a link is not followed."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def token_of_present(status: os.stat_result | None) -> str:
    """What stands for a file, or for none, in the names of staged files."""
    return NO_FILE if status is None else token_of(identity_of(status), version_of(status))


def _sync_directory(directory: int) -> None:
    """Have the names in a directory on disk, also if it may be written and not read."""
    try:
        descriptor = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    except PermissionError:
        os.sync()
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@attrs.frozen
class Target:
    """
    Where an upload is to appear.

    ``present`` is what had the name when the upload began, ``title`` the name it was asked by.
    A ``continued`` upload goes only over the very file that it continues, or that stood when it began. ``continuing``
    is held between the look for that and the publication. ``places`` are where the staging folder may be, ``key`` is
    whose upload it is if it is to be kept when it breaks off.
    """

    directory: int
    places: tuple[int, ...]
    name: bytes
    title: str
    present: os.stat_result | None
    exclusive: bool
    continued: bool
    continuing: Lock
    key: PartialKey | None = None


class Upload:
    """
    The next content of one file, whose first ``keep`` octets are yet to be copied from ``source``, or whose first
    ``offset`` are there already. It owns the target's directory descriptor, its staging file and the
    descriptor that content is kept from. Every method may block, and one at a time is made; ``open``
    and ``keeping`` tell any thread what is left to do.
    """

    def __init__(self, target: Target, staging: Staging, source: int, keep: int, *, offset: int | None = None) -> None:
        self._target = target
        self._staging = staging
        self._source = source
        self._keep = keep
        self._kept = 0
        self._lock = Lock()
        self._survives = offset is not None
        self.open = True
        self.offset = keep if offset is None else offset
        self.keeping = keep > 0

    def fileno(self) -> int:
        """The descriptor of the staging file."""
        return self._staging.descriptor

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._lock.locked()

    def keep(self) -> None:
        """Copy the next slice of the content to keep. To be repeated as long as ``keeping`` is true."""
        with self._lock:
            self._require_open()
            copied = copy_slice(self._source, self._staging.descriptor, self._kept, self._keep - self._kept)
            if not copied:
                raise FileChanged("the file became shorter")
            self._kept += copied
            if self._kept == self._keep:
                self.keeping = False
                self._close_source()

    def write(self, *blocks: tuple[Block, int]) -> None:
        """Write blocks, each at a position."""
        with self._lock:
            self._require_open()
            self._survive()
            self._write(blocks)

    def prepare(self) -> None:
        """Before others write to the descriptor: see `IStagedDescriptor`."""
        with self._lock:
            self._require_open()
            self._survive()

    def commit(self, durably: bool, *blocks: tuple[Block, int]) -> Entry:
        """
        Write the last blocks and publish. Whether that succeeds or not, the upload is closed.

        :param durably: return only when it would survive a loss of power.
        """
        with self._lock:
            self._require_open()
            try:
                self._write(blocks)
                if durably:
                    os.fsync(self._staging.descriptor)
                with self._publication():
                    self._publish()
                if durably:
                    _sync_directory(self._target.directory)
                return entry_of(self._target.title, os.fstat(self._staging.descriptor))
            finally:
                self._close()

    def suspend(self, *blocks: tuple[Block, int]) -> None:
        """Write the last blocks and keep all for later; if that cannot be, throw it away."""
        with self._lock:
            if not self.open:
                return
            try:
                self._write(blocks)
                if self._target.key is not None and os.fstat(self._staging.descriptor).st_size:
                    # Of two that break off at once each would throw the other away.
                    with self._target.continuing:
                        self._keep_partial(self._target.key)
            finally:
                self._close()

    def close(self) -> None:
        """Throw away what was not published."""
        with self._lock:
            self._close()

    def _staged_name(self, state: State, key: PartialKey) -> StagedName:
        return StagedName(state, key, token_of_present(self._target.present))

    def _survive(self) -> None:
        """Have a name, so that what comes is not lost if this process ends."""
        if self._target.key is not None and not self._survives:
            self._staging.give_name(self._staged_name(State.UNDER_WAY, self._target.key))
            self._survives = True

    def _keep_partial(self, key: PartialKey) -> None:
        name = self._staged_name(State.PARTIAL, key)
        self._staging.give_name(name)
        folder = self._staging.keep()
        if folder is not None:
            try:
                partials.drop_older(folder, name)
            finally:
                folder.close()

    def _write(self, blocks: tuple[tuple[Block, int], ...]) -> None:
        for block, position in blocks:
            write_all(self._staging.descriptor, block, position)

    def _publication(self) -> AbstractContextManager[object]:
        """What has to be held, or seen to, while it is published."""
        target = self._target
        if target.continued:
            return target.continuing
        return nullcontext() if target.key is None else partials.superseding(target.places, target.key)

    def _publish(self) -> None:
        # A network file system says only when a file is closed that it had no room: here nothing is lost by it.
        os.close(os.dup(self._staging.descriptor))
        target = self._target
        present = present_at(target.directory, target.name)
        unchanged = token_of_present(present) == token_of_present(target.present)
        if target.continued and not unchanged and not target.exclusive:
            raise FileChanged("the file was changed meanwhile")
        self._resemble(present or target.present)
        if present is None or target.exclusive:
            try:
                self._staging.publish_new(target.directory, target.name)
            except FileExistsError:
                if target.exclusive:
                    raise
                if target.continued:
                    raise FileChanged("the file was changed meanwhile") from None
            else:
                return
        self._staging.publish_over(target.directory, target.name)

    def _resemble(self, model: os.stat_result | None) -> None:
        """Have the mode, and where we may give it the owner, of the file that is replaced."""
        if model is None or not stat.S_ISREG(model.st_mode):
            return
        if os.geteuid() == 0:
            os.fchown(self._staging.descriptor, model.st_uid, model.st_gid)
        os.fchmod(self._staging.descriptor, model.st_mode & _PERMISSIONS)

    def _require_open(self) -> None:
        if not self.open:
            raise StorageFailure("the upload is closed")

    def _close_source(self) -> None:
        if self._source >= 0:
            source, self._source = self._source, -1
            os.close(source)

    def _close(self) -> None:
        if not self.open:
            return
        self.open = False
        steps: list[Callable[[], None]] = [self._close_source, self._staging.close]
        try:
            for step in steps:
                step()
        finally:
            os.close(self._target.directory)

    def __del__(self) -> None:
        self._close()
