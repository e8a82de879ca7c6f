"""Hostile cases of TLS: handshakes that stall, are none, or want what must not be had."""

from __future__ import annotations

import contextlib
import logging
import resource
import socket
import ssl
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.cases import AUTH
from tests.integration.control import Control, read_all
from tests.integration.tls_cases import SERVER_NAME, TlsTestCase
from tests.integration.tls_control import VERSIONS, TlsControl, TlsSocket, client_context
from tests.integration.tls_records import ALERT, HANDSHAKE, alerts, client_hello, record, records

_log = logging.getLogger(__name__)

_CROWD = 1000
_TLS_1_2 = 0x0303
_PROTOCOL_VERSION, _HANDSHAKE_FAILURE, _NO_APPLICATION_PROTOCOL = 70, 40, 120
# ECDHE with AES-128-GCM, for ECDSA and for RSA.
_SOUND = (0xC02B, 0xC02F)


def _hello() -> bytes:
    """A good ClientHello."""
    with TlsSocket(socket.socket(), client_context(), name=SERVER_NAME) as tls:
        return tls.hello()


def _garbage() -> dict[str, bytes]:
    """What is sent in the place of a handshake."""
    hello = _hello()
    body = hello[5:]
    return {
        "HTTP": b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
        "FTP": b"USER alice\r\nPASS open-sesame\r\n",
        "zeroes": bytes(1000),
        "ones": b"\xff" * 100_000,
        "one empty record": record(HANDSHAKE, b""),
        "empty records": record(HANDSHAKE, b"") * 20_000,
        "empty records of data": record(23, b"") * 20_000,
        "a record that is too long": record(HANDSHAKE, b"\x01" + bytes(20_000)),
        "16 KiB": record(HANDSHAKE, b"\x01\x00\x40\x00" + b"x" * 16_380),
        "a hello of 16 MiB": record(HANDSHAKE, b"\x01\xff\xff\xff" + b"x" * 16_380)
        + record(HANDSHAKE, b"x" * 16_384) * 20,
        "fragments": b"".join(record(HANDSHAKE, b"\x00") for _ in range(50_000)),
        "a hello of 16 MiB in fragments": record(HANDSHAKE, b"\x01\xff\xff\xff") + record(HANDSHAKE, b"\x00") * 50_000,
        "alerts": record(ALERT, b"\x01\x5a") * 10_000,
        "a fatal alert": record(ALERT, b"\x02\x28"),
        "close_notify": record(ALERT, b"\x01\x00"),
        "change cipher spec": record(20, b"\x01") * 10_000,
        "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80\x03\x00\x80" + bytes(28),
        "SSL 2 for TLS 1.2": b"\x80\x2e\x01\x03\x03\x00\x15\x00\x00\x00\x10\x00\xc0\x2b\x00\xc0\x2f" + bytes(31),
        "two hellos": hello + hello,
        "a hello and data": hello + record(23, b"USER alice\r\n"),
        "a cut hello and clear text": hello[:60] + b"USER alice\r\nPASS open-sesame\r\n" * 20,
        "half a hello": record(HANDSHAKE, body[: len(body) // 2]),
        "a server hello": record(HANDSHAKE, b"\x02" + body[1:]),
        "Finished": record(HANDSHAKE, b"\x14\x00\x00\x0c" + bytes(12)),
        "KeyUpdate": record(HANDSHAKE, b"\x18\x00\x00\x01\x01"),
        "heartbeat": record(24, b"\x01\x40\x00" + bytes(3)),
    }


class StallTests(TlsTestCase):
    """TL18: clients that begin TLS, or what is none, and then wait."""

    def setUp(self) -> None:
        """Have room for the descriptors of a crowd."""
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        # Here, and in the server, which has descriptors of its own besides.
        self.crowd = min(_CROWD, (hard - 200) // 2)

    def test_crowd(self) -> None:
        """TL18, TL19: 1,000 handshakes that stall, half of them in the hello, are ended, and others are served."""
        quiet = self.quiet_descriptors()
        served = self.login_tls()
        hello, stalled = _hello(), []
        begun = time.monotonic()
        for number in range(self.crowd):
            control = Control(("127.0.0.1", self.server.port), source=f"127.0.{number % 200}.9", timeout=60)
            self.addCleanup(control.close)
            control.expect_reply(220)
            control.expect("AUTH TLS", 234)
            if number % 2:
                control.send(hello[: len(hello) // 2])
            stalled.append(control)
        parts = [hello[:size] for size in (0, 1, 5, 50, len(hello) - 1, len(hello))]
        for octets in (*parts, *_garbage().values()):
            control = Control(("127.0.0.1", self.implicit_port), timeout=60)
            self.addCleanup(control.close)
            with contextlib.suppress(ConnectionError):
                control.send(octets)
            stalled.append(control)
        slowest = 0.0
        self.assertEqual(served.store("STOR file", b"data").code, 226)
        for control in stalled:
            slowest = max(slowest, self.answer_time(served))
            with contextlib.suppress(ConnectionError):
                self.assertNotIn(b"220 ", read_all(control.socket))
            control.close()
        _log.info("TL18: %d ended after %.1f s, slowest NOOP %.3f s", len(stalled), time.monotonic() - begun, slowest)
        served.close()
        self.assert_descriptors(quiet)

    def answer_time(self, control: TlsControl) -> float:
        """How long NOOP takes."""
        start = time.monotonic()
        self.assert_alive(control)
        return time.monotonic() - start


class GarbageTests(TlsTestCase):
    """TL19: what is no handshake."""

    def told(self, control: Control, octets: bytes) -> bytes:
        """All that the server says to some octets and the end of the sending side, until it ends the connection."""
        with contextlib.suppress(OSError):
            control.send(octets)
            control.socket.shutdown(1)
        came = bytearray()
        with contextlib.suppress(OSError):
            while block := control.socket.recv(65536):
                came += block
        control.close()
        return bytes(came)

    def assert_records(self, came: bytes) -> None:
        """Records of a handshake, and no reply."""
        for kind, _ in records(came):
            self.assertIn(kind, (20, ALERT, HANDSHAKE, 23))
        self.assertNotIn(b"220 ", came)
        self.assertNotIn(b"331 ", came)

    def test_behind_auth(self) -> None:
        """TL19: behind AUTH."""
        for name, octets in _garbage().items():
            with self.subTest(name=name):
                control = self.greeted()
                control.expect("AUTH TLS", 234)
                self.assert_records(self.told(control, octets))

    def test_implicit(self) -> None:
        """TL19: on the implicit port."""
        for name, octets in _garbage().items():
            with self.subTest(name=name):
                self.assert_records(self.told(self.connect_tls(implicit=True), octets))

    def test_data_connection(self) -> None:
        """TL19: on a data connection; the session lives."""
        self.make("file", b"old")
        control = self.login_tls()
        for name, octets in _garbage().items():
            with self.subTest(name=name), control.open_clear() as data:
                control.expect("STOR file", 150)
                with contextlib.suppress(OSError):
                    data.sendall(octets)
                    data.shutdown(1)
                control.expect_reply(522, 426)
                self.assert_only(file=b"old")

    @settings(max_examples=80, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])
    @given(
        changes=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=12),
        cut=st.one_of(st.none(), st.integers(0, 600)),
        more=st.binary(max_size=40),
        at=st.integers(0, 600),
    )
    def test_changed_hello(self, changes: list[tuple[int, int]], cut: int | None, more: bytes, at: int) -> None:
        """TL19: a ClientHello with octets changed, put in or cut off gets records or nothing."""
        octets = bytearray(_hello())
        for position, value in changes:
            octets[position % len(octets)] = value
        octets[at % len(octets) : at % len(octets)] = more
        came = self.told(self.connect_tls(implicit=True), bytes(octets[:cut]))
        self.assert_records(came)

    @settings(max_examples=40, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])
    @given(st.lists(st.tuples(st.integers(19, 25), st.binary(max_size=60)), min_size=1, max_size=20))
    def test_random_records(self, drawn: list[tuple[int, bytes]]) -> None:
        """TL19: records of any kind with anything in them get records or nothing."""
        octets = b"".join(record(kind, body) for kind, body in drawn)
        self.assert_records(self.told(self.connect_tls(implicit=True), octets))
        self.assert_records(self.told(self.connect_tls(implicit=True), _hello() + octets))


class StrengthTests(TlsTestCase):
    """TL20: what is too old or too weak."""

    def answer(self, hello: bytes) -> bytes:
        """What the implicit port says to a ClientHello."""
        control = self.connect_tls(implicit=True)
        control.send(hello)
        control.socket.shutdown(1)
        came = bytearray()
        with contextlib.suppress(OSError):
            while block := control.socket.recv(65536):
                came += block
        return bytes(came)

    def assert_refused(self, hello: bytes, *descriptions: int) -> None:
        """The answer is an alert and nothing but it."""
        came = self.answer(hello)
        self.assertEqual([kind for kind, _ in records(came)], [ALERT])
        self.assertIn(alerts(came)[0], descriptions)

    def test_sound_hello(self) -> None:
        """TL20: the hello that the tests here change is taken as it is."""
        for suite in _SOUND[:1]:
            self.assertEqual(next(records(self.answer(client_hello(_TLS_1_2, [suite]))))[0], HANDSHAKE)

    def test_old_versions(self) -> None:
        """TL20: SSL 3, TLS 1.0 and 1.1 are refused."""
        for version in (0x0300, 0x0301, 0x0302):
            with self.subTest(version=hex(version)):
                suites = (0xC009, 0xC013, 0x002F, 0x0035, 0x000A, *_SOUND)
                self.assert_refused(client_hello(version, suites), _PROTOCOL_VERSION, _HANDSHAKE_FAILURE)

    def test_weak_ciphers(self) -> None:
        """TL20: no encryption, RC4, 3DES, export grades, no authentication, CBC, no forward secrecy: refused."""
        weak = {
            "NULL": (0x0001, 0x0002, 0x003B, 0xC006, 0xC010),
            "RC4": (0x0004, 0x0005, 0xC007, 0xC011),
            "3DES": (0x000A, 0xC008, 0xC012),
            "DES and export": (0x0009, 0x0003, 0x0008, 0x0015),
            "anonymous": (0x0018, 0x0034, 0x006C, 0xC018, 0xC019),
            "CBC": (0xC009, 0xC00A, 0xC013, 0xC014, 0xC023, 0xC024, 0xC027),
            "no forward secrecy": (0x002F, 0x0035, 0x003C, 0x009C, 0x009D),
        }
        for name, suites in weak.items():
            with self.subTest(name=name):
                self.assert_refused(client_hello(_TLS_1_2, suites), _HANDSHAKE_FAILURE)

    def test_compression(self) -> None:
        """TL20: of a client that offers compression none is taken, and who wants nothing else is refused."""
        came = self.answer(client_hello(_TLS_1_2, _SOUND, b"\x01\x00"))
        kind, body = next(records(came))
        self.assertEqual(kind, HANDSHAKE)
        chosen = 4 + 2 + 32
        session_size = body[chosen]
        self.assertEqual(body[chosen + 1 + session_size + 2], 0)
        self.assert_refused(client_hello(_TLS_1_2, _SOUND, b"\x01"), _HANDSHAKE_FAILURE, 47, 50)

    def test_data_connection(self) -> None:
        """TL20: a data connection is no weaker."""
        control = self.login_tls()
        for hello in (client_hello(0x0301, (0xC009, *_SOUND)), client_hello(_TLS_1_2, (0xC006, 0xC007, 0xC008))):
            with control.open_clear() as data:
                control.expect("LIST", 150)
                data.sendall(hello)
                with contextlib.suppress(ConnectionError):
                    self.assertEqual([kind for kind, _ in records(read_all(data))], [ALERT])
                control.expect_reply(522)
        self.assert_alive(control)

    def test_downgrade(self) -> None:
        """TL20: a client that falls back though both know more is told so (RFC 7507)."""
        self.assert_refused(client_hello(_TLS_1_2, (*_SOUND, 0x5600)), 86)


class NewestVersionTests(TlsTestCase):
    """TL20 with ``--tls-min-version 1.3``."""

    options = (*AUTH, "--tls-min-version", "1.3")

    def test_older_version(self) -> None:
        """TL20: TLS 1.2 is refused, on the control connection and on a data connection."""
        control = self.greeted(self.context(ssl.TLSVersion.TLSv1_2))
        with self.assertRaises(ssl.SSLError):
            control.begin_tls()
        self.assertEqual(alerts(bytes(control.tls.received)), [_PROTOCOL_VERSION])
        control = self.login_tls(self.context(ssl.TLSVersion.TLSv1_3))
        with TlsSocket(control.open_clear(), self.context(ssl.TLSVersion.TLSv1_2)) as data:
            control.expect("LIST", 150)
            with self.assertRaises(ssl.SSLError):
                data.shake_hands()
        control.expect_reply(522)
        self.assertEqual(control.retrieve("NLST"), b"")


class ProtocolNameTests(TlsTestCase):
    """TL23: what the client wants to speak inside TLS."""

    def test_other_protocols(self) -> None:
        """TL23: who wants HTTP or SMTP is refused by alert 120."""
        for version in VERSIONS:
            for protocols in (["http/1.1"], ["h2"], ["h2", "http/1.1"], ["smtp"], ["FTP"], ["ft"], ["ftps"]):
                with self.subTest(version=version.name, protocols=protocols):
                    for implicit in (True, False):
                        control = self.connect_tls(self.context(version, protocols=protocols), implicit=implicit)
                        with self.assertRaises(ssl.SSLError):
                            if implicit:
                                control.shake_hands()
                            else:
                                control.expect_reply(220)
                                control.begin_tls()
                        self.assertEqual(alerts(bytes(control.tls.received)), [_NO_APPLICATION_PROTOCOL])

    def test_ftp(self) -> None:
        """TL23: who wants FTP, among others or alone, or says nothing of it, is served, data included."""
        for version in VERSIONS:
            for protocols in (["ftp"], ["h2", "http/1.1", "ftp"], []):
                with self.subTest(version=version.name, protocols=protocols):
                    control = self.login_tls(self.context(version, protocols=protocols))
                    chosen = control.tls.tls.selected_alpn_protocol()
                    self.assertEqual(chosen, "ftp" if protocols else None)
                    self.assertEqual(control.store("STOR file", b"data").code, 226)
                    self.assertEqual(control.retrieve("RETR file"), b"data")

    def test_data_connection(self) -> None:
        """TL23: on a data connection another protocol is refused, too."""
        for version in VERSIONS:
            control = self.login_tls(self.context(version))
            for protocols, code in ((["h2"], 522), (["http/1.1"], 522), (["ftp-data"], 226), (["ftp"], 226)):
                with self.subTest(version=version.name, protocols=protocols):
                    connection = control.open_clear()
                    with TlsSocket(connection, self.context(version, protocols=protocols)) as data:
                        control.expect("LIST", 150)
                        if code == 226:
                            self.assertEqual(read_all(data), b"")
                        else:
                            with self.assertRaises(ssl.SSLError):
                                data.shake_hands()
                            self.assertEqual(alerts(bytes(data.received)), [_NO_APPLICATION_PROTOCOL])
                    control.expect_reply(code)
