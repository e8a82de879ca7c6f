"""Hostile cases of TLS: names, certificates of clients, and certificates that change while the server runs."""

from __future__ import annotations

import itertools
import signal
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from cryptography import x509

from tests.integration.cases import AUTH, PASSWORD, USER
from tests.integration.control import Reply
from tests.integration.server import FtpxServer
from tests.integration.tls_cases import SERVER_NAME, TlsTestCase
from tests.integration.tls_control import VERSIONS, TlsControl, client_context
from tests.integration.waiting import eventually
from tests.tls.certificates import Authority, Issued

_OTHER_NAME = "other.example.com"
_PATIENCE = 20

# How a client is told that its certificate will not do: in the handshake, or with the first octets behind it.
_REFUSED = (ssl.SSLError, ConnectionError, EOFError)


def shown(control: TlsControl) -> str:
    """The common name in the certificate that the server has shown."""
    certificate = control.tls.tls.getpeercert(binary_form=True)
    assert certificate is not None
    return x509.load_der_x509_certificate(certificate).subject.rfc4514_string().removeprefix("CN=")


class ServerNameTests(TlsTestCase):
    """TL25: the name that a client asks for."""

    @classmethod
    def tls_options(cls, server: FtpxServer) -> Sequence[str]:
        """Two certificates."""
        path = server.directory / "other.pem"
        path.write_bytes(cls.authority.issue(_OTHER_NAME, _OTHER_NAME).pem)
        return *super().tls_options(server), "--tls-cert", str(path)

    def named(self, name: str | None, version: ssl.TLSVersion) -> TlsControl:
        """A session of a client that asks for a name."""
        control = TlsControl(("127.0.0.1", self.server.port), self.context(version), name=name)
        self.addCleanup(control.close)
        control.login(USER, PASSWORD)
        return control

    def test_names(self) -> None:
        """TL25: an unknown name, an address or none gets the default; a name that is known gets its own."""
        names = {
            None: SERVER_NAME,
            SERVER_NAME: SERVER_NAME,
            _OTHER_NAME: _OTHER_NAME,
            "unknown.example.net": SERVER_NAME,
            f"sub.{_OTHER_NAME}": SERVER_NAME,
            "x" * 63 + ".example.com": SERVER_NAME,
            "127.0.0.1": SERVER_NAME,
        }
        for (name, expected), version in itertools.product(names.items(), VERSIONS):
            with self.subTest(name=name, version=version.name):
                control = self.named(name, version)
                self.assertEqual(shown(control), expected)
                self.assertEqual(control.store("STOR file", b"data").code, 226)
                self.assertEqual(control.retrieve("RETR file"), b"data")

    def test_data_connection(self) -> None:
        """TL25: on a data connection another name does not matter: the transfer works."""
        for version in VERSIONS:
            for name in (None, "unknown.example.net", SERVER_NAME):
                control = self.named(_OTHER_NAME, version)
                control.name, control.resumes = name, False
                self.assertEqual(control.store("STOR file", b"data").code, 226)


class ClientCertificateTestCase(TlsTestCase):
    """TL26: certificates of clients, of an authority that the server trusts and of others."""

    demand: ClassVar[str]
    clients: ClassVar[Authority] = Authority("Clients")
    certificates: ClassVar[dict[str, Issued]] = {
        "right": clients.issue(USER, client=True),
        "other user": clients.issue("bob", client=True),
        "expired": clients.issue(USER, client=True, not_after=datetime.now(UTC) - timedelta(days=1)),
        "not yet valid": clients.issue(USER, client=True, not_before=datetime.now(UTC) + timedelta(days=1)),
        "revoked": clients.issue(USER, client=True),
        "for servers": clients.issue(USER, USER),
        "other authority": Authority("Clients").issue(USER, client=True),
        "nobody's": Authority(USER).issue(USER, client=True),
    }

    @classmethod
    def tls_options(cls, server: FtpxServer) -> Sequence[str]:
        """What is demanded of clients."""
        authority, revoked = server.directory / "clients.pem", server.directory / "revoked.pem"
        authority.write_bytes(cls.clients.pem)
        revoked.write_bytes(cls.clients.revoke(cls.certificates["revoked"]))
        own = "--tls-client-ca", str(authority), "--tls-client-crl", str(revoked), "--tls-client-cert", cls.demand
        return *super().tls_options(server), *own

    def with_certificate(self, name: str | None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """A client with one of the certificates, or none."""
        path: Path | None = None
        if name is not None:
            path = self.work / "client.pem"
            path.write_bytes(self.certificates[name].pem)
        return client_context(self.authority.pem, version=version, certificate=path)

    def usual_session(self) -> TlsControl:
        """A session with the right certificate."""
        control = self.connect_tls(self.with_certificate("right"))
        control.expect_reply(220)
        control.begin_tls()
        if control.expect(f"USER {USER}", 331, 232).code == 331:
            control.expect(f"PASS {PASSWORD}", 230)
        control.expect("TYPE I", 200)
        control.protect()
        return control

    def user(self, name: str | None, version: ssl.TLSVersion, user: str = USER) -> Reply:
        """The reply to USER of a client with one of the certificates."""
        control = self.connect_tls(self.with_certificate(name, version))
        control.expect_reply(220)
        control.begin_tls()
        return control.command(f"USER {user}")

    def assert_no_handshake(self, name: str | None) -> None:
        """A client with this certificate gets an alert, on both ports, and no reply inside TLS."""
        for version, implicit in itertools.product(VERSIONS, (False, True)):
            with self.subTest(name=name, version=version.name, implicit=implicit):
                control = self.connect_tls(self.with_certificate(name, version), implicit=implicit)
                if not implicit:
                    control.expect_reply(220)
                    control.expect("AUTH TLS", 234)
                with self.assertRaises(_REFUSED):
                    control.shake_hands()
                    control.command(f"USER {USER}")


_BAD = ("expired", "not yet valid", "revoked", "for servers", "other authority", "nobody's")


class RequiredCertificateTests(ClientCertificateTestCase):
    """TL26 with ``--tls-client-cert required``."""

    demand = "required"

    def test_bad(self) -> None:
        """TL26: no certificate, and every one that is not good now, ends the handshake."""
        for name in (None, *_BAD):
            self.assert_no_handshake(name)

    def test_right(self) -> None:
        """TL26: with a good one the password is still asked for, whatever name it has."""
        for name, version in itertools.product(("right", "other user"), VERSIONS):
            self.assertEqual(self.user(name, version).code, 331)

    def test_data_connection(self) -> None:
        """TL26: a data connection without the certificate is refused, with it accepted, resumed or not."""
        for version in VERSIONS:
            control = self.connect_tls(self.with_certificate("right", version))
            control.login(USER, PASSWORD)
            self.assertEqual(control.store("STOR file", b"data").code, 226)
            control.resumes = False
            self.assertEqual(control.store("STOR file", b"data").code, 226)
            right, control.context = control.context, self.with_certificate(None, version)
            with control.open_tls() as data:
                control.expect("STOR file", 150)
                with self.assertRaises(_REFUSED):
                    data.sendall(b"stolen")
                    data.end()
                    data.recv(1)
                control.expect_reply(522, 426)
            self.assert_only(file=b"data")
            control.context = right
            self.assertEqual(control.retrieve("RETR file"), b"data")


class OptionalCertificateTests(ClientCertificateTestCase):
    """TL26 with ``--tls-client-cert optional``."""

    demand = "optional"

    def test_bad(self) -> None:
        """TL26: a certificate that is not good ends the handshake, though none need be shown."""
        for name in _BAD:
            self.assert_no_handshake(name)

    def test_none(self) -> None:
        """TL26: without one, and with a good one, the password is asked for."""
        for name, version in itertools.product((None, "right", "other user"), VERSIONS):
            self.assertEqual(self.user(name, version).code, 331)


class CertificateLoginTests(ClientCertificateTestCase):
    """TL26 with ``--tls-client-cert login``."""

    demand = "login"

    def test_bad(self) -> None:
        """TL26: no certificate, and every one that is not good now, ends the handshake."""
        for name in (None, *_BAD):
            self.assert_no_handshake(name)

    def test_right(self) -> None:
        """TL26: the user of the certificate is logged in by USER alone."""
        for (name, user), version in itertools.product((("right", USER), ("other user", "bob")), VERSIONS):
            control = self.connect_tls(self.with_certificate(name, version))
            control.expect_reply(220)
            control.begin_tls()
            control.expect("PWD", 530)
            control.expect(f"USER {user}", 232)
            control.expect("PWD", 257)
            control.expect("PASS anything", 503)

    def test_other_user(self) -> None:
        """TL26: USER with another name than the certificate's is 530, and no password helps."""
        others = ("right", "bob"), ("other user", USER), ("right", "ALICE"), ("right", "anonymous"), ("right", "alice ")
        for number, (name, user) in enumerate(others):
            with self.subTest(name=name, user=user):
                # From an address of its own each: failed logins are answered later and later.
                control = self.connect_tls(self.with_certificate(name), source=f"127.0.26.{number + 1}")
                control.expect_reply(220)
                control.begin_tls()
                control.expect(f"USER {user}", 530)
                control.expect(f"PASS {PASSWORD}", 503)
                control.expect("PWD", 530)


class ReloadTests(TlsTestCase):
    """TL27: certificates that are replaced while the server runs."""

    options = AUTH

    def setUp(self) -> None:
        """Begin with the certificate that the others have."""
        super().setUp()
        self.path = self.server.directory / "certificate.pem"
        self.first = self.path.read_bytes()
        self.addCleanup(self.replace, self.first, SERVER_NAME)

    def replace(self, octets: bytes, name: str, *, in_place: bool = False) -> None:
        """Put a certificate in the place of the one there is, and wait until clients see it."""
        self.write(octets, in_place=in_place)
        self.server.signal(signal.SIGHUP)
        self.await_certificate(name)

    def write(self, octets: bytes, *, in_place: bool = False) -> None:
        """Replace the file, or what is in it."""
        if in_place:
            self.path.write_bytes(octets)
            return
        fresh = self.path.with_suffix(".new")
        fresh.write_bytes(octets)
        fresh.replace(self.path)

    def seen(self) -> str:
        """The name in the certificate that new clients see now."""
        with self.greeted() as control:
            control.begin_tls()
            return shown(control)

    def await_certificate(self, name: str) -> None:
        """Wait until new clients see a certificate."""
        eventually(lambda: self.seen() == name, seconds=_PATIENCE, what=f"the certificate of {name}")

    def await_complaint(self, before: int) -> None:
        """Wait until the log has more complaints than before."""
        eventually(lambda: self.server.log.count("certificates stay as they were") > before, what="a complaint")

    def assert_lives(self, control: TlsControl) -> None:
        """A session from before the change goes on, with new data connections, and shows on them what it showed."""
        self.assertEqual(control.store("STOR file", b"data").code, 226)
        control.resumes = False
        with control.open_tls() as data:
            control.expect("RETR file", 150)
            self.assertEqual(data.recv(100), b"data")
            self.assertEqual(data.recv(100), b"")
            certificate = data.tls.getpeercert(binary_form=True)
        control.expect_reply(226)
        self.assertEqual(certificate, control.tls.tls.getpeercert(binary_form=True))
        control.resumes = True

    def test_by_signal(self) -> None:
        """TL27: behind SIGHUP new handshakes show the new certificate, also of another kind; sessions live on."""
        for kind in ("ec", "rsa"):
            before = [self.login_tls(self.context(version)) for version in VERSIONS]
            name = f"{kind}.example.com"
            self.replace(self.authority.issue(name, name, key="rsa" if kind == "rsa" else "ec").pem, name)
            for control in before:
                self.assert_lives(control)
            for version in VERSIONS:
                self.assert_lives(self.login_tls(self.context(version)))

    def test_by_change(self) -> None:
        """TL27: a file that is replaced, or written anew in place, is seen without a signal."""
        before = self.login_tls()
        for name, in_place in (("replaced.example.com", False), ("written.example.com", True)):
            self.write(self.authority.issue(name, name).pem, in_place=in_place)
            self.await_certificate(name)
            self.assert_lives(before)

    def test_bad_files(self) -> None:
        """TL27: files that are no good keep the certificate of before and are logged; a good one ends that."""
        before = self.login_tls()
        good = self.authority.issue("better.example.com", "better.example.com")
        other = self.authority.issue("other.example.com", "other.example.com")
        bad = {
            "empty": b"",
            "garbage": b"\x00\xff" * 1000,
            "cut": self.first[: len(self.first) // 2],
            "no key": good.certificate_pem,
            "no certificate": good.key_pem,
            "another's key": good.certificate_pem + other.key_pem,
        }
        for name, octets in bad.items():
            with self.subTest(name=name):
                complaints = self.server.log.count("certificates stay as they were")
                self.write(octets)
                self.server.signal(signal.SIGHUP)
                self.await_complaint(complaints)
                self.assertEqual(self.seen(), SERVER_NAME)
                self.assert_lives(before)
        self.path.unlink()
        self.server.signal(signal.SIGHUP)
        self.assertEqual(self.seen(), SERVER_NAME)
        self.assertNotIn("PRIVATE KEY", self.server.log)
        self.replace(good.pem, "better.example.com")
        self.assert_lives(before)

    def test_many_signals(self) -> None:
        """TL27: 50 signals and as many handshakes and transfers between them: nothing breaks."""
        control = self.login_tls()
        for number in range(50):
            self.server.signal(signal.SIGHUP)
            self.assertEqual(control.store("STOR file", b"%d" % number).code, 226)
            self.assertEqual(self.seen(), SERVER_NAME)
