"""What the tests of data connections share."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from tests.integration.cases import STAGING_FOLDER, ServerTestCase, checksum
from tests.integration.control import Control
from tests.integration.waiting import eventually

__all__ = ["SLOW_READER", "DataTestCase"]

_BIG = 256 << 20

# A receive buffer so small that the peer has to wait.
SLOW_READER = 4096


class DataTestCase(ServerTestCase):
    """What the groups below share."""

    def begin_download(self, control: Control, name: str = "big", size: int = _BIG) -> socket.socket:
        """A download under way that cannot end unless its peer reads."""
        self.make_sparse(name, size)
        data = control.open_data(receive_buffer=SLOW_READER)
        self.addCleanup(data.close)
        control.expect(f"RETR {name}", 150)
        return data

    def begin_upload(self, control: Control, name: str, data: bytes) -> socket.socket:
        """An upload under way, with some octets sent."""
        connection = control.open_data()
        self.addCleanup(connection.close)
        control.expect(f"STOR {name}", 150)
        connection.sendall(data)
        return connection

    def assert_only(self, **files: bytes) -> None:
        """The served directory holds exactly these files, and at most what is kept of uploads that broke off."""
        eventually(
            lambda: {path.name for path in self.server.root.iterdir()} - {STAGING_FOLDER} == set(files),
            seconds=5,
            what=f"only {sorted(files)} in the directory",
        )
        for name, data in files.items():
            self.assertEqual(checksum(self.server.root / name), checksum(data))

    @contextlib.contextmanager
    def listener(self, host: str) -> Iterator[socket.socket]:
        """Somebody else's listening socket."""
        with socket.socket() as listener:
            listener.bind((host, 0))
            listener.listen(5)
            yield listener
