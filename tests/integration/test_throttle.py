"""
Rates of a real server, as clients measure them.

What is compared are octets in a stretch of time that the client has measured itself, within 15 per cent: a machine with
much else to do is late, and the burst of a fifth of a second counts in a few seconds.
"""

from __future__ import annotations

import contextlib
import ftplib
import select
import shutil
import signal
import socket
import tempfile
import time
import unittest
from collections.abc import Sequence
from pathlib import Path

from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase, checksum, content
from tests.integration.certified import CertifiedServerTestCase
from tests.integration.clients import Login, Mode
from tests.integration.control import Control
from tests.integration.server import FtpxServer, run_ftpx
from tests.integration.test_clients_curl import Curl
from tests.integration.waiting import eventually

_TOLERANCE = 0.15
_WINDOW = 3.0
_MEGA = 1_000_000
_HUGE = 1 << 30
_READ = "rates were read from"


def measured(connections: Sequence[socket.socket], seconds: float = _WINDOW) -> list[float]:
    """Octets a second that come over connections, read as fast as they come."""
    counts = [0] * len(connections)
    for connection in connections:
        connection.setblocking(False)
    start = now = time.monotonic()
    while now < start + seconds:
        readable, _, _ = select.select(connections, [], [], start + seconds - now)
        for connection in readable:
            with contextlib.suppress(BlockingIOError):
                counts[connections.index(connection)] += len(connection.recv(1 << 20))
        now = time.monotonic()
    return [count / (now - start) for count in counts]


def assert_about(value: float, expected: float) -> None:
    """Within the tolerance."""
    assert abs(value - expected) < expected * _TOLERANCE, f"{value:.0f} octets a second, and not {expected:.0f}"


class ClientTests(CertifiedServerTestCase):
    """curl and Python's ftplib, in clear and by TLS, both ways."""

    options = (*AUTH, "--rate", "user:up=1M", "--rate", "user:down=2M", "--tls-policy", "optional")

    def clear(self) -> Login:
        """A login without TLS."""
        return Login("127.0.0.1", self.server.port, USER, PASSWORD, Mode("EPSV"))

    def curl_speed(self, login: Login, which: str, *arguments: str) -> float:
        """The mean speed of a run of curl, as it tells it."""
        return float(Curl(login, self.work).curl(*arguments, "--write-out", f"%{{{which}}}"))

    def assert_curl(self, login: Login) -> None:
        """curl gets a file at 2 MB a second, and stores one at 1 MB a second; both are whole."""
        Curl.require()
        sent = content(4 * _MEGA)
        local, fetched = self.work / "local", self.work / "fetched"
        local.write_bytes(sent)
        url = Curl(login, self.work).url("/file")
        assert_about(self.curl_speed(login, "speed_upload", "--upload-file", str(local), url), _MEGA)
        self.assertEqual(checksum(self.server.root / "file"), checksum(sent))
        self.make("file", sent * 2)
        assert_about(self.curl_speed(login, "speed_download", "--output", str(fetched), url), 2 * _MEGA)
        self.assertEqual(checksum(fetched), checksum(sent * 2))

    def test_curl(self) -> None:
        """curl in clear: sendfile."""
        self.assert_curl(self.clear())

    def test_curl_tls_1_2(self) -> None:
        """curl by TLS 1.2."""
        self.assert_curl(self.login_over_tls("1.2"))

    def test_curl_tls_1_3(self) -> None:
        """curl by TLS 1.3."""
        self.assert_curl(self.login_over_tls("1.3"))

    def test_ftplib(self) -> None:
        """Python's ftplib by TLS, in a stretch in the middle of a download."""
        self.make_sparse("huge", _HUGE)
        tls = self.tls()
        assert tls is not None
        client = ftplib.FTP_TLS(context=tls.context())
        self.addCleanup(client.close)
        client.connect("127.0.0.1", self.server.port, 20)
        client.login(USER, PASSWORD)
        client.prot_p()
        client.voidcmd("TYPE I")
        with contextlib.closing(client.transfercmd("RETR huge")) as data:
            data.recv(65536)
            count, start = 0, time.monotonic()
            while time.monotonic() < start + _WINDOW:
                count += len(data.recv(65536))
            assert_about(count / (time.monotonic() - start), 2 * _MEGA)

    def test_listing(self) -> None:
        """A listing of usual size still comes at once, by the burst."""
        for number in range(50):
            self.make(f"file{number}")
        control = Control(("127.0.0.1", self.server.port))
        self.addCleanup(control.close)
        control.login(USER, PASSWORD)
        self.assertEqual(len(control.retrieve("NLST").splitlines()), 50)


class SharingTests(ServerTestCase):
    """Who shares a rate."""

    options = (*AUTH, "--rate", "user=1M", "--rate", "user:anonymous=300K", "--rate", "transfer=10M")

    def downloads(self, *users: tuple[str, str]) -> list[socket.socket]:
        """A download of each of some sessions, under way."""
        self.make_sparse("huge", _HUGE)
        connections = []
        for user, password in users:
            control = self.login(user, password)
            data = control.open_data()
            self.addCleanup(data.close)
            control.expect("RETR huge", 150)
            connections.append(data)
        # The burst is over then.
        measured(connections, 0.5)
        return connections

    def test_sessions_of_a_user(self) -> None:
        """Two sessions of a user have half of the rate each; another user's has its own."""
        alice, too, anonymous = measured(
            self.downloads((USER, PASSWORD), (USER, PASSWORD), ("anonymous", "me@example.org"))
        )
        assert_about(alice + too, _MEGA)
        assert_about(alice, _MEGA / 2)
        assert_about(too, _MEGA / 2)
        assert_about(anonymous, 300_000)

    def test_many(self) -> None:
        """Twenty sessions of a user share it evenly."""
        rates = measured(self.downloads(*[(USER, PASSWORD)] * 20))
        assert_about(sum(rates), _MEGA)
        self.assertLess(max(rates), min(rates) * 1.5, rates)

    def test_one_after_the_other(self) -> None:
        """Many small files have the same rate as a large one."""
        sent = content(100_000)
        self.make("small", sent)
        control = self.login()
        self.downloads((USER, PASSWORD))[0].close()
        start = time.monotonic()
        for _ in range(30):
            self.assertEqual(len(control.retrieve("RETR small")), len(sent))
        assert_about(30 * len(sent) / (time.monotonic() - start), _MEGA)

    def test_abort(self) -> None:
        """ABOR, and a client that goes away, end a transfer that waits; the rate is all there for others."""
        self.make_sparse("huge", _HUGE)
        control = self.login()
        for line in ("ABOR", "QUIT"):
            data = control.open_data()
            self.addCleanup(data.close)
            control.expect("RETR huge", 150)
            measured([data], 0.3)
            data.close()
            control.expect_reply(426)
            if line == "ABOR":
                control.expect(line, 225, 226)
        (rate,) = measured(self.downloads((USER, PASSWORD)))
        assert_about(rate, _MEGA)


class FileTests(unittest.TestCase):
    """``--rates``, each test with a server of its own."""

    def setUp(self) -> None:
        """Have a directory for the file."""
        self.files = Path(tempfile.mkdtemp(prefix="ftpx-rates-"))
        self.addCleanup(shutil.rmtree, self.files, ignore_errors=True)
        self.rates = self.files / "rates"

    def start(self, rates: str, *options: str) -> FtpxServer:
        """A server with a file of rates, and a file that is too large to come at once."""
        self.rates.write_text(rates, encoding="utf-8")
        server = FtpxServer().start(*AUTH, "--rates", str(self.rates), *options)
        self.addCleanup(server.stop)
        with (server.root / "huge").open("wb") as file:
            file.truncate(_HUGE)
        return server

    def replace(self, rates: str) -> None:
        """Other rates in the file."""
        new = self.files / "new"
        new.write_text(rates, encoding="utf-8")
        new.replace(self.rates)

    def control(self, server: FtpxServer) -> Control:
        """A session that is logged in."""
        control = Control(("127.0.0.1", server.port))
        self.addCleanup(control.close)
        control.login(USER, PASSWORD)
        return control

    def download(self, server: FtpxServer) -> socket.socket:
        """A download that is under way."""
        control = self.control(server)
        data = control.open_data(receive_buffer=65536)
        self.addCleanup(data.close)
        control.expect("RETR huge", 150)
        return data

    def wait_for(self, server: FtpxServer, data: socket.socket, text: str, count: int) -> None:
        """The log has a text so many times; meanwhile the transfer goes on."""

        def told() -> bool:
            measured([data], 0.2)
            return server.log.count(text) == count

        eventually(told, seconds=20, what=text)
        # What is on the way still is of the old rate.
        measured([data], 1)

    def test_change_during_a_transfer(self) -> None:
        """Slower, faster and slower again, while one transfer runs; the file is looked at by itself."""
        server = self.start("user=2M\n")
        data = self.download(server)
        measured([data], 0.5)
        for number, rate in enumerate((2 * _MEGA, 300_000, 4 * _MEGA)):
            if number:
                self.replace(f"# now\nuser:alice:down={rate}\nuser:up=1\n")
                self.wait_for(server, data, _READ, number)
            (speed,) = measured([data])
            assert_about(speed, rate)

    def test_first_limit(self) -> None:
        """A transfer that began without a limit gets one, by SIGHUP; and it is lifted again."""
        server = self.start("# nothing\n")
        data = self.download(server)
        (free,) = measured([data], 0.2)
        self.assertGreater(free, 5 * _MEGA)
        self.replace("server=1M\n")
        server.signal(signal.SIGHUP)
        self.wait_for(server, data, _READ, 1)
        (speed,) = measured([data])
        assert_about(speed, _MEGA)
        self.replace("")
        server.signal(signal.SIGHUP)
        eventually(lambda: server.log.count(_READ) == 2, what="the rates are read")
        measured([data], 1)
        (free,) = measured([data], 0.2)
        self.assertGreater(free, 5 * _MEGA)

    def test_broken_file(self) -> None:
        """A file that is broken changes nothing, and is told once."""
        server = self.start("user=1M\n")
        data = self.download(server)
        self.replace("user=1M\nuser=fast\n")
        self.wait_for(server, data, "The rates stay as they were", 1)
        (speed,) = measured([data])
        assert_about(speed, _MEGA)
        self.assertEqual(server.log.count("The rates stay as they were"), 1)
        self.assertIn(f"{self.rates}, line 2: 'user=fast'", server.log)

    def test_refused_at_start(self) -> None:
        """What cannot be used is told in one line, with exit status 1."""
        broken = self.files / "broken"
        broken.write_text("transfer:sideways=1\n", encoding="utf-8")
        for options, reason in (
            (("--rates", str(broken)), "line 1: 'transfer:sideways=1'"),
            (("--rates", str(self.files / "none")), "No such file"),
            (("--rate", "user=fast"), "--rate: 'user=fast'"),
        ):
            with self.subTest(options=options):
                done = run_ftpx(*options)
                self.assertEqual(done.returncode, 1)
                (line,) = done.stderr.strip().splitlines()
                self.assertIn(reason, line)
