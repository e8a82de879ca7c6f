"""Two servers on one object store, with their users in one PostgreSQL."""

from __future__ import annotations

import signal
import socket

from tests.integration.accounts_cases import AccountsTestCase, PostgresqlAccountsTestCase
from tests.integration.cases import checksum, content
from tests.integration.control import Control, reset
from tests.integration.object_cases import PART, ObjectStorageCase
from tests.integration.resume_cases import go_on
from tests.integration.server import FtpxServer
from tests.integration.waiting import eventually

_WHOLE = content(4 * PART + 4321, 600)
_SENT = 2 * PART + 500_000


class SharedStoreTests(ObjectStorageCase, PostgresqlAccountsTestCase):
    """What one server has begun, and what the other makes of it."""

    def setUp(self) -> None:
        """Have an empty bucket, an empty database, and a user with a quota."""
        AccountsTestCase.setUp(self)
        ObjectStorageCase.setUp(self)
        self.add_user("alice", "secret", "--quota", "50Mi")
        self.first, self.second = self.start(), self.start()

    def start(self, *options: str, address: str | None = None) -> FtpxServer:
        """One more server on the bucket and the database."""
        server = FtpxServer()
        server.start("--accounts", self.url, "--storage", address or self.address, *options)
        self.addCleanup(self._stop, server)
        return server

    def alice(self, server: FtpxServer) -> Control:
        """A session of hers."""
        return self.login(server, "alice", "secret")

    def begin(self, control: Control) -> socket.socket:
        """An upload under way, of which the store has two parts."""
        data = control.open_data()
        control.expect("STOR file", 150)
        data.sendall(_WHOLE[:_SENT])
        eventually(lambda: self.part_count() >= 2, seconds=60, what="two parts are in the store")
        return data

    def assert_stored(self, control: Control) -> None:
        """The file is whole, and all that there is."""
        self.assertEqual(checksum(control.retrieve("RETR file")), checksum(_WHOLE))
        self.assertEqual([key.rpartition("/")[2] for key, size in self.place.keys().items() if size], ["file"])
        self.assertEqual(self.place.uploads(), [])

    def test_seen_by_both(self) -> None:
        """What one stores the other has at once, and both know what is left of the quota."""
        one, other = self.alice(self.first), self.alice(self.second)
        self.assertEqual(one.store("STOR file", _WHOLE).code, 226)
        self.assert_stored(other)
        other.expect(f"ALLO {len(_WHOLE)}", 200)
        other.expect(f"ALLO {2 * len(_WHOLE)}", 552)
        other.expect("DELE file", 250)
        one.expect("SIZE file", 550)
        one.expect(f"ALLO {2 * len(_WHOLE)}", 200)

    def test_continued_at_the_other(self) -> None:
        """An upload that broke off at one goes on at the other."""
        one, other = self.alice(self.first), self.alice(self.second)
        reset(self.begin(one))
        one.expect_reply(426)
        kept = int(other.expect("SIZE file", 213).text.split()[1])
        self.assertGreaterEqual(kept, 2 * PART)
        self.assertEqual(go_on(other, "STOR file", _WHOLE[kept:], restart=kept).code, 226)
        self.assert_stored(one)

    def test_under_way_at_the_other(self) -> None:
        """What one is writing the other neither goes on with, nor throws away, nor replaces by half of it."""
        one, other = self.alice(self.first), self.alice(self.second)
        with self.begin(one) as data:
            self.assertEqual(go_on(other, "STOR file", b"x", restart=2 * PART).code, 450)
            third = self.start("--partial-lifetime", "1")
            self.assertEqual(go_on(self.alice(third), "STOR file", b"x", restart=2 * PART).code, 450)
            other.expect("DELE file", 550)
            data.sendall(_WHOLE[_SENT:])
        one.expect_reply(226)
        self.assert_stored(other)

    def test_the_other_is_killed(self) -> None:
        """CR05: an upload to a server that was killed goes on at the other, at once."""
        other = self.alice(self.second)
        data = self.begin(self.alice(self.first))
        self.first.signal(signal.SIGKILL)
        self.first.wait()
        data.close()
        self.assertEqual(other.expect("SIZE file", 213).text, f"213 {2 * PART}")
        self.assertEqual(go_on(other, "STOR file", _WHOLE[2 * PART :], restart=2 * PART).code, 226)
        self.assert_stored(other)
