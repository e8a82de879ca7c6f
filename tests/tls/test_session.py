"""Data connections that resume the session of their own control connection, and of no other."""

from __future__ import annotations

import attrs
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from ftpx.testing.tls import TlsClient
from ftpx.tls.channel import Channel
from ftpx.tls.credentials import Credentials
from ftpx.tls.policy import ClientCertificates
from ftpx.tls.server import TlsRules, TlsServer
from ftpx.tls.session import TlsSession
from tests.tls.ends import AUTHORITY, client_context, identity, meet, meet_channel, shown

_DEFAULT = identity(AUTHORITY.issue("default.example", "default.example"))
_OTHER = identity(AUTHORITY.issue("other.example", "other.example"))
_RENEWED = identity(AUTHORITY.issue("renewed.example", "default.example", "other.example"))

# The three ways to resume: a ticket of TLS 1.3, a ticket and an id of TLS 1.2.
_WAYS = {
    "1.3": (SSL.TLS1_3_VERSION, True),
    "1.2 ticket": (SSL.TLS1_2_VERSION, True),
    "1.2 id": (SSL.TLS1_2_VERSION, False),
}


@attrs.define
class _Control:
    """A control connection, both ends."""

    session: TlsSession
    channel: Channel
    client: TlsClient
    context: SSL.Context

    def ticket(self) -> SSL.Session:
        """What the client resumes."""
        session = self.client.connection.get_session()
        assert session is not None
        return session


class SessionCase(SynchronousTestCase):
    """A server with two certificates."""

    rules = TlsRules()

    def setUp(self) -> None:
        """Make the server."""
        self.credentials = Credentials((_DEFAULT, _OTHER), (AUTHORITY.certificate,))
        self.server = TlsServer(lambda: self.credentials, self.rules)
        # Sessions are resumed by clients of the same context only.
        self.contexts = {way: client_context(version, tickets=tickets) for way, (version, tickets) in _WAYS.items()}
        self.ends: list[SSL.Connection] = []

    def control(self, way: str = "1.3", server_name: str | None = None, context: SSL.Context | None = None) -> _Control:
        """A client connects."""
        context = context or self.contexts[way]
        session = self.server.session()
        control = _Control(session, session.control(), TlsClient(context, server_name=server_name), context)
        meet_channel(control.channel, control.client)
        control.client.receive(control.channel.protect(b"220 Ready.\r\n"))
        return control

    def resumes(self, control: _Control, ticket: SSL.Session | None, server_name: str | None = None) -> bool:
        """Whether a data connection of a session resumes what the client gives it."""
        server = control.session.data()
        self.client = TlsClient(control.context, server_name=server_name, session=ticket)
        # A connection that goes away without an end spoils its session.
        self.ends.append(self.client.connection)
        meet(server, self.client)
        # The same holds here.
        server.shutdown()
        return control.session.resumed_by(server)


class ResumptionTests(SessionCase):
    """TL15, TL16: what a data connection proves by resuming."""

    def test_own(self) -> None:
        """TL15: a data connection resumes the session of its control connection, as often as one likes."""
        for way in _WAYS:
            control = self.control(way)
            ticket = control.ticket()
            self.assertEqual([self.resumes(control, ticket) for _ in range(20)], [True] * 20, way)

    def test_newest_ticket(self) -> None:
        """TL15: so does who resumes with the ticket of the last data connection, for thousands of transfers."""
        for way in _WAYS:
            control = self.control(way)
            ticket: SSL.Session | None = control.ticket()
            for count in range(200):
                self.assertTrue(self.resumes(control, ticket), (way, count))
                ticket = self.client.connection.get_session()

    def test_fresh(self) -> None:
        """TL15: a data connection that begins a session of its own does not resume."""
        for way in _WAYS:
            control = self.control(way)
            self.assertFalse(self.resumes(control, None), way)
            # That session came about on a data connection, which anybody may have opened. (Under TLS 1.3 its tickets
            # are not sent to who is refused: see tests/data/test_tls_handshake.py.)
            if way != "1.3":
                for _ in range(2):
                    self.assertFalse(self.resumes(control, self.client.connection.get_session()), way)
            self.assertTrue(self.resumes(control, control.ticket()), way)

    def test_other_users(self) -> None:
        """TL16: with the session of another control connection of the same server nothing is resumed."""
        for way in _WAYS:
            alice, mallory = self.control(way), self.control(way)
            self.assertFalse(self.resumes(alice, mallory.ticket()), way)
            self.assertFalse(self.resumes(mallory, alice.ticket()), way)
            self.assertTrue(self.resumes(alice, alice.ticket()), way)

    def test_control_connections(self) -> None:
        """A control connection resumes nothing: each is a session of its own."""
        for way in _WAYS:
            first = self.control(way)
            session = self.server.session()
            channel = session.control()
            client = TlsClient(first.context, session=first.ticket())
            meet_channel(channel, client)
            self.assertNotEqual(client.connection.master_key(), first.client.connection.master_key(), way)

    def test_client_certificates(self) -> None:
        """A data connection that resumes needs no certificate again."""
        self.rules = TlsRules(client_certificates=ClientCertificates.REQUIRED)
        self.setUp()
        alice = AUTHORITY.issue("alice", client=True)
        for version, tickets in _WAYS.values():
            control = self.control(context=client_context(version, tickets=tickets, issued=alice))
            self.assertEqual(control.channel.certified_name(), "alice")
            self.assertTrue(self.resumes(control, control.ticket()))


class CertificateTests(SessionCase):
    """TL25, TL27: which certificate a session shows."""

    def test_name(self) -> None:
        """The certificate is that of the name that was asked for, else the first."""
        for name, expected in (
            (None, "default.example"),
            ("other.example", "other.example"),
            ("OTHER.example", "other.example"),
            ("unknown.example", "default.example"),
        ):
            for way in _WAYS:
                self.assertEqual(shown(self.control(way, name).client), expected)

    def test_data(self) -> None:
        """A data connection shows what its control connection has shown, unless it asks for another name itself."""
        for way in _WAYS:
            control = self.control(way, "other.example")
            for name, expected in (
                (None, "other.example"),
                ("unknown.example", "other.example"),
                ("other.example", "other.example"),
                ("default.example", "default.example"),
            ):
                self.assertFalse(self.resumes(control, None, name))
                self.assertEqual(shown(self.client), expected, (way, name))

    def test_data_resumes_by_name(self) -> None:
        """With a name, too, a data connection resumes."""
        for way in _WAYS:
            control = self.control(way, "other.example")
            self.assertTrue(self.resumes(control, control.ticket(), "other.example"), way)

    def test_reload(self) -> None:
        """TL27: new control connections show a new certificate; those there are stay as they are, data included."""
        for name, old in ((None, "default.example"), ("other.example", "other.example")):
            self.setUp()
            before = self.control(server_name=name)
            self.assertFalse(self.resumes(before, None, name))
            self.credentials = Credentials((_RENEWED,))
            after = self.control(server_name=name)
            self.assertEqual(shown(after.client), "renewed.example")
            self.assertFalse(self.resumes(before, None, name))
            self.assertEqual(shown(self.client), old)
            self.assertTrue(self.resumes(before, before.ticket(), name))
            self.assertFalse(self.resumes(after, before.ticket(), name))
            self.assertTrue(self.resumes(after, after.ticket(), name))

    def test_reload_before_the_first_data_connection(self) -> None:
        """TL27: also a session that has had no data connection yet stays as it is."""
        before = self.control(server_name="other.example")
        self.credentials = Credentials((_RENEWED,))
        self.control()
        self.assertTrue(self.resumes(before, before.ticket()))
        self.assertFalse(self.resumes(before, None))
        self.assertEqual(shown(self.client), "other.example")
