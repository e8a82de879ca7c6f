"""Logins by certificate."""

from __future__ import annotations

from OpenSSL import SSL

from ftpx.testing.client import MemoryClient
from ftpx.testing.server import ServerHarness
from ftpx.testing.tls import TlsClient, make_tls_server
from ftpx.tls.credentials import Credentials
from ftpx.tls.policy import ClientCertificates
from ftpx.tls.server import TlsRules
from tests.server.doubles import ServerCase, codes
from tests.tls.certificates import Issued
from tests.tls.ends import AUTHORITY, client_context, identity


class CertificateLoginTests(ServerCase):
    """TL26: the certificate is the login."""

    def make_server(self) -> ServerHarness:
        """A server that logs in by certificate."""
        credentials = Credentials((identity(AUTHORITY.issue("ftp.example", "ftp.example")),), (AUTHORITY.certificate,))
        rules = TlsRules(client_certificates=ClientCertificates.LOGIN)
        return ServerHarness(self.storage, tls=make_tls_server(rules, credentials))

    def secured(self, issued: Issued) -> MemoryClient:
        """A client with a certificate."""
        client = self.server.connect()
        client.replies()
        client.secure(TlsClient(client_context(issued=issued)))
        return client

    def test_right_name(self) -> None:
        """USER with the certificate's name is enough."""
        log = self.log()
        client = self.secured(AUTHORITY.issue("carol", client=True))
        self.assertEqual(codes(client.command("USER carol", "PWD", "MKD d", "PASS x")), [232, 257, 257, 503])
        self.server.services.journal.flush()
        self.assertIn("carol logged in from 127.0.0.1", log)

    def test_other_name(self) -> None:
        """TL26: another name is refused, late, and counted as a failed login; no password helps."""
        log = self.log()
        client = self.secured(AUTHORITY.issue("carol", client=True))
        for count in range(1, 4):
            self.assertEqual(codes(client.command("USER alice")), [])
            self.server.clock.advance(2**count)
            client.settle()
            self.assertEqual(codes(client.replies()), [530] if count < 3 else [530, 421])
            if count < 3:
                self.assertEqual(codes(client.command("PASS secret", "PWD")), [503, 530])
        self.assertTrue(client.closed)
        self.server.services.journal.flush()
        self.assertIn("login of alice from 127.0.0.1 refused: the certificate has another name", log)

    def test_two_names(self) -> None:
        """A certificate with two names has none."""
        client = self.secured(AUTHORITY.issue("carol", also="alice", client=True))
        for name in ("carol", "alice"):
            client.command(f"USER {name}")
            self.server.clock.advance(8)
            client.settle()
            self.assertEqual(codes(client.replies()), [530])

    def test_octets(self) -> None:
        """A name that is not ASCII is compared as the client sends it, in UTF-8."""
        client = self.secured(AUTHORITY.issue("z\u00f6e", client=True))
        self.assertEqual(codes(client.command("USER z\u00f6e")), [232])

    def test_in_clear(self) -> None:
        """Without TLS there is no certificate, so there is a password, where that is allowed."""
        self.assertEqual(self.codes("USER alice", "PASS secret"), [331, 230])

    def test_second_user(self) -> None:
        """A second USER ends the login, and the right name gets it again."""
        client = self.secured(AUTHORITY.issue("carol", client=True))
        client.command("USER carol")
        client.command("USER alice")
        self.server.clock.advance(2)
        client.settle()
        self.assertEqual(codes(client.replies()), [530])
        self.assertEqual(codes(client.command("PWD", "USER carol", "PWD")), [530, 232, 257])

    def test_no_certificate(self) -> None:
        """TL26: without a certificate there is not even a handshake."""
        client = self.server.connect()
        client.replies()
        try:
            client.secure(TlsClient(client_context(SSL.TLS1_2_VERSION)))
        except SSL.Error as error:
            self.assertIn("alert", str(error))
        self.assertTrue(client.closed)
