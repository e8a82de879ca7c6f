"""Hostile cases of TLS: transfers whose data connection does not end as it should."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import ssl
from collections.abc import Callable

from tests.integration.cases import AUTH, PASSWORD, USER, content
from tests.integration.control import read_all, reset
from tests.integration.data_cases import SLOW_READER
from tests.integration.tls_cases import TlsTestCase
from tests.integration.tls_control import VERSIONS, TlsControl, TlsSocket
from tests.integration.tls_records import ALERT, record

_SIZES = (0, 5_000, 3_000_000)
_BIG = 64 << 20


def _forge_end(data: TlsSocket) -> None:
    """End the connection by a close_notify in clear, which anybody on the way could send."""
    data.send_raw(record(ALERT, b"\x01\x00"))
    data.close()


def _break_record(data: TlsSocket) -> None:
    """End the connection in the middle of a record."""
    data.send_raw(data.sealed(b"the last record")[:-3])
    data.close()


def _change_record(data: TlsSocket) -> None:
    """Change one bit of close_notify on the way."""
    octets = bytearray(data.farewell())
    octets[-1] ^= 1
    data.send_raw(bytes(octets))
    data.close()


class TruncatedUploadTests(TlsTestCase):
    """TL13: an upload that ends without close_notify is never 226, and changes nothing."""

    def upload(self, control: TlsControl, line: str, octets: bytes, end: Callable[[TlsSocket], None]) -> int:
        """Send octets by a command and end the connection in some way; the outcome."""
        data = control.open_tls()
        self.addCleanup(data.close)
        control.expect(line, 150)
        data.shake_hands()
        data.sendall(octets)
        end(data)
        return control.reply().code

    def assert_refused(self, version: ssl.TLSVersion, end: Callable[[TlsSocket], None]) -> None:
        """Uploads of every size by every command are refused if they end so, and the session lives on."""
        self.make("file", b"old")
        self.make("log", b"old")
        control = self.login_tls(self.context(version))
        for kind, line, size in itertools.product("IA", ("STOR file", "STOR new", "APPE log", "STOU"), _SIZES):
            control.expect(f"TYPE {kind}", 200)
            with self.subTest(kind=kind, line=line, size=size):
                self.assertIn(self.upload(control, line, content(size), end), (426, 451))
                self.assert_only(file=b"old", log=b"old")
        control.expect("TYPE I", 200)
        self.assertEqual(control.store("STOR file", b"whole").code, 226)
        self.assert_only(file=b"whole", log=b"old")

    def test_end_1_2(self) -> None:
        """TL13: TLS 1.2, the connection ends."""
        self.assert_refused(ssl.TLSVersion.TLSv1_2, socket.socket.close)

    def test_end_1_3(self) -> None:
        """TL13: TLS 1.3, the connection ends."""
        self.assert_refused(ssl.TLSVersion.TLSv1_3, socket.socket.close)

    def test_reset_1_2(self) -> None:
        """TL13: TLS 1.2, the connection is reset."""
        self.assert_refused(ssl.TLSVersion.TLSv1_2, reset)

    def test_reset_1_3(self) -> None:
        """TL13: TLS 1.3, the connection is reset."""
        self.assert_refused(ssl.TLSVersion.TLSv1_3, reset)

    def test_other_ends(self) -> None:
        """TL13: a close_notify in clear, one that was changed on the way, and a part of a record are no ends."""
        self.make("file", b"old")
        self.make("log", b"old")
        for version, end in itertools.product(VERSIONS, (_forge_end, _break_record, _change_record)):
            control = self.login_tls(self.context(version))
            for line, size in itertools.product(("STOR file", "APPE log", "STOU"), _SIZES):
                with self.subTest(version=version.name, end=end.__name__, line=line, size=size):
                    self.assertIn(self.upload(control, line, content(size), end), (426, 451))
                    self.assert_only(file=b"old", log=b"old")
            self.assert_alive(control)

    def test_end_of_the_sending_side(self) -> None:
        """TL13: a client that ends only its sending side, and waits, is told by a reply and gets no close_notify."""
        self.make("file", b"old")
        for version in VERSIONS:
            control = self.login_tls(self.context(version))
            data = control.open_tls()
            self.addCleanup(data.close)
            control.expect("STOR file", 150)
            data.sendall(content(5_000))
            data.shutdown(socket.SHUT_WR)
            control.expect_reply(426, 451)
            with self.assertRaises(OSError):
                read_all(data)
            self.assert_only(file=b"old")

    def test_continued_upload(self) -> None:
        """TL13: a file that is continued is as long as it was."""
        self.make("file", b"old")
        for version in VERSIONS:
            control = self.login_tls(self.context(version))
            data = control.open_tls(restart=3)
            control.expect("STOR file", 150)
            data.sendall(b"more")
            data.close()
            control.expect_reply(426, 451)
            self.assert_only(file=b"old")

    def test_whole_uploads(self) -> None:
        """TL13: the same uploads with close_notify are whole, whether the client waits for the server's or not."""
        for version, size in itertools.product(VERSIONS, _SIZES):
            control = self.login_tls(self.context(version))
            for end in (self.end_and_close, self.end_and_wait, self.end_and_reset):
                with self.subTest(version=version.name, size=size, end=end.__name__):
                    sent = content(size, 78)
                    self.assertEqual(self.upload(control, "STOR file", sent, end), 226)
                    self.assert_only(file=sent)

    def end_and_close(self, data: TlsSocket) -> None:
        """Read nothing any more."""
        data.end()
        data.close()

    def end_and_wait(self, data: TlsSocket) -> None:
        """Read the server's close_notify."""
        data.end()
        connection, rest = data.leave()
        self.assertEqual(rest, b"")
        connection.close()

    def end_and_reset(self, data: TlsSocket) -> None:
        """Close the sending side and leave with unread tickets."""
        data.end()
        data.shutdown(socket.SHUT_WR)
        data.close()


class TruncatedDownloadTests(TlsTestCase):
    """TL14: a download that is broken off never looks whole to the client."""

    def begin(self, version: ssl.TLSVersion) -> tuple[TlsControl, TlsSocket]:
        """A download under way that cannot end unless the client reads."""
        self.make_sparse("big", _BIG)
        control = self.login_tls(self.context(version))
        data = control.open_tls(receive_buffer=SLOW_READER)
        self.addCleanup(data.close)
        control.expect("RETR big", 150)
        self.assertTrue(data.recv(1000))
        return control, data

    def assert_not_whole(self, data: TlsSocket) -> None:
        """What comes yet ends by an error of the connection, not by close_notify."""
        with self.assertRaises((ssl.SSLEOFError, ConnectionError)):
            read_all(data)

    def test_abort(self) -> None:
        """TL14: ABOR."""
        for version in VERSIONS:
            control, data = self.begin(version)
            control.expect("ABOR", 426)
            control.expect_reply(226)
            self.assert_not_whole(data)
            self.assert_alive(control)

    def test_file_is_truncated(self) -> None:
        """TL14: the file becomes shorter meanwhile."""
        for version in VERSIONS:
            control, data = self.begin(version)
            os.truncate(self.server.root / "big", 100)
            self.assert_not_whole(data)
            control.expect_reply(426, 451)
            self.assert_alive(control)

    def test_control_connection_is_lost(self) -> None:
        """TL14: the control connection is reset, or ends without close_notify, or with it."""
        ends: tuple[Callable[[TlsSocket], None], ...] = (reset, socket.socket.close, TlsSocket.end)
        for version, end in itertools.product(VERSIONS, ends):
            control, data = self.begin(version)
            end(control.tls)
            self.assert_not_whole(data)

    def test_listing(self) -> None:
        """TL14: a listing that is broken off."""
        directory = self.server.root / "many"
        directory.mkdir()
        for number in range(3000):
            (directory / f"{number:0200}").touch()
        control = self.login_tls()
        data = control.open_tls(receive_buffer=SLOW_READER)
        control.expect("MLSD many", 150)
        self.assertTrue(data.recv(100))
        control.expect("ABOR", 426)
        control.expect_reply(226)
        self.assert_not_whole(data)

    def test_client_breaks_it_off(self) -> None:
        """TL14: a download whose client closes, resets or sends garbage is not 226, and the session lives."""
        for version, end in itertools.product(VERSIONS, (TlsSocket.close, reset, _forge_end)):
            with self.subTest(version=version.name, end=getattr(end, "__name__", "")):
                control, data = self.begin(version)
                with contextlib.suppress(OSError):
                    end(data)
                control.expect_reply(426)
                self.assert_alive(control)

    def test_whole_downloads(self) -> None:
        """TL14: the same downloads, read to their end, end with close_notify."""
        for version, size in itertools.product(VERSIONS, _SIZES):
            sent = content(size, 79)
            self.make("file", sent)
            control = self.login_tls(self.context(version))
            self.assertEqual(control.retrieve("RETR file"), sent)


class QuietEndTests(TlsTestCase):
    """TL13 where the server waits for clients of which nothing is heard any more."""

    options = (*AUTH, "--data-timeout", "2")

    def test_silence(self) -> None:
        """TL13: an upload that stops, in a record or between two, is 426 and changes nothing."""
        self.make("file", b"old")
        controls = []
        for version, rest in itertools.product(VERSIONS, (b"", b"\x17\x03\x03\x01\x00abc")):
            control = self.connect_tls(self.context(version))
            control.login(USER, PASSWORD)
            data = control.open_tls()
            self.addCleanup(data.close)
            control.expect("STOR file", 150)
            data.sendall(b"n")
            data.send_raw(rest)
            controls.append(control)
        for control in controls:
            control.expect_reply(426)
            self.assert_alive(control)
        self.assert_only(file=b"old")
