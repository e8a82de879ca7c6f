"""What happens if a call of the operating system fails, or never comes back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from ftpx.storage import beneath, staging

__all__ = ["CHANGES", "at_call", "die", "failing_with", "in_a_child"]

_CALLS: list[tuple[object, str]] = [
    *((os, name) for name in ("open", "stat", "fstat", "readlink", "listdir", "access", "dup")),
    *((os, name) for name in ("link", "rename", "unlink", "mkdir", "rmdir")),
    *((os, name) for name in ("pwrite", "ftruncate", "fsync", "fdatasync", "fchmod", "fchown")),
    (os, "copy_file_range"),
    (beneath, "openat2"),
    (staging, "rename_exclusively"),
]

#: Those that may change something.
CHANGES = frozenset(
    [
        "open",
        "link",
        "rename",
        "unlink",
        "mkdir",
        "rmdir",
        "pwrite",
        "ftruncate",
        "copy_file_range",
        "rename_exclusively",
    ]
)


@contextmanager
def at_call(number: int, act: Callable[[], object]) -> Iterator[list[str]]:
    """Do something before one of the calls, by its number from 0 on; the names of those that were made so far."""
    made: list[str] = []
    with ExitStack() as stack:
        for place, name in _CALLS:
            stack.enter_context(mock.patch.object(place, name, _watched(made, place, name, number, act)))
        yield made


def _watched(made: list[str], place: object, name: str, number: int, act: Callable[[], object]) -> Callable[..., Any]:
    real = getattr(place, name)

    def call(*arguments: Any, **named: Any) -> Any:
        made.append(name)
        if len(made) == number + 1:
            act()
        return real(*arguments, **named)

    return call


def failing_with(error: int) -> Callable[[], object]:
    """Let the call fail."""

    def fail() -> None:
        raise OSError(error, os.strerror(error))

    return fail


def die() -> None:
    """End this process as a crash would."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_child(function: Callable[[], object]) -> bool:
    """
    Call a function in a process of its own, which ends in nothing that Python does at its end.

    :return: whether it was killed before it returned.
    """
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, "the child failed"
    return False
