"""The options that change what a session can do, each with a server of its own."""

from __future__ import annotations

import socket
import unittest

from tests.integration.cases import AUTH, PASSWORD, USER, tree
from tests.integration.control import Control, read_all
from tests.integration.server import FtpxServer, free_port

# Cheap hashes of PASSWORD, of the kinds that an Apache htpasswd file may hold.
HASHES = {
    "bcrypt": "$2y$04$8bKzi9Ove5TstwBkLs1jnu0A./eJ6U8L58hkdlJUNPtIkPCuI0ni2",
    "argon2": "$argon2id$v=19$m=8,t=1,p=1$9i1Tn58JScDnrS5vSxLc4g$VI8mHEoaXHrmkNQVaBb2bcT9yeTT5tSEcBKAiOcg7MY",
    "sha512": "$6$rounds=1000$saltsalt$"
    "DrjWAO/MPesqcpu8YFKGSFbzMeH6hOVfdV5i4kx7.OoZAZoHcjYsZmqGdmGY4v81mC7lKO/0Bf2HPb4f8fHJI0",
}


class OptionTests(unittest.TestCase):
    """One server a test."""

    def start(self, *options: str) -> FtpxServer:
        """A server that is stopped after the test."""
        server = FtpxServer().start(*options)
        self.addCleanup(server.stop)
        return server

    def session(self, server: FtpxServer, user: str = USER, password: str = PASSWORD) -> Control:
        """A session that is logged in."""
        control = Control((server.host, server.port))
        self.addCleanup(control.close)
        control.login(user, password)
        return control

    def assert_refused(self, server: FtpxServer, user: str, password: str) -> None:
        """The login is 530."""
        with Control((server.host, server.port)) as control:
            control.expect_reply(220)
            control.expect(f"USER {user}", 331)
            control.expect(f"PASS {password}", 530)

    def test_without_auth(self) -> None:
        """Without ``--auth`` everybody may read as anonymous and nobody may write."""
        server = self.start()
        (server.root / "file").write_bytes(b"data")
        control = self.session(server, "anonymous", "me@example.org")
        self.assertEqual(control.retrieve("RETR file"), b"data")
        for line in ("DELE file", "MKD new", "RMD /", "SITE CHMOD 600 file", "MFMT 20200101000000 file"):
            with self.subTest(line=line):
                self.assertGreaterEqual(control.command(line).code, 500)
        control.command("RNFR file")
        control.expect("RNTO elsewhere", 503, 550, 553)
        for line in ("STOR file", "APPE file", "STOU"):
            with self.subTest(line=line), control.open_data():
                control.expect(line, 550, 553, 502)
        self.assertEqual((server.root / "file").read_bytes(), b"data")
        self.assert_refused(server, USER, PASSWORD)

    def test_password_file(self) -> None:
        """``--auth file:PATH`` logs in whom the file names."""
        server = FtpxServer()
        self.addCleanup(server.stop)
        passwords = server.directory / "passwords"
        passwords.write_text("alice:open-sesame\nbob:other\n", encoding="utf-8")
        server.start("--auth", f"file:{passwords}")
        self.assertEqual(self.session(server).store("STOR mine", b"1").code, 226)
        self.assertEqual(self.session(server, "bob", "other").retrieve("NLST"), b"mine\r\n")
        self.assert_refused(server, "bob", "open-sesame")

    def test_htpasswd_file(self) -> None:
        """``--auth htpasswd:PATH`` takes the hashes that Apache writes."""
        server = FtpxServer()
        self.addCleanup(server.stop)
        passwords = server.directory / "htpasswd"
        passwords.write_text("".join(f"{name}:{text}\n" for name, text in HASHES.items()), encoding="utf-8")
        server.start("--auth", f"htpasswd:{passwords}")
        for name in HASHES:
            self.session(server, name)
        self.assert_refused(server, "bcrypt", "wrong")

    def test_homes(self) -> None:
        """``--home per-user`` confines everybody to a directory of their own, made at the first login."""
        server = self.start("--auth", "memory:alice:one:bob:two", "--home", "per-user")
        alice, bob = self.session(server, "alice", "one"), self.session(server, "bob", "two")
        self.assertEqual(alice.store("STOR mine", b"1").code, 226)
        bob.expect("CWD ../alice", 550)
        self.assertEqual(bob.retrieve("NLST"), b"")
        self.assertEqual(bob.retrieve("NLST /"), b"")
        self.assertIn('"/"', alice.expect("PWD", 257).text)
        self.assertEqual(set(tree(server.root)), {"alice", "alice/mine", "bob"})

    def test_shared_home(self) -> None:
        """Without ``--home`` all see the same."""
        server = self.start("--auth", "memory:alice:one:bob:two")
        self.assertEqual(self.session(server, "alice", "one").store("STOR file", b"1").code, 226)
        self.assertEqual(self.session(server, "bob", "two").retrieve("RETR file"), b"1")

    def test_read_only(self) -> None:
        """``--read-only`` holds for named users."""
        server = self.start(*AUTH, "--read-only")
        (server.root / "file").write_bytes(b"data")
        control = self.session(server)
        control.expect("DELE file", 550)
        with control.open_data():
            control.expect("STOR new", 550, 553)
        self.assertEqual(set(tree(server.root)), {"file"})

    def test_no_active(self) -> None:
        """``--no-active`` refuses PORT and EPRT, and FEAT does not offer EPRT."""
        control = self.session(self.start(*AUTH, "--no-active"))
        for line in ("PORT 127,0,0,1,200,200", "EPRT |1|127.0.0.1|50000|"):
            self.assertGreaterEqual(control.command(line).code, 500)
        self.assertNotIn("EPRT", control.expect("FEAT", 211).text)

    def test_banner(self) -> None:
        """``--banner`` is the greeting."""
        server = self.start(*AUTH, "--banner", "Welcome, stranger.")
        with Control((server.host, server.port)) as control:
            self.assertEqual(control.expect_reply(220).text, "220 Welcome, stranger.")

    def test_passive_address(self) -> None:
        """IL07: ``--passive-address`` is what PASV tells; EPSV tells no address."""
        server = self.start(*AUTH, "--passive-address", "192.0.2.7")
        control = self.session(server)
        host, port = control.passive()
        self.assertEqual(host, "192.0.2.7")
        with control.connect_data(("127.0.0.1", port)) as data:
            control.expect("NLST", 150)
            self.assertEqual(read_all(data), b"")
        control.expect_reply(226)

    def test_memory_storage(self) -> None:
        """``--storage memory:`` serves what was stored, and no disk is touched."""
        server = self.start(*AUTH, "--storage", "memory:")
        control = self.session(server)
        self.assertEqual(control.store("STOR file", b"kept in memory").code, 226)
        self.assertEqual(self.session(server).retrieve("RETR file"), b"kept in memory")
        self.assertEqual(tree(server.root), {})

    def test_bare_port_number(self) -> None:
        """``--port NUMBER`` listens on TCP."""
        port = free_port()
        server = FtpxServer(endpoints=[str(port)])
        self.addCleanup(server.stop)
        server.port = port
        server.start(*AUTH)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            self.assertTrue(connection.recv(100).startswith(b"220"))
