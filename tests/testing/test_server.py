"""The harness that plugin authors test their storages with."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.storage.memory import MemoryStorage
from ftpx.testing.server import EPOCH, ServerHarness, parse_replies
from ftpx.testing.tls import TlsClient, make_tls_server
from ftpx.tls.policy import TlsPolicy
from ftpx.wire.replies import Reply
from tests.server.doubles import codes


class ParseRepliesTests(SynchronousTestCase):
    """The harness reads replies strictly."""

    def test_lines(self) -> None:
        """Single replies and one of several lines come back as they were made."""
        replies = [Reply(220, "Ready."), Reply(211, "Features:", " MDTM", "211x", "End"), Reply(200, "")]
        octets = b"220 Ready.\r\n211-Features:\r\n MDTM\r\n211x\r\n211 End\r\n200 \r\n"
        self.assertEqual(parse_replies(octets), replies)
        self.assertEqual(parse_replies(b""), [])

    def test_broken(self) -> None:
        """What is no sequence of whole replies is an error."""
        for octets in (b"220 Ready.", b"211-Features:\r\n", b"hello\r\n", b"220\r\n", b"220 a\nb\r\n", b"22x a\r\n"):
            with self.assertRaises(ValueError, msg=repr(octets)):
                parse_replies(octets)


class ServerHarnessTests(SynchronousTestCase):
    """A whole server in memory."""

    def test_session(self) -> None:
        """Log in, store, list, fetch, quit."""
        server = ServerHarness()
        self.assertEqual(codes(server.login()), [331, 230, 200])
        self.assertEqual(server.command("MKD pub", "PWD")[0], Reply(257, '"/pub" created.'))
        self.assertEqual(codes(server.store("STOR pub/a", b"content")), [150, 226])
        replies, content = server.fetch("RETR pub/a")
        self.assertEqual((codes(replies), content), ([150, 226], b"content"))
        self.assertEqual(server.fetch("NLST pub")[1], b"pub/a\r\n")
        self.assertEqual(codes(server.command("QUIT")), [221])
        self.assertTrue(server.client.closed)

    def test_storage(self) -> None:
        """The storage is the one that is given, and its time that of the harness."""
        storage = MemoryStorage(limit=10)
        server = ServerHarness(storage)
        server.login()
        self.assertEqual(codes(server.store("STOR a", b"x" * 11)), [150, 452])
        self.assertIs(server.storage, storage)
        self.assertEqual(server.now(), EPOCH)
        server.clock.advance(5)
        self.assertEqual(server.now(), EPOCH + 5)

    def test_accounts(self) -> None:
        """Users are those that are given; anonymous ones only look."""
        server = ServerHarness(users={"bob": "hunter2"})
        self.assertEqual(codes(server.login("bob", "hunter2"))[1], 230)
        other = server.connect("192.0.2.7")
        self.assertEqual(codes(other.login("anonymous", "me@")), [220, 331, 230, 200])
        self.assertEqual(codes(other.command("MKD a")), [550])

    def test_no_anonymous(self) -> None:
        """Anonymous logins can be left out."""
        server = ServerHarness(anonymous=False)
        server.command("USER anonymous", "PASS x")
        server.clock.advance(1)
        self.assertEqual(codes(server.client.replies()), [530])

    def test_policy(self) -> None:
        """Fields of the policy can be set."""
        client = ServerHarness(banner="Hello.").connect()
        self.assertEqual(client.replies(), [Reply(220, "Hello.")])

    def test_unread(self) -> None:
        """What the server does not want to read stays with the client."""
        server = ServerHarness()
        server.command("USER alice")
        server.client.stop_reading()
        server.client.send(b"NOOP\r\n" * 100_000)
        self.assertGreater(server.client.unread, 0)
        server.client.resume_reading()
        while server.client.unread:
            server.client.settle()
        self.assertEqual(len(server.client.replies()), 100_000)

    def test_tls(self) -> None:
        """A client may go on by TLS, and back to clear."""
        server = ServerHarness(tls=make_tls_server(), allow_ccc=True, tls_policy=TlsPolicy.REQUIRED)
        client = server.client
        client.leave_tls()
        self.assertEqual(codes(client.secure(mechanism="NONSENSE")), [504])
        self.assertEqual(codes(client.secure()), [234])
        self.assertEqual(codes(client.protect()), [200, 200])
        self.assertEqual(codes(server.login()), [331, 230, 200])
        self.assertEqual(codes(server.store("STOR a", b"content")), [150, 226])
        replies, content = server.fetch("RETR a")
        self.assertEqual((codes(replies), content), ([150, 226], b"content"))
        self.assertEqual(codes(server.command("CCC")), [200])
        client.leave_tls()
        self.assertEqual(codes(server.command("PWD")), [257])

    def test_implicit_tls(self) -> None:
        """A client may speak TLS from the beginning."""
        server = ServerHarness(tls=make_tls_server())
        client = server.connect(factory=server.implicit_tls)
        self.assertTrue(client.shake_hands(TlsClient(server_name="localhost")).established)
        self.assertEqual(codes(client.replies()), [220])

    def test_no_handshake(self) -> None:
        """A server that breaks off is no handshake."""
        server = ServerHarness(tls=make_tls_server(), max_sessions=1)
        server.client.command("NOOP")
        client = server.connect(factory=server.implicit_tls)
        self.assertFalse(client.shake_hands().established)

    def test_close_waits_for_reading(self) -> None:
        """A connection that the server closes ends when the client has read the last reply."""
        server = ServerHarness()
        client = server.connect()
        client.stop_reading()
        server.clock.advance(300)
        client.settle()
        self.assertFalse(client.closed)
        client.resume_reading()
        self.assertTrue(client.closed)
        self.assertEqual(codes(client.replies()), [220, 421])
