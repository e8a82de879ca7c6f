"""New certificates in a running server."""

from __future__ import annotations

import shutil
import signal
import ssl
import tempfile
import unittest
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from tests.integration.cases import AUTH, PASSWORD, USER
from tests.integration.certified import certificate_files
from tests.integration.control import read_all
from tests.integration.server import FtpxServer
from tests.integration.tls_control import TlsControl, client_context
from tests.integration.waiting import eventually
from tests.tls.certificates import Issued

_READ = "The TLS certificate of localhost was read"
_KEPT = "The TLS certificates stay as they were"
# Seconds; the server looks every other second, and the machine may be busy.
_PATIENCE = 20


class ReloadTests(unittest.TestCase):
    """Each test with a server, and certificates, of its own."""

    def setUp(self) -> None:
        """Have a directory for the certificates."""
        self.authority = certificate_files().authority
        self.files = Path(tempfile.mkdtemp(prefix="ftpx-reload-"))
        self.addCleanup(shutil.rmtree, self.files, ignore_errors=True)

    def issue(self) -> Issued:
        """Another certificate of the same server."""
        return self.authority.issue("localhost", "localhost", "127.0.0.1")

    def begin(self, *options: str) -> FtpxServer:
        """Start a server."""
        server = FtpxServer().start(*AUTH, *options)
        self.addCleanup(self._end, server)
        (server.root / "file").write_bytes(b"content")
        return server

    def _end(self, server: FtpxServer) -> None:
        self.assertEqual(server.stop(), 0)

    def connect_to(self, server: FtpxServer) -> TlsControl:
        """A session that is logged in and verifies certificates."""
        control = TlsControl(("127.0.0.1", server.port), client_context(self.authority.pem))
        self.addCleanup(control.close)
        control.login(USER, PASSWORD)
        return control

    def shown(self, server: FtpxServer) -> bytes | None:
        """The certificate that a new control connection gets."""
        with TlsControl(("127.0.0.1", server.port), client_context(self.authority.pem)) as control:
            control.expect_reply(220)
            control.begin_tls()
            return control.tls.tls.getpeercert(binary_form=True)

    def assert_shown(self, server: FtpxServer, issued: Issued) -> None:
        """A new handshake gets a certificate, soon."""
        expected = _octets(issued)
        eventually(lambda: self.shown(server) == expected, seconds=_PATIENCE, pause=0.1, what="the new certificate")

    def assert_goes_on(self, control: TlsControl, issued: Issued) -> None:
        """An open session transfers, resumed or not, with the certificate that it began with."""
        for resumes in (True, False):
            with self.subTest(resumes=resumes):
                control.resumes = resumes
                with control.open_tls() as data:
                    control.expect("RETR /file", 150, 125)
                    self.assertEqual(read_all(data), b"content")
                    self.assertEqual(data.tls.session_reused, resumes)
                    self.assertEqual(data.tls.getpeercert(binary_form=True), _octets(issued))
                control.expect_reply(226)

    def test_replaced_file(self) -> None:
        """A file that is replaced is taken by itself; a session from before goes on with the old certificate."""
        old, new = self.issue(), self.issue()
        path = self.files / "both.pem"
        path.write_bytes(old.pem)
        server = self.begin("--tls-cert", str(path))
        control = self.connect_to(server)
        self.assertEqual(self.shown(server), _octets(old))
        replacement = self.files / "new.pem"
        replacement.write_bytes(new.pem)
        replacement.replace(path)
        self.assert_shown(server, new)
        self.assertEqual(server.log.count(_READ), 1, server.log)
        self.assert_goes_on(control, old)
        self.assert_goes_on(self.connect_to(server), new)

    def test_file_written_in_place(self) -> None:
        """A file that is written anew is taken by itself."""
        old, new = self.issue(), self.issue()
        path = self.files / "both.pem"
        path.write_bytes(old.pem)
        server = self.begin("--tls-cert", str(path))
        path.write_bytes(new.pem)
        self.assert_shown(server, new)

    def test_swapped_links(self) -> None:
        """As certbot does: symbolic links to certificate and key, one swapped after the other."""
        old, new = self.issue(), self.issue()
        archive, live = self.files / "archive", self.files / "live"
        archive.mkdir()
        live.mkdir()
        for number, issued in ((1, old), (2, new)):
            (archive / f"fullchain{number}.pem").write_bytes(issued.certificate_pem)
            (archive / f"privkey{number}.pem").write_bytes(issued.key_pem)
        for name in ("fullchain", "privkey"):
            (live / f"{name}.pem").symlink_to(f"../archive/{name}1.pem")
        server = self.begin("--tls-cert", str(live / "fullchain.pem"), "--tls-key", str(live / "privkey.pem"))
        control = self.connect_to(server)
        for name in ("privkey", "fullchain"):
            link = live / f"{name}.new"
            link.symlink_to(f"../archive/{name}2.pem")
            link.replace(live / f"{name}.pem")
        self.assert_shown(server, new)
        self.assert_goes_on(control, old)

    def test_hangup(self) -> None:
        """SIGHUP has the files read, changed or not; sessions from before go on."""
        old, new = self.issue(), self.issue()
        path = self.files / "both.pem"
        path.write_bytes(old.pem)
        server = self.begin("--tls-cert", str(path))
        control = self.connect_to(server)
        server.signal(signal.SIGHUP)
        eventually(lambda: server.log.count(_READ) == 1, seconds=_PATIENCE, what="the files are read")
        self.assertEqual(self.shown(server), _octets(old))
        path.write_bytes(new.pem)
        server.signal(signal.SIGHUP)
        self.assert_shown(server, new)
        self.assert_goes_on(control, old)

    def test_broken_file(self) -> None:
        """A broken file changes nothing and is told in one line; once it is right, it is taken."""
        old, new = self.issue(), self.issue()
        broken = (
            ("half a file", new.pem[: len(new.pem) // 2]),
            ("another's key", new.certificate_pem + old.key_pem),
        )
        path = self.files / "both.pem"
        path.write_bytes(old.pem)
        server = self.begin("--tls-cert", str(path))
        control = self.connect_to(server)
        for number, (case, data) in enumerate(broken, 1):
            with self.subTest(case=case):
                _replace(path, data)
                told = eventually(
                    lambda n=number: _lines(server, _KEPT)[n - 1 :],  # type: ignore[misc]
                    seconds=_PATIENCE,
                    what="the log tells that the certificates stay",
                )
                self.assertEqual(len(told), 1, told)
                self.assertIn(str(path), told[0])
                self.assertNotIn("PRIVATE", told[0])
                self.assertEqual(self.shown(server), _octets(old))
        _replace(path, new.pem)
        self.assert_shown(server, new)
        self.assertEqual(len(_lines(server, _KEPT)), len(broken))
        self.assert_goes_on(control, old)

    def test_missing_file(self) -> None:
        """A file that vanishes changes nothing, not even at SIGHUP."""
        old = self.issue()
        path = self.files / "both.pem"
        path.write_bytes(old.pem)
        server = self.begin("--tls-cert", str(path))
        path.unlink()
        server.signal(signal.SIGHUP)
        (line,) = eventually(lambda: _lines(server, _KEPT), seconds=_PATIENCE, what="a line in the log")
        self.assertIn(f"{path} cannot be read", line)
        self.assertEqual(self.shown(server), _octets(old))

    def test_revocations(self) -> None:
        """A revocation list that is replaced counts for new handshakes."""
        server_file = self.files / "both.pem"
        server_file.write_bytes(self.issue().pem)
        client = self.authority.issue("alice", client=True)
        client_file = self.files / "client.pem"
        client_file.write_bytes(client.pem)
        revocations = self.files / "revoked.pem"
        revocations.write_bytes(self.authority.revoke())
        server = self.begin(
            "--tls-cert", str(server_file), "--tls-client-crl", str(revocations),
            "--tls-client-ca", str(certificate_files().authority_file),
        )  # fmt: skip

        def refused() -> bool:
            context = client_context(self.authority.pem, certificate=client_file, version=ssl.TLSVersion.TLSv1_2)
            with TlsControl(("127.0.0.1", server.port), context) as control:
                control.expect_reply(220)
                try:
                    control.begin_tls()
                except (ssl.SSLError, OSError):
                    return True
            return False

        self.assertFalse(refused())
        _replace(revocations, self.authority.revoke(client))
        eventually(refused, seconds=_PATIENCE, pause=0.1, what="the revoked certificate is refused")


def _octets(issued: Issued) -> bytes:
    return issued.certificate.public_bytes(Encoding.DER)


def _lines(server: FtpxServer, text: str) -> list[str]:
    return [line for line in server.log.splitlines() if text in line]


def _replace(path: Path, data: bytes) -> None:
    """Put a whole file in the place of another at once."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(data)
    new.replace(path)
