"""``--storage crypt:...`` of the real server: what clients get, and what is on the disk."""

from __future__ import annotations

import signal
import tempfile
import unittest
from pathlib import Path

from tests.integration.cases import PASSWORD, USER, ServerTestCase, checksum, content
from tests.integration.clients import Login, Mode
from tests.integration.control import Control, read_all
from tests.integration.resume_cases import PART, WHOLE, begin, break_off, go_on
from tests.integration.server import FtpxServer, run_ftpx
from tests.integration.test_clients_curl import Curl

_KEY = "8f1d" * 16
_OTHER_KEY = "17e2" * 16
_AUTH = ("--auth", f"memory:{USER}:{PASSWORD}")
_SECRET = b"The secret of this file.\n" * 60_000


def _write_key(directory: Path, text: str = _KEY, mode: int = 0o600) -> Path:
    path = directory / "storage.key"
    path.write_text(text)
    path.chmod(mode)
    return path


class EncryptedCase(ServerTestCase):
    """A server whose directory holds encrypted files."""

    names = "no"

    @classmethod
    def make_server(cls) -> FtpxServer:
        """A key of its own, and the server."""
        server = FtpxServer()
        key = _write_key(server.directory)
        storage = f"crypt:key={key}:names={cls.names}:local:{server.root}"
        return server.start(*_AUTH, "--storage", storage, "--digest", "SHA-256")

    def stored(self) -> list[Path]:
        """The files on the disk."""
        return [path for path in self.server.root.rglob("*") if path.is_file()]


class EncryptedTests(EncryptedCase):
    """Contents are encrypted."""

    def test_curl(self) -> None:
        """curl stores and fetches, from the start and behind an offset, and appends."""
        Curl.require()
        curl = Curl(Login("127.0.0.1", self.server.port, USER, PASSWORD, Mode("EPSV")), self.work)
        local, fetched = self.work / "local", self.work / "fetched"
        for size in (0, 1, 65_536, 70_000, 3_000_000):
            local.write_bytes(content(size))
            curl.upload(local, "/file")
            curl.download("/file", fetched)
            self.assertEqual(fetched.read_bytes() if fetched.exists() else b"", local.read_bytes())
        fetched.write_bytes(content(3_000_000)[:1_234_567])
        curl.resume_download("/file", fetched)
        self.assertEqual(checksum(fetched), checksum(local))
        local.write_bytes(content(3_500_000))
        curl.resume_upload(local, "/file")
        control = self.login()
        self.assertEqual(checksum(control.retrieve("RETR file")), checksum(local))
        self.assertEqual(control.expect("SIZE file", 213).text, "213 3500000")

    def test_on_the_disk(self) -> None:
        """Nothing of the content is on the disk, and listings and digests are of the content."""
        control = self.login()
        reply = control.store("STOR file", _SECRET)
        self.assertIn(checksum(_SECRET), reply.text)
        self.assertIn(checksum(_SECRET), control.expect("HASH file", 213).text)
        self.assertIn(f"Size={len(_SECRET)};".lower(), control.expect("MLST file", 250).text.lower())
        (path,) = self.stored()
        octets = path.read_bytes()
        self.assertNotIn(b"secret", octets)
        self.assertEqual(len(octets), 48 + len(_SECRET) + 28 * -(-len(_SECRET) // 65_536))

    def test_continued(self) -> None:
        """An upload that broke off goes on where SIZE says, to the octet, and can be compared with a digest."""
        control = self.login()
        break_off(control, "STOR file", WHOLE[:PART])
        self.assertEqual(control.expect("SIZE file", 213).text, f"213 {PART}")
        control.expect(f"SITE EXPECT SHA-256 {checksum(WHOLE)}", 350)
        self.assertEqual(go_on(control, "STOR file", WHOLE[PART:], restart=PART).code, 226)
        self.assertEqual(checksum(control.retrieve("RETR file")), checksum(WHOLE))

    def test_tampering(self) -> None:
        """A file that was changed on the disk ends in a reset and 451; it can be replaced."""
        control = self.login()
        control.store("STOR file", WHOLE)
        (path,) = self.stored()
        octets = bytearray(path.read_bytes())
        octets[-100] ^= 1
        path.write_bytes(octets)
        with control.open_data() as data:
            control.expect("RETR file", 150)
            self.assertRaises(ConnectionResetError, read_all, data)
        control.expect_reply(451)
        path.write_bytes(b"something else")
        control.open_data().close()
        control.expect("RETR file", 451)
        self.assertEqual(control.store("STOR file", b"new").code, 226)
        self.assertEqual(control.retrieve("RETR file"), b"new")


class EncryptedNamesTests(EncryptedCase):
    """Names are encrypted, too."""

    names = "yes"

    def test_names(self) -> None:
        """What is listed are names, and on the disk are none."""
        control = self.login()
        control.expect("MKD letters", 257)
        control.store("STOR letters/to alice.txt", _SECRET)
        self.assertIn(b"to alice.txt", control.retrieve("MLSD letters"))
        self.assertEqual(checksum(control.retrieve("RETR letters/to alice.txt")), checksum(_SECRET))
        shown = " ".join(str(path.relative_to(self.server.root)) for path in self.server.root.rglob("*"))
        self.assertFalse([word for word in ("letters", "alice", ".txt") if word in shown], shown)
        control.expect("RNFR letters/to alice.txt", 350)
        control.expect("RNTO b", 250)
        control.expect("RMD letters", 250)
        control.expect("DELE b", 250)
        self.assertEqual(list(self.server.root.iterdir()), [])

    def test_continued(self) -> None:
        """An upload that broke off goes on."""
        control = self.login()
        break_off(control, "STOR file", WHOLE[:PART])
        self.assertEqual(go_on(control, "APPE file", WHOLE[PART:]).code, 226)
        self.assertEqual(checksum(control.retrieve("RETR file")), checksum(WHOLE))


class RestartTests(unittest.TestCase):
    """The next server."""

    def test_killed(self) -> None:
        """kill -9: what has reached the disk is gone on with by the next server, and the file is whole."""
        server = FtpxServer()
        key = _write_key(server.directory)
        options = (*_AUTH, "--storage", f"crypt:key={key}:local:{server.root}")
        whole = content(3_000_000, 7)
        server.start(*options)
        with Control((server.host, server.port)) as control:
            control.login(USER, PASSWORD)
            begin(control, "STOR file", whole[:2_500_000]).close()
            control.expect_reply(226)
            data = begin(control, "STOR other", whole[:2_500_000])
            server.signal(signal.SIGKILL)
            server.wait()
            data.close()
        # It has a new key, too, with which it encrypts from now on.
        _write_key(server.directory, f"{_OTHER_KEY}\n{_KEY}\n")
        with server.start(*options), Control((server.host, server.port)) as control:
            control.login(USER, PASSWORD)
            self.assertEqual(checksum(control.retrieve("RETR file")), checksum(whole[:2_500_000]))
            kept = int(control.expect("SIZE other", 213).text.split()[1])
            self.assertIn(kept, range(1_500_000, 2_500_001))
            self.assertEqual(go_on(control, "STOR other", whole[kept:], restart=kept).code, 226)
            self.assertEqual(checksum(control.retrieve("RETR other")), checksum(whole))


class WrongKeyTests(unittest.TestCase):
    """Keys that cannot be used end the server at once."""

    def test_wrong(self) -> None:
        """There is one line that says what is wrong, without the key, and the exit status is 1."""
        with tempfile.TemporaryDirectory(prefix="ftpx-test-") as name:
            directory = Path(name)
            cases = {
                "No such file": f"key={directory}/none:",
                "must hold keys of 64": f"key={_write_key(directory, _KEY[:63])}:",
                "needs one key": "",
            }
            for told, settings in cases.items():
                self.assert_refused(settings, directory, told)
            _write_key(directory, _KEY, 0o644)
            self.assert_refused(f"key={directory}/storage.key:", directory, "chmod 600")

    def assert_refused(self, settings: str, directory: Path, told: str) -> None:
        """The server does not start."""
        done = run_ftpx("--storage", f"crypt:{settings}local:{directory}", *_AUTH)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        self.assertEqual((done.returncode, len(lines)), (1, 1), lines)
        self.assertIn(told, lines[0])
        self.assertNotIn(_KEY[:16], lines[0])
