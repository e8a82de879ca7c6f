"""A directory for a test of a local storage."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
from contextlib import suppress

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["new_directory", "open_beneath"]


def new_directory(test: SynchronousTestCase) -> str:
    """An empty directory for one test; its path is absolute."""
    directory = os.path.abspath(str(test.mktemp()))
    os.makedirs(directory)
    return directory


def open_beneath(directory: str) -> int:
    """How many descriptors this process has of what is in a directory, or was."""
    count = 0
    for number in os.listdir("/proc/self/fd"):
        # The listing itself is gone by now.
        with suppress(FileNotFoundError):
            count += os.readlink(f"/proc/self/fd/{number}").startswith(directory)
    return count
