"""A server that an authority of the tests has certified, for clients that verify it."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import attrs

from tests.integration.cases import PASSWORD, USER, ServerTestCase
from tests.integration.clients import Login, Mode, Tls
from tests.integration.server import FtpxServer
from tests.tls.certificates import Authority, Issued

__all__ = ["CertificateFiles", "CertifiedServerTestCase", "certificate_files"]


@attrs.frozen
class CertificateFiles:
    """An authority, the certificate that it issued to the server, and the directory with the files of both."""

    directory: Path
    authority: Authority
    server: Issued

    def write(self, name: str, data: bytes) -> Path:
        """Put a file beside the others."""
        path = self.directory / name
        path.write_bytes(data)
        return path

    @property
    def authority_file(self) -> Path:
        """The authority's certificate."""
        return self.directory / "authority.pem"

    @property
    def server_file(self) -> Path:
        """The server's certificate and key."""
        return self.directory / "server.pem"


@functools.cache
def certificate_files() -> CertificateFiles:
    """What all tests of a run share."""
    directory = Path(tempfile.mkdtemp(prefix="ftpx-certificates-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    authority = Authority("Authority of the tests")
    files = CertificateFiles(directory, authority, authority.issue("localhost", "localhost", "127.0.0.1", "::1"))
    files.write(files.authority_file.name, authority.pem)
    files.write(files.server_file.name, files.server.pem)
    return files


class CertifiedServerTestCase(ServerTestCase):
    """
    Tests with a server that has a certificate, and a port where TLS begins at once.

    ``tls_options`` stand beside ``options``. ``tls_version`` and ``implicit`` are for the clients.
    """

    tls_options: ClassVar[tuple[str, ...]] = ()
    tls_version: str = "1.3"
    implicit: bool = False

    @classmethod
    def make_server(cls) -> FtpxServer:
        """Start the server that the tests of this class share."""
        certificate = ("--tls-cert", str(certificate_files().server_file))
        server = FtpxServer(descriptors=cls.descriptors, implicit_tls=True)
        return server.start(*cls.options, *certificate, *cls.tls_options)

    @property
    def certificates(self) -> CertificateFiles:
        """Who certifies the server."""
        return certificate_files()

    def login_over_tls(
        self, version: str = "1.3", *, certificate: Path | None = None, mode: str = "EPSV", port: int | None = None
    ) -> Login:
        """The named user's login for a client."""
        tls = Tls(self.certificates.authority_file, version, certificate=certificate)
        return Login("127.0.0.1", port or self.server.port, USER, PASSWORD, Mode(mode), tls)

    def tls(self) -> Tls | None:
        """What a client is told."""
        return Tls(self.certificates.authority_file, self.tls_version, self.implicit)
