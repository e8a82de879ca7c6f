"""Hostile cases of TLS: whose data connection it is."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator

from tests.integration.cases import PASSWORD, USER
from tests.integration.control import read_all, reset
from tests.integration.tls_cases import TlsTestCase
from tests.integration.tls_control import VERSIONS, TlsControl, TlsSocket
from tests.integration.waiting import eventually

_UPLOADS = ("STOR file", "STOR new", "APPE file", "STOU")
_DOWNLOADS = ("RETR file", "LIST", "NLST", "MLSD")

_USERS = ("--auth", f"memory:{USER}:{PASSWORD}:bob:hunter2")

_log = logging.getLogger(__name__)


_BY_NUMBER = "1.2, number"


class ResumptionTests(TlsTestCase):
    """TL15 and TL16: a data connection must resume its own control connection's session."""

    options = (*_USERS, "--tls-data-session", "require")

    def ways(self) -> Iterator[tuple[str, ssl.SSLContext]]:
        """Each way to resume a session: by its number, by a ticket, by a pre-shared key."""
        yield _BY_NUMBER, self.context(ssl.TLSVersion.TLSv1_2, tickets=False)
        yield "1.2, ticket", self.context(ssl.TLSVersion.TLSv1_2)
        yield "1.3", self.context(ssl.TLSVersion.TLSv1_3)

    def assert_refused(self, control: TlsControl) -> None:
        """No transfer works; nothing changes, nothing is told, and the session lives."""
        for line in (*_UPLOADS, *_DOWNLOADS):
            with self.subTest(line=line), control.open_tls() as data:
                control.expect(line, 150)
                with contextlib.suppress(OSError):
                    data.shake_hands()
                    self.assertFalse(data.tls.session_reused)
                    if line in _UPLOADS:
                        data.sendall(b"stolen")
                        data.end()
                    else:
                        self.assert_fetched(data, None)
                control.expect_reply(522, 425)
                self.assert_only(file=b"old")
        self.assert_alive(control)

    def assert_fetched(self, data: TlsSocket, octets: bytes | None) -> None:
        """What comes is that, up to close_notify; ``None``: nothing comes."""
        if octets is not None:
            self.assertEqual(read_all(data), octets)
            return
        received = b""
        with contextlib.suppress(OSError):
            received = data.recv(100)
        self.assertEqual(received, b"")

    def assert_accepted(self, control: TlsControl) -> None:
        """Each transfer works and resumes a session."""
        with control.open_tls() as data:
            control.expect("STOR file", 150)
            data.sendall(b"new")
            self.assertTrue(data.tls.session_reused)
            data.end()
        control.expect_reply(226)
        self.assert_only(file=b"new")
        self.assertEqual(control.retrieve("RETR file"), b"new")
        self.assertEqual(control.retrieve("NLST"), b"file\r\n")
        self.assertEqual(control.store("STOR file", b"old").code, 226)

    def test_required(self) -> None:
        """TL15: a fresh session is refused, the control connection's is accepted."""
        self.make("file", b"old")
        for way, context in self.ways():
            with self.subTest(way=way):
                control = self.login_tls(context)
                control.resumes = False
                self.assert_refused(control)
                control.resumes = True
                self.assert_accepted(control)

    def test_many_transfers(self) -> None:
        """TL15: sessions never run dry: 100 transfers by the control connection's, and 50 from one to the next."""
        for way, context in self.ways():
            with self.subTest(way=way):
                control = self.login_tls(context)
                for number in range(50):
                    self.assertEqual(control.store("STOR file", b"%d" % number).code, 226)
                    self.assertEqual(control.retrieve("RETR file"), b"%d" % number)
                for _ in range(50):
                    with control.open_tls() as data:
                        control.expect("RETR file", 150)
                        self.assertEqual(data.recv(100), b"49")
                        self.assertTrue(data.tls.session_reused)
                        self.assertEqual(data.recv(100), b"")
                        control.session = data.tls.session
                    control.expect_reply(226)

    def test_behind_broken_transfers(self) -> None:
        """
        TL15: the control connection's session is still good behind transfers that were broken off.

        Except behind an upload without close_notify if it is known by its number: OpenSSL forgets it then, as TLS 1.0
        and 1.1 demanded (RFC 4346, section 7.2.1).
        """
        self.make("file", b"old")
        self.make_sparse("big", 64 << 20)
        for way, context in self.ways():
            for end in (socket.socket.close, reset, None):
                for line in ("STOR file", "RETR big"):
                    if way == _BY_NUMBER and end is socket.socket.close and line.startswith("STOR"):
                        continue
                    with self.subTest(way=way, end=getattr(end, "__name__", "ABOR"), line=line):
                        control = self.login_tls(context)
                        with control.open_tls() as data:
                            control.expect(line, 150)
                            data.shake_hands()
                            if end is None:
                                control.send(b"ABOR\r\n")
                            else:
                                end(data)
                            control.expect_reply(426, 451)
                            if end is None:
                                control.expect_reply(226)
                        self.assertEqual(control.retrieve("RETR file"), b"old")

    def test_active_mode(self) -> None:
        """TL15: the same where the server connects to the client."""
        self.make("file", b"old")
        for way, context in self.ways():
            with self.subTest(way=way):
                control = self.login_tls(context)
                for resumes, codes in ((False, (522, 425)), (True, (226,))):
                    control.resumes = resumes
                    with control.listen_data() as listener:
                        control.send(b"RETR file\r\n")
                        connection, _ = listener.accept()
                        connection.settimeout(control.timeout)
                        with control.secure_data(connection) as data:
                            self.assert_fetched(data, b"old" if resumes else None)
                        control.expect_reply(150)
                        control.expect_reply(*codes)

    def test_handshake_before_the_command(self) -> None:
        """TL15: a client that does the handshake before it says what it wants is judged alike."""
        self.make("file", b"old")
        for way, context in self.ways():
            control = self.login_tls(context)
            for resumes, code in ((False, 522), (True, 226)):
                with self.subTest(way=way, resumes=resumes):
                    control.resumes = resumes
                    with control.open_tls() as data:
                        with contextlib.suppress(OSError):
                            data.shake_hands()
                        control.expect("RETR file", 150)
                        self.assert_fetched(data, b"old" if resumes else None)
                    control.expect_reply(code)

    def test_session_of_a_stranger(self) -> None:
        """TL16: who was refused on a data connection got no session there that a later one would take, DC08."""
        self.make("file", b"old")
        for way, context in self.ways():
            with self.subTest(way=way):
                control = self.login_tls(context)
                control.resumes = False
                for line in ("RETR file", "STOR file", "RETR file"):
                    with control.open_tls() as data:
                        control.expect(line, 150)
                        data.shake_hands()
                        self.assert_fetched(data, None)
                        session = data.tls.session
                    control.expect_reply(522)
                    control.session = session
                control.session, control.resumes = None, True
                self.assert_accepted(control)

    def test_another_users_session(self) -> None:
        """TL16: the session of another user, and another session of the same one, are refused."""
        self.make("file", b"old")
        for way, context in self.ways():
            for user, password in ((USER, PASSWORD), ("bob", "hunter2")):
                with self.subTest(way=way, user=user):
                    other = self.connect_tls(context)
                    other.login(user, password)
                    control = self.login_tls(context)
                    control.session = other.tls.tls.session
                    self.assert_refused(control)
                    # A ticket that a data connection of the other one was given is no better.
                    self.assertEqual(other.retrieve("NLST"), b"file\r\n")
                    with other.open_tls() as data:
                        other.expect("RETR file", 150)
                        self.assertEqual(data.recv(100), b"old")
                        self.assertEqual(data.recv(100), b"")
                        control.session = data.tls.session
                    other.expect_reply(226)
                    self.assert_refused(control)
                    control.session = None
                    self.assert_accepted(control)

    def test_session_of_before(self) -> None:
        """TL16: behind REIN and a second AUTH the sessions of before are strange ones, too."""
        self.make("file", b"old")
        for way, context in self.ways():
            with self.subTest(way=way):
                control = self.login_tls(context)
                before = control.tls.tls.session
                control.expect("REIN", 220)
                control.end_tls()
                control.begin_tls()
                control.login_after_greeting(USER, PASSWORD)
                control.protect()
                control.session = before
                self.assert_refused(control)
                control.session = None
                self.assert_accepted(control)

    def test_theft(self) -> None:
        """TL16, DC08: who connects to the port first, from the same machine, gets nothing and gives nothing."""
        self.make("file", b"old")
        for way, context in self.ways():
            with self.subTest(way=way):
                control = self.login_tls(context)
                address = control.extended_passive()
                with TlsSocket(socket.create_connection(address, 15), self.context()) as thief:
                    with contextlib.suppress(OSError):
                        thief.shake_hands()
                    control.expect("RETR file", 150)
                    with contextlib.suppress(OSError):
                        self.assertEqual(thief.recv(100), b"")
                control.expect_reply(522)
                self.assertEqual(control.retrieve("RETR file"), b"old")


class ReportTests(TlsTestCase):
    """TL15 where it is not demanded."""

    options = _USERS

    def test_reported_once(self) -> None:
        """TL15: transfers that resume nothing pass, and the log says once which user's they are."""
        for version in VERSIONS:
            for resumes in (False, True):
                control = self.login_tls(self.context(version))
                control.resumes = resumes
                for _ in range(3):
                    self.assertEqual(control.store("STOR file", b"data").code, 226)
                    self.assertEqual(control.retrieve("RETR file"), b"data")
        with self.connect_tls() as last:
            last.login("bob", "hunter2")
        eventually(lambda: "bob logged in" in self.server.log, what="an entry behind all others")
        reports = [row for row in self.server.log.splitlines() if "does not resume the TLS session" in row]
        self.assertEqual(len(reports), len(VERSIONS), reports)
        for report in reports:
            self.assertIn("alice from 127.0.0.1", report)
