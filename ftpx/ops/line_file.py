"""A file that lines are appended to, whatever becomes of it. All that is here may block."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

import attrs

__all__ = ["Appended", "LineFile"]

# A FIFO that nobody reads must not hold up a thread for ever.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_MODE = 0o600


@attrs.frozen
class Appended:
    """How many of the lines are whole in the file, and why the others are not."""

    lines: int
    error: OSError | None = None


class LineFile:
    """
    Appends lines to the file of a name; it makes the file if there is none, for its owner alone.

    If the name is given to another file, or to none, the next lines go into a new one.

    :param path: absolute.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor: int | None = None
        # How many octets of the next line are in the file already, as there was no room for all of it.
        self._begun = 0

    def open(self) -> None:
        """
        Open the file anew.

        :raises OSError: it cannot be; then there is none.
        """
        self.close()
        self._descriptor = os.open(self.path, _FLAGS, _MODE)

    def close(self) -> None:
        """Let go of the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self._begun = 0
            # What could not be written is told by no later error than this, and there is nothing to be done.
            with suppress(OSError):
                os.close(descriptor)

    def append(self, lines: Sequence[bytes]) -> Appended:
        """Append lines. If not all of them go in, those left are to be given again, as they were."""
        octets = memoryview(b"".join(lines))
        position, error = 0, None
        try:
            descriptor = self._current()
            position = self._begun
            while position < len(octets):
                position += os.write(descriptor, octets[position:])
        except OSError as problem:
            error = problem
        whole = 0
        for line in lines:
            if len(line) > position:
                break
            position -= len(line)
            whole += 1
        self._begun = position
        return Appended(whole, error)

    def _current(self) -> int:
        """The descriptor of the file that has the name now."""
        if self._descriptor is not None and not self._has_moved(self._descriptor):
            return self._descriptor
        self.open()
        assert self._descriptor is not None  # noqa: S101 - open has set it
        return self._descriptor

    def _has_moved(self, descriptor: int) -> bool:
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(descriptor))
        except FileNotFoundError:
            return True
