"""What the tests of uploads that break off share, in a local storage."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from ftpx.storage import staging
from ftpx.storage.local import open_local
from ftpx.storage.staged_names import StagedName, State, parse_staged_name
from ftpx.storage.staging_folder import FOLDER
from ftpx.testing.storage import PartialsCase
from tests.storage.directories import open_beneath
from tests.storage.local_case import LocalCase

__all__ = ["CONTENT", "HIDDEN", "LocalPartialsCase", "traced"]

ORDERED: list[tuple[object, str]] = [
    (os, "fsync"),
    (os, "fdatasync"),
    (os, "rename"),
    (os, "link"),
    (staging, "rename_exclusively"),
]
HIDDEN = FOLDER.decode()
CONTENT = b"0123456789"


@contextmanager
def traced(calls: list[str]) -> Iterator[None]:
    """Note which calls are made that the order on disk depends on, and on what."""
    with ExitStack() as stack:
        for place, name in ORDERED:
            stack.enter_context(_noted(calls, place, name))
        yield


def _noted(calls: list[str], place: object, name: str) -> Any:
    real = getattr(place, name)

    def call(*arguments: Any, **named: Any) -> Any:
        kind = ""
        if name == "fsync":
            kind = " directory" if stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else " content"
        result = real(*arguments, **named)
        calls.append(name + kind)
        return result

    return mock.patch.object(place, name, side_effect=call)


class LocalPartialsCase(PartialsCase, LocalCase):
    """A local storage of which no descriptor may be left open."""

    def setUp(self) -> None:
        """Count what is open."""
        super().setUp()
        self.opened = open_beneath(self.root)

    def tearDown(self) -> None:
        """Nothing more is open than there was."""
        self.assertEqual(open_beneath(self.root), self.opened)
        super().tearDown()

    def staged(self, *directory: str) -> list[str]:
        """What is in a staging folder."""
        folder = self.path(*directory, HIDDEN)
        return sorted(os.listdir(folder)) if os.path.lexists(folder) else []

    def staged_names(self, *directory: str) -> list[StagedName]:
        """What is said by the names that are there."""
        return [name for octets in self.staged(*directory) if (name := parse_staged_name(octets.encode())) is not None]

    def states(self, *directory: str) -> list[State]:
        """In which states the staged files are."""
        return [name.state for name in self.staged_names(*directory)]

    def age(self, name: str, seconds: float) -> None:
        """Let a staged file be older."""
        path = self.path(HIDDEN, name)
        modified = os.stat(path).st_mtime - seconds
        os.utime(path, (modified, modified))

    def reopen(self) -> None:
        """Another storage of the same directory, as after a restart."""
        self.storage = open_local(self.root, self.pool, openat2=self.openat2, tmpfile=self.tmpfile)
