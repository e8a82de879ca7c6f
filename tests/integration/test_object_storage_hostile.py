"""CR09 to CR14 through a whole server: its object store is down, slow, or lies. Never 226 for what is not there."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import unittest
from unittest import mock

import attrs

from tests.integration.cases import AUTH, PASSWORD, USER, checksum, content
from tests.integration.control import Control
from tests.integration.lying_store import Answer, Fault, LyingStore, Request, refusal
from tests.integration.object_cases import PART
from tests.integration.resume_cases import go_on
from tests.integration.seaweedfs import CREDENTIALS
from tests.integration.server import FtpxServer, free_port
from tests.integration.waiting import eventually

_OLD = b"the old file"
_LARGE = content(4 * PART + 1000, 500)
# What the buffers of two sockets on one machine may take, and a process for all else.
_KERNEL = 16 << 20


class HostileStoreTests(unittest.TestCase):
    """A store that does wrong, and a server on it."""

    def setUp(self) -> None:
        """Have the store, with a file in it."""
        variables = mock.patch.dict(os.environ, CREDENTIALS)
        variables.start()
        self.addCleanup(variables.stop)
        self.store = LyingStore()
        self.store.__enter__()
        self.addCleanup(self.store.__exit__)
        self.server = FtpxServer()
        self.addCleanup(self._stop)

    def _stop(self) -> None:
        if self.server.running:
            self.assertEqual(self.server.stop(), 0)
        shutil.rmtree(self.server.directory, ignore_errors=True)

    def login(self, address: str | None = None) -> Control:
        """A server on the store, and a session that is patient."""
        where = address or self.store.address("&part_size=5")
        self.server.start(*AUTH[:2], "--storage", f"object:{where}")
        control = Control((self.server.host, self.server.port), timeout=120)
        self.addCleanup(control.close)
        control.login(USER, PASSWORD)
        return control

    def assert_old_stands(self, control: Control) -> None:
        """The file is what it was, nothing is left of the upload, and the session still answers."""
        self.store.faults.clear()
        self.assertEqual(control.retrieve("RETR file"), _OLD)
        eventually(lambda: not self.store.memory.uploads, what="no parts are left")
        eventually(lambda: list(self.store.objects) == ["file"], what="nothing else is left")
        control.expect("NOOP", 200)

    def test_cr09_down(self) -> None:
        """CR09: nobody listens where the store was: each command ends with 451."""
        control = self.login(f"s3://lies?endpoint=http://127.0.0.1:{free_port()}")
        for line in ("RETR file", "STOR file", "MLSD"):
            control.expect("EPSV", 229)
            control.expect(line, 451)
        for line in ("SIZE file", "MKD d", "DELE file"):
            control.expect(line, 451)
        self.assertNotIn("127.0.0.1:", control.expect("RMD d", 451).text)

    def test_cr10_part_fails(self) -> None:
        """CR10: part 3 of 5 breaks off, is refused, or its credentials have expired: 451, and nothing has changed."""
        control = self.login()
        control.store("STOR file", _OLD)
        for spoil in (Answer(reset=True), refusal(500, "InternalError"), refusal(403, "ExpiredToken")):
            with self.subTest(spoil=spoil):
                sent = self.store.requests.count("UploadPart")
                self.store.faults = [Fault("UploadPart", spoil, first=sent + 3)]
                with control.open_data() as data:
                    control.expect("STOR file", 150)
                    send_all(data, _LARGE)
                control.expect_reply(451)
                self.assert_old_stands(control)

    def test_cr11_slow_down(self) -> None:
        """CR11: five times SlowDown, and then all is well: 226, and the file is whole."""
        control = self.login()
        self.store.faults = [
            Fault("UploadPart", refusal(503, "SlowDown"), first=2, times=5),
            Fault("CompleteMultipartUpload", refusal(503, "SlowDown"), times=5),
        ]
        self.assertEqual(control.store("STOR file", _LARGE).code, 226)
        self.assertEqual(checksum(control.retrieve("RETR file")), checksum(_LARGE))

    def test_cr12_slow(self) -> None:
        """CR12: a store that takes 10 kB/s holds up who sends, and the server's memory has two parts of it."""
        control = self.login()
        control.store("STOR file", _OLD)
        before = self.server.process.memory
        self.store.pace = 10_000
        with control.open_data() as data:
            control.expect("STOR file", 150)
            taken = send_until_held_up(data)
            self.assertLess(taken, 2 * PART + _KERNEL)
            self.assertLess(self.server.process.memory - before, 2 * PART + _KERNEL)
            self.store.pace = None
        self.assertEqual(control.reply().code, 226)
        self.assertEqual(control.expect("SIZE file", 213).text, f"213 {taken}")

    def test_cr13_lies(self) -> None:
        """CR13: an error in a 200 to the last call, or a part that has become another: 451, never 226."""
        control = self.login()
        control.store("STOR file", _OLD)
        wrong = Answer(headers={"ETag": f'"{hashlib.md5(b"other").hexdigest()}"'})
        for operation, spoil in (
            ("CompleteMultipartUpload", attrs.evolve(refusal(500, "InternalError"), status=200)),
            ("UploadPart", wrong),
        ):
            with self.subTest(operation=operation):
                self.store.faults = [Fault(operation, spoil)]
                with control.open_data() as data:
                    control.expect("STOR file", 150)
                    send_all(data, _LARGE)
                control.expect_reply(451)
                self.assert_old_stands(control)

    def test_cr13_small(self) -> None:
        """CR13: so it is with a small file, which goes in one request."""
        control = self.login()
        self.store.faults = [Fault("PutObject", Answer(headers={"ETag": f'"{hashlib.md5(b"other").hexdigest()}"'}))]
        self.assertEqual(go_on(control, "STOR file", b"small").code, 451)

    def test_cr13_short(self) -> None:
        """CR13: a body that ends too early is no whole file: never 226."""
        control = self.login()
        self.assertEqual(control.store("STOR file", _LARGE).code, 226)

        def short(_request: Request, right: Answer) -> Answer:
            return attrs.evolve(right, body=right.body[:-1])

        self.store.faults = [Fault("GetObject", short, first=2)]
        with control.open_data() as data:
            control.expect("RETR file", 150)
            got = read_until_end(data)
        control.expect_reply(426, 451)
        self.assertLess(len(got), len(_LARGE))
        self.store.faults = [Fault("GetObject", short)]
        with control.open_data():
            control.expect("RETR file", 451)
        control.expect("NOOP", 200)

    def test_cr14_redirect(self) -> None:
        """CR14: a redirect to an address of the machine's own is not followed: 451."""
        control = self.login()
        away = Answer(307, b"", {"Location": "http://169.254.169.254/latest/meta-data/"})
        self.store.faults = [Fault(operation, away) for operation in ("HeadObject", "ListObjectsV2", "PutObject")]
        for line in ("SIZE file", "MKD d"):
            control.expect(line, 451)
        self.assertEqual(go_on(control, "STOR file", b"small").code, 451)
        self.assertNotIn("169.254", self.server.log)


def send_all(data: socket.socket, octets: bytes) -> None:
    """Send as much as is taken: the server may break it off."""
    try:
        data.sendall(octets)
    except OSError:
        return


def send_until_held_up(data: socket.socket) -> int:
    """Offer octets without end until nothing has been taken for two seconds; how many were."""
    data.settimeout(2)
    taken = 0
    try:
        while taken < 20 * PART:
            taken += data.send(_LARGE[:65536])
    except TimeoutError:
        pass
    return taken


def read_until_end(data: socket.socket) -> bytes:
    """All that comes until the connection ends or breaks."""
    got = bytearray()
    try:
        while block := data.recv(1 << 16):
            got += block
    except OSError:
        pass
    return bytes(got)
