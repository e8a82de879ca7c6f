"""SIGTERM: nobody new, idle sessions end, transfers get their time, status 0."""

from __future__ import annotations

import signal
import socket
import unittest

from tests.integration.cases import AUTH, PASSWORD, STAGING_FOLDER, USER, checksum, content
from tests.integration.control import Control, read_all
from tests.integration.server import FtpxServer
from tests.integration.waiting import eventually

# More than the kernel keeps for a connection, so the transfer cannot end before its peer reads.
_BIG = 64 << 20


class ShutdownTests(unittest.TestCase):
    """Each test has a server of its own and ends it."""

    def start(self, *options: str) -> FtpxServer:
        """A server that is stopped at the latest after the test."""
        server = FtpxServer().start(*AUTH, *options)
        self.addCleanup(server.stop)
        return server

    def login(self, server: FtpxServer) -> Control:
        """A session that is logged in."""
        control = Control((server.host, server.port))
        self.addCleanup(control.close)
        control.login(USER, PASSWORD)
        return control

    def begin_download(self, server: FtpxServer, control: Control) -> socket.socket:
        """A download under way of which nothing has been read."""
        with (server.root / "big").open("wb") as file:
            file.truncate(_BIG)
        data = control.open_data(receive_buffer=4096)
        self.addCleanup(data.close)
        control.expect("RETR big", 150)
        return data

    def test_without_sessions(self) -> None:
        """The process ends with status 0 and its port is free."""
        server = self.start()
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        with socket.socket() as probe:
            self.assertNotEqual(probe.connect_ex((server.host, server.port)), 0)

    def test_idle_sessions_are_told(self) -> None:
        """Sessions that do nothing, logged in or not, get 421 and the end."""
        server = self.start()
        idle = self.login(server)
        greeted = Control((server.host, server.port))
        self.addCleanup(greeted.close)
        greeted.expect_reply(220)
        server.signal(signal.SIGTERM)
        for control in (idle, greeted):
            control.expect_reply(421)
            self.assertTrue(control.at_end())
        self.assertEqual(server.wait(), 0)

    def test_transfers_end_well(self) -> None:
        """CR15: a download and an upload under way complete; nobody new gets in meanwhile."""
        server = self.start()
        down, up, idle = self.login(server), self.login(server), self.login(server)
        reading = self.begin_download(server, down)
        sent = content(3_000_000, 40)
        writing = up.open_data()
        self.addCleanup(writing.close)
        up.expect("STOR upload", 150)
        writing.sendall(sent[:1_000_000])

        server.signal(signal.SIGTERM)
        idle.expect_reply(421)
        with socket.socket() as probe:
            self.assertNotEqual(probe.connect_ex((server.host, server.port)), 0)

        writing.sendall(sent[1_000_000:])
        writing.close()
        up.expect_reply(226)
        self.assertEqual(checksum(server.root / "upload"), checksum(sent))
        self.assertEqual(len(read_all(reading)), _BIG)
        down.expect_reply(226)
        for control in (down, up):
            control.expect_reply(421)
            self.assertTrue(control.at_end())
        self.assertEqual(server.wait(), 0)

    def test_grace_ends(self) -> None:
        """A transfer that does not move is cut when its time is over; the old file stays whole."""
        server = self.start("--shutdown-grace", "0.5")
        (server.root / "file").write_bytes(b"old")
        control = self.login(server)
        data = control.open_data()
        self.addCleanup(data.close)
        control.expect("STOR file", 150)
        data.sendall(b"new")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(15), 0)
        self.assertEqual((server.root / "file").read_bytes(), b"old")
        self.assertEqual({path.name for path in server.root.iterdir()} - {STAGING_FOLDER}, {"file"})

    def test_second_signal(self) -> None:
        """CR16: a second SIGTERM ends the time of grace."""
        server = self.start("--shutdown-grace", "600")
        control = self.login(server)
        self.begin_download(server, control)
        idle = self.login(server)
        server.signal(signal.SIGTERM)
        idle.expect_reply(421)
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(15), 0)

    def test_sigint(self) -> None:
        """Ctrl-C ends the server like SIGTERM."""
        server = self.start()
        idle = self.login(server)
        server.signal(signal.SIGINT)
        idle.expect_reply(421)
        self.assertEqual(server.wait(), 0)

    def test_port_is_free_at_once(self) -> None:
        """A new server listens on the port of one that has just ended with sessions open."""
        server = self.start()
        self.login(server)
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        again = FtpxServer()
        again.port = server.port
        self.addCleanup(again.stop)
        again.start(*AUTH)
        eventually(lambda: again.running, what="the second server runs")
        self.login(again)
