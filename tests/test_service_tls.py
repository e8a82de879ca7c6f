"""TLS of a server as it is built from a configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest import mock

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.error import CannotListenError
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from zope.interface import implementer

from ftpx.errors import ConfigurationError
from ftpx.lifetime import FtpService
from ftpx.server.factory import ControlFactory, ImplicitTlsFactory
from ftpx.testing.client import MemoryClient, MemoryTransport
from ftpx.testing.data import MemoryDataConnections
from ftpx.testing.tls import TlsClient
from ftpx.tls.channel import TlsFailed
from ftpx.tls.policy import ClientCertificates, DataSession, TlsPolicy, TlsVersion
from tests.test_service import ServiceCase
from tests.tls.certificates import Issued
from tests.tls.ends import AUTHORITY, client_context, shown

_SERVER = AUTHORITY.issue("ftp.example", "ftp.example")
_RENEWED = AUTHORITY.issue("renewed.example", "ftp.example")
_LOOK = 2.0


class TlsServiceCase(ServiceCase):
    """Servers with a certificate in a file."""

    def setUp(self) -> None:
        """Write the certificate."""
        super().setUp()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.certificate = self.write("server.pem", _SERVER.pem)
        self.written: list[str] = []

        @implementer(ILogObserver)
        def observe(event: dict[str, Any]) -> None:
            self.written.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def write(self, name: str, content: bytes) -> str:
        """Write a file; its path."""
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def secure(self, **config: Any) -> FtpService:
        """A server with the certificate."""
        return self.make(tls_cert=(self.certificate,), **config)

    def connect(self, service: FtpService, issued: Issued | None = None) -> tuple[MemoryClient, TlsClient]:
        """Somebody who has said AUTH TLS."""
        address = IPv4Address("TCP", "192.0.2.1", 4000)
        transport = MemoryTransport(address, address)
        client = MemoryClient(service.factory, self.reactor, MemoryDataConnections(), transport)
        client.replies()
        tls = TlsClient(client_context(issued=issued))
        self.assertEqual([reply.code for reply in client.secure(tls)], [234])
        return client, tls

    def shown(self, service: FtpService) -> str:
        """The name in the certificate that clients see now."""
        return shown(self.connect(service)[1])


class BuildTests(TlsServiceCase):
    """From the configuration to what a client sees."""

    def test_without(self) -> None:
        """Without a certificate there is no TLS, and none is demanded."""
        services = self.make().factory.services
        self.assertIsNone(services.tls)
        self.assertIs(services.policy.tls_policy, TlsPolicy.OPTIONAL)

    def test_required(self) -> None:
        """With a certificate TLS is demanded of everybody, unless the operator says otherwise."""
        self.assertIs(self.secure().factory.services.policy.tls_policy, TlsPolicy.REQUIRED)
        for policy in TlsPolicy:
            self.assertIs(self.secure(tls_policy=policy).factory.services.policy.tls_policy, policy)

    def test_policy(self) -> None:
        """What the operator says about TLS holds."""
        services = self.secure().factory.services
        assert services.tls is not None
        self.assertEqual(
            (services.policy.data_session, services.policy.allow_ccc, services.tls.rules.minimum),
            (DataSession.REPORT, False, TlsVersion.TLS_1_2),
        )
        services = self.secure(
            tls_data_session=DataSession.REQUIRE, tls_allow_ccc=True, tls_min_version=TlsVersion.TLS_1_3
        ).factory.services
        assert services.tls is not None
        self.assertEqual(
            (services.policy.data_session, services.policy.allow_ccc, services.tls.rules.minimum),
            (DataSession.REQUIRE, True, TlsVersion.TLS_1_3),
        )

    def test_key_in_a_file_of_its_own(self) -> None:
        """Certificate and key may be in two files."""
        certificate = self.write("cert.pem", _SERVER.certificate_pem)
        service = self.make(tls_cert=(certificate,), tls_key=(self.write("key.pem", _SERVER.key_pem),))
        self.assertEqual(self.shown(service), "ftp.example")

    def test_login(self) -> None:
        """A session by TLS, from AUTH to a file."""
        client, _ = self.connect(self.secure())
        self.assertEqual([reply.code for reply in client.login()], [331, 230, 200])
        self.assertEqual(self.codes(client, "PBSZ 0", "PROT P", "MKD d"), [200, 200, 257])

    def test_client_certificates(self) -> None:
        """Authorities alone make certificates needed; what the operator says otherwise holds."""
        authorities = self.write("ca.pem", AUTHORITY.pem)
        for said, wanted in (
            (None, ClientCertificates.REQUIRED),
            *((kind, kind) for kind in ClientCertificates),
        ):
            tls = self.secure(tls_client_ca=authorities, tls_client_cert=said).factory.services.tls
            assert tls is not None
            self.assertIs(tls.rules.client_certificates, wanted)
        tls = self.secure().factory.services.tls
        assert tls is not None
        self.assertIsNone(tls.rules.client_certificates)

    def test_login_by_certificate(self) -> None:
        """TL26: a name that an authority has certified is logged in; a revoked certificate is not even let in."""
        revoked = AUTHORITY.issue("mallory", client=True)
        service = self.secure(
            tls_client_ca=self.write("ca.pem", AUTHORITY.pem),
            tls_client_crl=self.write("crl.pem", AUTHORITY.revoke(revoked)),
            tls_client_cert=ClientCertificates.LOGIN,
        )
        client, _ = self.connect(service, AUTHORITY.issue("carol", client=True))
        self.assertEqual(self.codes(client, "USER carol", "PWD"), [232, 257])
        client, _ = self.connect(service, revoked)
        self.assertTrue(client.closed)

    def test_self_signed(self) -> None:
        """A certificate is made once, kept, and its place and fingerprint are told."""
        with mock.patch.dict(os.environ, {"STATE_DIRECTORY": str(self.folder / "state")}):
            first = self.make(tls_self_signed=True)
            told = [line for line in self.written if "fingerprint" in line]
            self.assertEqual(len(told), 1)
            self.assertRegex(told[0], r"state/[^ ]+; its SHA-256 fingerprint is ([0-9A-F]{2}:){31}[0-9A-F]{2}\Z")
            self.make(tls_self_signed=True)
        self.assertEqual([line for line in self.written if "fingerprint" in line], told * 2)
        self.assertIs(first.factory.services.policy.tls_policy, TlsPolicy.REQUIRED)
        self.connect(first)

    def test_refused(self) -> None:
        """What does not go together, or cannot be used, is told in one line that names the option."""
        certificate, authorities = (self.certificate,), self.write("ca.pem", AUTHORITY.pem)
        nonsense = self.write("nonsense.pem", b"nonsense")
        for config, said in (
            ({"tls_cert": certificate, "tls_self_signed": True}, "--tls-cert and --tls-self-signed"),
            ({"tls_key": certificate}, "--tls-key needs a certificate"),
            ({"implicit_tls": ("tcp:990",)}, "--implicit-tls needs a certificate"),
            ({"tls_policy": TlsPolicy.OPTIONAL}, "--tls-policy needs a certificate"),
            ({"tls_policy": TlsPolicy.REQUIRED}, "--tls-policy needs a certificate"),
            ({"tls_client_ca": authorities}, "--tls-client-ca needs a certificate"),
            ({"tls_client_cert": ClientCertificates.OPTIONAL}, "--tls-client-cert needs --tls-client-ca"),
            (
                {"tls_cert": certificate, "tls_client_cert": ClientCertificates.LOGIN},
                "--tls-client-cert needs --tls-client-ca",
            ),
            ({"tls_cert": certificate, "tls_client_crl": nonsense}, "--tls-client-crl needs --tls-client-ca"),
            ({"tls_cert": (str(self.folder / "missing.pem"),)}, "missing.pem"),
            ({"tls_cert": (nonsense,)}, "nonsense.pem"),
            ({"tls_cert": certificate, "tls_client_ca": nonsense}, "nonsense.pem"),
            ({"tls_cert": certificate, "implicit_tls": ("nonsense",)}, "--implicit-tls 'nonsense' is no port"),
        ):
            with self.assertRaises(ConfigurationError, msg=str(config)) as caught:
                self.make(**config)
            self.assertIn(said, str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))
        self.assertEqual(self.reactor.tcpServers, [])


class LifeTests(TlsServiceCase):
    """Where it listens, and how it follows its files."""

    def test_entrances(self) -> None:
        """Each entrance is explicit or implicit, is listened on once, and told."""
        service = self.secure(port=("tcp:2121", "tcp:2121"), implicit_tls=("tcp:990", "tcp:991:interface=127.0.0.1"))
        service.privilegedStartService()
        self.assertEqual(
            [(port, type(factory)) for port, factory, *_ in self.reactor.tcpServers],
            [(2121, ControlFactory), (990, ImplicitTlsFactory), (991, ImplicitTlsFactory)],
        )
        told = [line for line in self.written if line.startswith("listening: ")]
        self.assertEqual(
            told[1:],
            ["listening: --implicit-tls tcp:990", "listening: --implicit-tls tcp:991:interface=127.0.0.1"],
        )

    def test_cannot_listen(self) -> None:
        """An implicit port that is taken is told by its option."""

        def refuse(port: int, *arguments: Any, **options: Any) -> Any:
            raise CannotListenError("", port, OSError(98, "Address already in use"))

        service = self.secure(port=(), implicit_tls=("tcp:990",))
        self.patch(self.reactor, "listenTCP", refuse)
        error = self.assertRaises(ConfigurationError, service.privilegedStartService)
        self.assertEqual(str(error), "--implicit-tls tcp:990: cannot listen there: Address already in use.")

    def test_reload(self) -> None:
        """TL27: a reload is read at once, and holds for new handshakes; sessions go on."""
        service = self.secure()
        client, _ = self.connect(service)
        self.write("server.pem", _RENEWED.pem)
        self.assertEqual(self.shown(service), "ftp.example")
        service.reload()
        self.assertEqual(self.shown(service), "renewed.example")
        self.assertEqual(self.codes(client, "NOOP"), [200])
        self.assertTrue(any("renewed" in line or "ftp.example was read" in line for line in self.written))

    def test_reload_of_a_broken_file(self) -> None:
        """TL27: a file that cannot be used changes nothing, and is told."""
        service = self.secure()
        self.write("server.pem", b"broken")
        service.reload()
        self.assertEqual(self.shown(service), "ftp.example")
        self.assertTrue(any("stay as they were" in line for line in self.written))

    def test_nothing_to_reload(self) -> None:
        """Without certificates a reload says so."""
        self.make().reload()
        self.assertIn("There is nothing to reload: no certificates, and no other files.", self.written)

    def test_files_that_change(self) -> None:
        """TL27: from the start to the end of the service the files are looked at now and then."""
        service = self.secure()
        service.privilegedStartService()
        service.startService()
        self.write("server.pem", _RENEWED.pem)
        self.assertEqual(self.shown(service), "ftp.example")
        self.reactor.advance(_LOOK)
        self.assertEqual(self.shown(service), "renewed.example")
        for writer in service.factory._sessions.copy():
            writer.connectionLost()
        self.successResultOf(service.stopService())
        self.write("server.pem", _SERVER.pem)
        self.reactor.advance(10 * _LOOK)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_version(self) -> None:
        """TL20: the lowest version is the one that was given."""
        service = self.secure(tls_min_version=TlsVersion.TLS_1_3)
        tls = service.factory.services.tls
        assert tls is not None
        client = TlsClient(client_context(SSL.TLS1_2_VERSION))
        client.receive(b"")
        error = self.assertRaises(TlsFailed, tls.session().control().receive, client.outgoing())
        self.assertIn("protocol", str(error))
