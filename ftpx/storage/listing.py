"""Reading a directory in pages."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from itertools import islice
from operator import attrgetter
from threading import Lock
from typing import Final

from ftpx.errors import StorageFailure
from ftpx.interfaces import Entry
from ftpx.storage.entries import entry_of
from ftpx.storage.names import HIDDEN_PREFIX, octets, text

__all__ = ["PAGE_SIZE", "DirectoryScan"]

PAGE_SIZE: Final = 1000


class DirectoryScan:
    """
    The entries of an open directory, at most ``PAGE_SIZE`` at a time. Its calls are made in threads.

    It owns the descriptor.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = Lock()
        try:
            self._entries = os.scandir(descriptor)
        except BaseException:
            self._descriptor = -1
            os.close(descriptor)
            raise

    def page(self) -> list[Entry] | None:
        """The next page, sorted by name; it may be empty. ``None``: there is none."""
        with self._lock:
            if self._descriptor < 0:
                raise StorageFailure("the listing was closed")
            batch = list(islice(self._entries, PAGE_SIZE))
            if not batch:
                return None
            return sorted(self._described(batch), key=attrgetter("name"))

    def _described(self, batch: list[os.DirEntry[str]]) -> Iterator[Entry]:
        for found in batch:
            name = found.name if found.name.isascii() else text(os.fsencode(found.name))
            if name.startswith(HIDDEN_PREFIX):
                continue
            try:
                target = self._target(name) if found.is_symlink() else None
                status = found.stat(follow_symlinks=False)
            except OSError as error:
                # It was there a moment ago, and is no more, or no link any more.
                if error.errno in {errno.ENOENT, errno.EINVAL}:
                    continue
                raise
            yield entry_of(name, status, target)

    def _target(self, name: str) -> str:
        return text(os.readlink(octets(name), dir_fd=self._descriptor))

    def close(self) -> None:
        """Let go of the directory."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            self._entries.close()
            os.close(descriptor)

    def __del__(self) -> None:
        self._close()
