"""What is demanded of the TLS of data connections."""

from __future__ import annotations

from ftpx.testing.server import ServerHarness
from ftpx.testing.tls import TlsClient, make_tls_server
from ftpx.tls.openssl import session_reused
from ftpx.tls.policy import DataSession
from tests.server.doubles import ServerCase, codes
from tests.tls.ends import meet

_TLS = make_tls_server()


class DataSessionTests(ServerCase):
    """TL15: what is demanded of data connections."""

    def start(self, rule: DataSession) -> None:
        """Log in and ask for protection."""
        self.server = ServerHarness(self.storage, tls=_TLS, data_session=rule)
        self.client = self.server.client
        self.client.secure()
        self.client.protect()
        self.client.login()
        self.put("a", b"content")

    def transfer(self, command: str, *, resumes: bool) -> list[int]:
        """The codes of a transfer whose data connection resumes or not."""
        self.client.command("EPSV")
        peer = self.client.last_port.accept(resumes=resumes)
        replies = self.client.command(command)
        peer.end()
        self.client.settle()
        return codes([*replies, *self.client.replies()])

    def test_require(self) -> None:
        """TL15: a connection that does not resume is 522; nothing is sent, made or replaced, and the next may."""
        self.start(DataSession.REQUIRE)
        for command in ("RETR a", "STOR a", "STOR b", "APPE a", "LIST", "MLSD"):
            self.assertEqual(self.transfer(command, resumes=False), [150, 522], command)
        self.assertEqual((self.names(), self.get("a")), (["a"], b"content"))
        for command in ("RETR a", "STOR b", "LIST"):
            self.assertEqual(self.transfer(command, resumes=True), [150, 226], command)

    def test_off(self) -> None:
        """With ``off``, nobody asks."""
        log = self.log()
        self.start(DataSession.OFF)
        self.assertEqual(self.transfer("RETR a", resumes=False), [150, 226])
        self.server.services.journal.flush()
        self.assertFalse([line for line in log if "resume" in line])

    def test_report(self) -> None:
        """With ``report``, it is logged, once a session, who would be refused, and with which software."""
        log = self.log()
        self.start(DataSession.REPORT)
        self.client.command("CLNT NcFTP\x07 3.2.6")
        self.assertEqual(self.transfer("RETR a", resumes=True), [150, 226])
        for _ in range(3):
            self.assertEqual(self.transfer("RETR a", resumes=False), [150, 226])
        self.server.services.journal.flush()
        told = [line for line in log if "--tls-data-session require" in line]
        self.assertEqual(len(told), 1)
        self.assertIn("alice from 127.0.0.1 (NcFTP? 3.2.6) does not resume", told[0])

    def test_report_of_unknown_software(self) -> None:
        """Most clients do not say what they are."""
        log = self.log()
        self.start(DataSession.REPORT)
        self.transfer("RETR a", resumes=False)
        self.server.services.journal.flush()
        self.assertTrue(any("(unknown software)" in line for line in log))

    def test_software_is_short(self) -> None:
        """What a client calls itself is kept up to a length that suits a log."""
        log = self.log()
        self.start(DataSession.REPORT)
        self.assertEqual(self.codes("CLNT " + "x" * 5000), [200])
        self.transfer("RETR a", resumes=False)
        self.server.services.journal.flush()
        self.assertFalse(any("x" * 100 in line for line in log))

    def test_connection(self) -> None:
        """The TLS of a data connection is that of its own session."""
        self.start(DataSession.REQUIRE)
        self.client.command("EPSV")
        server = self.client.last_port.security.connection()
        other = TlsClient()
        meet(server, other)
        self.assertFalse(session_reused(server))
        self.assertTrue(other.established)
