"""
What users of this server do with one name: one at a time, and each change counted.

Filesystems tell of changes by times that are often in whole seconds, and few have a way to claim a name. Among the
users of one server both can be certain all the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Final

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import Path

__all__ = ["Turns"]

_MOST_REMEMBERED: Final = 10_000


class Turns:
    """
    Who has the turn of which name, and how often each has changed.

    :param patience: how many seconds somebody waits for a turn, at most.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._taken: set[Path] = set()
        self._released = Condition()
        self._changes: OrderedDict[Path, int] = OrderedDict()
        self._count = 0

    def change(self, name: Path) -> int:
        """
        The number of the last change of a name; 0 if none is remembered.

        What is forgotten looks like a change: who relied on it has to begin again.
        """
        with self._released:
            return self._changes.get(name, 0)

    @contextmanager
    def changing(self, *names: Path) -> Iterator[None]:
        """
        Have the turn of some names as long as the context is, and change them there.

        :raises StorageUnavailable: somebody else has the turn for too long.
        """
        wanted = set(names)
        with self._released:
            if not self._released.wait_for(lambda: not wanted & self._taken, self._patience):
                raise StorageUnavailable("the name is being changed by somebody else")
            self._taken |= wanted
        try:
            yield
        finally:
            with self._released:
                for name in wanted:
                    self._note(name)
                self._taken -= wanted
                self._released.notify_all()

    def _note(self, name: Path) -> None:
        self._count += 1
        self._changes[name] = self._count
        self._changes.move_to_end(name)
        if len(self._changes) > _MOST_REMEMBERED:
            self._changes.popitem(last=False)
