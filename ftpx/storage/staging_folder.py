"""The hidden directory in which staged files have their names."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from ftpx.storage.names import HIDDEN_PREFIX

__all__ = ["FOLDER", "StagingFolder"]

_T = TypeVar("_T")

FOLDER: Final = f"{HIDDEN_PREFIX}staging".encode()

_PRIVATE: Final = 0o700
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# How often somebody else may remove the folder, empty as it is, between our making and our using it.
_TRIES: Final = 16


class StagingFolder:
    """
    A staging folder, open. It is there only as long as something is in it.

    :param place: the open directory that it is in; must stay open as long as this object is used.
    """

    def __init__(self, place: int, descriptor: int) -> None:
        self._place = place
        self.descriptor = descriptor

    @classmethod
    def find(cls, place: int) -> StagingFolder | None:
        """The folder of a directory, if there is one that nobody else may write to."""
        try:
            descriptor = os.open(FOLDER, _OPEN, dir_fd=place)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.EACCES}:
                return None
            raise
        folder = cls(place, descriptor)
        trusted = False
        try:
            status = os.fstat(descriptor)
            trusted = status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o022
        finally:
            if not trusted:
                folder.close()
        return folder if trusted else None

    @classmethod
    def use(cls, place: int, use: Callable[[StagingFolder], _T]) -> tuple[StagingFolder, _T]:
        """
        Make the folder, if it is not there, and put something into it; the folder, open, and the result.

        :raises OSError: EACCES if somebody else's folder is there.
        """
        for _ in range(_TRIES):
            with suppress(FileExistsError):
                os.mkdir(FOLDER, _PRIVATE, dir_fd=place)
            folder = cls.find(place)
            if folder is None:
                if _is_there(place):
                    raise OSError(errno.EACCES, os.strerror(errno.EACCES))
                continue
            try:
                return folder, use(folder)
            except FileNotFoundError:
                folder.remove_if_empty()
                folder.close()
            except BaseException:
                folder.remove_if_empty()
                folder.close()
                raise
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    @property
    def identity(self) -> tuple[int, int]:
        """The same for two objects of one folder."""
        status = os.fstat(self.descriptor)
        return status.st_dev, status.st_ino

    def remove_if_empty(self) -> None:
        """Remove the folder unless something is in it."""
        with suppress(OSError):
            os.rmdir(FOLDER, dir_fd=self._place)

    def close(self) -> None:
        """Let go of it."""
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            os.close(descriptor)


def _is_there(place: int) -> bool:
    try:
        os.stat(FOLDER, dir_fd=place, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
