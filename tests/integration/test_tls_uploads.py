"""
Uploads over TLS 1.3 arrive whole.

Most clients close an upload's connection without having read what the server sent there. Were that session tickets, the
close would be a reset, and the end of the file lost.
"""

from __future__ import annotations

import ftplib
import io
import socket
import ssl
from pathlib import Path

from tests.integration.cases import PASSWORD, USER, checksum, content, tree
from tests.integration.certified import CertifiedServerTestCase
from tests.integration.clients import Client
from tests.integration.test_clients_aioftp import Aioftp
from tests.integration.test_clients_curl import Curl
from tests.integration.test_clients_ftplib import Ftplib, FtpTls
from tests.integration.test_clients_lftp import Lftp
from tests.integration.test_clients_rclone import Rclone

_SIZES = (0, 1, 1000, 16_384, 16_385, 65_536, 100_000, 300_000, 1_000_000, 3_000_000)
_FILES = 100


class UploadTests(CertifiedServerTestCase):
    """A hundred files of every size in one go, compared with what is on the disk."""

    def files(self) -> Path:
        """A directory with the files, none like another."""
        directory = self.work / "ours"
        directory.mkdir()
        octets = content(max(_SIZES) + _FILES, 40)
        for number in range(_FILES):
            size = _SIZES[number % len(_SIZES)]
            (directory / f"{number}-{size}").write_bytes(octets[number : number + size])
        return directory

    def upload_all(self, kind: type[Client]) -> None:
        """A client's own way to store a directory."""
        kind.require()
        ours = self.files()
        kind(self.login_over_tls(), self.work).mirror_up(ours, "/theirs")
        self.assertEqual(tree(self.server.root / "theirs"), tree(ours))

    def test_curl(self) -> None:
        """curl, in one run with four sessions: it may sleep for a second between files, whatever the server."""
        Curl.require()
        ours = self.files()
        client = Curl(self.login_over_tls(), self.work)
        uploads = [
            part for path in ours.iterdir() for part in ("--upload-file", str(path), client.url(f"/{path.name}"))
        ]
        client.curl("--parallel", "--parallel-max", "4", *uploads)
        self.assertEqual(tree(self.server.root), tree(ours))

    def test_lftp(self) -> None:
        """lftp's ``mirror --reverse``."""
        self.upload_all(Lftp)

    def test_rclone(self) -> None:
        """rclone's ``sync``, and its own check of the contents."""
        self.upload_all(Rclone)

    def test_ftplib(self) -> None:
        """ftplib's ``storbinary``, which waits for the server's close_notify (``unwrap``)."""
        self.upload_all(Ftplib)

    def test_aioftp(self) -> None:
        """aioftp's ``upload``, whose handshake comes before the command."""
        self.upload_all(Aioftp)

    def test_goodbye_without_waiting(self) -> None:
        """A client that sends close_notify and closes at once has its files whole."""
        ours = self.files()
        (self.server.root / "theirs").mkdir()
        session = Ftplib(self.login_over_tls(), self.work).session(_Hasty)
        self.addCleanup(session.close)
        for path in ours.iterdir():
            with path.open("rb") as file:
                session.storbinary(f"STOR /theirs/{path.name}", file)
        self.assertEqual(tree(self.server.root / "theirs"), tree(ours))


class _HastySocket(ssl.SSLSocket):
    """Says goodbye and does not wait for the answer."""

    def unwrap(self) -> socket.socket:
        self.setblocking(False)
        try:
            return super().unwrap()
        except ssl.SSLWantReadError:
            return self


class _Hasty(FtpTls):
    """ftplib with such data connections."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        self.context.sslsocket_class = _HastySocket
        return super().ntransfercmd(cmd, rest)


class TruncatedUploadTests(CertifiedServerTestCase):
    """What does not end by close_notify may be the half of a file."""

    def test_close_without_close_notify(self) -> None:
        """It is refused, nothing is published, a file that there was stays, and the session goes on."""
        self.make("there", b"as it was")
        for version in ("1.2", "1.3"):
            session = Ftplib(self.login_over_tls(version), self.work).session()
            self.addCleanup(session.close)
            session.login(USER, PASSWORD)
            session.voidcmd("TYPE I")
            for size in (0, 1, 100_000, 3_000_000):
                for name in ("new", "there"):
                    with self.subTest(version=version, size=size, name=name):
                        connection = session.transfercmd(f"STOR /{name}")
                        connection.sendall(content(size, 41))
                        connection.close()
                        with self.assertRaisesRegex(ftplib.error_temp, "^426 "):
                            session.voidresp()
                        self.assertEqual(tree(self.server.root), {"there": checksum(b"as it was")})
            session.storbinary("STOR /whole", io.BytesIO(b"whole"))
            self.assertEqual((self.server.root / "whole").read_bytes(), b"whole")
            session.delete("/whole")
