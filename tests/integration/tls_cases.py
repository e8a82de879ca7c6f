"""What the tests of TLS share."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Sequence
from typing import ClassVar

from tests.integration.cases import AUTH, PASSWORD, USER, content
from tests.integration.data_cases import DataTestCase
from tests.integration.server import FtpxServer, free_port
from tests.integration.tls_control import TlsControl, client_context
from tests.tls.certificates import Authority

__all__ = ["SERVER_NAME", "TlsTestCase"]

SERVER_NAME = "ftp.example.com"

_AUTHORITY = Authority()
_CERTIFICATE = _AUTHORITY.issue(SERVER_NAME, SERVER_NAME)


class TlsTestCase(DataTestCase):
    """
    A test with a server that has a certificate and an implicit port too.

    After each test, a session like any other must still be served. ``options`` of a class need not have the
    certificate's.
    """

    options: ClassVar[tuple[str, ...]] = AUTH
    authority: ClassVar[Authority] = _AUTHORITY
    implicit_port: ClassVar[int]

    @classmethod
    def make_server(cls) -> FtpxServer:
        """Start the server that the tests of this class share."""
        server = FtpxServer(descriptors=cls.descriptors)
        cls.implicit_port = free_port()
        try:
            return server.start(
                *cls.options, *cls.tls_options(server), "--implicit-tls", f"tcp:{cls.implicit_port}:interface=127.0.0.1"
            )
        except AssertionError:
            shutil.rmtree(server.directory, ignore_errors=True)
            raise

    @classmethod
    def tls_options(cls, server: FtpxServer) -> Sequence[str]:
        """Write the certificate, and say where it is."""
        path = server.directory / "certificate.pem"
        path.write_bytes(_CERTIFICATE.pem)
        return "--tls-cert", str(path)

    def setUp(self) -> None:
        """Look after the test whether the server still serves."""
        super().setUp()
        self.addCleanup(self.assert_served)

    def assert_served(self) -> None:
        """A session like any other is served, with a file up and down."""
        sent = content(100_000, 77)
        with self.usual_session() as control:
            self.assertEqual(control.store("STOR served", sent).code, 226)
            self.assertEqual(control.retrieve("RETR served"), sent)
            control.expect("DELE served", 250)
            control.expect("QUIT", 221)

    def usual_session(self) -> TlsControl:
        """A session like any other, logged in; to be closed."""
        control = self.connect_tls()
        control.login(USER, PASSWORD)
        return control

    def context(
        self, version: ssl.TLSVersion | None = None, *, tickets: bool = True, protocols: Sequence[str] = ()
    ) -> ssl.SSLContext:
        """A client that verifies the server's certificate; see `client_context`."""
        return client_context(self.authority.pem, version=version, tickets=tickets, protocols=protocols)

    def connect_tls(
        self, context: ssl.SSLContext | None = None, *, implicit: bool = False, source: str | None = None
    ) -> TlsControl:
        """A control connection of which nothing has been read and that has no TLS yet; closed after the test."""
        port = self.implicit_port if implicit else self.server.port
        control = TlsControl(("127.0.0.1", port), context or self.context(), source=source, name=SERVER_NAME)
        self.addCleanup(control.close)
        return control

    def login_tls(self, context: ssl.SSLContext | None = None) -> TlsControl:
        """A session that is logged in over TLS and protects its data connections."""
        control = self.connect_tls(context)
        control.login(USER, PASSWORD)
        return control

    def greeted(self, context: ssl.SSLContext | None = None) -> TlsControl:
        """A control connection in clear that has been greeted."""
        control = self.connect_tls(context)
        control.expect_reply(220)
        return control

    def implicit(self, context: ssl.SSLContext | None = None) -> TlsControl:
        """A control connection to the implicit port that has been greeted."""
        control = self.connect_tls(context, implicit=True)
        control.shake_hands()
        control.expect_reply(220)
        return control
