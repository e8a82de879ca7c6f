"""The base of the tests with ``object:`` on a real store: a place of its own for each test, and a server on it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.integration.cases import AUTH, PASSWORD, USER
from tests.integration.control import Control
from tests.integration.seaweedfs import CREDENTIALS, Place, SeaweedFS, shared_seaweedfs
from tests.integration.server import FtpxServer

__all__ = ["PART", "ObjectStorageCase"]

#: Octets of a part, the least that a store takes.
PART = 5 << 20


class ObjectStorageCase(unittest.TestCase):
    """A test with a place in a store, and as many servers on it as it starts."""

    store: SeaweedFS
    place: Place
    work: Path

    def setUp(self) -> None:
        """Have an empty place, and the credentials for it in the environment."""
        self.store = shared_seaweedfs()
        self.place = self.store.place()
        variables = mock.patch.dict(os.environ, CREDENTIALS)
        variables.start()
        self.addCleanup(variables.stop)
        self.work = Path(tempfile.mkdtemp(prefix="ftpx-objects-"))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)

    @property
    def address(self) -> str:
        """What stands behind ``--storage``."""
        return f"object:{self.place.address('served')}&part_size=5"

    def start(self, *options: str, address: str | None = None) -> FtpxServer:
        """Start a server; it is stopped after the test."""
        server = FtpxServer()
        server.start(*AUTH[:2], "--storage", address or self.address, *options)
        self.addCleanup(self._stop, server)
        return server

    def _stop(self, server: FtpxServer) -> None:
        if server.running:
            self.assertEqual(server.stop(), 0)
        shutil.rmtree(server.directory, ignore_errors=True)

    def login(
        self, server: FtpxServer, name: str = USER, password: str = PASSWORD, *, source: str | None = None
    ) -> Control:
        """A session that is patient."""
        control = Control((server.host, server.port), source=source, timeout=60)
        self.addCleanup(control.close)
        control.login(name, password)
        return control

    def part_count(self) -> int:
        """How many parts there are of the only upload, if there is one."""
        with contextlib.suppress(Exception):
            return len(self.place.parts())
        return 0

    def content(self, name: str) -> bytes:
        """The content of an object that is served."""
        return self.place.get(f"served/{name}")

    def assert_clean(self, *names: str) -> None:
        """Nothing is in the store but these files."""
        self.assertEqual(sorted(self.place.keys()), sorted(f"served/{name}" for name in names))
        self.assertEqual(self.place.uploads(), [])
