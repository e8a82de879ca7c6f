"""What all sessions share: versions, ciphers, protocols, certificates of both sides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.errors import ConfigurationError
from ftpx.testing.tls import TlsClient
from ftpx.tls.certificates import Identity
from ftpx.tls.channel import Channel, TlsFailed
from ftpx.tls.credentials import Credentials
from ftpx.tls.policy import ClientCertificates, TlsVersion
from ftpx.tls.server import TlsRules, TlsServer
from tests.tls.certificates import Authority, Issued
from tests.tls.ends import AUTHORITY, client_context, identity, meet_channel, shown

_ISSUED = AUTHORITY.issue("ftp.example", "ftp.example")
_IDENTITY = identity(_ISSUED)
_RSA = identity(AUTHORITY.issue("rsa.example", "rsa.example", key="rsa"))
# A certificate with the key of another one.
_IMPOSSIBLE = Identity(_IDENTITY.chain, AUTHORITY.issue("x").key)


def _old_context(ciphers: bytes | None = None, version: int = SSL.TLS1_2_VERSION) -> SSL.Context:
    """A client that also does what is weak."""
    context = client_context(version)
    context.set_cipher_list((ciphers or b"ALL") + b":@SECLEVEL=0")
    return context


class ServerCase(SynchronousTestCase):
    """Handshakes with a server."""

    credentials = Credentials((_IDENTITY,), (AUTHORITY.certificate,))

    def server(self, rules: TlsRules | None = None) -> TlsServer:
        """A server with the current credentials."""
        return TlsServer(lambda: self.credentials, rules or TlsRules())

    def connect(
        self, server: TlsServer, context: SSL.Context | None = None, server_name: str | None = None
    ) -> tuple[Channel, TlsClient]:
        """A client connects and shakes hands."""
        channel, client = server.session().control(), TlsClient(context, server_name=server_name)
        meet_channel(channel, client)
        return channel, client

    def refused(self, server: TlsServer, context: SSL.Context) -> str:
        """What the client is told: the alert."""
        channel, client = server.session().control(), TlsClient(context)
        with self.assertRaises((TlsFailed, SSL.Error)):
            meet_channel(channel, client)
        self.assertFalse(channel.established)
        alert = channel.outgoing()
        error = self.assertRaises(SSL.Error, client.receive, alert)
        return str(error)


class RulesTests(ServerCase):
    """TL20, TL23: what is spoken."""

    def test_versions(self) -> None:
        """TL20: TLS 1.2 and 1.3, or 1.3 alone."""
        for minimum, name, version, spoken in (
            (TlsVersion.TLS_1_2, "TLSv1.2", SSL.TLS1_2_VERSION, True),
            (TlsVersion.TLS_1_2, "TLSv1.3", SSL.TLS1_3_VERSION, True),
            (TlsVersion.TLS_1_3, "TLSv1.2", SSL.TLS1_2_VERSION, False),
            (TlsVersion.TLS_1_3, "TLSv1.3", SSL.TLS1_3_VERSION, True),
        ):
            server = self.server(TlsRules(minimum))
            if spoken:
                _, client = self.connect(server, client_context(version))
                self.assertEqual(client.connection.get_protocol_version_name(), name)
            else:
                self.assertIn("protocol version", self.refused(server, client_context(version)))

    def test_old_versions(self) -> None:
        """TL20: TLS 1.0 and 1.1 are refused."""
        for version in (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION):
            client = TlsClient(_old_context(version=version))
            channel = self.server().session().control()
            # A client whose OpenSSL has unlearned them does not even ask.
            with self.assertRaises((TlsFailed, SSL.Error)):
                meet_channel(channel, client)
            self.assertFalse(channel.established)

    def test_ciphers(self) -> None:
        """TL20: forward secrecy and authenticated encryption, and nothing else."""
        for ciphers in (b"aNULL", b"eNULL", b"kRSA", b"DHE", b"AES128-SHA", b"ECDHE-RSA-AES128-SHA", b"SHA256"):
            try:
                context = _old_context(ciphers)
            except SSL.Error:
                # This OpenSSL does not have them.
                continue
            self.credentials = Credentials((_IDENTITY, _RSA))
            self.assertFalse(self.spoken(context), ciphers)
        for ciphers in (b"ECDHE-ECDSA-AES128-GCM-SHA256", b"ECDHE-ECDSA-CHACHA20-POLY1305"):
            self.assertTrue(self.spoken(_old_context(ciphers)), ciphers)

    def spoken(self, context: SSL.Context) -> bool:
        """Whether a client gets a connection."""
        channel, client = self.server().session().control(), TlsClient(context)
        try:
            meet_channel(channel, client)
        except (TlsFailed, SSL.Error):
            return False
        return channel.established

    def test_server_chooses(self) -> None:
        """Of the ciphers that both know it is the server's first one, whatever the client likes best."""
        context = client_context(SSL.TLS1_3_VERSION)
        context.set_tls13_ciphersuites(b"TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256")
        _, client = self.connect(self.server(), context)
        self.assertEqual(client.connection.get_cipher_name(), "TLS_AES_128_GCM_SHA256")
        _, client = self.connect(
            self.server(), _old_context(b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256")
        )
        self.assertEqual(client.connection.get_cipher_name(), "ECDHE-ECDSA-AES128-GCM-SHA256")

    def test_renegotiation(self) -> None:
        """TL21: who wants to renegotiate is told no, and no second handshake begins."""
        channel, client = self.connect(self.server(), client_context(SSL.TLS1_2_VERSION))
        client.connection.renegotiate()
        self.assertRaises(SSL.WantReadError, client.connection.do_handshake)
        self.assertEqual(channel.receive(client.outgoing()), b"")
        error = self.assertRaises(SSL.Error, client.receive, channel.outgoing())
        self.assertIn("no renegotiation", str(error))

    def test_protocols(self) -> None:
        """TL23: FTP by ALPN, or no ALPN; what wants another protocol gets the alert for that."""
        for offered, chosen in (
            ((), b""),
            ((b"ftp",), b"ftp"),
            ((b"ftp-data",), b"ftp-data"),
            ((b"h2", b"ftp-data", b"ftp"), b"ftp"),
        ):
            _, client = self.connect(self.server(), client_context(protocols=offered))
            self.assertEqual(client.connection.get_alpn_proto_negotiated(), chosen)
        for wanted in (b"http/1.1", b"h2", b"smtp"):
            server = self.server()
            self.assertIn("application protocol", self.refused(server, client_context(protocols=(wanted,))))
            self.connect(server)

    def test_protocols_by_name(self) -> None:
        """TL23: the same for a client that asks for a name."""
        channel = self.server().session().control()
        client = TlsClient(client_context(protocols=(b"h2",)), server_name="ftp.example")
        error = self.assertRaises(TlsFailed, meet_channel, channel, client)
        self.assertIn("application protocol", str(error))

    def test_chain(self) -> None:
        """Intermediate certificates are sent along, and each kind of key works."""
        between = Authority("Between", AUTHORITY)
        for key in ("ec", "rsa"):
            self.credentials = Credentials((identity(between.issue("ftp.example", "ftp.example", key=key)),))
            context = client_context()
            store = context.get_cert_store()
            assert store is not None
            store.add_cert(_stored(AUTHORITY.certificate))
            context.set_verify(SSL.VERIFY_PEER)
            channel, client = self.connect(self.server(), context)
            self.assertTrue(channel.established, key)
            self.assertEqual(shown(client), "ftp.example")


def _stored(certificate: x509.Certificate) -> X509:
    """As the stores of pyOpenSSL want it."""
    return X509.from_cryptography(certificate)


class ClientCertificateTests(ServerCase):
    """TL26: certificates of clients."""

    def setUp(self) -> None:
        """Alice has one that is good."""
        self.alice = AUTHORITY.issue("alice", client=True)
        now = datetime.now(UTC)
        self.bad = {
            "self-signed": Authority("Stranger").issue("alice", client=True),
            "expired": AUTHORITY.issue("alice", client=True, not_after=now - timedelta(days=1)),
            "not yet": AUTHORITY.issue("alice", client=True, not_before=now + timedelta(days=1)),
            "of a server": AUTHORITY.issue("alice"),
            "revoked": AUTHORITY.issue("alice", client=True),
        }
        revocations = x509.load_pem_x509_crl(AUTHORITY.revoke(self.bad["revoked"]))
        self.credentials = Credentials((_IDENTITY,), (AUTHORITY.certificate,), (revocations,))

    def name(
        self, kind: ClientCertificates | None, issued: Issued | None, server_name: str | None = None
    ) -> str | None:
        """The name that a client with a certificate has, once it was let in; under each version."""
        names: list[str | None] = []
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            server = self.server(TlsRules(client_certificates=kind))
            channel, _ = self.connect(server, client_context(version, issued=issued), server_name)
            names.append(channel.certified_name())
        self.assertEqual(names[0], names[1])
        return names[0]

    def test_good(self) -> None:
        """Who has a certificate is known by its name, if one is asked for."""
        for kind in ClientCertificates:
            for server_name in (None, "ftp.example"):
                self.assertEqual(self.name(kind, self.alice, server_name), "alice")
        self.assertIsNone(self.name(None, self.alice))

    def test_none(self) -> None:
        """TL26: without one, a client is let in only where it may."""
        self.assertIsNone(self.name(None, None))
        self.assertIsNone(self.name(ClientCertificates.OPTIONAL, None))
        for kind in (ClientCertificates.REQUIRED, ClientCertificates.LOGIN):
            server = self.server(TlsRules(client_certificates=kind))
            channel = server.session().control()
            error = self.assertRaises(TlsFailed, meet_channel, channel, TlsClient(client_context()))
            self.assertIn("did not return a certificate", str(error))

    def test_bad(self) -> None:
        """TL26: a certificate that is not good is refused, also where none is needed."""
        for kind in ClientCertificates:
            for why, issued in self.bad.items():
                for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
                    channel = self.server(TlsRules(client_certificates=kind)).session().control()
                    client = TlsClient(client_context(version, issued=issued))
                    with self.assertRaises(TlsFailed, msg=why):
                        meet_channel(channel, client)
                    self.assertFalse(channel.established)
                    error = self.assertRaises(SSL.Error, client.receive, channel.outgoing())
                    self.assertIn("alert", str(error))

    def test_new_revocations(self) -> None:
        """TL26, TL27: a new list of what is revoked holds from then on."""
        server = self.server(TlsRules(client_certificates=ClientCertificates.REQUIRED))
        self.connect(server, client_context(issued=self.alice))
        revocations = x509.load_pem_x509_crl(AUTHORITY.revoke(self.alice))
        self.credentials = Credentials((_IDENTITY,), (AUTHORITY.certificate,), (revocations,))
        channel = server.session().control()
        self.assertRaises(TlsFailed, meet_channel, channel, TlsClient(client_context(issued=self.alice)))

    def test_no_store(self) -> None:
        """A context without a place for authorities is an error of the configuration, not a server that trusts."""
        self.patch(SSL.Context, "get_cert_store", lambda context: None)
        self.assertRaises(ConfigurationError, self.server, TlsRules(client_certificates=ClientCertificates.REQUIRED))


class NewCredentialsTests(ServerCase):
    """TL27: credentials that change."""

    def setUp(self) -> None:
        """Read the log."""
        self.written: list[str] = []

        @implementer(ILogObserver)
        def observe(event: dict[str, Any]) -> None:
            self.written.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def test_new(self) -> None:
        """New handshakes show the new certificate."""
        server = self.server()
        self.assertEqual(shown(self.connect(server)[1]), "ftp.example")
        self.credentials = Credentials((_RSA,))
        self.assertEqual(shown(self.connect(server)[1]), "rsa.example")
        self.assertEqual(self.written, [])

    def test_handshake_under_way(self) -> None:
        """A handshake that began before ends with the certificate that it began with."""
        server = self.server()
        channel, client = server.session().control(), TlsClient(server_name="ftp.example")
        self.credentials = Credentials((_RSA,))
        self.connect(server)
        meet_channel(channel, client)
        self.assertEqual(shown(client), "ftp.example")

    def test_refused_at_the_start(self) -> None:
        """What OpenSSL does not take is told before anything listens."""
        self.credentials = Credentials((_IMPOSSIBLE,))
        error = self.assertRaises(ConfigurationError, self.server)
        self.assertIn("OpenSSL does not take a certificate or its key: ", str(error))
        self.assertNotIn("\n", str(error))

    def test_refused_later(self) -> None:
        """What OpenSSL does not take later is told once, and what there was stays; what comes then is taken."""
        server = self.server()
        self.credentials = Credentials((_IMPOSSIBLE,))
        for _ in range(3):
            self.assertEqual(shown(self.connect(server)[1]), "ftp.example")
        self.assertEqual(len(self.written), 1)
        self.assertIn("The certificates from before stay in use.", self.written[0])
        self.credentials = Credentials((_RSA,))
        self.assertEqual(shown(self.connect(server)[1]), "rsa.example")

    def test_no_reason(self) -> None:
        """A refusal without a reason is told as well."""

        def refuse(*arguments: object) -> None:
            raise SSL.Error

        self.patch(SSL.Context, "use_privatekey", refuse)
        error = self.assertRaises(ConfigurationError, self.server)
        self.assertIn("no reason given", str(error))

    def test_strange_names(self) -> None:
        """TL25: a name that is no name gets the first certificate."""
        for name in (b"\xff.example", b"..", b"x" * 200):
            channel, client = self.server().session().control(), TlsClient()
            client.connection.set_tlsext_host_name(name)
            meet_channel(channel, client)
            self.assertEqual(shown(client), "ftp.example")
