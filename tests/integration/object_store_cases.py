"""What the tests of object stores share: the credentials of the tests, and nothing of the user's own."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from ftpx.storage.objects.opening import open_object_store
from ftpx.storage.objects.s3_store import S3Store
from tests.integration.lying_store import LyingStore
from tests.integration.seaweedfs import CREDENTIALS

__all__ = ["LyingStoreTestCase", "open_at_once", "s3_environment", "use_test_credentials"]


def s3_environment(home: Path) -> dict[str, str]:
    """The variables of a process that speaks to the stores of the tests, and has no files of credentials."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, **CREDENTIALS, "HOME": str(home), "NO_PROXY": "*", "AWS_EC2_METADATA_DISABLED": "true"}


def use_test_credentials(case: unittest.TestCase) -> None:
    """Have the credentials of the tests while a test runs."""
    home = Path(case.enterContext(tempfile.TemporaryDirectory(prefix="ftpx-home-")))
    case.enterContext(patch.dict(os.environ, s3_environment(home), clear=True))


def open_at_once(address: str) -> S3Store:
    """The store at an address; what it tries again it tries at once."""
    store = open_object_store(address, lambda seconds: None)
    assert isinstance(store, S3Store)
    return store


class LyingStoreTestCase(unittest.TestCase):
    """A test with a store that lies, and ftpx's view of it."""

    lies: LyingStore
    store: S3Store

    def setUp(self) -> None:
        """Have a store that tells the truth until it is told otherwise."""
        use_test_credentials(self)
        self.lies = self.enterContext(LyingStore())
        self.store = open_at_once(self.lies.address())
