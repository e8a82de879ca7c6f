"""Hostile cases of TLS: where clear text and TLS meet on the control connection."""

from __future__ import annotations

import contextlib
import select
import ssl

from tests.integration.cases import AUTH, PASSWORD, USER
from tests.integration.control import read_all
from tests.integration.tls_cases import TlsTestCase
from tests.integration.tls_control import TlsControl

# The first octet of a record: an alert, a handshake.
_ALERT, _HANDSHAKE = 21, 22

_REQUEST = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 60\r\n\r\n"
    b"USER alice\r\nPASS open-sesame\r\nMKD reflected\r\nFEAT\r\n<script>\r\n"
)
_MAIL = b"EHLO mail.example.com\r\nMAIL FROM:<a@example.com>\r\nUSER alice\r\nPASS open-sesame\r\nMKD reflected\r\n"


class InjectionTests(TlsTestCase):
    """TL01 to TL03: what comes in clear never counts inside TLS, and nothing is said in clear behind the 234."""

    options = (*AUTH, "--tls-policy", "optional")

    def test_one_segment(self) -> None:
        """TL01: commands in the segment of AUTH are dropped; inside TLS there is no answer to them and no login."""
        for behind in (
            b"SYST\r\nUSER alice\r\n",
            b"USER alice\r\nPASS open-sesame\r\n",
            b"USER ali",
            b"\r\n\r\n",
            b"NOOP",
        ):
            with self.subTest(behind=behind):
                control = self.greeted()
                control.send(b"AUTH TLS\r\n" + behind)
                control.expect_reply(234)
                control.shake_hands()
                control.expect("PWD", 530)
                control.expect("PASS open-sesame", 503)
                control.login_after_greeting(USER, PASSWORD)

    def test_state_of_before(self) -> None:
        """TL01: a name, a restart point or a rename from before AUTH means nothing inside TLS."""
        self.make("file", b"data")
        control = self.greeted()
        control.expect("USER alice", 331)
        control.send(b"AUTH TLS\r\nPASS open-sesame\r\n")
        control.expect_reply(234)
        control.shake_hands()
        control.expect("PASS open-sesame", 503)
        control = self.login_in_clear()
        control.expect("RNFR file", 350)
        control.begin_tls()
        control.login_after_greeting(USER, PASSWORD)
        control.expect("RNTO stolen", 503)
        self.assert_only(file=b"data")

    def test_handshake_in_the_segment(self) -> None:
        """TL01: a command between AUTH and the ClientHello of one segment is not run; at worst the handshake fails."""
        control = self.login_in_clear()
        control.prepare_tls()
        hello = control.tls.hello()
        control.tls.send_raw(b"AUTH TLS\r\nMKD injected\r\n" + hello)
        control.tls.send_raw(b"MKD injected\r\n")
        answers = self.rest(control)
        self.assertTrue(answers.startswith(b"234 "), answers)
        self.assert_records_only(answers[answers.index(b"\r\n") + 2 :])
        self.assert_only()

    def test_split(self) -> None:
        """TL02: a command in clear between the 234 and the ClientHello ends the connection and is not run."""
        control = self.login_in_clear()
        control.expect("AUTH TLS", 234)
        control.prepare_tls()
        hello = control.tls.hello()
        control.tls.send_raw(b"MKD injected\r\n")
        with contextlib.suppress(ConnectionError):
            control.tls.send_raw(hello)
        self.assert_records_only(self.rest(control))
        self.assert_only()

    def test_split_inside_the_handshake(self) -> None:
        """TL02: the same in the middle of the ClientHello."""
        control = self.login_in_clear()
        control.expect("AUTH TLS", 234)
        control.prepare_tls()
        hello = control.tls.hello()
        with contextlib.suppress(ConnectionError):
            control.tls.send_raw(hello[:20] + b"MKD injected\r\n" + hello[20:])
        control.tls.shutdown(1)
        self.assert_records_only(self.rest(control))
        self.assert_only()

    def test_clear_text_inside(self) -> None:
        """TL02: clear text behind the handshake ends the connection and is not run."""
        control = self.greeted()
        control.begin_tls()
        control.login_after_greeting(USER, PASSWORD)
        control.tls.received.clear()
        control.tls.send_raw(b"MKD injected\r\n")
        self.assert_records_only(self.rest(control))
        self.assert_only()

    def test_nothing_behind_234(self) -> None:
        """TL03: the 234 is the last of what is said in clear, whatever was asked before and behind it."""
        questions = b"NOOP\r\nUSER alice\r\nPASS wrong\r\nFEAT\r\nAUTH TLS\r\nNOOP\r\nFEAT\r\nQUIT\r\n"
        control = self.greeted()
        control.send(questions)
        for code in (200, 331, 530, 211, 234):
            control.expect_reply(code)
        self.assertEqual(select.select([control.socket], [], [], 0.2)[0], [])
        control.shake_hands()
        self.assertEqual(control.tls.received[0], _HANDSHAKE)
        control.expect("NOOP", 200)

    def login_in_clear(self) -> TlsControl:
        """A session that is logged in without TLS."""
        control = self.greeted()
        control.login_after_greeting(USER, PASSWORD)
        return control

    def rest(self, control: TlsControl) -> bytes:
        """All that comes until the server ends the connection, as it is."""
        came = bytearray()
        with contextlib.suppress(ConnectionError):
            while block := control.tls.receive_raw():
                came += block
        return bytes(came)

    def assert_records_only(self, octets: bytes) -> None:
        """Records of TLS, or nothing at all: no reply in clear."""
        if octets:
            self.assertIn(octets[0], (_ALERT, _HANDSHAKE, 23))
        for code in (b"257 ", b"530 ", b"500 ", b"550 ", b"421 "):
            self.assertNotIn(code, octets)


class AuthTests(TlsTestCase):
    """TL05 and TL06: when AUTH comes."""

    options = (*AUTH, "--tls-policy", "optional")

    def test_after_login(self) -> None:
        """TL05: AUTH behind the login ends the login, and the data port that was set up in clear."""
        control = self.greeted()
        control.login_after_greeting(USER, PASSWORD)
        address = control.extended_passive()
        control.begin_tls()
        control.expect("PWD", 530)
        control.expect("PASS open-sesame", 503)
        with self.assertRaises(ConnectionRefusedError):
            control.connect_data(address)
        control.login_after_greeting(USER, PASSWORD)
        control.expect("LIST", 425, 503)
        control.expect("PROT P", 503)

    def test_twice(self) -> None:
        """TL06: AUTH inside TLS is refused, and the session goes on."""
        control = self.login_tls()
        for line in ("AUTH TLS", "AUTH SSL", "AUTH TLS-P"):
            control.expect(line, 503)
        control.expect("PWD", 257)
        self.assertEqual(control.retrieve("NLST"), b"")

    def test_on_the_implicit_port(self) -> None:
        """TL06: AUTH on the implicit port is refused, and the session goes on."""
        control = self.implicit()
        control.expect("AUTH TLS", 503)
        control.login_after_greeting(USER, PASSWORD)
        control.expect("AUTH TLS", 503)
        control.expect("PWD", 257)

    def test_unknown_mechanisms(self) -> None:
        """TL11: AUTH with another mechanism is 504 and changes nothing."""
        control = self.greeted()
        for mechanism in ("X", "GSSAPI", "KERBEROS_V4", "TLS1.3"):
            control.expect(f"AUTH {mechanism}", 504)
        control.expect("AUTH", 501)
        control.begin_tls()
        control.expect("NOOP", 200)


class OtherProtocolTests(TlsTestCase):
    """TL24: a browser or a mailer that was tricked into talking to the server (ALPACA)."""

    options = (*AUTH, "--tls-policy", "optional")

    def test_implicit(self) -> None:
        """TL24: on the implicit port, the first verb of HTTP or SMTP ends the session."""
        for request in self.requests():
            with self.subTest(request=request[:20]):
                self.assert_ended(self.implicit(), request)

    def test_behind_auth(self) -> None:
        """TL24: the same inside TLS behind AUTH."""
        for request in self.requests():
            with self.subTest(request=request[:20]):
                control = self.greeted()
                control.begin_tls()
                self.assert_ended(control, request)

    def test_in_clear(self) -> None:
        """TL24: the same in clear."""
        for request in self.requests():
            with self.subTest(request=request[:20]):
                self.assert_ended(self.greeted(), request)

    def test_line_by_line(self) -> None:
        """TL24: the same if every line is a segment and a record of its own."""
        control = self.implicit()
        with contextlib.suppress(OSError):
            for line in _REQUEST.splitlines(keepends=True):
                control.send(line)
        self.assert_ended(control, b"")

    def test_request_in_front_of_the_handshake(self) -> None:
        """TL24: a request in clear to the implicit port gets no answer that could be shown."""
        control = self.connect_tls(implicit=True)
        control.send(_REQUEST)
        with contextlib.suppress(ConnectionError):
            came = read_all(control.socket)
            self.assertTrue(len(came) < 16, came)

    def requests(self) -> tuple[bytes, ...]:
        """What a browser or a mailer sends."""
        put = _REQUEST.replace(b"POST", b"PUT")
        return _REQUEST, put, b"GET /<script> HTTP/1.1\r\n" + _REQUEST, b"OPTIONS * HTTP/1.1\r\n\r\n", _MAIL

    def assert_ended(self, control: TlsControl, request: bytes) -> None:
        """The request gets one reply that says no word of it, and the connection ends."""
        came = b""
        with contextlib.suppress(ConnectionError, ssl.SSLEOFError):
            if request:
                control.send(request)
            came = read_all(control.socket)
        self.assertTrue(came == b"" or (came.startswith(b"421 ") and came.count(b"\r\n") == 1), came)
        for word in (b"script", b"alice", b"POST", b"Host", b"mail"):
            self.assertNotIn(word, came)
        self.assert_only()
