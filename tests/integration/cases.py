"""
The base of the tests here: one server for all tests of a class.

The server is started by the first test of a class and stopped by the first of the next
(or at the end), since trial does not run ``setUpClass``.
"""

from __future__ import annotations

import atexit
import hashlib
import random
import shutil
import tempfile
import unittest
from pathlib import Path
from typing import ClassVar

from ftpx.storage.staging_folder import FOLDER
from tests.integration.control import Control
from tests.integration.server import FtpxServer
from tests.integration.waiting import eventually

__all__ = [
    "AUTH",
    "PASSWORD",
    "STAGING_FOLDER",
    "USER",
    "ServerTestCase",
    "checksum",
    "content",
    "tree",
]

USER = "alice"
PASSWORD = "open-sesame"
AUTH = ("--auth", f"memory:{USER}:{PASSWORD}", "--auth", "anonymous")


class _Shared:
    """The server of the class whose tests run now."""

    def __init__(self) -> None:
        self._owner: type[ServerTestCase] | None = None
        self._server: FtpxServer | None = None
        self.seen = 0

    def server(self, owner: type[ServerTestCase]) -> FtpxServer:
        if self._owner is not owner or self._server is None or not self._server.running:
            self.stop()
            self._owner, self._server, self.seen = owner, owner.make_server(), 0
        return self._server

    def stop(self) -> int | None:
        server, self._server, self._owner = self._server, None, None
        return None if server is None else server.stop(seen=self.seen)


_shared = _Shared()
atexit.register(_shared.stop)


class ServerTestCase(unittest.TestCase):
    """A test with a server whose directory is empty at the start, and a directory of its own."""

    options: ClassVar[tuple[str, ...]] = AUTH
    descriptors: ClassVar[int | None] = None
    server: FtpxServer
    work: Path

    @classmethod
    def make_server(cls) -> FtpxServer:
        """Start the server that the tests of this class share."""
        return FtpxServer(descriptors=cls.descriptors).start(*cls.options)

    @classmethod
    def tearDownClass(cls) -> None:
        """The server ends with status 0."""
        status = _shared.stop()
        if status:
            raise AssertionError(f"exit status {status}")

    def setUp(self) -> None:
        """Have the server of the class, with an empty directory."""
        self.server = _shared.server(type(self))
        self.server.empty_root()
        self.work = Path(tempfile.mkdtemp(prefix="ftpx-work-"))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        self.addCleanup(self._look_at_log, len(self.server.log))

    def _look_at_log(self, start: int) -> None:
        _shared.seen = len(self.server.log)
        self.assertEqual(self.server.trouble(start), "", "I1: an error that nobody handled is in the log")
        self.assertTrue(self.server.running, f"the server is gone:\n{self.server.log[-3000:]}")

    def connect(self, *, source: str | None = None, family: str = "ipv4", receive_buffer: int | None = None) -> Control:
        """A control connection of which nothing has been read; closed after the test."""
        host = "127.0.0.1" if family == "ipv4" else "::1"
        control = Control((host, self.server.port), source=source, receive_buffer=receive_buffer)
        self.addCleanup(control.close)
        return control

    def login(self, user: str = USER, password: str = PASSWORD, *, source: str | None = None) -> Control:
        """A control connection that is logged in."""
        control = self.connect(source=source)
        control.login(user, password)
        return control

    def assert_alive(self, control: Control) -> None:
        """The session still answers NOOP."""
        self.assertEqual(control.command("NOOP").code, 200)

    def quiet_descriptors(self) -> int:
        """How many descriptors the server has open while nothing happens."""
        seen = [-1]

        def settled() -> bool:
            seen.append(self.server.process.descriptors)
            return len(seen) > 4 and len(set(seen[-4:])) == 1

        eventually(settled, what="the number of descriptors does not change")
        return seen[-1]

    def assert_descriptors(self, most: int, *, seconds: float = 10) -> None:
        """I3: the server's descriptors come back to what they were."""
        eventually(
            lambda: self.server.process.descriptors <= most,
            seconds=seconds,
            what=f"at most {most} open descriptors of the server (now {self.server.process.descriptors})",
        )

    def make(self, name: str, data: bytes = b"") -> Path:
        """Put a file into the served directory."""
        path = self.server.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def make_sparse(self, name: str, size: int) -> Path:
        """Put a file of zeroes that takes no room into the served directory."""
        path = self.server.root / name
        with path.open("wb") as file:
            file.truncate(size)
        return path


def content(size: int, seed: int = 1) -> bytes:
    """Octets that look random, the same ones each time."""
    return random.Random(seed).randbytes(size)


STAGING_FOLDER = FOLDER.decode()


def checksum(data: bytes | Path) -> str:
    """The SHA-256 of some octets or of a file."""
    return hashlib.sha256(data if isinstance(data, bytes) else data.read_bytes()).hexdigest()


def tree(top: Path) -> dict[str, str]:
    """Every file beneath a directory with its checksum, and every directory, but what is kept of broken uploads."""
    return {
        str(path.relative_to(top)): "directory" if path.is_dir() else checksum(path)
        for path in sorted(top.rglob("*"))
        if STAGING_FOLDER not in path.parts
    }
