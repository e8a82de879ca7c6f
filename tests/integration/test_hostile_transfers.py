"""Hostile cases of transfers under way: broken connections, ABOR, and what is said meanwhile."""

from __future__ import annotations

import contextlib
import select
import socket
import time

from tests.integration.cases import USER, content
from tests.integration.control import Control, read_all, reset
from tests.integration.data_cases import SLOW_READER, DataTestCase


class BrokenConnectionTests(DataTestCase):
    """Connections that end in the middle."""

    def test_reset_upload(self) -> None:
        """DC17: an upload whose connection is reset is never 226 and changes nothing."""
        self.make("file", b"old")
        control = self.login()
        for size in (0, 1, 100_000, 3_000_000):
            with self.subTest(size=size):
                data = self.begin_upload(control, "file", content(size))
                reset(data)
                control.expect_reply(426, 451)
                self.assert_only(file=b"old")
        self.assert_alive(control)

    def test_reset_append(self) -> None:
        """DC17: a continued file is as long as it was when its connection is reset."""
        self.make("file", b"old")
        control = self.login()
        for line in ("APPE file", "STOR file"):
            data = control.open_data(restart=3 if line.startswith("STOR") else None)
            control.expect(line, 150)
            data.sendall(b"more")
            reset(data)
            control.expect_reply(426, 451)
            self.assert_only(file=b"old")

    def test_reader_goes_away(self) -> None:
        """DC18: a download whose peer closes early is 426 and the session lives."""
        control = self.login()
        for way in (socket.socket.close, reset):
            data = self.begin_download(control)
            data.recv(1000)
            way(data)
            control.expect_reply(426)
            self.assert_alive(control)

    def test_control_dies_in_upload(self) -> None:
        """DC19: with the control connection the upload ends, within seconds, and leaves nothing."""
        self.make("file", b"old")
        quiet = self.quiet_descriptors()
        for end in (Control.close, Control.reset):
            with self.subTest(end=end.__name__):
                control = self.login()
                data = self.begin_upload(control, "file", content(200_000))
                end(control)
                data.settimeout(5)
                with contextlib.suppress(ConnectionError):
                    self.assertEqual(data.recv(1), b"")
                data.close()
                self.assert_descriptors(quiet, seconds=5)
                self.assert_only(file=b"old")

    def test_both_die_in_upload(self) -> None:
        """CR01: a client that dies closes both connections; half a file never takes the name of the old one."""
        self.make("file", b"old")
        quiet = self.quiet_descriptors()
        for _ in range(20):
            control = self.login()
            data = self.begin_upload(control, "file", content(300_000))
            control.reset()
            data.close()
            self.assert_descriptors(quiet, seconds=5)
            self.assert_only(file=b"old")

    def test_control_dies_in_download(self) -> None:
        """DC19: with the control connection the download ends."""
        quiet = self.quiet_descriptors()
        control = self.login()
        self.begin_download(control)
        control.close()
        self.assert_descriptors(quiet, seconds=5)

    def test_half_closed_control(self) -> None:
        """DC20: a control connection that will send no more: the transfer ends or is ended, nothing leaks."""
        quiet = self.quiet_descriptors()
        self.make("file", content(2_000_000, 61))
        control = self.login()
        data = control.open_data(receive_buffer=SLOW_READER)
        control.expect("RETR file", 150)
        control.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            read_all(data)
        data.close()
        self.assertTrue(control.at_end())
        control.close()
        self.assert_descriptors(quiet)


class AbortTests(DataTestCase):
    """ABOR and what else may be said in a transfer."""

    def test_in_download(self) -> None:
        """DC21: ABOR ends a download: 426, then 226, and the data connection is closed within a second."""
        control = self.login()
        for number, urgent in enumerate((b"", b"\xff\xf4\xff", b"\xff\xf4\xff\xf2")):
            with self.subTest(urgent=urgent):
                data = self.begin_download(control, f"big{number}")
                self.assertTrue(data.recv(1000))
                start = time.monotonic()
                if urgent:
                    control.send_urgent(urgent)
                control.send(b"\xf2ABOR\r\n" if urgent.endswith(b"\xff") else b"ABOR\r\n")
                control.expect_reply(426)
                control.expect_reply(226)
                with contextlib.suppress(ConnectionError):
                    read_all(data)
                self.assertLess(time.monotonic() - start, 3)
                self.assert_alive(control)

    def test_in_upload(self) -> None:
        """DC21: ABOR ends an upload, and the old file is whole."""
        self.make("file", b"old")
        control = self.login()
        data = self.begin_upload(control, "file", content(500_000))
        control.expect("ABOR", 426)
        control.expect_reply(226)
        data.close()
        self.assert_only(file=b"old")

    def test_while_nobody_connects(self) -> None:
        """DC21: ABOR ends the wait for a data connection, too."""
        self.make("file", b"data")
        control = self.login()
        control.extended_passive()
        control.send(b"RETR file\r\nABOR\r\n")
        control.expect_reply(425, 426)
        control.expect_reply(225, 226)
        self.assertEqual(control.retrieve("RETR file"), b"data")

    def test_storm(self) -> None:
        """DC22: 300 times EPSV, RETR, ABOR in one go: each is answered, in order, and nothing leaks."""
        self.make("file", content(100_000))
        control = self.login()
        quiet = self.quiet_descriptors()
        for _ in range(6):
            control.send(b"EPSV\r\nRETR file\r\nABOR\r\n" * 50)
            for _ in range(50):
                control.expect_reply(229)
                control.expect_reply(425, 426)
                control.expect_reply(225, 226)
        self.assert_alive(control)
        self.assert_descriptors(quiet)

    def test_idle(self) -> None:
        """DC23: ABOR with nothing to abort, also behind PASV."""
        control = self.login()
        control.expect("ABOR", 225, 226)
        address = control.passive()
        control.expect("ABOR", 225, 226)
        control.expect("RETR file", 425, 503, 550)
        self.assertEqual(address[0], "127.0.0.1")
        self.assert_alive(control)

    def test_commands_in_transfer(self) -> None:
        """DC24: NOOP and STAT are answered at once, the rest in order behind the transfer."""
        size = 32 << 20
        control = self.login()
        data = self.begin_download(control, "big", size)
        received = len(data.recv(65536))
        control.expect("NOOP", 200)
        self.assertIn("big", control.expect("STAT", 211, 213).text)
        control.send(b"PWD\r\nSIZE big\r\nEPSV\r\nRETR big\r\n")
        self.assertEqual(select.select([control.socket], [], [], 0.2)[0], [])
        received += len(read_all(data))
        self.assertEqual(received, size)
        self.assertEqual([control.reply().code for _ in range(3)], [226, 257, 213])
        port = int(control.expect_reply(229).text.split("|||")[1].split("|")[0])
        with control.connect_data(("127.0.0.1", port)) as second:
            control.expect_reply(150)
            self.assertEqual(len(read_all(second)), size)
        control.expect_reply(226)

    def test_quit_in_transfer(self) -> None:
        """DC24: QUIT lets the transfer end."""
        size = 32 << 20
        control = self.login()
        data = self.begin_download(control, "big", size)
        control.send(b"QUIT\r\n")
        self.assertEqual(len(read_all(data)), size)
        self.assertEqual(sorted([control.reply().code, control.reply().code]), [221, 226])
        self.assertTrue(control.at_end())

    def test_user_in_transfer(self) -> None:
        """AU12: USER in an upload waits for its end, so the file is the old user's and is whole."""
        sent = content(400_000, 62)
        control = self.login()
        data = self.begin_upload(control, "file", sent[:200_000])
        control.send(f"USER {USER}\r\nPWD\r\n".encode())
        data.sendall(sent[200_000:])
        data.close()
        self.assertEqual([control.reply().code for _ in range(3)], [226, 331, 530])
        self.assert_only(file=sent)
