"""Hostile cases of TLS: data connections that speak none, or do not come to an end with the handshake."""

from __future__ import annotations

import contextlib
import logging
import socket
import time

from tests.integration.cases import content
from tests.integration.control import read_all, reset
from tests.integration.tls_cases import TlsTestCase
from tests.integration.tls_control import VERSIONS, TlsControl
from tests.integration.tls_records import ALERT, HANDSHAKE, record

_UPLOADS = ("STOR file", "STOR new", "APPE file", "STOU")
_DOWNLOADS = ("RETR file", "LIST", "NLST", "MLSD")

_log = logging.getLogger(__name__)


class ClearDataTests(TlsTestCase):
    """TL17: clients that speak no TLS on a data connection, or do not finish its handshake."""

    def assert_whole(self, control: TlsControl, *codes: int) -> None:
        """The transfer is refused, nothing changed, and the session serves."""
        control.expect_reply(*(codes or (522, 425, 426)))
        self.assert_only(file=b"old")
        self.assertEqual(control.retrieve("RETR file"), b"old")

    def assert_told_nothing(self, data: socket.socket) -> None:
        """Not an octet of the file or the listing came in clear: an alert at the most."""
        with contextlib.suppress(ConnectionError):
            came = data.recv(1000)
            self.assertTrue(came == b"" or came[0] == ALERT, came)
            self.assertLessEqual(len(came), 7)

    def test_clear_octets(self) -> None:
        """TL17: octets in clear, before the command or behind the 150, end the transfer only."""
        self.make("file", b"old")
        control = self.login_tls()
        for octets in (
            b"hello, world\r\n",
            b"USER alice\r\n",
            b"\x00" * 100,
            content(300_000),
            b"\x16\x03\x01\xff\xff" * 9,
        ):
            for line in (*_UPLOADS, *_DOWNLOADS):
                for early in (True, False):
                    with self.subTest(octets=octets[:5], line=line, early=early), control.open_clear() as data:
                        if early:
                            self.send_what_goes(data, octets)
                        control.expect(line, 150)
                        if not early:
                            self.send_what_goes(data, octets)
                        self.assert_told_nothing(data)
                        self.assert_whole(control)

    def test_end_in_place_of_a_handshake(self) -> None:
        """TL17: a connection that ends, or is reset, at once or in its ClientHello."""
        self.make("file", b"old")
        control = self.login_tls()
        hello = control.open_tls().hello()
        for size in (0, 3, 5, 50, len(hello)):
            for end in (socket.socket.close, reset):
                for line in ("STOR file", "STOR new", "RETR file"):
                    with self.subTest(size=size, end=end.__name__, line=line):
                        data = control.open_clear()
                        control.expect(line, 150)
                        data.sendall(hello[:size])
                        end(data)
                        self.assert_whole(control)

    def test_early_end(self) -> None:
        """TL17: the same before the command: it is refused, with 150 or without, and nothing changes."""
        self.make("file", b"old")
        control = self.login_tls()
        for end in (socket.socket.close, reset):
            for line in ("STOR file", "RETR file"):
                end(control.open_clear())
                if control.command(line).code == 150:
                    control.expect_reply(522, 425, 426)
                self.assert_only(file=b"old")
                self.assertEqual(control.retrieve("RETR file"), b"old")

    def test_stalls(self) -> None:
        """TL17: who says nothing, or stops within the handshake, is refused when its time is over; NOOP is answered."""
        self.make("file", b"old")
        with self.login_tls().open_tls() as connection:
            hello = connection.hello()
        beginnings = (b"", b"\x16", hello[:40], hello, record(HANDSHAKE, hello[5:25]))
        stalled = []
        begun = time.monotonic()
        for beginning in beginnings:
            for line in ("STOR file", "RETR file"):
                control = self.login_tls()
                data = control.open_clear()
                self.addCleanup(data.close)
                data.sendall(beginning)
                control.expect(line, 150)
                stalled.append((control, data))
        for control, _ in stalled:
            self.assert_alive(control)
        for control, data in stalled:
            control.expect_reply(522)
            with contextlib.suppress(ConnectionError):
                self.assertNotIn(b"old", read_all(data))
            self.assertEqual(control.retrieve("RETR file"), b"old")
        self.assert_only(file=b"old")
        _log.info("TL17: refused after %.1f s", time.monotonic() - begun)

    def test_abort_in_a_stall(self) -> None:
        """TL17: ABOR ends a transfer that waits for a handshake at once, and so does the end of the session."""
        self.make("file", b"old")
        quiet = self.quiet_descriptors()
        for line in ("STOR file", "RETR file"):
            control = self.login_tls()
            with control.open_clear():
                control.expect(line, 150)
                control.expect("ABOR", 426, 522)
                control.expect_reply(226)
                self.assertEqual(control.retrieve("RETR file"), b"old")
            with control.open_clear():
                control.expect(line, 150)
                control.close()
                self.assert_descriptors(quiet + 1)
        self.assert_only(file=b"old")

    def test_clear_text_behind_the_handshake(self) -> None:
        """TL17: octets in clear behind a good handshake."""
        self.make("file", b"old")
        for version in VERSIONS:
            control = self.login_tls(self.context(version))
            for octets in (b"clear text", b"\x17\x03\x03\x00\x20" + b"x" * 32, b"\x00" * 20_000):
                with control.open_tls() as data:
                    control.expect("STOR file", 150)
                    data.shake_hands()
                    data.send_raw(octets)
                    # The server may have reset it already.
                    with contextlib.suppress(OSError):
                        data.shutdown(socket.SHUT_WR)
                    self.assert_whole(control, 426, 451)

    def send_what_goes(self, data: socket.socket, octets: bytes) -> None:
        """Send until the server has enough."""
        with contextlib.suppress(OSError):
            data.sendall(octets)
