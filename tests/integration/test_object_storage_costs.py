"""What commands on ``object:`` cost, in requests: the table of docs/operators/object-storage.md."""

from __future__ import annotations

import os
import shutil
import unittest
from collections.abc import Callable
from unittest import mock

from tests.integration.cases import AUTH, PASSWORD, USER
from tests.integration.control import Control
from tests.integration.lying_store import LyingStore
from tests.integration.object_cases import PART
from tests.integration.seaweedfs import CREDENTIALS
from tests.integration.server import FtpxServer
from tests.integration.waiting import eventually


class CostTests(unittest.TestCase):
    """A store that counts, and a server on it."""

    def setUp(self) -> None:
        """Have a session."""
        variables = mock.patch.dict(os.environ, CREDENTIALS)
        variables.start()
        self.addCleanup(variables.stop)
        self.store = self.enterContext(LyingStore())
        self.server = FtpxServer()
        self.addCleanup(self._stop)
        self.server.start(*AUTH[:2], "--storage", f"object:{self.store.address('&part_size=5')}")
        self.control = Control((self.server.host, self.server.port), timeout=120)
        self.addCleanup(self.control.close)
        self.control.login(USER, PASSWORD)
        # When it starts, a server looks once for uploads that are too old.
        eventually(lambda: self.store.requests == ["ListObjectsV2"], what="the first tidying")

    def _stop(self) -> None:
        self.assertEqual(self.server.stop(), 0)
        shutil.rmtree(self.server.directory, ignore_errors=True)

    def assert_costs(self, requests: int, work: Callable[[], object]) -> None:
        """Some work makes so many requests."""
        before = len(self.store.requests)
        work()
        self.assertEqual(len(self.store.requests[before:]), requests, self.store.requests[before:])

    def commands(self, requests: int, *lines: str) -> None:
        """Commands make so many requests together."""
        self.assert_costs(requests, lambda: [self.control.expect(line, 200, 213, 226, 250, 257, 350) for line in lines])

    def store_file(self, requests: int, name: str, size: int) -> None:
        """To store a file makes so many."""
        self.assert_costs(requests, lambda: self.assertEqual(self.control.store(f"STOR {name}", bytes(size)).code, 226))

    def test_costs(self) -> None:
        """Every row of the table."""
        self.commands(3, "MKD d")
        self.store_file(5, "d/small", 1000)
        self.store_file(4, "d/small", 2000)
        self.store_file(12, "d/large", 2 * PART)
        self.commands(1, "SIZE d/small")
        self.commands(1, "MDTM d/small")
        self.assert_costs(1, lambda: self.control.retrieve("RETR d/small"))
        self.assert_costs(6, lambda: self.control.retrieve("RETR d/large"))
        self.assert_costs(1, lambda: self.control.retrieve("MLSD d"))
        self.assert_costs(3, lambda: self.control.retrieve("LIST d"))
        self.commands(8, "RNFR d/small", "RNTO d/other")
        self.commands(4, "DELE d/other")
        self.commands(13, "RNFR d", "RNTO e")
        self.commands(4, "MKD e/below")
        self.commands(3, "RMD e/below")
