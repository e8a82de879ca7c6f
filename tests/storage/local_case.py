"""What the tests of a local storage share."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IStorage
from ftpx.storage.local import open_local
from ftpx.testing.pool import FaultyPool
from ftpx.testing.storage import StorageCase
from tests.storage.directories import new_directory


class LocalCase(StorageCase, SynchronousTestCase):
    """A local storage and the path of its root."""

    openat2 = True
    tmpfile = True

    def make_storage(self) -> IStorage:
        """An empty directory beside a file that must not be reached."""
        top = new_directory(self)
        self.root = os.path.join(top, "root")
        self.secret = os.path.join(top, "secret")
        os.mkdir(self.root)
        with open(self.secret, "w") as file:
            file.write("secret")
        self.pool = FaultyPool()
        return open_local(self.root, self.pool, openat2=self.openat2, tmpfile=self.tmpfile)

    def path(self, *names: str) -> str:
        """The real path of something in the storage."""
        return os.path.join(self.root, *names)

    def real_names(self, *names: str) -> list[str]:
        """What is really in a directory."""
        return sorted(os.listdir(self.path(*names)))
