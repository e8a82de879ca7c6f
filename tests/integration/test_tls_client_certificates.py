"""Certificates that clients show."""

from __future__ import annotations

import ftplib
import functools
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import attrs

from tests.integration.cases import PASSWORD, USER
from tests.integration.certified import CertifiedServerTestCase, certificate_files
from tests.integration.clients import Client, ClientFailed, Login
from tests.integration.server import FtpxServer
from tests.integration.test_clients_curl import Curl
from tests.integration.test_clients_ftplib import Ftplib
from tests.tls.certificates import Authority, Issued

_VERSIONS = ("1.2", "1.3")


@functools.cache
def _clients() -> dict[str, Path]:
    """Files: the authority of clients, its revocation list, and certificates with their keys by what is the matter."""
    files, authority = certificate_files(), Authority("Authority of clients")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    revoked = authority.issue(USER, client=True)
    issued: dict[str, Issued] = {
        "good": authority.issue(USER, client=True),
        "of bob": authority.issue("bob", client=True),
        "expired": authority.issue(USER, client=True, not_after=yesterday),
        "not yet valid": authority.issue(USER, client=True, not_before=datetime.now(UTC) + timedelta(days=1)),
        "revoked": revoked,
        "of a server": authority.issue(USER, "localhost"),
        "of another authority": Authority("Authority of clients").issue(USER, client=True),
    }
    paths = {name: files.write(f"client {name}.pem", each.pem) for name, each in issued.items()}
    paths["authority"] = files.write("clients.pem", authority.pem)
    paths["revocations"] = files.write("revocations.pem", authority.revoke(revoked))
    return paths


BAD = ("expired", "not yet valid", "revoked", "of a server", "of another authority")


class ClientCertificateTestCase(CertifiedServerTestCase):
    """Tries curl and ftplib with certificates."""

    rule: ClassVar[str]
    kinds: ClassVar[tuple[type[Client], ...]] = (Curl, Ftplib)

    @classmethod
    def make_server(cls) -> FtpxServer:
        """Start the server with the authority of clients."""
        paths = _clients()
        cls.tls_options = (
            "--tls-client-ca", str(paths["authority"]), "--tls-client-crl", str(paths["revocations"]),
            "--tls-client-cert", cls.rule,
        )  # fmt: skip
        return super().make_server()

    def login_with(self, name: str | None, version: str, *, user: str = USER, password: str = PASSWORD) -> Login:
        """A login with one of the certificates."""
        certificate = None if name is None else _clients()[name]
        login = self.login_over_tls(version, certificate=certificate)
        return attrs.evolve(login, user=user, password=password)

    def each(self, name: str | None, check: Callable[[Client], None], *, user: str = USER, password: str = "") -> None:
        """Check every client with both versions."""
        for version in _VERSIONS:
            for kind in self.kinds:
                with self.subTest(certificate=name, version=version, client=kind.program, user=user):
                    kind.require()
                    check(kind(self.login_with(name, version, user=user, password=password), self.work))

    def serves(self, client: Client) -> None:
        """It gets a file and stores one."""
        self.make("file", b"content")
        target = self.work / "target"
        client.download("/file", target)
        self.assertEqual(target.read_bytes(), b"content")
        client.upload(target, "/copy")
        self.assertEqual((self.server.root / "copy").read_bytes(), b"content")
        self.server.empty_root()

    def refuses(self, client: Client) -> None:
        """It gets nothing."""
        self.make("file", b"content")
        target = self.work / "refused"
        with self.assertRaises((ClientFailed, OSError, EOFError, ftplib.Error)):
            client.download("/file", target)
        self.assertEqual(target.read_bytes() if target.exists() else b"", b"")

    def refused_name(self, name: str, user: str, *, password: str) -> None:
        """The handshake is fine, and the login is answered by 530. (A second one would be answered late.)"""
        client = Ftplib(self.login_with(name, "1.3", user=user, password=password), self.work)
        with self.assertRaisesRegex(ftplib.error_perm, "^530 "):
            client.session()


class OptionalTests(ClientCertificateTestCase):
    """``--tls-client-cert optional``."""

    rule = "optional"

    def test_none(self) -> None:
        """Without a certificate the password logs in."""
        self.each(None, self.serves, password=PASSWORD)

    def test_good(self) -> None:
        """With one it takes the password, too."""
        self.each("good", self.serves, password=PASSWORD)
        self.refused_name("good", USER, password="wrong")

    def test_bad(self) -> None:
        """One that cannot be verified is refused, whatever the password."""
        for name in BAD:
            self.each(name, self.refuses, password=PASSWORD)


class RequiredTests(ClientCertificateTestCase):
    """``--tls-client-cert required``."""

    rule = "required"

    def test_none(self) -> None:
        """Without a certificate nobody is let in."""
        self.each(None, self.refuses, password=PASSWORD)

    def test_good(self) -> None:
        """With one it takes a password, and the name in it does not count."""
        self.each("good", self.serves, password=PASSWORD)
        self.each("of bob", self.serves, password=PASSWORD)
        self.refused_name("good", USER, password="wrong")

    def test_bad(self) -> None:
        """One that cannot be verified is refused."""
        for name in BAD:
            self.each(name, self.refuses, password=PASSWORD)


class LoginTests(ClientCertificateTestCase):
    """``--tls-client-cert login``."""

    rule = "login"

    def test_without_password(self) -> None:
        """The name in the certificate logs in without a password."""
        self.each("good", self.serves)

    def test_another_name(self) -> None:
        """A certificate logs its own name in and no other, not even with a password."""
        self.refused_name("of bob", USER, password=PASSWORD)
        self.refused_name("good", "anonymous", password=PASSWORD)

    def test_none(self) -> None:
        """Without a certificate no password helps."""
        self.each(None, self.refuses, password=PASSWORD)

    def test_bad(self) -> None:
        """One that cannot be verified is refused."""
        for name in BAD:
            self.each(name, self.refuses)

    def test_no_password_is_asked_for(self) -> None:
        """USER is answered by 232."""
        login = self.login_with("good", "1.3")
        assert login.tls is not None
        with ftplib.FTP_TLS(context=login.tls.context(), timeout=20) as session:
            session.connect(login.host, login.port)
            session.auth()
            self.assertRegex(session.sendcmd(f"USER {USER}"), "^232 ")
            session.prot_p()
            session.storbinary("STOR /file", io.BytesIO(b"mine"))
        self.assertEqual((self.server.root / "file").read_bytes(), b"mine")
